import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { addAbortSignal } from 'node:stream'
import { connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls'
import type { Pause } from './pause.js'
import { createBodyReader, type Framing } from './raw-http-body.js'

export interface ConnectionOptions {
  readonly host: string
  readonly port: number
  /** The address that it comes from, of those of this machine. */
  readonly localAddress?: string | undefined
  /** PEM of the only authority that is trusted; not needed with `tls: false`. */
  readonly ca?: string | undefined
  /** Name sent as SNI: the host when left out, even an IP address, as mbedTLS does (clients.md R9); none when empty. */
  readonly servername?: string | undefined
  readonly maxVersion?: SecureVersion | undefined
  /** Looks at what the server showed in place of Node; the error that it gives ends the connection. */
  readonly verification?: Verification | undefined
  /** False speaks plain TCP. */
  readonly tls?: boolean
  /** Ends it at any time, also long after it was opened. */
  readonly signal?: AbortSignal | undefined
}

/** What a device makes of the certificate of an open connection; undefined when it goes on. */
export type Verification = (socket: TLSSocket) => Error | undefined

/** One open connection. Bytes that came behind an answer wait here for the next one. */
export interface Connection {
  readonly socket: Socket
  rest: Buffer
  /** Sends close-notify and FIN and resolves when the socket is gone, whether or not the server answers. */
  close(): Promise<void>
}

export interface ExchangeOptions {
  readonly method: 'GET' | 'HEAD'
  /** Time for the head to arrive; 5 s as in esp_http_client (clients.md 5.1). */
  readonly timeoutMs?: number | undefined
  /** Longest silence inside the body before it counts as stalled; a real device would wait for ever. */
  readonly bodyTimeoutMs?: number | undefined
  /** Longest time for the whole body; what takes longer counts as slow. */
  readonly wholeMs?: number | undefined
  readonly pause?: Pause | undefined
  /** Pulls the plug when that many bytes of the body are there. */
  readonly stopAfter?: number | undefined
  /** 'refuse' throws, 'decode' undoes the coding, 'raw' takes the framing for content as clients that do not know it. */
  readonly chunked?: 'refuse' | 'decode' | 'raw' | undefined
  /** False hangs up right behind the head. */
  readonly readsBody?: ((head: Head) => boolean) | undefined
  /** Asked once, when `length` bytes or the whole body are there; false hangs up. */
  readonly inspect?: { readonly length: number; readonly accepts: (start: Buffer, head: Head) => boolean } | undefined
}

export interface Head {
  /** Every byte up to and including the blank line. */
  readonly rawHead: Buffer
  readonly httpVersion: string
  readonly status: number
  readonly reason: string
  /** In the order and the letter case of the wire. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** The first header of that name in any letter case. */
  header(name: string): string | undefined
}

export interface Answer extends Head {
  readonly body: Buffer
  /**
   * 'to-fin' is a body without a length that ended with the connection; 'stalled' ended with silence, 'slow' went on coming when the time for
   * all of it was over, and 'stopped' is our own doing.
   */
  readonly bodyEnd: 'complete' | 'to-fin' | 'cut' | 'stalled' | 'slow' | 'stopped'
  /** Length of each piece as it came off the socket, head included; over TLS each is the plaintext of one record. */
  readonly reads: readonly number[]
  /** From the request to the end of the head. */
  readonly headMs: number
  /** Whether another request may follow, going by what the server said. */
  readonly keepsOpen: boolean
}

/** No head came: silence for too long, the connection ended first, or it was not HTTP. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
  readonly reason: 'timeout' | 'closed' | 'malformed'
  readonly received: Buffer
  constructor(reason: 'timeout' | 'closed' | 'malformed', received: Buffer) {
    super(`no answer (${reason}) after ${received.length} bytes`)
    this.reason = reason
    this.received = received
  }
}

/** Opens a connection and, over TLS, verifies the server against `ca` and the host. Rejects with Node's own error. */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const secure = options.tls !== false
  const socket = secure ? openTls(options) : connectTcp(endsOf(options))
  if (options.signal !== undefined) addAbortSignal(options.signal, socket)
  try {
    await once(socket, secure ? 'secureConnect' : 'connect', { signal: AbortSignal.timeout(10_000) })
    const complaint = secure ? options.verification?.(socket as TLSSocket) : undefined
    if (complaint !== undefined) throw complaint
  } catch (cause) {
    socket.destroy()
    throw cause
  }
  // A reset between two reads must not end the process: the next read reports it.
  socket.on('error', () => {})
  socket.pause()
  const close = async () => {
    if (socket.closed) return
    // Not `once`, which rejects with a reset that comes meanwhile.
    const closed = new Promise(resolve => socket.once('close', resolve))
    socket.destroySoon()
    await closed
  }
  return { socket, rest: Buffer.alloc(0), close }
}

/** Sends exactly `requestText` and reads one answer. Throws NoAnswer when no head comes. */
export async function exchange(connection: Connection, requestText: string, options: ExchangeOptions): Promise<Answer> {
  const reads: number[] = []
  const askedAt = performance.now()
  connection.socket.write(requestText, 'latin1')
  const { head, rest } = await readHead(connection, options.timeoutMs ?? 5000, reads)
  const headMs = performance.now() - askedAt
  const framing = findFraming(head, options)
  const received = await readBody(connection, { head, rest, framing, reads, options })
  const keepsOpen = received.bodyEnd === 'complete' && keepsAlive(head) && !connection.socket.readableEnded
  if (received.bodyEnd === 'stopped') connection.socket.destroy()
  return { ...head, ...received, reads, headMs, keepsOpen }
}

function endsOf({ host, port, localAddress }: ConnectionOptions) {
  return { host, port, ...(localAddress && { localAddress }) }
}

