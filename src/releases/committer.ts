import { setImmediate } from 'node:timers/promises'
import type { Catalog, Change, IsHeld } from './catalog.js'
import type { CatalogFile } from './catalog-file.js'
import { isJournaled } from './journal.js'

export interface CommitterOptions {
  readonly file: CatalogFile
  readonly keepReleases: number
  readonly isHeld: IsHeld
  readonly currentCatalog: () => Catalog
  readonly replaceCatalog: (catalog: Catalog) => void
  /** Not while releases are missing from the catalog that have not been looked at yet: the journal would lose them. */
  readonly mayCompact: () => boolean
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
    const { file, keepReleases, isHeld, currentCatalog, replaceCatalog, mayCompact } = this.#options
    const refused = await this.#write(batch.map(({ change }) => change))
    // What needs no disk is not kept from happening by a full one.
    const made = refused === undefined ? batch : batch.filter(({ change }) => !isJournaled(change))
    const changes = made.map(({ change }) => change)
    replaceCatalog(currentCatalog().after(changes, keepReleases, isHeld))
    for (const pending of batch)
      if (made.includes(pending)) pending.resolve()
      else pending.reject(refused?.error)
    if (refused === undefined && mayCompact()) await file.compact(currentCatalog()).catch(() => {})
  }

  async #write(changes: readonly Change[]): Promise<{ readonly error: unknown } | undefined> {
    try {
      await this.#options.file.append(changes)
      return undefined
    } catch (error) {
      return { error }
    }
  }
}
