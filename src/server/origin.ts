import type { FastifyRequest } from 'fastify'
import { authorityIn } from './request-target.js'

/** `https://host:port` as the client asked for it, so that the URLs it is given lead back here; a client that named no host gets the local address. */
export function originOf(request: FastifyRequest): string {
  const host = authorityIn(request.originalUrl) ?? request.headers.host
  if (host !== undefined && host !== '') return `https://${host}`
  const { localAddress = '127.0.0.1', localPort = 443 } = request.socket
  const address = localAddress.replace(/^::ffff:/, '')
  return `https://${address.includes(':') ? `[${address}]` : address}:${localPort}`
}