function openTls(options: ConnectionOptions): Socket {
  const { host, ca, servername, maxVersion, verification } = options
  const socket = connectTls({
    ...endsOf(options),
    ...(ca && { ca }),
    ...(maxVersion && { maxVersion }),
    ...(verification && { rejectUnauthorized: false })
  })
  const name = servername ?? host
  // tls.connect warns of an IP address as SNI (RFC 6066, section 3); devices send one, so it is set past that check.
  if (name !== '') (socket as unknown as { setServername(name: string): void }).setServername(name)
  return socket
}

/** http_parser of ESP-IDF takes heads up to 80 KB (clients.md 5.1). */
const LONGEST_HEAD = 80 * 1024

async function readHead(connection: Connection, timeoutMs: number, reads: number[]) {
  const deadline = performance.now() + timeoutMs
  let bytes = connection.rest
  connection.rest = Buffer.alloc(0)
  if (bytes.length > 0) reads.push(bytes.length)
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n')
    if (end >= 0) return { head: parseHead(bytes.subarray(0, end + 4)), rest: bytes.subarray(end + 4) }
    if (bytes.length > LONGEST_HEAD) throw new NoAnswer('malformed', bytes)
    const piece = await nextPiece(connection.socket, deadline - performance.now())
    if (piece === 'silence') throw new NoAnswer('timeout', bytes)
    if (piece === 'ended') throw new NoAnswer('closed', bytes)
    reads.push(piece.length)
    bytes = Buffer.concat([bytes, piece])
  }
}

function parseHead(rawHead: Buffer): Head {
  const [statusLine = '', ...lines] = rawHead.toString('latin1').slice(0, -4).split('\r\n')
  const found = /^HTTP\/(\d\.\d) (\d{3}) ?(.*)$/.exec(statusLine)
  if (found === null) throw new NoAnswer('malformed', rawHead)
  const headers = lines.map(line => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const
  })
  const header = (name: string) => headers.find(([other]) => other.toLowerCase() === name.toLowerCase())?.[1]
  const [, httpVersion = '', status, reason = ''] = found
  return { rawHead, httpVersion, status: Number(status), reason, headers, header }
}

function findFraming(head: Head, { method, chunked = 'refuse' }: ExchangeOptions): Framing {
  if (method === 'HEAD' || head.status === 204 || head.status === 304) return { kind: 'none' }
  const coding = head.header('transfer-encoding')
  if (coding !== undefined && chunked === 'refuse') throw new Error(`Transfer-Encoding: ${coding} was not asked for`)
  if (coding !== undefined && chunked === 'decode') return { kind: 'chunked' }
  const length = head.header('content-length')
  return length === undefined ? { kind: 'to-fin' } : { kind: 'length', length: Number(length) }
}

interface BodyInProgress {
  readonly head: Head
  readonly rest: Buffer
  readonly framing: Framing
  readonly reads: number[]
  readonly options: ExchangeOptions
}

async function readBody(
  connection: Connection,
  { head, rest, framing, reads, options }: BodyInProgress
): Promise<Pick<Answer, 'body' | 'bodyEnd'>> {
  const { pause, inspect, stopAfter = Number.POSITIVE_INFINITY, bodyTimeoutMs = 10_000, wholeMs } = options
  const deadline = performance.now() + (wholeMs ?? Number.POSITIVE_INFINITY)
  if (options.readsBody?.(head) === false) return { body: Buffer.alloc(0), bodyEnd: 'stopped' }

  const reader = createBodyReader(framing)
  reader.take(rest)
  let inspected = inspect === undefined
  for (;;) {
    if (!inspected && (reader.complete || reader.received >= (inspect?.length ?? 0))) {
      inspected = true
      const { body } = reader.split()
      if (inspect?.accepts(body.subarray(0, inspect.length), head) === false) return { body, bodyEnd: 'stopped' }
    }
    if (reader.received >= stopAfter) return { body: reader.split().body.subarray(0, stopAfter), bodyEnd: 'stopped' }
    if (reader.complete) break
    if (reader.malformed) return { body: reader.split().body, bodyEnd: 'cut' }
    await pause?.(reader.received)
    const leftMs = deadline - performance.now()
    const piece = await nextPiece(connection.socket, Math.min(bodyTimeoutMs, leftMs))
    if (piece === 'silence') return { body: reader.split().body, bodyEnd: leftMs < bodyTimeoutMs ? 'slow' : 'stalled' }
    if (piece === 'ended') return { body: reader.split().body, bodyEnd: framing.kind === 'to-fin' ? 'to-fin' : 'cut' }
    reads.push(piece.length)
    reader.take(piece)
  }
  const whole = reader.split()
  connection.rest = whole.rest
  return { body: whole.body, bodyEnd: 'complete' }
}

function keepsAlive(head: Head): boolean {
  const wish = head.header('connection')?.toLowerCase()
  return head.httpVersion === '1.0' ? wish === 'keep-alive' : wish !== 'close'
}

/** One piece as the socket hands it out. Between two calls nothing is taken, so the TCP window closes by itself. */
function nextPiece(socket: Socket, timeoutMs: number): Promise<Buffer | 'ended' | 'silence'> {
  if (socket.readableEnded || socket.destroyed) return Promise.resolve('ended')
  return new Promise(resolve => {
    const settle = (piece: Buffer | 'ended' | 'silence') => {
      clearTimeout(timer)
      socket.pause()
      socket.off('data', settle).off('end', onEnd).off('close', onEnd)
      resolve(piece)
    }
    const onEnd = () => settle('ended')
    const timer = setTimeout(() => settle('silence'), Math.max(0, timeoutMs))
    socket.on('data', settle).on('end', onEnd).on('close', onEnd)
    socket.resume()
  })
}
