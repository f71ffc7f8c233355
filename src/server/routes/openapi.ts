import type { FastifyPluginAsync } from 'fastify'
import { ORIGIN_MARK, originOf } from '../origin.js'

/** `/openapi.json`: what is answered where, for programs. It is written when the first asks: the schemas take longer to load than the daemon to start. */
const routes: FastifyPluginAsync<{ version: string }> = async (fastify, { version }) => {
  let written: string | undefined
  const write = async (): Promise<string> => {
    const { describeApi } = await import('../openapi.js')
    return JSON.stringify(describeApi({ origin: ORIGIN_MARK, version }))
  }
  fastify.route({
    method: ['GET', 'HEAD'],
    url: '/openapi.json',
    handler: async (request, reply) => {
      const origin = originOf(request)
      written ??= await write()
      const body = written.replaceAll(ORIGIN_MARK, () => origin)
      return reply.type('application/json').header('cache-control', 'no-cache').send(body)
    }
  })
}
export default routes
