import { readdir } from 'node:fs/promises'
import { systemErrorCode } from '../errors.js'
import { type ArtifactReader, ArtifactStore } from './artifact-store.js'
import type { Catalog } from './catalog.js'
import { partsIn } from './parts.js'

/** Bootloaders and partition tables are small; a file system that does not fit is read from disk. */
const CACHE_BYTES = 8 * 1024 * 1024

/**
 * Keeps what lies beside the apps in flash, in `state/parts`, apart from the artifacts: none of it is ever current under a name. It knows what
 * is there and whole. A disk that will not have it is no reason not to publish the app: then there is no part, and nothing else is missing.
 */
export class PartKeeper {
  readonly #folder: string
  /** Undefined while the folder cannot be made or read. */
  #store: ArtifactStore | undefined
  readonly #whole = new Set<string>()
  /** Kept already, and in no release of the catalog yet; how many are about to have it. */
  readonly #pending = new Map<string, number>()

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Opens the folder, makes it if need be, and reads through what lies there. */
  static async open(folder: string): Promise<PartKeeper> {
    const keeper = new PartKeeper(folder)
    const store = await keeper.#opened()
    for (const file of store === undefined ? [] : await readdir(folder)) {
      const digest = file.replace(/\.bin$/, '')
      // The length decides nothing but how it is read.
      if (await store?.verify(digest, CACHE_BYTES).catch(() => false)) keeper.#whole.add(digest)
    }
    return keeper
  }

  /** Whether a part is there, whole. */
  has(digest: string): boolean {
    return this.#whole.has(digest)
  }

  /** A reader for a part that is there. */
  read(digest: string, size: number): ArtifactReader {
    if (this.#store === undefined) throw new Error(`no part ${digest} is kept`)
    return this.#store.read(digest, size)
  }

  /**
   * Keeps parts, as far as the disk has room for them, and does what makes them belong to a release; nothing of them is removed before that is done.
   * @throws whatever `commit` throws
   */
  async keep(parts: ReadonlyMap<string, Buffer>, commit: () => Promise<void>): Promise<void> {
    for (const digest of parts.keys()) this.#pending.set(digest, (this.#pending.get(digest) ?? 0) + 1)
    try {
      for (const [digest, bytes] of parts) await this.#keepOne(digest, bytes)
      await commit()
    } finally {
      for (const digest of parts.keys()) {
        const others = (this.#pending.get(digest) ?? 1) - 1
        if (others > 0) this.#pending.set(digest, others)
        else this.#pending.delete(digest)
      }
    }
  }

  /** Removes what no release of this catalog has any more. What cannot be removed now is found again the next time. */
  async prune(catalog: Catalog): Promise<void> {
    const wanted = partsIn(catalog)
    const isWanted = (digest: string): boolean => wanted.has(digest) || this.#pending.has(digest)
    for (const digest of this.#whole) if (!isWanted(digest)) this.#whole.delete(digest)
    await this.#store?.prune(isWanted).catch(() => {})
  }

  async #keepOne(digest: string, bytes: Buffer): Promise<void> {
    try {
      const store = await this.#opened()
      if (store === undefined) return
      await store.keep(digest, bytes)
      this.#whole.add(digest)
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error
    }
  }

  async #opened(): Promise<ArtifactStore | undefined> {
    try {
      this.#store ??= await ArtifactStore.open(this.#folder, CACHE_BYTES)
      this.#store.onDamaged = digest => this.#whole.delete(digest)
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error
    }
    return this.#store
  }
}
