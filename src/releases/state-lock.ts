import { once } from 'node:events'
import { rm, stat } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import path from 'node:path'
import { isDiskFull } from '../atomic-file.js'
import { OperatorError, systemErrorCode } from '../errors.js'
import { inTurn } from './in-turn.js'
import { socketOf } from './state-socket.js'

/** Held while one process uses a state folder. Others can talk to that process through it, if they run as the same user. */
export interface StateLock {
  /**
   * Hands over every connection from now on, and those that wait already, unread. They may be half open, and keep no process alive;
   * nobody has to look after their errors.
   */
  serve(handle: (connection: Socket) => void): void
  /** Ends the connections, and lets another process have the folder. */
  release(): Promise<void>
}

/**
 * Takes a state folder for this process. A socket and no file with a process id: the kernel lets go of it however the process ends,
 * and in a container every process may have had the same id before.
 * Where the file system knows no sockets the folder is used without a lock, and nobody can connect.
 * @throws OperatorError when another process has it
 */
export async function lockState(folder: string): Promise<StateLock> {
  const door = createDoor()
  const server = await listenAlone(folder, socketOf(folder), door.enter)
  return {
    serve: door.serve,
    release: async () => {
      door.close()
      if (server === undefined) return
      server.close()
      await once(server, 'close')
    }
  }
}

interface Door {
  readonly enter: (connection: Socket) => void
  readonly serve: StateLock['serve']
  readonly close: () => void
}

/** Connections that come before anybody serves them wait: whoever asks a daemon that is just starting is answered when it has started. */
function createDoor(): Door {
  const inside = new Set<Socket>()
  let handle: ((connection: Socket) => void) | undefined
  const handOver = (connection: Socket): void => {
    if (handle === undefined) return
    handle(connection)
    connection.resume()
  }
  return {
    enter: connection => {
      connection.on('error', () => {})
      connection.once('close', () => inside.delete(connection))
      connection.unref()
      inside.add(connection)
      handOver(connection)
    },
    serve: given => {
      handle = given
      for (const connection of inside) handOver(connection)
    },
    close: () => {
      for (const connection of inside) connection.destroy()
    }
  }
}

type Enter = Door['enter']

async function listenAlone(folder: string, address: string, enter: Enter): Promise<Server | undefined> {
  try {
    if (await isAnswered(address)) throw inUse(folder)
    // A pipe of Windows goes with its process, and is the first of its name or none.
    if (process.platform === 'win32') return (await listen(address, enter)) ?? refuse(folder)
    return await inTurn(path.join(folder, 'otad.starting'), () => listenUnlessAlive(folder, address, enter))
  } catch (error) {
    if (isDiskFull(error)) return listenWithoutRoom(folder, address, enter)
    if (error instanceof OperatorError || !NO_SOCKETS.has(systemErrorCode(error) ?? '')) throw error
    return undefined
  }
}

/** What file systems say that hold no sockets (network mounts, shared folders of virtual machines). */
const NO_SOCKETS: ReadonlySet<string> = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'EINVAL', 'ENOSYS', 'EACCES'])

/** The socket of a process that was killed is still there, but nobody answers. Only for one process at a time. */
async function listenUnlessAlive(folder: string, address: string, enter: Enter): Promise<Server> {
  const server = await listen(address, enter)
  if (server !== undefined) return server
  if (await isAnswered(address)) throw inUse(folder)
  await rm(address, { force: true })
  return (await listen(address, enter)) ?? refuse(folder)
}

/** On a disk without room for one more name: not in turn, and perhaps not at all. That is no reason not to serve. */
async function listenWithoutRoom(folder: string, address: string, enter: Enter): Promise<Server | undefined> {
  try {
    return await listenUnlessAlive(folder, address, enter)
  } catch (error) {
    if (!isDiskFull(error)) throw error
    return undefined
  }
}

/** Connections at the same time; a script that goes wild must not take every descriptor of the daemon. */
const MOST_CONNECTIONS = 256

/** A listening server, or undefined where a socket of this name is there already. */
async function listen(address: string, enter: Enter): Promise<Server | undefined> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, enter)
  server.maxConnections = MOST_CONNECTIONS
  listenForUserOnly(server, address)
  try {
    await once(server, 'listening')
    server.unref()
    return server
  } catch (error) {
    if (systemErrorCode(error) === 'EADDRINUSE') return undefined
    throw error
  }
}

/** The folder may be open to others: the socket never is, not even for the moment before a chmod. It is made before `listen` returns. */
function listenForUserOnly(server: Server, address: string): void {
  const before = process.umask(0o177)
  try {
    server.listen(address)
  } finally {
    process.umask(before)
  }
}

function inUse(folder: string): OperatorError {
  return new OperatorError(
    'OTAD_ERR_STATE_IN_USE',
    `another otad is using ${folder}`,
    'stop that one, or give this one a home of its own: --home DIR'
  )
}

function refuse(folder: string): never {
  throw inUse(folder)
}

async function isAnswered(address: string): Promise<boolean> {
  const connection = connect(address)
  try {
    await once(connection, 'connect')
    return true
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return false
    // So many are at it that it has no room for one more.
    if (code === 'EAGAIN') return true
    // Of another user, who alone can tell whether it is alive; unless it is the folder that may not be looked into.
    if (code === 'EACCES' && (await stat(address).catch(() => undefined)) !== undefined) return true
    throw error
  } finally {
    connection.destroy()
  }
}
