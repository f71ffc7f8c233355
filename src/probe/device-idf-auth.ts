import { createHash, randomBytes } from 'node:crypto'
import { DeviceCrash } from './device.js'
import type { IdfManners } from './device-idf-releases.js'

/** `username`, `password` and `auth_type` of esp_http_client_config_t. */
export interface IdfCredentials {
  readonly username: string
  readonly password: string
  /** HTTP_AUTH_TYPE_NONE when left out: nothing is sent before a challenge. */
  readonly authType?: 'basic' | 'digest'
}

/** What `esp_http_client_add_auth` makes of a 401. */
export type AddAuth = 'again' | 'unsupported' | 'exhausted'

/** The part of esp_http_client that knows credentials. */
export interface IdfAuth {
  /** The Authorization that `esp_http_client_prepare` sets for a request; undefined when it sets none. */
  prepare(target: URL): string | undefined
  addAuth(challenge: string | undefined, method: string): AddAuth
  /** `esp_http_check_response` does that on a 2xx: perform() goes through it, esp_https_ota's own loop does not. */
  succeeded(): void
}

/** DEFAULT_MAX_AUTH_RETRIES. */
export const MAX_AUTH_RETRIES = 10

interface Challenge {
  readonly method: string
  readonly realm: string
  readonly nonce: string | undefined
  readonly qop: string
  readonly algorithm: string
  readonly opaque: string | undefined
  nc: number
}

/** Userinfo of the URL counts as esp_http_client_set_url has it: not decoded, and without an auth_type. */
export function createIdfAuth(url: URL, manners: IdfManners, given: IdfCredentials | undefined): IdfAuth {
  const fromUrl = url.username === '' ? undefined : { username: url.username, password: url.password }
  const credentials = fromUrl === undefined ? given : { ...given, ...fromUrl }
  let type: 'none' | 'basic' | 'digest' = credentials?.authType ?? 'none'
  let challenge: Challenge | undefined
  let counter = 0
  return {
    prepare: target => {
      if (credentials === undefined) return undefined
      const { username, password } = credentials
      if (type === 'basic') return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
      if (type !== 'digest' || challenge?.nonce === undefined) return undefined
      const uri = manners.signsQuery ? `${target.pathname}${target.search}` : target.pathname
      return digestResponse(challenge, { username, password, uri, isQuoted: manners.quotesAlgorithm })
    },
    addAuth: (header, method) => {
      if (counter >= MAX_AUTH_RETRIES) return 'exhausted'
      // Without the field nothing is counted, and nothing is asked again by perform().
      if (header === undefined) {
        type = 'none'
        return 'unsupported'
      }
      counter++
      // Digest and Basic each stand behind a Kconfig: whoever gives credentials has them on.
      const isKnown = credentials !== undefined && /^(Digest|Basic)/i.test(header)
      type = !isKnown ? 'none' : /^Digest/i.test(header) ? 'digest' : 'basic'
      if (!isKnown) return 'unsupported'
      challenge = {
        method,
        realm: between(header, 'realm="', '"') ?? '',
        // ESP-IDF 4 takes what stands before a comma, and reads through a null pointer when there is none.
        algorithm: between(header, 'algorithm=', ',') ?? fallbackAlgorithm(header, manners, type),
        qop: between(header, 'qop="', '"') ?? '(null)',
        nonce: between(header, 'nonce="', '"'),
        opaque: between(header, 'opaque="', '"'),
        nc: 1
      }
      return 'again'
    },
    succeeded: () => {
      counter = 0
    }
  }
}

function fallbackAlgorithm(header: string, manners: IdfManners, type: string): string {
  if (type === 'digest' && manners.quotesAlgorithm) throw new DeviceCrash(`ESP-IDF 4 crashes over ${header}`)
  return /algorithm=(.*)$/.exec(header)?.[1] ?? 'MD5'
}

/** `http_utils_get_string_between`: the first occurrence, whatever it is a part of. */
function between(text: string, begin: string, end: string): string | undefined {
  const start = text.indexOf(begin)
  if (start < 0) return undefined
  const stop = text.indexOf(end, start + begin.length)
  return stop < 0 ? undefined : text.slice(start + begin.length, stop)
}

interface Signing {
  readonly username: string
  readonly password: string
  readonly uri: string
  readonly isQuoted: boolean
}

/** `http_auth_digest` of components/esp_http_client/lib/http_auth.c, field by field in its order. */
function digestResponse(challenge: Challenge, { username, password, uri, isQuoted }: Signing): string {
  const { realm, nonce, qop, algorithm, opaque, method } = challenge
  const hash = (text: string): string => createHash('md5').update(text).digest('hex')
  const nc = challenge.nc.toString(16).padStart(8, '0')
  const cnonce = randomBytes(8).toString('hex')
  // The method is the one of the challenge, not that of the request.
  const ha2 = hash(`${method}:${uri}`)
  const response = hash(`${hash(`${username}:${realm}:${password}`)}:${nonce}:${nc}:${cnonce}:${qop}:${ha2}`)
  challenge.nc++
  return [
    `Digest username="${username}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${uri}"`,
    `algorithm=${isQuoted ? '"MD5"' : algorithm}`,
    `response="${response}"`,
    `qop=${qop}`,
    `nc=${nc}`,
    `cnonce="${cnonce}"`,
    ...(opaque === undefined ? [] : [`opaque="${opaque}"`])
  ].join(', ')
}
