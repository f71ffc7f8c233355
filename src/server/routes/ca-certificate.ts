import type { FastifyPluginAsync } from 'fastify'
import { sendText } from '../text-answer.js'

/** `/ca_cert.pem`: the certificate that devices embed. The only thing of `certs/` that is ever sent. */
const routes: FastifyPluginAsync<{ caCertificate: () => string | undefined }> = async (fastify, { caCertificate }) => {
  fastify.route({
    method: ['GET', 'HEAD'],
    url: '/ca_cert.pem',
    handler: (_request, reply) => {
      const certificate = caCertificate()
      if (certificate === undefined)
        return sendText(
          reply,
          404,
          'otad does not know the root of its certificate: --ca-file says which one devices embed'
        )
      return reply.type('application/x-pem-file').header('cache-control', 'no-cache').send(certificate)
    }
  })
}
export default routes
