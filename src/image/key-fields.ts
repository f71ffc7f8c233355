import { createPublicKey, type KeyObject } from 'node:crypto'
import type { BlockScheme } from './chips.js'
import { ECDSA_KEY_FIELDS, RAW_P256_KEY_LENGTH, RSA_KEY_FIELDS } from './layout.js'
import { keyOrNothing } from './openssl.js'

/** A curve that Secure Boot knows. */
interface Curve {
  /** Its number in a signature block: ECDSA_CURVE_* of esp_secure_boot.h. */
  readonly number: number
  /** Length of one coordinate in bytes. */
  readonly coordinateLength: number
  /** Length of the key's fields in a block, zeros at the end included. */
  readonly fieldsLength: number
  /** The DER of a SubjectPublicKeyInfo up to the point's coordinates (RFC 5480, uncompressed), hexadecimal. */
  readonly spkiPrefix: string
}

const CURVES: Readonly<Record<Exclude<BlockScheme, 'rsa3072'>, Curve>> = {
  'ecdsa-p192': {
    number: 1,
    coordinateLength: 24,
    fieldsLength: ECDSA_KEY_FIELDS.length,
    spkiPrefix: '3049301306072a8648ce3d020106082a8648ce3d03010103320004'
  },
  'ecdsa-p256': {
    number: 2,
    coordinateLength: 32,
    fieldsLength: ECDSA_KEY_FIELDS.length,
    spkiPrefix: '3059301306072a8648ce3d020106082a8648ce3d03010703420004'
  },
  'ecdsa-p384': {
    number: 3,
    coordinateLength: 48,
    fieldsLength: ECDSA_KEY_FIELDS.p384Length,
    spkiPrefix: '3076301006072a8648ce3d020106052b8104002203620004'
  }
}

/** The scheme of each curve, under the names that OpenSSL has for them. */
export const CURVE_SCHEMES: Readonly<Record<string, keyof typeof CURVES>> = {
  prime192v1: 'ecdsa-p192',
  prime256v1: 'ecdsa-p256',
  secp384r1: 'ecdsa-p384'
}

/** The public key that these fields of a signature block hold; undefined where they hold none. */
export function publicKeyIn(fields: Uint8Array, scheme: BlockScheme): KeyObject | undefined {
  if (scheme !== 'rsa3072') {
    const { coordinateLength, spkiPrefix } = CURVES[scheme]
    const point = fields.subarray(ECDSA_KEY_FIELDS.point, ECDSA_KEY_FIELDS.point + 2 * coordinateLength)
    return keyFromDer(spkiPrefix, eachReversed(point, coordinateLength))
  }
  const { modulus, modulusLength, exponent, rSquared } = RSA_KEY_FIELDS
  const n = reversed(fields.subarray(modulus, modulus + modulusLength)).toString('base64url')
  const e = reversed(fields.subarray(exponent, rSquared)).toString('base64url')
  return keyOrNothing(() => createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' }))
}

/** The public key of Secure Boot v1, from the X and Y that espsecure extracts; undefined where they are no point of P-256. */
export function publicKeyFromRaw(raw: Uint8Array): KeyObject | undefined {
  return raw.length === RAW_P256_KEY_LENGTH ? keyFromDer(CURVES['ecdsa-p256'].spkiPrefix, raw) : undefined
}

/**
 * A public key in the fields of a signature block, whose SHA-256 is what eFuses hold: espsecure's generate_signature_block.
 * Undefined for keys that Secure Boot v2 has no block for.
 */
export function keyFieldsOf(key: KeyObject): Uint8Array | undefined {
  if (key.asymmetricKeyType === 'rsa') return rsaFields(key)
  const scheme = CURVE_SCHEMES[key.asymmetricKeyDetails?.namedCurve ?? '']
  return scheme === undefined ? undefined : ecdsaFields(key, CURVES[scheme])
}

function ecdsaFields(key: KeyObject, curve: Curve): Uint8Array | undefined {
  const der = key.export({ type: 'spki', format: 'der' })
  const point = der.subarray(curve.spkiPrefix.length / 2)
  // A compressed point is one coordinate short; espsecure writes none, and no device could use it as it is.
  if (point.length !== 2 * curve.coordinateLength) return undefined
  const fields = new Uint8Array(curve.fieldsLength)
  fields[ECDSA_KEY_FIELDS.curve] = curve.number
  fields.set(eachReversed(point, curve.coordinateLength), ECDSA_KEY_FIELDS.point)
  return fields
}

/** Beside modulus and exponent a block has what Montgomery multiplication needs, and the digest covers it too. */
function rsaFields(key: KeyObject): Uint8Array | undefined {
  const { modulus, modulusLength, exponent, rSquared, negativeInverse, length } = RSA_KEY_FIELDS
  if (key.asymmetricKeyDetails?.modulusLength !== modulusLength * 8) return undefined
  const jwk = key.export({ format: 'jwk' })
  const e = reversed(Buffer.from(jwk.e ?? '', 'base64url'))
  if (e.length > rSquared - exponent) return undefined
  const n = BigInt(`0x${Buffer.from(jwk.n ?? '', 'base64url').toString('hex')}`)
  const fields = new Uint8Array(length)
  fields.set(littleEndian(n, modulusLength), modulus)
  fields.set(e, exponent)
  fields.set(littleEndian((1n << BigInt(2 * modulusLength * 8)) % n, modulusLength), rSquared)
  fields.set(littleEndian(BigInt.asUintN(32, -inverse(n)), 4), negativeInverse)
  return fields
}

/** The inverse of an odd number modulo 2^32, by Newton's iteration, which doubles the right bits each time. */
function inverse(odd: bigint): bigint {
  let found = 1n
  for (let bits = 1; bits < 32; bits *= 2) found = BigInt.asUintN(32, found * (2n - odd * found))
  return found
}

function littleEndian(value: bigint, length: number): Uint8Array {
  return reversed(Buffer.from(value.toString(16).padStart(length * 2, '0'), 'hex'))
}

/** Numbers one behind the other, each in the other byte order. */
export function eachReversed(numbers: Uint8Array, length: number): Buffer {
  const parts: Buffer[] = []
  for (let offset = 0; offset < numbers.length; offset += length) {
    parts.push(reversed(numbers.subarray(offset, offset + length)))
  }
  return Buffer.concat(parts)
}

/** A copy in the other byte order. */
export function reversed(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes).reverse()
}

function keyFromDer(prefix: string, point: Uint8Array): KeyObject | undefined {
  const key = Buffer.concat([Buffer.from(prefix, 'hex'), point])
  return keyOrNothing(() => createPublicKey({ key, format: 'der', type: 'spki' }))
}
