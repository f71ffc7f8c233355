import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { OperatorError, systemErrorCode } from '../errors.js'
import { type AppOptions, createApp, HANDSHAKE_TIMEOUT_MS, TIMEOUT_CHECK_MS } from './app.js'
import { type ConnectionsOptions, watchConnections } from './connections.js'
import type { LiveDownloads } from './live-downloads.js'
import { createPlainServer } from './plain-server.js'
import { createTls, type LeafFor, type TlsCredentials } from './tls.js'

export interface ServerOptions
  extends Omit<AppOptions, 'https' | 'needsClientCertificate'>,
    Omit<ConnectionsOptions, 'silenceMs'> {
  readonly host: string
  readonly port: number
  /** HTTPS ports that answer as the main one does. */
  readonly morePorts: readonly number[]
  /** A port without TLS that answers the same; undefined where there is none. */
  readonly plainPort: number | undefined
  readonly credentials: TlsCredentials
  readonly leafFor: LeafFor
}

/** A port, and the setting that names it. */
export interface Listening {
  readonly port: number
  readonly flag: '--port' | '--ports' | '--http-port'
}

export interface FirmwareServer {
  /** The port that it really listens on. */
  readonly port: number
  /** Firmware bodies being sent now. */
  readonly activeTransfers: number
  /** Downloads under way, those between two ranges among them. */
  readonly live: LiveDownloads
  /** New connections are served with these; those that are open go on with what they have. */
  useCredentials(credentials: TlsCredentials): void
  /**
   * Takes no new connection, ends those that wait for nothing, and lets downloads finish for `graceMs`.
   * Resolves with the number of those that had to be cut.
   */
  close(graceMs: number): Promise<number>
}

/** Turns of 5 ms that connections get to close in, after they were ended. */
const LAST_TURNS = 100

/** Five hundred devices that wake up together do not fit Node's default of 511 for long; the system caps it. */
const BACKLOG = 4096

/**
 * Starts the server and resolves when it listens on each of its ports.
 * @throws OperatorError when a port is taken or not allowed, or the address is not one of this machine
 */
export async function startServer(options: ServerOptions): Promise<FirmwareServer> {
  const tls = createTls(options.credentials, options.leafFor)
  const { fastify, pump, downloads, live } = await createApp({
    ...options,
    https: tls.options,
    needsClientCertificate: options.credentials.clientCa !== undefined
  })
  const connections = watchConnections(fastify.server, { ...options, silenceMs: HANDSHAKE_TIMEOUT_MS })
  await listen(options.host, { port: options.port, flag: '--port' }, host =>
    fastify.listen({ host, port: options.port, backlog: BACKLOG })
  )
  const { port } = fastify.server.address() as AddressInfo
  const others: Server[] = []
  const open = async (server: Server, at: Listening): Promise<void> => {
    await listen(options.host, at, host => listenOn(server, host, at.port))
    others.push(server)
  }
  try {
    for (const more of options.morePorts) {
      const server = createServer({ noDelay: true }, socket => fastify.server.emit('connection', socket))
      await open(server, { port: more, flag: '--ports' })
    }
    if (options.plainPort !== undefined) {
      const plain = createPlainServer(fastify.server, TIMEOUT_CHECK_MS, connections.tellTlsOnPlain)
      connections.watchPlain(plain)
      await open(plain, { port: options.plainPort, flag: '--http-port' })
    }
  } catch (error) {
    for (const server of others) server.close()
    await fastify.close()
    throw error
  }

  return {
    port,
    get activeTransfers() {
      return pump.active
    },
    live,
    useCredentials: credentials => fastify.server.setSecureContext(tls.renew(credentials)),
    close: async graceMs => {
      const closed = Promise.all([fastify.close(), ...others.map(closeServer)])
      connections.endIdle()
      const deadline = performance.now() + graceMs
      while (pump.active > 0 && performance.now() < deadline) {
        await Promise.race([closed, sleep(50)])
        connections.endIdle()
      }
      const cut = pump.active
      connections.endAll()
      await closed
      // What was cut is told when its connection has closed, which is a moment later.
      for (let turns = 0; pump.active > 0 && turns < LAST_TURNS; turns++) await sleep(5)
      pump.endLost()
      downloads.close()
      return cut
    }
  }
}

/**
 * Finds out whether the port can be had, before anything else is touched: of all that can be wrong with a start this is what people meet.
 * @throws OperatorError as `startServer` does
 */
export async function probePort(host: string, at: Listening): Promise<void> {
  const probe = createServer()
  await listen(host, at, address => listenOn(probe, address, at.port))
  await closeServer(probe)
}

function listenOn(server: Server, host: string, port: number): Promise<unknown> {
  server.listen({ host, port, backlog: BACKLOG })
  return once(server, 'listening')
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  await closed
}

async function listen(host: string, at: Listening, start: (host: string) => Promise<unknown>): Promise<void> {
  try {
    // Fastify opens a second, hidden server for this name, which a new certificate would never reach (libraries.md 5).
    await start(host === 'localhost' ? '127.0.0.1' : host)
  } catch (error) {
    const code = systemErrorCode(error)
    // A machine or container without IPv6.
    if (host === '::' && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL')) return listen('0.0.0.0', at, start)
    throw explainListenFailure(host, at, code, error)
  }
}

function explainListenFailure(host: string, at: Listening, code: string | undefined, error: unknown): unknown {
  const { port, flag } = at
  switch (code) {
    case 'EADDRINUSE':
      return new OperatorError(
        'OTAD_ERR_PORT_IN_USE',
        `port ${port} is in use by another program`,
        `stop that program, or give another port: ${flag} ${port + 1}`,
        { cause: error }
      )
    case 'EACCES':
      return new OperatorError(
        'OTAD_ERR_PORT_NOT_ALLOWED',
        `this user may not listen on port ${port}`,
        `take a port from 1024 on, such as ${flag} 8070`,
        { cause: error }
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EINVAL':
      return new OperatorError(
        'OTAD_ERR_BAD_HOST',
        `${host} is not an address of this machine`,
        'leave --host away to listen on every address',
        { cause: error }
      )
    default:
      return error
  }
}
