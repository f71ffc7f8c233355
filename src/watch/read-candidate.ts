import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import path from 'node:path'
import { systemErrorCode } from '../errors.js'

/** What was found at a candidate's path. `key` tells one state of the file from another without reading it. */
export type CandidateReading =
  | { readonly outcome: 'read'; readonly key: string; readonly bytes: Buffer; readonly changedAt: number }
  /** Nothing has changed since the reading whose key was given. */
  | { readonly outcome: 'unchanged' }
  /** It was written to while it was being read. */
  | { readonly outcome: 'unstable' }
  | { readonly outcome: 'vanished' }
  | { readonly outcome: 'too-large'; readonly key: string; readonly size: number; readonly changedAt: number }
  | { readonly outcome: 'unreadable'; readonly reason: string }

/** Not blocking: opening a pipe that nobody writes to must not hang a thread for ever. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)
/** Windows has no such flag: there every file is asked where it leads. */
const NO_FOLLOW: number | undefined = constants.O_NOFOLLOW

export interface ReadOptions {
  readonly file: string
  /** The watched folder: a link that leads out of it is not followed. */
  readonly folder: string
  readonly maxImageBytes: number
  /** The state of the file that needs no reading. */
  readonly knownKey: string | undefined
}

/**
 * Reads a candidate once, whole, into memory of its own; the bytes judged are then the bytes kept.
 * Files above `maxImageBytes` are never read, and anything but a regular file is as good as not there.
 */
export async function readCandidate({ file, folder, maxImageBytes, knownKey }: ReadOptions): Promise<CandidateReading> {
  let handle: FileHandle | undefined
  try {
    handle = await openInside(folder, file)
    if (handle === undefined) return { outcome: 'vanished' }
    const before = await look(handle)
    if (before === undefined) return { outcome: 'vanished' }
    const { key, size, changedAt } = before
    if (key === knownKey) return { outcome: 'unchanged' }
    if (size > maxImageBytes) return { outcome: 'too-large', key, size, changedAt }
    const bytes = await readWhole(handle, size)
    const after = await look(handle)
    if (bytes === undefined || after?.key !== key) return { outcome: 'unstable' }
    return { outcome: 'read', key, bytes, changedAt }
  } catch (error) {
    return explainFailure(error)
  } finally {
    await handle?.close()
  }
}

/** Opens a file that lies in a folder by its own name, or through a link that does not lead out; undefined for one that does. */
async function openInside(folder: string, file: string): Promise<FileHandle | undefined> {
  if (NO_FOLLOW !== undefined) {
    try {
      return await open(file, OPEN_FLAGS | NO_FOLLOW)
    } catch (error) {
      // What open(2) says to a link with that flag; FreeBSD says EMLINK.
      const code = systemErrorCode(error)
      if (code !== 'ELOOP' && code !== 'EMLINK') throw error
    }
  }
  return isInside(await realpath(folder), await realpath(file)) ? open(file, OPEN_FLAGS) : undefined
}

/** Whether a real path lies in a folder, given by its real path too. */
export function isInside(folder: string, file: string): boolean {
  const relative = path.relative(folder, file)
  const leadsOut = relative === '..' || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative)
  return relative !== '' && !leadsOut
}

interface Look {
  readonly key: string
  readonly size: number
  /** When content or name last changed, by the clock of the file system; milliseconds since 1970. */
  readonly changedAt: number
}

async function look(handle: FileHandle): Promise<Look | undefined> {
  const stats = await handle.stat({ bigint: true })
  if (!stats.isFile()) return undefined
  return {
    key: fileKey(stats),
    size: Number(stats.size),
    changedAt: Math.max(Number(stats.mtimeMs), Number(stats.ctimeMs))
  }
}

/** What tells one state of a file from another. ctime too: a tool may put mtime back, it cannot put ctime back. */
export function fileKey({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`
}

/** Exactly `size` bytes outside the pool (performance.md 4.1), or undefined when the file has become shorter. */
async function readWhole(handle: FileHandle, size: number): Promise<Buffer | undefined> {
  const bytes = Buffer.allocUnsafeSlow(size)
  let filled = 0
  while (filled < size) {
    const { bytesRead } = await handle.read(bytes, filled, size - filled, filled)
    if (bytesRead === 0) return undefined
    filled += bytesRead
  }
  return bytes
}

function explainFailure(error: unknown): CandidateReading {
  const code = systemErrorCode(error)
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ELOOP':
    case 'ENXIO':
    case 'EISDIR':
      return { outcome: 'vanished' }
    case undefined:
      throw error
    default:
      return { outcome: 'unreadable', reason: code }
  }
}
