import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { removeUnfinished, writeFileAtomically } from '../atomic-file.js'
import { systemErrorCode } from '../errors.js'
import { ArtifactCache } from './artifact-cache.js'

/** The bytes of one artifact, for as long as somebody reads them. Close it once, whatever happened. */
export interface ArtifactReader {
  readonly size: number
  /** All the bytes, when they are in memory; they never change. */
  readonly memory: Buffer | undefined
  /**
   * The bytes [offset, offset + length) of an artifact that is not in memory, in a buffer of their own.
   * @throws when the disk gives less
   */
  read(offset: number, length: number): Promise<Buffer>
  close(): void
}

/** A cold artifact that somebody reads, or is about to: it is not removed until all have closed. */
interface ColdFile {
  handle: Promise<FileHandle> | undefined
  readers: number
}

/**
 * Artifacts in `state/artifacts`, one file each, named by the SHA-256 of its bytes and never rewritten.
 * It keeps what it is given; it does not know which releases there are, and it is no backup.
 */
export class ArtifactStore {
  readonly #folder: string
  readonly #cache: ArtifactCache
  readonly #cold = new Map<string, ColdFile>()
  readonly #unwanted = new Set<string>()
  /** Digests that this process has seen whole on the disk. */
  readonly #whole = new Set<string>()

  private constructor(folder: string, cache: ArtifactCache) {
    this.#folder = folder
    this.#cache = cache
  }

  /**
   * Opens the store, makes its folder if need be, and clears away what was never finished.
   * @throws the system error when the folder cannot be made or read
   */
  static async open(folder: string, cacheBytes: number): Promise<ArtifactStore> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await removeUnfinished(folder)
    return new ArtifactStore(folder, new ArtifactCache(cacheBytes))
  }

  /**
   * Keeps bytes under their digest; when it returns they survive a crash. The buffer must not be changed afterwards.
   * @throws the system error (ENOSPC, EACCES); nothing is kept then
   */
  async keep(digest: string, bytes: Buffer): Promise<void> {
    this.#unwanted.delete(digest)
    if (!this.#whole.has(digest)) await writeFileAtomically(this.#file(digest), bytes)
    this.#whole.add(digest)
    this.#cache.put(digest, bytes)
  }

  /** A reader for an artifact of this size. Touches no disk; the first `read` of a cold artifact opens its file. */
  read(digest: string, size: number): ArtifactReader {
    const memory = this.#cache.hold(digest)
    const cold = memory === undefined ? this.#holdCold(digest) : undefined
    let isClosed = false
    return {
      size,
      memory,
      read: async (offset, length) => {
        if (cold === undefined) throw new Error('an artifact in memory is not read from disk')
        cold.handle ??= open(this.#file(digest), 'r')
        return readExactly(await cold.handle, offset, length)
      },
      close: () => {
        if (isClosed) return
        isClosed = true
        if (cold === undefined) this.#cache.release(digest)
        else this.#releaseCold(digest, cold)
      }
    }
  }

  /**
   * Whether the bytes on disk still have this digest; undefined when there is no such file. Reads it through once.
   * @throws the system error when it cannot be read
   */
  async verify(digest: string, size: number): Promise<boolean | undefined> {
    try {
      const found = size <= SMALL ? await hashOfSmall(this.#file(digest)) : await hashOf(this.#file(digest))
      if (found === digest) this.#whole.add(digest)
      else this.#whole.delete(digest)
      return found === digest
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** Loads an artifact into memory if there is room for it; one that cannot be read stays cold. */
  async warm(digest: string, size: number): Promise<void> {
    if (!this.#cache.hasRoomFor(digest, size)) return
    const reader = this.read(digest, size)
    try {
      if (reader.memory === undefined) this.#cache.put(digest, await reader.read(0, size))
    } catch {
      // The next download finds out by itself, and says so.
    } finally {
      reader.close()
    }
  }

  /** Removes every artifact that is not wanted any more; one that is being read goes when its last reader has closed. */
  async prune(isWanted: (digest: string) => boolean): Promise<void> {
    for (const file of await readdir(this.#folder)) {
      const digest = file.replace(/\.bin$/, '')
      if (file === digest || isWanted(digest)) continue
      this.#cache.drop(digest)
      this.#whole.delete(digest)
      if (this.#cold.has(digest)) this.#unwanted.add(digest)
      else await rm(path.join(this.#folder, file), { force: true })
    }
  }

  #holdCold(digest: string): ColdFile {
    const cold = this.#cold.get(digest) ?? { handle: undefined, readers: 0 }
    cold.readers++
    this.#cold.set(digest, cold)
    return cold
  }

  #releaseCold(digest: string, cold: ColdFile): void {
    if (--cold.readers > 0) return
    this.#cold.delete(digest)
    // A failed opening was told to whoever read; closing has nothing to add.
    cold.handle?.then(handle => handle.close()).catch(() => {})
    if (this.#unwanted.delete(digest)) rm(this.#file(digest), { force: true }).catch(() => {})
  }

  #file(digest: string): string {
    return path.join(this.#folder, `${digest}.bin`)
  }
}

const HASHED_AT_ONCE = 256 * 1024

/** Files up to this length are read in one go: with thousands of them, the way to a thread and back takes most of the time. */
const SMALL = 64 * 1024

async function hashOf(file: string): Promise<string> {
  const handle = await open(file, 'r')
  try {
    const hash = createHash('sha256')
    const piece = Buffer.allocUnsafeSlow(HASHED_AT_ONCE)
    for (;;) {
      const { bytesRead } = await handle.read(piece, 0, piece.length)
      if (bytesRead === 0) return hash.digest('hex')
      hash.update(piece.subarray(0, bytesRead))
    }
  } finally {
    await handle.close()
  }
}

async function hashOfSmall(file: string): Promise<string> {
  const digest = createHash('sha256').update(readFileSync(file)).digest('hex')
  // Whatever else there is to do gets its turn after each.
  await setImmediate()
  return digest
}

async function readExactly(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const piece = Buffer.allocUnsafeSlow(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await handle.read(piece, filled, length - filled, offset + filled)
    if (bytesRead === 0) throw new Error(`the artifact ends at ${offset + filled}, before ${offset + length}`)
    filled += bytesRead
  }
  return piece
}
