import { once } from 'node:events'
import tls from 'node:tls'

/** Longest wait for anything from a server before the request counts as failed. */
const SILENCE_MS = 15_000
const HEAD_MAX = 16 * 1024

export type Protocol = 'TLSv1.2' | 'TLSv1.3'

export interface Target {
  readonly port: number
  readonly context: tls.SecureContext
  /** Address to come from; devices are told apart by theirs. */
  readonly localAddress?: string
  readonly session?: Buffer
}

export interface Ask {
  readonly path: string
  /** Header fields, each a line with its CRLF. */
  readonly fields?: string
  /** What the body has to be, byte for byte. */
  readonly expected?: Buffer
}

export interface Answer {
  readonly status: number
  readonly head: string
  readonly bodyLength: number
  /** False when a byte differs from the expected body, or when bytes are missing or too many. */
  readonly right: boolean
  readonly firstByteAt: number
}

/** One TLS connection that asks one thing at a time. Deliberately thin, so that the client is not what is measured. */
export interface Connection {
  ask(ask: Ask): Promise<Answer>
  close(): void
  readonly resumed: boolean
  readonly session: Buffer | undefined
  /** Protocol, cipher and key exchange, to see that all servers were measured alike. */
  readonly negotiated: string
}

/**
 * One protocol version, cipher and first choice of curve for all servers: otherwise the choice would be measured.
 * Which of the two suites of TLS 1.2 is taken, the key in the certificate decides.
 */
export function createContext(ca: string | Buffer, protocol: Protocol, secureOptions = 0): tls.SecureContext {
  return tls.createSecureContext({
    ca,
    minVersion: protocol,
    maxVersion: protocol,
    ciphers: 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256',
    ecdhCurve: 'X25519:prime256v1',
    secureOptions
  })
}

interface Pending extends Ask {
  resolve(answer: Answer): void
  reject(error: Error): void
}

export async function openConnection(target: Target): Promise<Connection> {
  const socket = connectTo(target)
  await once(socket, 'secureConnect')
  return createConnection(socket)
}

/** Begins a connection with its handshake; whoever asked for it waits for the events. */
export function connectTo(target: Target): tls.TLSSocket {
  const socket = tls.connect({
    host: '127.0.0.1',
    port: target.port,
    secureContext: target.context,
    // The chain is verified; the names in the leaf are the business of other tests.
    checkServerIdentity: () => undefined,
    ...(target.session && { session: target.session }),
    ...(target.localAddress && { localAddress: target.localAddress })
  })
  socket.setNoDelay(true)
  socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error(`nothing came for ${SILENCE_MS} ms`)))
  return socket
}

function createConnection(socket: tls.TLSSocket): Connection {
  let pending: Pending | undefined
  let reader: AnswerReader | undefined

  const fail = (error: Error): void => {
    const failed = pending
    pending = undefined
    failed?.reject(error)
  }
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the server closed the connection before the answer was whole')))
  socket.on('data', chunk => {
    if (pending === undefined || reader === undefined) return
    const answer = reader(chunk)
    if (answer === undefined) return
    const answered = pending
    pending = undefined
    answered.resolve(answer)
  })

  return {
    ask: ask =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new Error('the connection is closed'))
        pending = { ...ask, resolve, reject }
        reader = createAnswerReader(ask.expected)
        socket.write(`GET ${ask.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${ask.fields ?? ''}\r\n`)
      }),
    close: () => socket.destroy(),
    resumed: socket.isSessionReused(),
    session: socket.getSession(),
    negotiated: describeNegotiated(socket)
  }
}

export function describeNegotiated(socket: tls.TLSSocket): string {
  return `${socket.getProtocol()} ${socket.getCipher().name} ${describeKeyExchange(socket)}`.trimEnd()
}

/** Empty for TLS 1.3, where Node does not tell. */
function describeKeyExchange(socket: tls.TLSSocket): string {
  const key = socket.getEphemeralKeyInfo() as tls.EphemeralKeyInfo | null
  return key !== null && 'name' in key ? (key.name ?? '') : ''
}

type AnswerReader = (chunk: Buffer) => Answer | undefined

/** Takes the bytes of one answer as they come, compares its body on the way, and gives the answer when it is whole. */
function createAnswerReader(expected: Buffer | undefined): AnswerReader {
  let head = ''
  let headBytes: Buffer = Buffer.alloc(0)
  let status = 0
  let length = 0
  let received = 0
  let right = true
  let firstByteAt = 0

  return chunk => {
    let body = chunk
    if (head === '') {
      headBytes = headBytes.length === 0 ? chunk : Buffer.concat([headBytes, chunk])
      const end = headBytes.indexOf('\r\n\r\n')
      if (end < 0 && headBytes.length <= HEAD_MAX) return undefined
      head = headBytes.toString('latin1', 0, end < 0 ? HEAD_MAX : end)
      status = Number(head.slice(9, 12))
      // Firmware has its length in every answer (clients.md, R1); one without counts as wrong, as it is for a device.
      const field = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
      if (field === undefined && status !== 304) right = false
      length = status === 304 ? 0 : Number(field ?? 0)
      body = headBytes.subarray(end + 4)
    }
    if (firstByteAt === 0 && (body.length > 0 || length === 0)) firstByteAt = performance.now()
    if (expected !== undefined && body.length > 0) {
      const until = Math.min(received + body.length, expected.length)
      right = right && received + body.length === until && expected.compare(body, 0, body.length, received, until) === 0
    }
    received += body.length
    if (received < length) return undefined
    right = right && received === length && (expected === undefined || length === expected.length)
    return { status, head, bodyLength: received, right, firstByteAt }
  }
}
