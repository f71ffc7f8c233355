import type { FastifyPluginAsync } from 'fastify'

/** What `/health` says; its schema is `HealthSchema` of releases/manifest-schema.ts. */
export interface Health {
  /** `starting` until what lies in the watched folders has been judged once. */
  readonly status: 'serving' | 'starting' | 'stopping'
  readonly version: string
  /** ISO 8601, UTC. */
  readonly since: string
  /** Names with a current release. */
  readonly names: number
  /** The first hundred of them. */
  readonly serving: readonly { readonly name: string; readonly version: string; readonly sha256: string }[]
}

/** `/health`: 200 when serving, with what it serves and since when; 503 before and after. */
const routes: FastifyPluginAsync<{ health: () => Health }> = async (fastify, { health }) => {
  fastify.route({
    method: ['GET', 'HEAD'],
    url: '/health',
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
