import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { systemErrorCode } from '../errors.js'

const LARGEST_SMALL_FILE = 1024 * 1024
/** A pipe by the name of a file must not hold a reader for ever. */
const NOT_BLOCKING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/** A file of the build system, up to a mebibyte of it; undefined for anything but a regular file that can be read. */
export async function readSmallFile(file: string): Promise<Buffer | undefined> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file, NOT_BLOCKING)
    const stats = await handle.stat()
    if (!stats.isFile()) return undefined
    const buffer = Buffer.alloc(Math.min(stats.size, LARGEST_SMALL_FILE))
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0)
    return buffer.subarray(0, bytesRead)
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error
    return undefined
  } finally {
    await handle?.close()
  }
}
