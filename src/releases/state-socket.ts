import { createHash } from 'node:crypto'
import os from 'node:os'
import path from 'node:path'

/** Longest path of a Unix socket: sun_path has 104 bytes on macOS, 108 on Linux, a final NUL included. */
const LONGEST_SOCKET_PATH = 103

/** Where the process listens that uses a state folder: a socket in it, beside temporary files where its path is too long, a pipe on Windows. */
export function socketOf(folder: string): string {
  const name = `otad-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`
  const inside = path.join(folder, 'otad.sock')
  return Buffer.byteLength(inside) <= LONGEST_SOCKET_PATH ? inside : path.join(os.tmpdir(), `${name}.sock`)
}
