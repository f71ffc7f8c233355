import { createHash, hash } from 'node:crypto'
import { fstatSync, readFileSync, statSync } from 'node:fs'
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
   * @throws when the file is not what it was when it was last seen whole, and the system error of the disk
   */
  read(offset: number, length: number): Promise<Buffer>
  close(): void
}

/** A cold artifact that somebody reads, or is about to: it is not removed until all have closed. */
interface ColdFile {
  opened: Promise<Opened> | undefined
  readers: number
}

interface Opened {
  readonly handle: FileHandle
  /** When its bytes were last written; that it is removed meanwhile harms nobody who has it open. */
  readonly writtenAt: number
}

/** The file of an artifact is not what it was: told once, and nobody is given any more of it. */
export type OnDamaged = (digest: string, how: 'is damaged' | 'is missing') => void

/**
 * Artifacts in `state/artifacts`, one file each, named by the SHA-256 of its bytes and never rewritten.
 * It keeps what it is given; it does not know which releases there are, and it is no backup.
 */
export class ArtifactStore {
  readonly #folder: string
  readonly #cache: ArtifactCache
  readonly #cold = new Map<string, ColdFile>()
  readonly #unwanted = new Set<string>()
  /** What this process has seen whole on the disk, with when the file was last changed, as soon as somebody has read from it. */
  readonly #whole = new Map<string, number | undefined>()
  #onDamaged: OnDamaged = () => {}

  private constructor(folder: string, cache: ArtifactCache) {
    this.#folder = folder
    this.#cache = cache
  }

