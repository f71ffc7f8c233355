import type { FastifyPluginAsync } from 'fastify'

/** Names and strings out of images are untrusted: the page may load its own files and nothing else, and no text can become markup. */
export const PAGE_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'"
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  // A browser asks every time, and is told in a few bytes that nothing has changed: another otad brings another page.
  'cache-control': 'no-cache'
}

const FILES: Readonly<Record<string, string>> = {
  '/': 'index.html',
  '/page.css': 'page.css',
  '/page.js': 'page.js',
  '/icon.svg': 'icon.svg'
}

/** `/`: the page for people, and its assets. */
const routes: FastifyPluginAsync = async fastify => {
  for (const [url, file] of Object.entries(FILES))
    fastify.route({
      method: ['GET', 'HEAD'],
      url,
      handler: (_request, reply) => reply.headers(PAGE_HEADERS).sendFile(file, { cacheControl: false })
    })
}
export default routes
