import type { FastifyPluginAsync } from 'fastify'
import { originOf } from '../origin.js'

/** `/openapi.json`: what is answered where, for programs. It is written when the first asks: the schemas take longer to load than the daemon to start. */
const routes: FastifyPluginAsync<{ version: string }> = async (fastify, { version }) => {
  fastify.route({
    method: ['GET', 'HEAD'],
    url: '/openapi.json',
    handler: async (request, reply) => {
      const { describeApi } = await import('../openapi.js')
      const description = describeApi({ origin: originOf(request), version })
      return reply.type('application/json').header('cache-control', 'no-cache').send(JSON.stringify(description))
    }
  })
}
export default routes
