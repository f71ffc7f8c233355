import type { Server as PlainServer, ServerResponse } from 'node:http'
import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import { type ClientHello, readClientHello } from './client-hello.js'
import { type FirstBytes, peek } from './first-bytes.js'
import { type FailedHandshake, OWN_CODES } from './handshake-causes.js'
import { httpsUrlOf, plainHttpAnswer } from './plain-http.js'
import { socketUnder } from './tcp-socket.js'

export interface ConnectionsOptions {
  /** Largest plaintext of a TLS record, in bytes. */
  readonly maxTlsRecord: number
  /** How long a connection may say nothing before it begins. */
  readonly silenceMs: number
  /** When the certificate is not good for the address that a connection came by: resolves when it is. */
  readonly reached: (localAddress: string) => Promise<void> | undefined
  readonly onFailedHandshake: (failed: FailedHandshake) => void
}

export interface Connections {
  /** Takes the connections of another server for its own, one without TLS that has the same requests. */
  watchPlain(plain: PlainServer): void
  /** Somebody spoke TLS to a port without it. */
  tellTlsOnPlain(socket: Socket, firstBytes: Buffer): void
  /** Ends whatever waits for nothing: connections without a request, or without a finished handshake. */
  endIdle(): void
  /** Ends every connection there is. Returns how many had a request under way. */
  endAll(): number
}

/** A connection that has not finished its handshake. */
interface Opening {
  readonly device: string
  hello: ClientHello | undefined
}

/** A hello that did not come to its end: as if TLS had waited for the rest of it. */
const UNFINISHED_CODES = {
  closed: OWN_CODES.closed,
  reset: 'ECONNRESET',
  timeout: 'ERR_TLS_HANDSHAKE_TIMEOUT'
} as const

/** How long one that was answered without TLS gets to read the answer. */
const LINGER_MS = 2_000

/**
 * Knows every connection of a server, from TCP on: `close()` of Node and Fastify waits for ever for those that never finish a handshake
 * or send a request (libraries.md, finding 10). Looks at the first bytes of each before TLS does, caps the TLS records that it is sent, and
 * tells of each handshake that fails.
 */
export function watchConnections(server: Server, options: ConnectionsOptions): Connections {
  const opening = new Map<Socket, Opening>()
  const open = new Set<Socket>()
  /** Responses under way. */
  const requestsOf = new Map<Socket, Set<ServerResponse>>()
  const watched = new WeakSet<Socket>()
  let isStopping = false

  const startTls = server.listeners('connection') as ((this: Server, socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    const entry: Opening = { device: deviceOf(socket), hello: undefined }
    opening.set(socket, entry)
    socket.on('error', () => {})
    socket.once('close', () => setImmediate(() => opening.delete(socket)))
    peek(socket, options.silenceMs, first => begin(socket, entry, first))
  })

  const begin = (socket: Socket, entry: Opening, first: FirstBytes): void => {
    switch (first.is) {
      case 'silent':
        refuse(socket, entry, first.end === 'timeout' ? OWN_CODES.silent : OWN_CODES.unheard)
        break
      case 'unfinished':
        entry.hello = readClientHello(first.bytes)
        refuse(socket, entry, UNFINISHED_CODES[first.end])
        break
      case 'other':
        refuse(socket, entry, OWN_CODES.notTls)
        break
      case 'http':
        answerPlain(socket, entry, first.bytes)
        break
      case 'tls':
        entry.hello = readClientHello(first.bytes)
        withCertificate(socket, () => {
          for (const listener of startTls) listener.call(server, socket)
        })
    }
  }
  const withCertificate = (socket: Socket, proceed: () => void): void => {
    const waiting = options.reached(socket.localAddress ?? '')
    const goOn = (): void => {
      if (!socket.destroyed) proceed()
    }
    if (waiting === undefined) proceed()
    else waiting.then(goOn, goOn)
  }
  /** What is ended by us is nobody's failure. */
  const tell = (failed: FailedHandshake): void => {
    if (!isStopping) options.onFailedHandshake(failed)
  }
  const refuse = (socket: Socket, { device, hello }: Opening, code: string): void => {
    opening.delete(socket)
    socket.destroy()
    tell({ device, servername: undefined, code, hello })
  }
  const answerPlain = (socket: Socket, { device }: Opening, head: Buffer): void => {
    const local = deviceOf({ remoteAddress: socket.localAddress })
    const url = httpsUrlOf(head, `${local.includes(':') ? `[${local}]` : local}:${socket.localPort}`)
    socket.end(plainHttpAnswer(head, url))
    socket.resume()
    // However much more it sends.
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
    const servername = url === undefined ? undefined : new URL(url).hostname.replace(/^\[|\]$/g, '')
    tell({ device, servername, code: 'ERR_SSL_HTTP_REQUEST', hello: undefined })
  }

  const keep = (socket: Socket): void => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  }

  server.on('secureConnection', socket => {
    socket.setMaxSendFragment(options.maxTlsRecord)
    const raw = socketUnder(socket)
    if (raw !== undefined) opening.delete(raw)
    keep(socket)
  })
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    const raw = socketUnder(socket)
    const entry = raw === undefined ? undefined : opening.get(raw)
    if (raw !== undefined) opening.delete(raw)
    tell({
      device: entry?.device ?? deviceOf(socket),
      servername: entry?.hello?.servername ?? (typeof socket.servername === 'string' ? socket.servername : undefined),
      code: codeOf(error),
      hello: entry?.hello
    })
    // Node leaves a connection open whose handshake took too long.
    socket.destroy()
  })
  server.on('request', ({ socket }, response) => {
    const under = requestsOf.get(socket) ?? new Set<ServerResponse>()
    if (under.size === 0) requestsOf.set(socket, under)
    under.add(response)
    if (!watched.has(socket)) {
      watched.add(socket)
      socket.once('close', () => endQueued(requestsOf.get(socket)))
    }
    response.once('close', () => {
      under.delete(response)
      if (under.size === 0) requestsOf.delete(socket)
    })
  })

  return {
    watchPlain: plain => plain.on('connection', keep),
    tellTlsOnPlain: (socket, firstBytes) => {
      const hello = readClientHello(firstBytes)
      tell({ device: deviceOf(socket), servername: hello?.servername, code: OWN_CODES.tlsOnPlain, hello })
    },
    endIdle: () => {
      isStopping = true
      for (const socket of opening.keys()) socket.destroy()
      for (const socket of open) if (!requestsOf.has(socket)) socket.destroy()
    },
    endAll: () => {
      isStopping = true
      const busy = requestsOf.size
      for (const socket of [...opening.keys(), ...open]) socket.destroy()
      return busy
    }
  }
}

/** A response that waits behind another one on its connection is forgotten by Node when that closes: whoever waits for its end would for ever. */
function endQueued(responses: ReadonlySet<ServerResponse> = new Set()): void {
  for (const response of [...responses]) {
    response.destroy()
    response.emit('close')
  }
}

/** Node gives the same code to a reset and to a FIN in the middle of a handshake; only a reset came from a system call. */
function codeOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNRESET' && error.syscall === undefined) return OWN_CODES.closed
  return error.code ?? error.message
}

function deviceOf({ remoteAddress }: { readonly remoteAddress?: string | undefined }): string {
  return (remoteAddress ?? 'unknown').replace(/^::ffff:/, '')
}
