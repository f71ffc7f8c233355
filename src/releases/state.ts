import path from 'node:path'
import { OperatorError, systemErrorCode } from '../errors.js'
import { ArtifactStore } from './artifact-store.js'
import type { Catalog } from './catalog.js'
import { CatalogFile } from './catalog-file.js'

/** What `state/` of a home holds, opened. */
export interface State {
  readonly store: ArtifactStore
  readonly catalogFile: CatalogFile
  /** The catalog as the last process left it; its artifacts have not been looked at yet. */
  readonly journaled: Catalog
  /** Lines of the journal that a crash or the disk has spoiled. */
  readonly damagedLines: number
}

export interface StateOptions {
  /** `state/` of the home. */
  readonly folder: string
  readonly keepReleases: number
  readonly cacheBytes: number
}

/**
 * Opens the state folder, making it if need be.
 * @throws OperatorError when it cannot be read and written
 */
export async function openState({ folder, keepReleases, cacheBytes }: StateOptions): Promise<State> {
  try {
    const store = await ArtifactStore.open(path.join(folder, 'artifacts'), cacheBytes)
    const { file, catalog, damagedLines } = await CatalogFile.open(path.join(folder, 'catalog.jsonl'), keepReleases)
    return { store, catalogFile: file, journaled: catalog, damagedLines }
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
