import type { ServerResponse } from 'node:http'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { OperatorError } from '../../errors.js'
import { isHost, nameIn } from '../request-target.js'
import { isHistoryAddress } from '../routes/devices.js'

export interface CorsOptions {
  /** Origins of web pages, `https://flash.example.com`; `*` is every page. None: nobody is told anything. */
  readonly cors: readonly string[]
}

/** What is for people at this server and for nobody's page elsewhere. */
const NOT_SHARED: ReadonlySet<string> = new Set([
  '',
  'page.css',
  'page.js',
  'icon.svg',
  'events',
  'devices.json',
  'health',
  'metrics',
  'ca_cert.pem'
])
const isShared = (name: string): boolean => !NOT_SHARED.has(name) && !isHistoryAddress(name)

const EXPOSED = 'ETag, Content-Length, Content-Range, X-Otad-Release'
/** What a page may want to send beside what every page may. */
const ALLOWED =
  'Authorization, If-Match, If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Range, X-Requested-With'
const MAX_AGE_SECONDS = '600'

/**
 * Lets web pages of other origins read manifests, documents and firmware (clients.md R36; the Fetch standard, CORS protocol). It keeps nobody else
 * out: that is not what CORS is for. The fields go on the raw response, where firmware is sent past Fastify's own reply.
 * @throws OperatorError for what is no origin
 */
export default fp<CorsOptions>(
  async (fastify, { cors }) => {
    if (cors.length === 0) return
    const allowed = new Set(cors.map(readOrigin))
    const isForAll = allowed.has('*')
    const permit = (origin: string, response: ServerResponse): void => {
      response.setHeader('access-control-allow-origin', isForAll ? '*' : origin)
      response.setHeader('access-control-expose-headers', EXPOSED)
    }
    fastify.addHook('onRequest', async (request, reply) => {
      if (!isShared(nameIn(request.raw.url ?? '') ?? '')) return
      const { origin } = request.headers
      const isAllowed = origin !== undefined && (isForAll || allowed.has(origin.toLowerCase()))
      if (!isForAll) reply.raw.setHeader('vary', 'Origin')
      if (isAllowed) permit(origin, reply.raw)
      if (!isAllowed || !isPreflight(request)) return
      const fields = preflightFields(request)
      // Not a 204, which has no length: every answer of otad has one (clients.md R1).
      return reply.code(200).headers(fields).header('content-length', 0).send()
    })
  },
  { name: 'otad-cors', fastify: '5.x' }
)

/** OPTIONS as a browser sends it before the request itself: with what it is about to ask, and without a body. Any other is for who refuses methods. */
function isPreflight({ method, headers }: FastifyRequest): boolean {
  const isBare = headers['content-length'] === undefined && headers['transfer-encoding'] === undefined
  const isToHost = headers.host !== undefined && isHost(headers.host)
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined && isBare && isToHost
}

function preflightFields({ headers }: FastifyRequest): Record<string, string> {
  return {
    'access-control-allow-methods': 'GET, HEAD',
    'access-control-allow-headers': ALLOWED,
    'access-control-max-age': MAX_AGE_SECONDS,
    // A page on the internet asks before it goes to an address of the local network (Private Network Access).
    ...(headers['access-control-request-private-network'] === 'true'
      ? { 'access-control-allow-private-network': 'true' }
      : {})
  }
}

/** An origin as browsers send it: scheme, host and port in lower case, without a path. */
function readOrigin(text: string): string {
  const asked = text.trim().toLowerCase()
  if (asked === '*' || asked === 'null') return asked
  const url = URL.canParse(asked) ? new URL(asked) : undefined
  // Of a scheme that has no hosts, such as file:, the origin is the text null.
  if (url !== undefined && url.origin !== 'null' && [url.origin, `${url.origin}/`].includes(url.href)) return url.origin
  throw new OperatorError(
    'OTAD_ERR_BAD_SETTING',
    `cors: ${text} is not the origin of a web page`,
    'write scheme and host, with the port if it has one: https://flash.example.com; or * for every page'
  )
}
