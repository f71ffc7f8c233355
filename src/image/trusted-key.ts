import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { keyFieldsOf, publicKeyFromRaw } from './key-fields.js'
import { KEY_DIGEST, RAW_P256_KEY_LENGTH } from './layout.js'
import { keyOrNothing } from './openssl.js'

/** A public key whose signatures the project takes, or the digest of one as eFuses hold it. */
export interface TrustedKey {
  /** Null where only the digest is known; such a key verifies Secure Boot v2, whose blocks bring the key along. */
  readonly publicKey: KeyObject | null
  /**
   * SHA-256 of the key's fields in a Secure Boot v2 block, hexadecimal; the first half of it where no more was given, which is what
   * an ESP32-C2 compares. Null for keys that Secure Boot v2 has no block for.
   */
  readonly digest: string | null
}

/**
 * Reads a key that signatures are checked with: a public key in PEM, the 64 raw bytes that espsecure extracts for Secure Boot v1, or
 * a key digest, as text (hexadecimal, spaces and colons allowed, as espefuse prints it) or as its 32 bytes (16 on an ESP32-C2).
 * Undefined for everything else, private keys above all: they have no business near a server.
 */
export function readTrustedKey(pemOrRaw: Uint8Array): TrustedKey | undefined {
  const text = Buffer.from(pemOrRaw).toString('latin1').trim()
  if (text.includes('-----BEGIN')) return /^-----BEGIN (RSA )?PUBLIC KEY-----/.test(text) ? readPem(text) : undefined
  // Text first: 64 hexadecimal digits are as many bytes as a raw key, and no raw key consists of digits.
  const digits = text.replace(/[\s:]/g, '').toLowerCase()
  if (/^[0-9a-f]+$/.test(digits) && isDigestLength(digits.length / 2)) return { publicKey: null, digest: digits }
  if (pemOrRaw.length === RAW_P256_KEY_LENGTH) return trusting(publicKeyFromRaw(pemOrRaw))
  if (isDigestLength(pemOrRaw.length)) return { publicKey: null, digest: Buffer.from(pemOrRaw).toString('hex') }
  return undefined
}

/** Which of the keys a digest in a signature block belongs to, counted from 0; undefined where it is nobody's. */
export function trustedKeyWithDigest(keys: readonly TrustedKey[], digest: string): number | undefined {
  const index = keys.findIndex(key => key.digest !== null && digest.startsWith(key.digest))
  return index < 0 ? undefined : index
}

function readPem(text: string): TrustedKey | undefined {
  return trusting(keyOrNothing(() => createPublicKey(text)))
}

/** RSA of any length and the three curves of Secure Boot: what a signature here can be made with. */
function trusting(publicKey: KeyObject | undefined): TrustedKey | undefined {
  if (publicKey === undefined) return undefined
  const fields = keyFieldsOf(publicKey)
  if (fields === undefined && publicKey.asymmetricKeyType !== 'rsa') return undefined
  return { publicKey, digest: fields === undefined ? null : createHash('sha256').update(fields).digest('hex') }
}

function isDigestLength(length: number): boolean {
  return length === KEY_DIGEST.length || length === KEY_DIGEST.halfLength
}
