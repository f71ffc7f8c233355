import type { TLSSocket } from 'node:tls'
import type { FastifyRequest } from 'fastify'
import type { Asked, Asker } from '../runs/run-table.js'
import { readAskedRange } from './range.js'

/** Who sends a request, as far as it tells. */
export interface Identified extends Asker {
  /** What it is known by, the surest first: certificate, MAC, address. */
  readonly ids: readonly string[]
}

const MAC_HEADERS = ['x-esp32-sta-mac', 'x-esp8266-sta-mac'] as const
const MAC = /^([0-9a-f]{2}[:-]?){5}[0-9a-f]{2}$/i

/** The address of the other end; an IPv4 one is not written as IPv6. */
export function addressOf(request: FastifyRequest): string {
  return (request.socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '')
}

/** Who asks: by client certificate, else the MAC that Arduino's clients send, else address and User-Agent (clients.md 17.4). */
export function identify(request: FastifyRequest): Identified {
  const socket = request.raw.socket as TLSSocket
  const address = addressOf(request)
  const certificate = socket.authorized ? socket.getPeerX509Certificate()?.fingerprint256 : undefined
  const mac = MAC_HEADERS.map(name => request.headers[name]).find(value => typeof value === 'string' && MAC.test(value))
  const ids = [certificate, typeof mac === 'string' ? mac.toLowerCase() : undefined, address].filter(
    id => id !== undefined
  )
  const sure =
    certificate === undefined
      ? typeof mac === 'string'
        ? `mac ${mac.toLowerCase()}`
        : undefined
      : `certificate ${certificate}`
  const userAgent = (request.headers['user-agent'] ?? '').slice(0, LONGEST_USER_AGENT)
  return {
    ids,
    client: sure ?? `${address} ${userAgent}`,
    isSure: sure !== undefined,
    connection: socket
  }
}

const LONGEST_USER_AGENT = 100

/**
 * What the bytes of an answer have to go with. Undefined where the client says itself which build it has (If-Range, If-Match), and where it asks
 * for the end of whatever there is.
 */
export function readAsked({ method, headers }: FastifyRequest): Asked | undefined {
  if (headers['if-range'] !== undefined || headers['if-match'] !== undefined) return undefined
  if (method === 'HEAD') return { is: 'head' }
  const { range } = headers
  if (range === undefined) return { is: 'bytes', start: 0, hasEnd: false }
  // ESP-IDF 6 asks for the first byte to learn the length, where a HEAD was refused.
  if (/^bytes=0-0$/i.test(range)) return { is: 'head' }
  const asked = readAskedRange(range)
  if (asked !== undefined) return { is: 'bytes', ...asked }
  return /^bytes=-\d+$/i.test(range) ? undefined : { is: 'bytes', start: 0, hasEnd: false }
}
