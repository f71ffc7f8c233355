import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { secretOf } from './digest.js'

const AUTH_SCHEMES = ['basic', 'digest', 'bearer'] as const
export type AuthScheme = (typeof AUTH_SCHEMES)[number]

/** What devices are told that the credentials are for; part of what Digest hashes. */
export const REALM = 'otad'

/** Whom firmware is for. Holds no password and no token, only what proves one. */
export interface Credentials {
  readonly scheme: AuthScheme
  /** Proofs by user; those of tokens are under the empty name. A user may have several passwords, while they are changed. */
  readonly proofs: ReadonlyMap<string, readonly Buffer[]>
}

export type ReadCredentials =
  | { readonly ok: true; readonly credentials: Credentials }
  /** What is wrong with the text, in words that follow the name of its file; never what stands in it. */
  | { readonly ok: false; readonly complaint: string }

/** A secret that nobody has to remember need not be short (SP 800-63B; ETSI EN 303 645, 5.1). */
export const SHORTEST_SECRET = 16

/** b64token of RFC 6750, 2.1. */
const TOKEN = /^[\w.~+/-]+=*$/

/** Proofs are of no use to another process. */
const PROCESS_KEY = randomBytes(32)

const proofOf = (text: string): Buffer => createHmac('sha256', PROCESS_KEY).update(text.normalize('NFC')).digest()

/** Reads a file of credentials: `user:password` a line, or a token a line; blank lines and those that begin with # are skipped. */
export function readCredentials(scheme: AuthScheme, text: string): ReadCredentials {
  const proofs = new Map<string, Buffer[]>()
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .entries()) {
    const entry = line.trim()
    if (entry === '' || entry.startsWith('#')) continue
    const read = scheme === 'bearer' ? readToken(entry) : readPassword(entry, scheme)
    if ('complaint' in read) return { ok: false, complaint: `is malformed: line ${index + 1} ${read.complaint}` }
    proofs.set(read.user, [...(proofs.get(read.user) ?? []), read.proof])
  }
  if (proofs.size === 0) return { ok: false, complaint: 'holds no credentials' }
  return { ok: true, credentials: { scheme, proofs } }
}

type ReadEntry = { readonly user: string; readonly proof: Buffer } | { readonly complaint: string }

function readToken(token: string): ReadEntry {
  if (!TOKEN.test(token))
    return { complaint: 'holds a character that no token may have (RFC 6750: letters, digits, -._~+/)' }
  return tooShort('token', token) ?? { user: '', proof: proofOf(token) }
}

function readPassword(entry: string, scheme: 'basic' | 'digest'): ReadEntry {
  const colon = entry.indexOf(':')
  if (colon < 0) return { complaint: 'has no colon between user and password' }
  const user = entry.slice(0, colon).trim().normalize('NFC')
  const password = entry.slice(colon + 1).trim()
  if (user === '') return { complaint: 'has no user before its colon' }
  if (/\p{Cc}/u.test(entry)) return { complaint: 'holds a control character' }
  // esp_http_client writes the name between quotes as it is.
  if (scheme === 'digest' && /["\\]/.test(user)) return { complaint: 'has a user with a quote or a backslash' }
  const proof = scheme === 'basic' ? proofOf(password) : Buffer.from(secretOf(user, REALM, password.normalize('NFC')))
  return tooShort('password', password) ?? { user, proof }
}

function tooShort(what: string, secret: string): { readonly complaint: string } | undefined {
  const { length } = [...secret]
  if (length >= SHORTEST_SECRET) return undefined
  return { complaint: `has a ${what} of ${length} characters, and ${SHORTEST_SECRET} are the least` }
}

/** Whether it is a password of this user, or a token under the empty name. Takes as long for a user that there is not. */
export function knows({ proofs }: Credentials, user: string, secret: string): boolean {
  const given = proofOf(secret)
  return isAmong(proofs.get(user) ?? [NOBODY], given)
}

/** HA1 of each password of a user, as hexadecimal; of nobody where there is no such user, so that it takes as long. */
export function secretsOf({ proofs }: Credentials, user: string): readonly string[] {
  return (proofs.get(user) ?? [NOBODY]).map(proof => proof.toString('latin1'))
}

const NOBODY = randomBytes(32)

/** Looks at all of them, whichever it is. */
function isAmong(proofs: readonly Buffer[], given: Buffer): boolean {
  return proofs.map(proof => timingSafeEqual(proof, given)).includes(true)
}