  /** Told of every artifact from now on that is found not to be what it was while it is read. */
  set onDamaged(onDamaged: OnDamaged) {
    this.#onDamaged = onDamaged
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
    if (!this.#whole.has(digest)) await this.#write(digest, bytes)
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
        return this.#readCold(digest, cold, offset, length)
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
      const file = this.#file(digest)
      const found = size <= SMALL ? await hashOfSmall(file) : await hashOf(file)
      if (found === digest) this.#whole.set(digest, undefined)
      else this.#whole.delete(digest)
      return found === digest
    } catch (error) {
      this.#whole.delete(digest)
      if (systemErrorCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** Loads an artifact into memory if there is room for it; one that cannot be read stays cold. */
  async warm(digest: string, size: number): Promise<void> {
    if (!this.#cache.hasRoomFor(digest, size)) return
    try {
      const bytes = size <= SMALL ? await readSmall(this.#file(digest)) : await this.#readOnce(digest, size)
      // Where it is no more what it was, the next download finds out by itself, and says so.
      if (size > SMALL || hash('sha256', bytes, 'hex') === digest) this.#cache.put(digest, bytes)
    } catch {
      // The same.
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
      else await rm(path.join(this.#folder, file), { force: true, recursive: true })
    }
  }

  async #write(digest: string, bytes: Buffer): Promise<void> {
    const file = this.#file(digest)
    try {
      await writeFileAtomically(file, bytes)
    } catch (error) {
      if (!IN_THE_WAY.has(systemErrorCode(error) ?? '') || !statSync(file, { throwIfNoEntry: false })?.isDirectory())
        throw error
      await rm(file, { recursive: true })
      await writeFileAtomically(file, bytes)
    }
    this.#whole.set(digest, undefined)
  }

  async #readOnce(digest: string, size: number): Promise<Buffer> {
    const cold = this.#holdCold(digest)
    try {
      return await this.#readCold(digest, cold, 0, size)
    } finally {
      this.#releaseCold(digest, cold)
    }
  }

  async #readCold(digest: string, cold: ColdFile, offset: number, length: number): Promise<Buffer> {
    try {
      cold.opened ??= this.#open(digest)
      const { handle, writtenAt } = await cold.opened
      const piece = await readExactly(handle, offset, length)
      if (fstatSync(handle.fd).mtimeMs !== writtenAt) throw new Damaged('it was changed while it was read')
      return piece
    } catch (error) {
      // Who still reads from a file that was found damaged before says nothing of the one in its place.
      if (!this.#forget(digest, cold)) throw error
      if (error instanceof Damaged) this.#tellDamage(digest, 'is damaged')
      else if (systemErrorCode(error) === 'ENOENT') this.#tellDamage(digest, 'is missing')
      throw error
    }
  }

  /** Opens a file to read it. The first time, and when it has been changed since, it is read through before. */
  async #open(digest: string): Promise<Opened> {
    const handle = await open(this.#file(digest), 'r')
    try {
      const { ctimeMs, mtimeMs } = await handle.stat()
      if (this.#whole.get(digest) !== ctimeMs) {
        if ((await hashOfOpen(handle)) !== digest) throw new Damaged('it has another digest')
        // Nobody has read from it yet, or its owner or its mode is another, and that is all.
        this.#whole.set(digest, ctimeMs)
      }
      return { handle, writtenAt: mtimeMs }
    } catch (error) {
      await handle.close()
      throw systemErrorCode(error) === 'EISDIR' ? new Damaged('it is a folder') : error
    }
  }

  /** Whoever reads it next opens it anew. False where that is so already. */
  #forget(digest: string, cold: ColdFile): boolean {
    return this.#cold.get(digest) === cold && this.#cold.delete(digest)
  }

  #tellDamage(digest: string, how: Parameters<OnDamaged>[1]): void {
    if (this.#whole.delete(digest)) this.#onDamaged(digest, how)
  }

  #holdCold(digest: string): ColdFile {
    const cold = this.#cold.get(digest) ?? { opened: undefined, readers: 0 }
    cold.readers++
    this.#cold.set(digest, cold)
    return cold
  }

  #releaseCold(digest: string, cold: ColdFile): void {
    if (--cold.readers > 0) return
    this.#forget(digest, cold)
    // A failed opening was told to whoever read; closing has nothing to add.
    cold.opened?.then(({ handle }) => handle.close()).catch(() => {})
    if (this.#cold.has(digest) || !this.#unwanted.delete(digest)) return
    this.#whole.delete(digest)
    rm(this.#file(digest), { force: true, recursive: true }).catch(() => {})
  }

  #file(digest: string): string {
    return path.join(this.#folder, `${digest}.bin`)
  }
}

class Damaged extends Error {}

/** What rename says where a folder stands in the place of a file. */
const IN_THE_WAY: ReadonlySet<string> = new Set(['EISDIR', 'ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES'])

const HASHED_AT_ONCE = 256 * 1024

/** Files up to this length are read in one go: with thousands of them, the way to a thread and back takes most of the time. */
const SMALL = 64 * 1024

async function hashOf(file: string): Promise<string> {
  const handle = await open(file, 'r')
  try {
    return await hashOfOpen(handle)
  } finally {
    await handle.close()
  }
}

async function hashOfOpen(handle: FileHandle): Promise<string> {
  const whole = createHash('sha256')
  const piece = Buffer.allocUnsafeSlow(Math.min(HASHED_AT_ONCE, (await handle.stat()).size + 1))
  for (let offset = 0; ; ) {
    const { bytesRead } = await handle.read(piece, 0, piece.length, offset)
    if (bytesRead === 0) return whole.digest('hex')
    whole.update(piece.subarray(0, bytesRead))
    offset += bytesRead
  }
}

async function hashOfSmall(file: string): Promise<string> {
  // In one call: what hashes in steps leaves its memory to the garbage collector, tens of thousands of times at a start.
  return hash('sha256', await readSmall(file), 'hex')
}

/** Not from a thread, but whatever else there is to do gets its turn after each. */
async function readSmall(file: string): Promise<Buffer> {
  const bytes = readFileSync(file)
  await setImmediate()
  return bytes
}

async function readExactly(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const piece = Buffer.allocUnsafeSlow(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await handle.read(piece, filled, length - filled, offset + filled)
    if (bytesRead === 0) throw new Damaged(`the artifact ends at ${offset + filled}, before ${offset + length}`)
    filled += bytesRead
  }
  return piece
}
