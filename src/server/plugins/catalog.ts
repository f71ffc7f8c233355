import fp from 'fastify-plugin'
import type { Catalog } from '../../releases/catalog.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The catalog of this moment; ask again for the next request. */
    currentCatalog: () => Catalog
    /** Resolves when a name, or an artifact, has been looked at after a start; undefined where that is done. */
    restored: Restored
    restoredArtifact: Restored
  }
}

export type Restored = (key: string) => Promise<void> | undefined

export interface CatalogOptions {
  readonly currentCatalog: () => Catalog
  readonly restored: Restored
  readonly restoredArtifact: Restored
}

/** Lets routes ask for the catalog. */
export default fp<CatalogOptions>(
  async (fastify, { currentCatalog, restored, restoredArtifact }) => {
    fastify.decorate('currentCatalog', currentCatalog)
    fastify.decorate('restored', restored)
    fastify.decorate('restoredArtifact', restoredArtifact)
  },
  { name: 'otad-catalog', fastify: '5.x' }
)
