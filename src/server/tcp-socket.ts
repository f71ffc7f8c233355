import type { Socket } from 'node:net'

/** The TCP socket that a TLS socket was made on; Node keeps it there and tells it nowhere else. */
export function socketUnder(socket: Socket): Socket | undefined {
  return '_parent' in socket ? (socket._parent as Socket) : undefined
}

/** Bytes that have come over TCP, those of TLS included. */
export function bytesOnWire(socket: Socket): number | undefined {
  return (socketUnder(socket) ?? socket).bytesRead
}
