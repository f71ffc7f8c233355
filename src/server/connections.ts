import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** A handshake that came to nothing. */
export interface FailedHandshake {
  /** Address of the other end, noted when the connection opened: it is gone when the failure is known. */
  readonly device: string
  readonly servername: string | undefined
  readonly code: string
}

export interface Connections {
  /** Ends whatever waits for nothing: connections without a request, or without a finished handshake. */
  endIdle(): void
  /** Ends every connection there is. Returns how many had a request under way. */
  endAll(): number
}

/**
 * Knows every connection of a server, from TCP on: `close()` of Node and Fastify waits for ever for those that never finish a handshake
 * or send a request (libraries.md, finding 10). Caps the TLS records that each one is sent.
 */
export function watchConnections(
  server: Server,
  maxTlsRecord: number,
  onFailedHandshake: (failed: FailedHandshake) => void
): Connections {
  const opening = new Map<string, Socket>()
  const open = new Set<TLSSocket>()
  const requestsOf = new Map<Socket, number>()

  // First in line: TLS takes the socket over in the next listener.
  server.prependListener('connection', (socket: Socket) => {
    const peer = peerOf(socket)
    opening.set(peer, socket)
    socket.on('error', () => {})
    socket.once('close', () => setImmediate(() => opening.get(peer) === socket && opening.delete(peer)))
  })
  server.on('secureConnection', socket => {
    socket.setMaxSendFragment(maxTlsRecord)
    opening.delete(peerOf(socket))
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    const peer = socket.remoteAddress === undefined ? endedWithoutAWord() : peerOf(socket)
    opening.delete(peer)
    onFailedHandshake({
      device: peer.slice(0, peer.lastIndexOf('|')).replace(/^::ffff:/, ''),
      servername: typeof socket.servername === 'string' ? socket.servername : undefined,
      code: error.code ?? error.message
    })
    // Node leaves a connection open whose handshake took too long.
    socket.destroy()
  })
  /** The connection that is gone from among those still opening, when TLS does not know its address any more. */
  const endedWithoutAWord = (): string => {
    for (const [peer, socket] of opening) if (socket.destroyed) return peer
    return 'unknown|'
  }
  server.on('request', ({ socket }, response) => {
    requestsOf.set(socket, (requestsOf.get(socket) ?? 0) + 1)
    response.once('close', () => {
      const left = (requestsOf.get(socket) ?? 1) - 1
      if (left > 0) requestsOf.set(socket, left)
      else requestsOf.delete(socket)
    })
  })

  return {
    endIdle: () => {
      for (const socket of opening.values()) socket.destroy()
      for (const socket of open) if (!requestsOf.has(socket)) socket.destroy()
    },
    endAll: () => {
      const busy = requestsOf.size
      for (const socket of [...opening.values(), ...open]) socket.destroy()
      return busy
    }
  }
}

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}`
}
