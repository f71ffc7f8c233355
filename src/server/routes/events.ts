import type { ServerResponse } from 'node:http'
import type { FastifyPluginAsync } from 'fastify'
import { sendText } from '../text-answer.js'
import { type Visit, visitorOf } from '../visit.js'

/** Tells a listener what happens until that is called what it returns. */
export type Listen = (listener: (event: string, data: string) => void) => () => void

export interface EventsOptions {
  readonly listen: Listen
  readonly onVisit: (visit: Visit) => void
}

/** Pages that are open at the same time; a desk has a few. */
const MOST_LISTENERS = 32
const TOO_MANY = `${MOST_LISTENERS} pages listen to /events already: close some of them`
/** What waits for one that does not read; whoever is behind by more begins anew. */
const MOST_WAITING = 8 * 1024 * 1024
/** A connection on which nothing is said for long is given up by what stands between. */
const PULSE_MS = 15_000

/**
 * `/events`: server-sent events for the page (HTML, 9.2). Ended by closing the connection, since no answer of otad is chunked (clients.md R1).
 */
const routes: FastifyPluginAsync<EventsOptions> = async (fastify, { listen, onVisit }) => {
  const open = new Set<ServerResponse>()
  const pulse = setInterval(() => {
    for (const response of open) response.write(':\n\n')
  }, PULSE_MS).unref()
  fastify.addHook('preClose', async () => {
    clearInterval(pulse)
    for (const response of open) response.end()
  })

  fastify.route({
    method: ['GET', 'HEAD'],
    url: '/events',
    handler: (request, reply) => {
      if (open.size >= MOST_LISTENERS) return sendText(reply, 503, TOO_MANY)
      reply.hijack()
      const response = reply.raw
      response.useChunkedEncodingByDefault = false
      response.shouldKeepAlive = false
      response.writeHead(200, {
        'Content-Type': 'text/event-stream; charset=utf-8',
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
        Connection: 'close'
      })
      if (request.method === 'HEAD') {
        response.end()
        return reply
      }
      onVisit({ ...visitorOf(request), is: 'page', name: '' })
      open.add(response)
      let mostWaiting = 0
      const stop = listen((event, data) => {
        response.write(`event: ${event}\ndata: ${data}\n\n`)
        // Whatever it is told first may be as long as it is.
        mostWaiting ||= response.writableLength + MOST_WAITING
        if (response.writableLength > mostWaiting) response.destroy()
      })
      response.once('close', () => {
        open.delete(response)
        stop()
      })
      return reply
    }
  })
}
export default routes
