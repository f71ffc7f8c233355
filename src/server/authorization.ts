import { type AuthScheme, type Credentials, knows, REALM, secretsOf } from './credentials.js'
import { type DigestAnswer, isSameText, type Nonces, readDigest, responseOf } from './digest.js'
import { originForm } from './request-target.js'

/** A request, as far as it matters who may send it. */
export interface AskedWith {
  readonly authorization: string | undefined
  readonly method: string
  /** As it was sent. */
  readonly target: string
}

export type AuthReason =
  | 'no credentials'
  | `other scheme: it sent ${string}`
  | 'unreadable credentials'
  | 'unknown user'
  | 'wrong password'
  | 'unknown token'
  | 'credentials for another address'
  | 'signed for another method'
  | 'stale nonce'

export type Judgement =
  | { readonly is: 'let-in' }
  /** Not yet: a client that has the credentials comes back with them, or signs anew. */
  | { readonly is: 'asked'; readonly reason: AuthReason; readonly isStale: boolean }
  | { readonly is: 'refused'; readonly reason: AuthReason }

const LET_IN: Judgement = { is: 'let-in' }
const ask = (reason: AuthReason): Judgement => ({ is: 'asked', reason, isStale: false })
const askAgain = (reason: AuthReason): Judgement => ({ is: 'asked', reason, isStale: true })
const refuse = (reason: AuthReason): Judgement => ({ is: 'refused', reason })

/** Whether one who asks is one of those that firmware is for. Compares secrets in a time that tells nothing of them. */
export function judgeAuthorization(
  credentials: Credentials,
  nonces: Nonces,
  asked: AskedWith,
  nowMs: number
): Judgement {
  const { authorization } = asked
  if (authorization === undefined) return ask('no credentials')
  const [, scheme = '', rest = ''] = /^([\w!#$%&'*+.^`|~-]+)(?: +(.*))?$/s.exec(authorization) ?? []
  if (scheme === '') return refuse('unreadable credentials')
  if (scheme.toLowerCase() !== credentials.scheme)
    return ask(`other scheme: it sent ${scheme.slice(0, LONGEST_SCHEME)}`)
  switch (credentials.scheme) {
    case 'basic':
      return judgeBasic(credentials, rest)
    case 'digest':
      return judgeDigest(credentials, nonces, { ...asked, parameters: rest }, nowMs)
    case 'bearer':
      return knows(credentials, '', rest.trim()) ? LET_IN : refuse('unknown token')
  }
}

const LONGEST_SCHEME = 20

/** RFC 7617, 2: user and password are UTF-8, the first colon is between them. */
function judgeBasic(credentials: Credentials, base64: string): Judgement {
  if (!/^[\w+/-]+={0,2} *$/.test(base64)) return refuse('unreadable credentials')
  const pair = Buffer.from(base64, 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  if (colon < 0) return refuse('unreadable credentials')
  const user = pair.slice(0, colon).normalize('NFC')
  if (knows(credentials, user, pair.slice(colon + 1))) return LET_IN
  return refuse(credentials.proofs.has(user) ? 'wrong password' : 'unknown user')
}

type AskedWithDigest = AskedWith & { readonly parameters: string }

function judgeDigest(credentials: Credentials, nonces: Nonces, asked: AskedWithDigest, nowMs: number): Judgement {
  const answer = readDigest(asked.parameters)
  if (answer === undefined || answer.realm !== REALM) return refuse('unreadable credentials')
  const secrets = secretsOf(credentials, answer.username)
  if (!isSignedBy(secrets, answer, asked.method)) {
    if (!credentials.proofs.has(answer.username)) return refuse('unknown user')
    // esp_http_client signs with the method of the request that it was challenged for, also when it goes on from HEAD to GET.
    const other = asked.method === 'HEAD' ? 'GET' : 'HEAD'
    return isSignedBy(secrets, answer, other) ? askAgain('signed for another method') : refuse('wrong password')
  }
  if (!isFor(answer.uri, asked.target)) return refuse('credentials for another address')
  return nonces.isGood(answer.nonce, nowMs) ? LET_IN : askAgain('stale nonce')
}

function isSignedBy(secrets: readonly string[], answer: DigestAnswer, method: string): boolean {
  return secrets.map(secret => isSameText(responseOf(secret, { ...answer, method }), answer.response)).includes(true)
}

/** ESP-IDF 4 leaves the query out of what it signs. */
function isFor(uri: string, target: string): boolean {
  const [signed, asked] = [originForm(uri), originForm(target)]
  return signed === asked || signed === asked.split('?', 1)[0]
}

/**
 * The one WWW-Authenticate of a 401: esp_http_client makes one of several. That of Digest is MD5, which every release of ESP-IDF has, and its
 * parameters stand as esp_http_client looks for them: the algorithm without quotes and before a comma, one qop (clients.md 5.6).
 */
export function challengeOf(
  scheme: AuthScheme,
  nonces: Nonces,
  opaque: string,
  judgement: Judgement,
  nowMs: number
): string {
  switch (scheme) {
    case 'basic':
      return `Basic realm="${REALM}", charset="UTF-8"`
    case 'digest': {
      const stale = judgement.is === 'asked' && judgement.isStale ? 'stale=true, ' : ''
      return `Digest realm="${REALM}", qop="auth", algorithm=MD5, ${stale}nonce="${nonces.make(nowMs)}", opaque="${opaque}"`
    }
    case 'bearer':
      return `Bearer realm="${REALM}"${judgement.is === 'refused' ? ', error="invalid_token"' : ''}`
  }
}
