import type { SecureVersion } from 'node:tls'
import type { Pause } from './pause.js'
import {
  type Answer,
  type Connection,
  exchange,
  type Head,
  NoAnswer,
  openConnection,
  type Verification
} from './raw-http.js'

/** A device before its update. The flows leave it as it is and return the new state of its flash. */
export interface Device {
  /** PEM of the authority in its firmware; not needed where `verification` knows it. */
  readonly ca?: string | undefined
  /** How it looks at the certificate; as Node does, with `ca`, when left out. */
  readonly verification?: Verification | undefined
  /** The URL in its firmware, `https:` or `http:`. */
  readonly url: string
  /** The address that it has, of those of this machine; any when left out. */
  readonly localAddress?: string
  /** What lies in the OTA slot from an earlier attempt; only flows that resume look at it. */
  readonly slot?: Buffer
  /** Length of the OTA slot; unlimited when left out. */
  readonly slotLength?: number
  /** Chip number that the image header has to name (esp_app_format.h, esp_chip_id_t); any when left out. */
  readonly chipId?: number
  /** TLS 1.2 when left out: ESP-IDF keeps 1.3 off by default (clients.md R37). */
  readonly maxVersion?: SecureVersion
}

export interface DeviceRequest {
  readonly method: 'GET' | 'HEAD'
  readonly range?: string
  /** Undefined when no head came back. */
  readonly status: number | undefined
  /** Counts the connections of the run, from 1. */
  readonly connection: number
}

/** What a run left behind. 'updated' says that the device would boot the slot; whether the image is sound is the judge's business. */
export interface DeviceRun {
  readonly outcome: 'updated' | 'not-modified' | 'failed'
  readonly slot: Buffer
  readonly requests: readonly DeviceRequest[]
  /** Lines as the device prints them, `tag: text`; lines in parentheses are the stand-in's own. */
  readonly log: readonly string[]
}

/** Where a device would not go on but restart: its own fault, which a server can bring about. */
export class DeviceCrash extends Error {
  override readonly name = 'DeviceCrash'
}

/** What every flow can be told. */
export interface FlowOptions {
  readonly pause?: Pause
  /** Pulls the plug when the slot holds that many bytes. */
  readonly stopAfter?: number
  /** Silence inside a body after which the stand-in gives up, where a real device hangs for ever. */
  readonly bodyTimeoutMs?: number
  /** Time for one body after which it gives up. */
  readonly wholeMs?: number
  /** Runs after each request, before the next one is sent: the place for a rebuild. */
  readonly afterRequest?: (request: DeviceRequest) => Promise<void> | undefined
  /** Ends its connections: it reaches nothing any more. */
  readonly signal?: AbortSignal | undefined
}

/** One request, and how much of its answer the device wants. */
export interface Question {
  readonly method: 'GET' | 'HEAD'
  readonly range?: string | undefined
  readonly text: string
  readonly timeoutMs: number
  readonly chunked: 'decode' | 'raw'
  readonly readsBody?: (head: Head) => boolean
  readonly inspect?: { readonly length: number; readonly accepts: (start: Buffer, head: Head) => boolean } | undefined
  /** Bytes that lie in the slot already, for `stopAfter`. */
  readonly written: number
}

export type Reply =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'no-answer'; readonly reason: NoAnswer['reason'] }
  | { readonly kind: 'unreachable'; readonly code: string }

/** The device's side of the network: at most one connection, and a record of everything asked over it. */
export interface Wire {
  readonly requests: readonly DeviceRequest[]
  /** Where the next connection goes; a redirect changes it. */
  target: URL
  /** Opens a connection if none is open, asks, and closes it if the server does not keep it open. */
  ask(question: Question): Promise<Reply>
  hangUp(): Promise<void>
}

/** Makes the wire of one run. */
export function createWire(device: Device, options: FlowOptions): Wire {
  const requests: DeviceRequest[] = []
  let connection: Connection | undefined
  let opened = 0

  const hangUp = async () => {
    await connection?.close()
    connection = undefined
  }
  const open = async (target: URL) => {
    const secure = target.protocol === 'https:'
    const host = target.hostname.replace(/^\[|\]$/g, '')
    const port = Number(target.port || (secure ? 443 : 80))
    connection = await openConnection({
      host,
      port,
      ca: device.ca,
      verification: device.verification,
      maxVersion: device.maxVersion ?? 'TLSv1.2',
      localAddress: device.localAddress,
      tls: secure,
      signal: options.signal
    })
    opened++
    return connection
  }

  const wire: Wire = {
    requests,
    target: new URL(device.url),
    hangUp,
    async ask(question) {
      let line = connection
      try {
        line ??= await open(wire.target)
      } catch (cause) {
        return { kind: 'unreachable', code: (cause as NodeJS.ErrnoException).code ?? 'unknown' }
      }
      const reply = await exchangeOver(line, question, options)
      const answer = reply.kind === 'answer' ? reply.answer : undefined
      const { method, range } = question
      const request = { method, ...(range && { range }), status: answer?.status, connection: opened }
      requests.push(request)
      if (!answer?.keepsOpen) await hangUp()
      await options.afterRequest?.(request)
      return reply
    }
  }
  return wire
}

const HANDSHAKE_FAILED = 'esp-tls-mbedtls: mbedtls_ssl_handshake returned'

/** The device's line for a connection that did not come about (clients.md 15.6 and 18). */
export function explainUnreachable(code: string): string {
  if (code === 'ECONNREFUSED') return 'esp-tls: [sock=54] delayed connect error: Connection reset by peer'
  // An alert of the server, whatever it says: MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE.
  if (/ALERT|UNRECOGNIZED_NAME/.test(code)) return `${HANDSHAKE_FAILED} -0x7780`
  // What came is no TLS: MBEDTLS_ERR_SSL_INVALID_RECORD.
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH/.test(code)) return `${HANDSHAKE_FAILED} -0x7200`
  // Everything that Node calls by these names is one number to mbedTLS: MBEDTLS_ERR_X509_CERT_VERIFY_FAILED.
  if (/CERT|ISSUER|SIGNATURE/.test(code)) return `${HANDSHAKE_FAILED} -0x2700`
  return 'esp-tls: Failed to open new connection'
}

async function exchangeOver(connection: Connection, question: Question, options: FlowOptions): Promise<Reply> {
  const { stopAfter, pause, bodyTimeoutMs, wholeMs } = options
  try {
    const answer = await exchange(connection, question.text, {
      ...question,
      pause,
      bodyTimeoutMs,
      wholeMs,
      stopAfter: stopAfter === undefined ? undefined : Math.max(0, stopAfter - question.written)
    })
    return { kind: 'answer', answer }
  } catch (cause) {
    if (!(cause instanceof NoAnswer)) throw cause
    return { kind: 'no-answer', reason: cause.reason }
  }
}
