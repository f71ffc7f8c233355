import type { FastifyPluginAsync } from 'fastify'
import { type Static, Type } from 'typebox'

const HealthSchema = Type.Object({
  /** `starting` until what lies in the watched folders has been judged once. */
  status: Type.Union([Type.Literal('serving'), Type.Literal('starting'), Type.Literal('stopping')]),
  version: Type.String(),
  /** ISO 8601, UTC. */
  since: Type.String(),
  /** Names with a current release. */
  names: Type.Integer(),
  /** The first hundred of them. */
  serving: Type.Array(Type.Object({ name: Type.String(), version: Type.String(), sha256: Type.String() }))
})
export type Health = Static<typeof HealthSchema>

/** `/health`: 200 when serving, with what it serves and since when; 503 before and after. */
const routes: FastifyPluginAsync<{ health: () => Health }> = async (fastify, { health }) => {
  fastify.route({
    method: ['GET', 'HEAD'],
    url: '/health',
    schema: { response: { '2xx': HealthSchema, 503: HealthSchema } },
    handler: (_request, reply) => {
      const found = health()
      return reply
        .code(found.status === 'serving' ? 200 : 503)
        .header('cache-control', 'no-store')
        .send(found)
    }
  })
}
export default routes
