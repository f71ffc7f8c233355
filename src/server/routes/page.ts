import type { FastifyPluginAsync } from 'fastify'

/** Names and strings out of images are untrusted: the page may load its own files and nothing else. */
const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'"
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer'
}

const FILES: Readonly<Record<string, string>> = { '/': 'index.html', '/page.css': 'page.css', '/page.js': 'page.js' }

/** `/`: the page for people, and its assets. */
const routes: FastifyPluginAsync = async fastify => {
  for (const [url, file] of Object.entries(FILES))
    fastify.route({
      method: ['GET', 'HEAD'],
      url,
      handler: (_request, reply) => reply.headers(HEADERS).sendFile(file)
    })
}
export default routes
