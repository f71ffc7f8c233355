import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** What a client sends with `Authorization: Digest` (RFC 7616, 3.4). */
export interface DigestAnswer {
  readonly username: string
  readonly realm: string
  readonly nonce: string
  readonly uri: string
  readonly response: string
  readonly cnonce: string
  readonly nc: string
}

/** What goes into a response beside the user's secret. */
export interface Signed {
  readonly method: string
  readonly uri: string
  readonly nonce: string
  readonly nc: string
  readonly cnonce: string
}

export type DigestAlgorithm = 'md5' | 'sha256'

const hash = (algorithm: DigestAlgorithm, text: string): string => createHash(algorithm).update(text).digest('hex')

/** HA1 of RFC 7616, 3.4.2: what is kept of a password. */
export function secretOf(user: string, realm: string, password: string, algorithm: DigestAlgorithm = 'md5'): string {
  return hash(algorithm, `${user}:${realm}:${password}`)
}

/** The response that proves the secret, with qop=auth (RFC 7616, 3.4.1). */
export function responseOf(
  secret: string,
  { method, uri, nonce, nc, cnonce }: Signed,
  algorithm: DigestAlgorithm = 'md5'
): string {
  return hash(algorithm, `${secret}:${nonce}:${nc}:${cnonce}:auth:${hash(algorithm, `${method}:${uri}`)}`)
}

/** A parameter and the comma behind it: a token, `=`, and a token or a quoted string (RFC 9110, 11.2). */
const PARAMETER = /[\s,]*([\w!#$%&'*+.^`|~-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))[ \t]*(?:,|$)/y
const REST = /[\s,]*$/y

/** The parameters of an Authorization field, by their names in lower case; undefined when it is malformed, or names one twice. */
export function readParameters(text: string): ReadonlyMap<string, string> | undefined {
  const found = new Map<string, string>()
  let at = 0
  for (;;) {
    REST.lastIndex = at
    if (REST.test(text)) return found
    PARAMETER.lastIndex = at
    const [whole, name = '', quoted, token = ''] = PARAMETER.exec(text) ?? []
    if (whole === undefined || found.has(name.toLowerCase())) return undefined
    found.set(name.toLowerCase(), quoted === undefined ? token : quoted.replace(/\\(.)/g, '$1'))
    at += whole.length
  }
}

/**
 * What a client answers to a challenge with MD5 and qop=auth; undefined for everything else. ESP-IDF 4 writes the algorithm in quotes, which
 * RFC 7616 forbids (components/esp_http_client/lib/http_auth.c).
 */
export function readDigest(parameters: string): DigestAnswer | undefined {
  const found = readParameters(parameters)
  if (found === undefined) return undefined
  const [username, realm, nonce, uri] = ['username', 'realm', 'nonce', 'uri'].map(name => found.get(name))
  const [response = '', cnonce = '', nc = ''] = ['response', 'cnonce', 'nc'].map(name => found.get(name))
  if (username === undefined || realm === undefined || nonce === undefined || uri === undefined) return undefined
  const isAsChallenged = found.get('qop')?.toLowerCase() === 'auth' && /^md5$/i.test(found.get('algorithm') ?? 'MD5')
  const isWhole = /^[0-9a-f]{32}$/i.test(response) && /^[0-9a-f]{8}$/i.test(nc) && cnonce !== ''
  if (!isAsChallenged || !isWhole) return undefined
  return { username: fromWire(username), realm, nonce, uri, response: response.toLowerCase(), cnonce, nc }
}

/** Node hands the bytes of a field on as Latin-1. */
function fromWire(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8').normalize('NFC')
}

/** Whether two texts of one length are the same, in a time that does not tell where they differ. */
export function isSameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** How long a nonce is good for. */
export const NONCE_MS = 5 * 60 * 1000

const TIME_BYTES = 6
const PROOF_BYTES = 16

/** Nonces that are kept nowhere: each carries its time, and a proof that it was made with this key. */
export class Nonces {
  readonly #key: Buffer

  constructor(key: Buffer) {
    this.#key = key
  }

  make(nowMs: number): string {
    const time = Buffer.alloc(TIME_BYTES)
    time.writeUIntBE(Math.floor(nowMs), 0, TIME_BYTES)
    return Buffer.concat([time, this.#proofOf(time)]).toString('base64url')
  }

  /** Whether it was made with this key not long ago. */
  isGood(nonce: string, nowMs: number): boolean {
    const bytes = Buffer.from(nonce, 'base64url')
    if (bytes.length !== TIME_BYTES + PROOF_BYTES) return false
    const time = bytes.subarray(0, TIME_BYTES)
    const ageMs = nowMs - time.readUIntBE(0, TIME_BYTES)
    // Made in this very millisecond, it is a fraction younger than now.
    return timingSafeEqual(bytes.subarray(TIME_BYTES), this.#proofOf(time)) && ageMs >= 0 && ageMs <= NONCE_MS
  }

  #proofOf(time: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(time).digest().subarray(0, PROOF_BYTES)
  }
}
