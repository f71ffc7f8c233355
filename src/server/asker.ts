import type { TLSSocket } from 'node:tls'
import type { FastifyRequest } from 'fastify'
import { normalDevice } from '../devices/normal-device.js'
import type { Asked, Asker } from '../runs/run-table.js'
import { type ArduinoClient, readArduinoClient } from './arduino.js'
import type { Recipient } from './downloads.js'
import { readAskedRange } from './range.js'

/** Who sends a request, as far as it tells. */
export interface Identified extends Asker {
  /** What it is known by, the surest first: certificate, MAC, address. */
  readonly ids: readonly string[]
  /** The same for the note of how it was answered. */
  readonly recipient: Recipient
  /** What HTTPUpdate tells beside. */
  readonly arduino: ArduinoClient | undefined
}

/** The address of the other end; an IPv4 one is not written as IPv6. */
export function addressOf(request: FastifyRequest): string {
  return (request.socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '')
}

/** Who asks: by client certificate, else the MAC that Arduino's clients send, else address and User-Agent (clients.md 17.4). */
export function identify(request: FastifyRequest): Identified {
  const socket = request.raw.socket as TLSSocket
  const address = addressOf(request)
  const certificate = socket.authorized ? socket.getPeerX509Certificate()?.fingerprint256 : undefined
  const arduino = readArduinoClient(request.headers)
  const mac = arduino?.staMac === undefined ? undefined : normalDevice(arduino.staMac)
  const ids = [certificate, mac, address].filter(id => id !== undefined)
  const sure = certificate === undefined ? (mac === undefined ? undefined : `mac ${mac}`) : `certificate ${certificate}`
  const userAgent = (request.headers['user-agent'] ?? '').slice(0, LONGEST_USER_AGENT)
  const client = sure ?? `${address} ${userAgent}`
  const isSure = sure !== undefined
  const recipient = { client, isSure, label: mac ?? address, userAgent, address, certificate, mac }
  return { ids, client, isSure, connection: socket, recipient, arduino }
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
