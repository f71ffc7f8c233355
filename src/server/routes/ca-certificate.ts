import type { FastifyPluginAsync } from 'fastify'

/** `/ca_cert.pem`: the certificate that devices embed. The only thing of `certs/` that is ever sent. */
const routes: FastifyPluginAsync<{ caCertificate: string }> = async (fastify, { caCertificate }) => {
  fastify.route({
    method: ['GET', 'HEAD'],
    url: '/ca_cert.pem',
    handler: (_request, reply) =>
      reply.type('application/x-pem-file').header('cache-control', 'no-cache').send(caCertificate)
  })
}
export default routes
