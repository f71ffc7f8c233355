/** A small firmware server that keeps every rule a client can see, made here and not out of otad; a test breaks one. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { createServer as createSecureServer, type ServerOptions as SecureOptions } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net'
import { setTimeout as elapse } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import { versionIn } from '../../src/probe/client-image.js'

type Algorithm = 'md5' | 'sha256' | 'sha512'

interface Served {
  readonly image: Buffer
  readonly digests: Readonly<Record<Algorithm, string>>
}

export interface Reply {
  readonly status: number
  readonly reason: string
  readonly fields: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface ModelOptions {
  readonly image: Buffer
  /** Changes an answer before it is sent. */
  readonly spoil?: (reply: Reply, request: IncomingMessage) => Reply
  /** Writes an answer in its own way; true when it has. */
  readonly send?: (reply: Reply, request: IncomingMessage, socket: Socket) => boolean
  /** Waits so long with a head. */
  readonly delayMs?: (request: IncomingMessage) => number
  /** Sees each connection. */
  readonly meet?: (socket: Socket) => void
  /** Leaves a connection to itself until the one before it is gone, as openssl s_server does. */
  readonly isOneByOne?: boolean
  /** Left out, it speaks plain HTTP. */
  readonly tls?: SecureOptions
  readonly maxRecord?: number
  readonly http?: ServerOptions
}

const NAME = '/fw/app.bin'
const PUBLISHED = 'Sat, 21 Nov 2026 10:00:00 GMT'

/** Starts it for the test, and gives the URL of its image. */
export async function startModel(options: ModelOptions): Promise<string> {
  const { image, spoil = reply => reply, send } = options
  const served = {
    image,
    digests: { md5: hexOf(image, 'md5'), sha256: hexOf(image, 'sha256'), sha512: hexOf(image, 'sha512') }
  }
  const listener: RequestListener = async (request, response) => {
    const delayMs = options.delayMs?.(request) ?? 0
    if (delayMs > 0) await elapse(delayMs)
    const reply = spoil(replyTo(request, served), request)
    if (send?.(reply, request, request.socket) === true) return
    response.writeHead(reply.status, reply.reason, Object.entries(reply.fields).flat())
    response.end(request.method === 'HEAD' ? undefined : reply.body)
  }
  const http: ServerOptions = { keepAliveTimeout: 125_000, requireHostHeader: false, ...options.http }
  const server: Server =
    options.tls === undefined ? createServer(http, listener) : createSecureServer({ ...http, ...options.tls }, listener)
  server.on('secureConnection', (socket: TLSSocket) => socket.setMaxSendFragment(options.maxRecord ?? 4096))
  server.on('connection', socket => options.meet?.(socket))
  const front = options.isOneByOne === true ? oneByOne(server) : server
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    front.close()
  })
  const { port } = front.address() as AddressInfo
  return `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}${NAME}`
}

function oneByOne(server: Server): TcpServer {
  let last = Promise.resolve()
  return createTcpServer(socket => {
    socket.on('error', () => {})
    last = last.then(async () => {
      if (socket.destroyed) return
      server.emit('connection', socket)
      await new Promise(resolve => socket.once('close', resolve))
    })
  })
}

export function hexOf(bytes: Buffer, algorithm: Algorithm): string {
  return createHash(algorithm).update(bytes).digest('hex')
}

function text(status: number, reason: string, body: string, more: Readonly<Record<string, string>> = {}): Reply {
  const bytes = Buffer.from(body)
  const fields = { 'Content-Length': String(bytes.length), 'Content-Type': 'text/plain; charset=utf-8', ...more }
  return { status, reason, fields, body: bytes }
}

function replyTo({ method, url = '', headers }: IncomingMessage, { image, digests }: Served): Reply {
  const path = readPath(url)
  const sidecar = /^\.(md5|sha256|sha512)$/.exec(path?.startsWith(NAME) ? path.slice(NAME.length) : '')?.[1]
  if (sidecar !== undefined) return text(200, 'OK', `${digests[sidecar as Algorithm]}  app.bin\n`)
  if (path === `${NAME}.json`) return text(200, 'OK', '{"name":"app.bin"}', { 'Content-Type': 'application/json' })
  if (path !== NAME) return text(404, 'Not Found', 'no such image\n')
  if (headers['x-esp8266-mode'] === 'version')
    return text(200, 'OK', '', { 'x-version': versionIn(image), 'Content-Type': 'text/plain' })
  const etag = `"${digests.sha256}"`
  const told = { ETag: etag, 'Last-Modified': PUBLISHED, 'Accept-Ranges': 'bytes' }
  const since = headers['if-modified-since']
  const isKnown =
    headers['if-none-match'] === etag ||
    (since !== undefined && Date.parse(since) >= Date.parse(PUBLISHED)) ||
    (headers['x-esp32-mode'] === 'sketch' && headers['x-esp32-sketch-md5'] === digests.md5)
  if (isKnown) return { status: 304, reason: 'Not Modified', fields: told, body: Buffer.alloc(0) }
  const fingerprints = { 'x-MD5': digests.md5, 'x-SHA256': digests.sha256, 'x-SHA512': digests.sha512 }
  const type = { 'Content-Type': 'application/octet-stream' }
  const part = method === 'GET' ? readRange(headers, image.length, etag) : undefined
  if (part === 'unsatisfiable')
    return text(416, 'Range Not Satisfiable', '', { 'Content-Range': `bytes */${image.length}` })
  const [start, end] = part ?? [0, image.length]
  const body = image.subarray(start, end)
  const length = { 'Content-Length': String(body.length) }
  if (part === undefined)
    return { status: 200, reason: 'OK', fields: { ...length, ...type, ...told, ...fingerprints }, body }
  const range = { 'Content-Range': `bytes ${start}-${end - 1}/${image.length}` }
  return { status: 206, reason: 'Partial Content', fields: { ...length, ...type, ...told, ...range }, body }
}

function readPath(url: string): string | undefined {
  try {
    return decodeURIComponent(url.split('?')[0] ?? '')
  } catch {
    return undefined
  }
}

function readRange(
  headers: IncomingMessage['headers'],
  length: number,
  etag: string
): readonly [number, number] | 'unsatisfiable' | undefined {
  const condition = headers['if-range']
  if (condition !== undefined && condition !== etag && condition !== PUBLISHED) return undefined
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (first === '') return [Math.max(0, length - Number(last)), length]
  const start = Number(first)
  const end = last === '' ? length : Math.min(length, Number(last) + 1)
  return start >= length || end <= start ? 'unsatisfiable' : [start, end]
}
