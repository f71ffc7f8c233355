import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { isHost } from '../request-target.js'
import { sendText } from '../text-answer.js'

/** Every address is for reading. */
const METHODS = 'GET, HEAD'

/** Checks what is true of every request, before any route: one proper Host, a method that reads, no body that matters. */
export default fp(
  async fastify => {
    fastify.addHook('onRequest', async (request, reply) => {
      if (hasBody(request)) reply.raw.shouldKeepAlive = false
      const complaint = targetComplaint(request) ?? hostComplaint(request)
      if (complaint !== undefined) {
        reply.raw.shouldKeepAlive = false
        return sendText(reply, 400, complaint)
      }
      if (request.method !== 'GET' && request.method !== 'HEAD') return refuseMethod(request, reply)
    })
  },
  { name: 'otad-requests', fastify: '5.x' }
)

function refuseMethod(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // Its body, if any, is not read: what follows on the connection might be part of it.
  reply.raw.shouldKeepAlive = false
  return sendText(
    reply.header('allow', METHODS),
    405,
    `${request.method} is not allowed here: every address of otad is for reading`
  )
}

/** A body on a reading request is ignored, and the connection ends with the answer, so that no second request hides in it. */
function hasBody({ headers }: FastifyRequest): boolean {
  const length = headers['content-length']
  return headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) !== 0)
}

/** A path, or a whole URL; `*` is for OPTIONS alone (RFC 9112, 3.2). */
function targetComplaint({ originalUrl }: FastifyRequest): string | undefined {
  return /^(\/|https?:\/\/)/i.test(originalUrl) ? undefined : 'the target of the request is neither a path nor a URL'
}

/** RFC 9112, 3.2: HTTP/1.1 needs exactly one Host. HTTP/1.0 knew none (clients.md R9: Host without a port is normal). */
function hostComplaint({ raw }: FastifyRequest): string | undefined {
  let hosts = 0
  for (let index = 0; index < raw.rawHeaders.length; index += 2)
    if (raw.rawHeaders[index]?.toLowerCase() === 'host') hosts++
  if (hosts > 1) return 'the request has more than one Host'
  if (hosts === 0) return raw.httpVersion === '1.0' ? undefined : 'the request has no Host'
  return isHost(raw.headers.host ?? '') ? undefined : 'the Host of the request is not a host'
}
