import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { OperatorError, systemErrorCode } from '../errors.js'
import { ArtifactStore } from './artifact-store.js'
import type { Catalog, IsHeld } from './catalog.js'
import { CatalogFile } from './catalog-file.js'
import { lockState, type StateLock } from './state-lock.js'

/** What `state/` of a home holds, opened. */
export interface State {
  readonly store: ArtifactStore
  readonly catalogFile: CatalogFile
  /** The catalog as the last process left it; its artifacts have not been looked at yet. */
  readonly journaled: Catalog
  /** Lines of the journal that a crash or the disk has spoiled. */
  readonly damagedLines: number
  /** Hands over the connections of those who talk to the process that has the folder. */
  readonly serve: StateLock['serve']
  /** Lets another process have the folder. */
  close(): Promise<void>
}

export interface StateOptions {
  /** `state/` of the home. */
  readonly folder: string
  readonly keepReleases: number
  readonly cacheBytes: number
  /** Asked when the lock is held: opens what says which releases somebody may come back for. */
  readonly openHolds: () => Promise<IsHeld>
}

/**
 * The catalog as its journal has it, for one who only looks: nothing is made, locked or written, whether a daemon runs or not.
 * @throws the system error when it is there and cannot be read
 */
export async function readCatalog(folder: string, keepReleases: number): Promise<Catalog> {
  return CatalogFile.read(path.join(folder, CATALOG), keepReleases)
}

const CATALOG = 'catalog.jsonl'

/**
 * Opens the state folder, making it if need be.
 * @throws OperatorError when it cannot be read and written, or another process uses it
 */
export async function openState({ folder, keepReleases, cacheBytes, openHolds }: StateOptions): Promise<State> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const lock = await lockState(folder)
    const store = await ArtifactStore.open(path.join(folder, 'artifacts'), cacheBytes)
    const isHeld = await openHolds()
    const { file, catalog, damagedLines } = await CatalogFile.open(path.join(folder, CATALOG), keepReleases, isHeld)
    const close = async (): Promise<void> => {
      await file.close()
      await lock.release()
    }
    return { store, catalogFile: file, journaled: catalog, damagedLines, serve: lock.serve, close }
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === undefined) throw error
    throw new OperatorError(
      'OTAD_ERR_STATE_NOT_WRITABLE',
      `${folder} cannot be used (${code})`,
      'otad keeps its releases there: make the folder writable and the disk not full, or give another home with --home DIR',
      { cause: error }
    )
  }
}
