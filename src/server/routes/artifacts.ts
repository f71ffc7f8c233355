import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import type { Catalog } from '../../releases/catalog.js'
import { partsIn } from '../../releases/parts.js'
import type { Release } from '../../releases/release.js'
import { nameIn } from '../request-target.js'
import { sendText } from '../text-answer.js'

const ARTIFACT = /^artifacts\/([0-9a-f]{64})\.bin$/

export interface ArtifactsOptions {
  /** Whether a part that lies beside an app in flash is kept. */
  readonly hasPart: (digest: string) => boolean
}

/** `/artifacts/<sha256>.bin`: one artifact, or one part beside an app in flash; for ever the same bytes. */
const routes: FastifyPluginAsync<ArtifactsOptions> = async (fastify, { hasPart }) => {
  const known = new WeakMap<Catalog, ReadonlyMap<string, Release>>()
  const partOf = (catalog: Catalog, digest: string): Release | undefined => {
    if (!hasPart(digest)) return undefined
    const parts = known.get(catalog) ?? partsIn(catalog)
    known.set(catalog, parts)
    return parts.get(digest)
  }
  fastify.route({
    method: ['GET', 'HEAD'],
    // Any other path below is a name: a folder of builds may be called artifacts.
    url: '/artifacts/:digest(^[0-9a-f]{64}).bin',
    handler: (request, reply) => {
      const [, digest = ''] = ARTIFACT.exec(nameIn(request.raw.url ?? '') ?? '') ?? []
      const restoring = fastify.restoredArtifact(digest)
      const answer = (): FastifyReply => {
        const catalog = fastify.currentCatalog()
        const release = catalog.byDigest(digest) ?? partOf(catalog, digest)
        if (release !== undefined) return reply.sendArtifact(release)
        return sendText(reply, 404, 'no such artifact; /manifest.json lists the releases that are kept')
      }
      return restoring === undefined ? answer() : restoring.then(answer)
    }
  })
}
export default routes
