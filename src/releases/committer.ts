import { setImmediate } from 'node:timers/promises'
import type { Catalog, Change, IsHeld } from './catalog.js'
import type { CatalogFile } from './catalog-file.js'

export interface CommitterOptions {
  readonly file: CatalogFile
  readonly keepReleases: number
  readonly isHeld: IsHeld
  readonly currentCatalog: () => Catalog
  readonly replaceCatalog: (catalog: Catalog) => void
}

interface Pending {
  readonly change: Change
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Makes changes of the catalog durable, then visible, in this order and in the order they came. Changes that arrive while the disk is busy
 * go together into the next flush, so that ten thousand images at a start do not wait for ten thousand of them.
 */
export class Committer {
  readonly #options: CommitterOptions
  readonly #pending: Pending[] = []
  #running: Promise<void> | undefined

  constructor(options: CommitterOptions) {
    this.#options = options
  }

  /**
   * Resolves when the change survives a crash and every new request sees it.
   * @throws the system error of the disk; the catalog is then as it was
   */
  async commit(change: Change): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.#pending.push({ change, resolve, reject }))
    this.#running ??= this.#run()
    return done
  }

  /** Resolves when nothing is left to be written. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    // Whoever else commits in this turn of the event loop goes into the same flush.
    await setImmediate()
    while (this.#pending.length > 0) await this.#flush(this.#pending.splice(0))
    this.#running = undefined
  }

  async #flush(batch: readonly Pending[]): Promise<void> {
    const { file, keepReleases, isHeld, currentCatalog, replaceCatalog } = this.#options
    const changes = batch.map(({ change }) => change)
    try {
      await file.append(changes)
      replaceCatalog(currentCatalog().after(changes, keepReleases, isHeld))
      for (const { resolve } of batch) resolve()
    } catch (error) {
      for (const { reject } of batch) reject(error)
      return
    }
    await file.compact(currentCatalog()).catch(() => {})
  }
}
