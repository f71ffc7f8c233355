/**
 * Signs built images in every form that the judge knows, with keys made for the run: what espsecure, bin_signing.py of
 * arduino-esp32, firmware_sign.py of the SmartThings SDK and esp32FOTA's instructions do.
 */
import { constants, createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { BlockScheme } from '../../src/image/chips.js'
import { crc32 } from '../../src/image/crc32.js'
import { SMARTTHINGS_FOOTER } from '../../src/image/layout.js'

/** A pair of keys for one scheme. */
export interface SigningKey {
  readonly scheme: BlockScheme | 'rsa2048' | 'rsa4096'
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** The public key as `openssl … -pubout` writes it. */
  readonly pem: Buffer
}

const NAMED_CURVES = { 'ecdsa-p192': 'prime192v1', 'ecdsa-p256': 'prime256v1', 'ecdsa-p384': 'secp384r1' } as const
const COORDINATE_LENGTHS = { 'ecdsa-p192': 24, 'ecdsa-p256': 32, 'ecdsa-p384': 48 } as const
const CURVE_NUMBERS = { 'ecdsa-p192': 1, 'ecdsa-p256': 2, 'ecdsa-p384': 3 } as const

/** A new key; another call gives another one. */
export function aSigningKey(scheme: SigningKey['scheme']): SigningKey {
  const { privateKey, publicKey } = scheme.startsWith('rsa')
    ? generateKeyPairSync('rsa', { modulusLength: Number(scheme.slice(3)) })
    : generateKeyPairSync('ec', { namedCurve: NAMED_CURVES[scheme as keyof typeof NAMED_CURVES] })
  return { scheme, privateKey, publicKey, pem: Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })) }
}

/** X and Y of P-256 as `espsecure extract-public-key` writes them for Secure Boot v1. */
export function rawKey({ publicKey }: SigningKey): Buffer {
  return pointOf(publicKey, 32)
}

/** The image with 68 bytes of Secure Boot v1 behind it. */
export function signedV1(image: Uint8Array, { privateKey }: SigningKey): Buffer {
  const signature = sign('sha256', image, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return Buffer.concat([image, Buffer.alloc(4), signature])
}

/** The image with a signature sector of Secure Boot v2 behind it, one block for each key. */
export function signedV2(image: Uint8Array, keys: readonly SigningKey[]): Buffer {
  const sector = Math.ceil(image.length / 0x1000) * 0x1000
  const file = Buffer.alloc(sector + 0x1000, 0xff)
  file.set(image)
  const content = file.subarray(0, sector)
  for (const [index, key] of keys.entries()) file.set(signatureBlock(content, key), sector + index * 1216)
  return file
}

/** The firmware with the footer of the SmartThings ota_demo: the signature is over its hash, hashed once more. */
export function withFooter(firmware: Uint8Array, { privateKey }: SigningKey): Buffer {
  const { opening, closing } = SMARTTHINGS_FOOTER
  const digest = createHash('sha256').update(firmware).digest()
  return Buffer.concat([firmware, Buffer.from(opening), sign('sha256', digest, privateKey), Buffer.from(closing)])
}

/** The image behind an esp32FOTA signature, whose length is that of the key. */
export function withPrefix(image: Uint8Array, { privateKey }: SigningKey): Buffer {
  return Buffer.concat([sign('sha256', image, privateKey), image])
}

/** The image with the 512 bytes of bin_signing.py behind it. */
export function withArduinoSignature(
  image: Uint8Array,
  { scheme, privateKey: key }: SigningKey,
  hash = 'sha256'
): Buffer {
  const padding = constants.RSA_PKCS1_PSS_PADDING
  const saltLength = constants.RSA_PSS_SALTLEN_MAX_SIGN
  const block = Buffer.alloc(512)
  sign(hash, image, scheme.startsWith('rsa') ? { key, padding, saltLength } : key).copy(block)
  return Buffer.concat([image, block])
}

function signatureBlock(content: Uint8Array, key: SigningKey): Buffer {
  const block = Buffer.alloc(1216)
  if (key.scheme.startsWith('rsa')) writeRsaBlock(block, content, key)
  else writeEcdsaBlock(block, content, key)
  block.writeUInt32LE(crc32(block.subarray(0, 1196)), 1196)
  return block
}

function writeRsaBlock(block: Buffer, content: Uint8Array, { privateKey: key, publicKey }: SigningKey): void {
  const jwk = publicKey.export({ format: 'jwk' })
  const n = BigInt(`0x${Buffer.from(jwk.n ?? '', 'base64url').toString('hex')}`)
  const e = BigInt(`0x${Buffer.from(jwk.e ?? '', 'base64url').toString('hex')}`)
  const padding = constants.RSA_PKCS1_PSS_PADDING
  block.set([0xe7, 2, 0, 0])
  block.set(createHash('sha256').update(content).digest(), 4)
  block.set(littleEndian(n, 384), 36)
  block.set(littleEndian(e, 4), 420)
  block.set(littleEndian(2n ** 6144n % n, 384), 424)
  block.set(littleEndian((1n << 32n) - inverse(n % (1n << 32n), 1n << 32n), 4), 808)
  block.set(sign('sha256', content, { key, padding, saltLength: 32 }).reverse(), 812)
}

function writeEcdsaBlock(block: Buffer, content: Uint8Array, { scheme, privateKey, publicKey }: SigningKey): void {
  const curve = scheme as keyof typeof NAMED_CURVES
  const length = COORDINATE_LENGTHS[curve]
  const isP384 = curve === 'ecdsa-p384'
  const hash = isP384 ? 'sha384' : 'sha256'
  const signature = sign(hash, content, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  const key = isP384 ? 52 : 36
  block.set([0xe7, 3, isP384 ? 1 : 0, 0])
  block.set(createHash(hash).update(content).digest(), 4)
  block.writeUInt8(CURVE_NUMBERS[curve], key)
  block.set(halvesReversed(pointOf(publicKey, length)), key + 1)
  block.set(halvesReversed(signature), isP384 ? 149 : 101)
}

/** X and Y, big-endian: what the DER of a public key ends with. */
function pointOf(key: KeyObject, coordinateLength: number): Buffer {
  return key.export({ type: 'spki', format: 'der' }).subarray(-2 * coordinateLength)
}

function halvesReversed(numbers: Uint8Array): Buffer {
  const half = numbers.length / 2
  const [first, second] = [numbers.subarray(0, half), numbers.subarray(half)]
  return Buffer.concat([Buffer.from(first).reverse(), Buffer.from(second).reverse()])
}

function littleEndian(value: bigint, length: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex').reverse()
}

/** By Euclid, on purpose: the judge goes another way, and tests should not share its mistakes. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [modulus, value, 0n, 1n]
  while (b > 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y]
  return ((x % modulus) + modulus) % modulus
}
