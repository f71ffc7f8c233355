import type { FastifyRequest } from 'fastify'
import { authorityIn } from './request-target.js'

/** Stands for the origin in what is written once for everybody. */
export const ORIGIN_MARK = 'https://origin.invalid'

/** `https://host:port`, or `http://` on the port without TLS, as the client asked for it, so that the URLs it is given lead back here; a client that named no host gets the local address. */
export function originOf(request: FastifyRequest): string {
  const host = authorityIn(request.originalUrl) ?? request.headers.host
  if (host !== undefined && host !== '') return `${request.protocol}://${host}`
  const { localAddress = '127.0.0.1', localPort = 0 } = request.socket
  const address = localAddress.replace(/^::ffff:/, '')
  return `${request.protocol}://${address.includes(':') ? `[${address}]` : address}:${localPort}`
}
