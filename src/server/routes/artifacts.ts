import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import { nameIn } from '../request-target.js'
import { sendText } from '../text-answer.js'

const ARTIFACT = /^artifacts\/([0-9a-f]{64})\.bin$/

/** `/artifacts/<sha256>.bin`: one artifact, for ever the same bytes. */
const routes: FastifyPluginAsync = async fastify => {
  fastify.route({
    method: ['GET', 'HEAD'],
    // Any other path below is a name: a folder of builds may be called artifacts.
    url: '/artifacts/:digest(^[0-9a-f]{64}).bin',
    handler: (request, reply) => {
      const [, digest = ''] = ARTIFACT.exec(nameIn(request.raw.url ?? '') ?? '') ?? []
      const restoring = fastify.restoredArtifact(digest)
      const answer = (): FastifyReply => {
        const release = fastify.currentCatalog().byDigest(digest)
        if (release !== undefined) return reply.sendArtifact(release)
        return sendText(reply, 404, 'no such artifact; /manifest.json lists the releases that are kept')
      }
      return restoring === undefined ? answer() : restoring.then(answer)
    }
  })
}
export default routes
