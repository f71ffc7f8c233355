import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { OperatorError, systemErrorCode } from '../errors.js'
import { type AppOptions, createApp, HANDSHAKE_TIMEOUT_MS } from './app.js'
import { type ConnectionsOptions, watchConnections } from './connections.js'
import { createTls, type LeafFor, type TlsCredentials } from './tls.js'

export interface ServerOptions
  extends Omit<AppOptions, 'https' | 'needsClientCertificate'>,
    Omit<ConnectionsOptions, 'silenceMs'> {
  readonly host: string
  readonly port: number
  readonly credentials: TlsCredentials
  readonly leafFor: LeafFor
}

export interface FirmwareServer {
  /** The port that it really listens on. */
  readonly port: number
  /** Firmware bodies being sent now. */
  readonly activeTransfers: number
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
 * Starts the HTTPS server and resolves when it listens.
 * @throws OperatorError when the port is taken or not allowed, or the address is not one of this machine
 */
export async function startServer(options: ServerOptions): Promise<FirmwareServer> {
  const tls = createTls(options.credentials, options.leafFor)
  const { fastify, pump, downloads } = await createApp({
    ...options,
    https: tls.options,
    needsClientCertificate: options.credentials.clientCa !== undefined
  })
  const connections = watchConnections(fastify.server, { ...options, silenceMs: HANDSHAKE_TIMEOUT_MS })
  await listen(options.host, options.port, host => fastify.listen({ host, port: options.port, backlog: BACKLOG }))
  const { port } = fastify.server.address() as AddressInfo

  return {
    port,
    get activeTransfers() {
      return pump.active
    },
    useCredentials: credentials => fastify.server.setSecureContext(tls.renew(credentials)),
    close: async graceMs => {
      const closed = fastify.close()
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
      downloads.close()
      return cut
    }
  }
}

/**
 * Finds out whether the port can be had, before anything else is touched: of all that can be wrong with a start this is what people meet.
 * @throws OperatorError as `startServer` does
 */
export async function probePort(host: string, port: number): Promise<void> {
  const probe = createServer()
  await listen(host, port, address => {
    probe.listen({ host: address, port })
    return once(probe, 'listening')
  })
  probe.close()
  await once(probe, 'close')
}

async function listen(host: string, port: number, start: (host: string) => Promise<unknown>): Promise<void> {
  try {
    // Fastify opens a second, hidden server for this name, which a new certificate would never reach (libraries.md 5).
    await start(host === 'localhost' ? '127.0.0.1' : host)
  } catch (error) {
    const code = systemErrorCode(error)
    // A machine or container without IPv6.
    if (host === '::' && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL')) return listen('0.0.0.0', port, start)
    throw explainListenFailure(host, port, code, error)
  }
}

function explainListenFailure(host: string, port: number, code: string | undefined, error: unknown): unknown {
  switch (code) {
    case 'EADDRINUSE':
      return new OperatorError(
        'OTAD_ERR_PORT_IN_USE',
        `port ${port} is in use by another program`,
        `stop that program, or give another port: --port ${port + 1}`,
        { cause: error }
      )
    case 'EACCES':
      return new OperatorError(
        'OTAD_ERR_PORT_NOT_ALLOWED',
        `this user may not listen on port ${port}`,
        'take a port from 1024 on, such as --port 8070',
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
