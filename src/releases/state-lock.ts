import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { OperatorError, systemErrorCode } from '../errors.js'

/** Held while one process uses a state folder. */
export interface StateLock {
  release(): Promise<void>
}

/** Longest path of a Unix socket: sun_path has 104 bytes on macOS, 108 on Linux, a final NUL included. */
const LONGEST_SOCKET_PATH = 103

/**
 * Takes a state folder for this process. A socket and no file with a process id: the kernel lets go of it however the process ends,
 * and in a container every process may have had the same id before.
 * Where the file system knows no sockets the folder is used without a lock.
 * @throws OperatorError when another process has it
 */
export async function lockState(folder: string): Promise<StateLock> {
  const address = socketOf(folder)
  const server = await listenAlone(folder, address)
  return {
    release: async () => {
      if (server === undefined) return
      server.close()
      await once(server, 'close')
    }
  }
}

async function listenAlone(folder: string, address: string): Promise<Server | undefined> {
  try {
    return (await listen(address)) ?? (await listenInsteadOfDead(folder, address))
  } catch (error) {
    if (error instanceof OperatorError || !NO_SOCKETS.has(systemErrorCode(error) ?? '')) throw error
    return undefined
  }
}

/** What file systems say that hold no sockets (network mounts, shared folders of virtual machines). */
const NO_SOCKETS: ReadonlySet<string> = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'EINVAL', 'ENOSYS', 'EACCES'])

function socketOf(folder: string): string {
  const name = `otad-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`
  const inside = path.join(folder, 'otad.sock')
  return Buffer.byteLength(inside) <= LONGEST_SOCKET_PATH ? inside : path.join(os.tmpdir(), `${name}.sock`)
}

/** A listening server, or undefined where a socket of this name is there already. */
async function listen(address: string): Promise<Server | undefined> {
  const server = createServer(connection => connection.end())
  server.listen(address)
  try {
    await once(server, 'listening')
    server.unref()
    return server
  } catch (error) {
    if (systemErrorCode(error) === 'EADDRINUSE') return undefined
    throw error
  }
}

/** The socket of a process that was killed is still there, but nobody answers. */
async function listenInsteadOfDead(folder: string, address: string): Promise<Server> {
  if (await isAnswered(address)) throw inUse(folder)
  await rm(address, { force: true })
  const server = await listen(address)
  // Undefined: another one that starts at this moment was quicker.
  if (server === undefined) throw inUse(folder)
  return server
}

function inUse(folder: string): OperatorError {
  return new OperatorError(
    'OTAD_ERR_STATE_IN_USE',
    `another otad is using ${folder}`,
    'stop that one, or give this one a home of its own: --home DIR'
  )
}

async function isAnswered(address: string): Promise<boolean> {
  const connection = connect(address)
  try {
    await once(connection, 'connect')
    return true
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return false
    throw error
  } finally {
    connection.destroy()
  }
}
