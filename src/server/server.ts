import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { OperatorError, systemErrorCode } from '../errors.js'
import { type AppOptions, createApp } from './app.js'
import { type FailedHandshake, watchConnections } from './connections.js'

export interface ServerOptions extends Omit<AppOptions, 'https'> {
  readonly host: string
  readonly port: number
  /** Leaf certificate and key, PEM. The leaf alone: devices have the root, and small input buffers. */
  readonly certificate: string
  readonly key: string
  /** Largest plaintext of a TLS record, in bytes. */
  readonly maxTlsRecord: number
  readonly onFailedHandshake: (failed: FailedHandshake) => void
}

export interface FirmwareServer {
  /** The port that it really listens on. */
  readonly port: number
  /** Firmware bodies being sent now. */
  readonly activeTransfers: number
  /**
   * Takes no new connection, ends those that wait for nothing, and lets downloads finish for `graceMs`.
   * Resolves with the number of those that had to be cut.
   */
  close(graceMs: number): Promise<number>
}

/** AEAD with forward secrecy only; GCM first, which chips have hardware for. TLS 1.3 suites first for those who have it. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305'
].join(':')

/** X25519 first: a handshake costs this side a quarter less than with P-256 (npm run bench -- --only handshake); all of mbedTLS speaks both. */
const CURVES = 'X25519:P-256:P-384:P-521'

/** Turns of 5 ms that connections get to close in, after they were ended. */
const LAST_TURNS = 100

/** Five hundred devices that wake up together do not fit Node's default of 511 for long; the system caps it. */
const BACKLOG = 4096

/**
 * Starts the HTTPS server and resolves when it listens.
 * @throws OperatorError when the port is taken or not allowed, or the address is not one of this machine
 */
export async function startServer(options: ServerOptions): Promise<FirmwareServer> {
  const { certificate, key, maxTlsRecord, onFailedHandshake } = options
  const { fastify, pump, downloads } = await createApp({
    ...options,
    https: {
      cert: certificate,
      key,
      minVersion: 'TLSv1.2',
      ciphers: CIPHERS,
      honorCipherOrder: true,
      ecdhCurve: CURVES
    }
  })
  const connections = watchConnections(fastify.server, maxTlsRecord, onFailedHandshake)
  await listen(options.host, options.port, host => fastify.listen({ host, port: options.port, backlog: BACKLOG }))
  const { port } = fastify.server.address() as AddressInfo

  return {
    port,
    get activeTransfers() {
      return pump.active
    },
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
