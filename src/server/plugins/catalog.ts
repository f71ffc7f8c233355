import fp from 'fastify-plugin'
import type { Catalog } from '../../releases/catalog.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The catalog of this moment; ask again for the next request. */
    currentCatalog: () => Catalog
  }
}

/** Lets routes ask for the catalog. */
export default fp<{ currentCatalog: () => Catalog }>(
  async (fastify, { currentCatalog }) => {
    fastify.decorate('currentCatalog', currentCatalog)
  },
  { name: 'otad-catalog', fastify: '5.x' }
)
