import { createHash } from 'node:crypto'
import type { BlockScheme } from './chips.js'
import { crc32 } from './crc32.js'
import type { SignatureBlockFields } from './fields.js'
import { bytesAreAt } from './filling.js'
import { FLASH, SIGNATURE_BLOCK } from './layout.js'
import { viewOf } from './little-endian.js'
import type { Problem } from './problem.js'

/** Where the parts of a block lie under its scheme: ets_secure_boot_signature_t of esp_secure_boot.h, one layout each. */
interface BlockLayout {
  readonly digest: 'sha256' | 'sha384'
  readonly keyStart: number
  readonly keyEnd: number
  readonly signatureStart: number
  /** Length of the signature of RSA, or of r and of s of ECDSA. */
  readonly numberLength: number
}

const ECDSA = {
  digest: 'sha256',
  keyStart: SIGNATURE_BLOCK.ecdsaCurve,
  keyEnd: SIGNATURE_BLOCK.ecdsaKeyEnd,
  signatureStart: SIGNATURE_BLOCK.ecdsaSignature
} as const

/** The parts of a block under each scheme. */
export const BLOCK_LAYOUTS: Readonly<Record<BlockScheme, BlockLayout>> = {
  rsa3072: {
    digest: 'sha256',
    keyStart: SIGNATURE_BLOCK.rsaKey,
    keyEnd: SIGNATURE_BLOCK.rsaKeyEnd,
    signatureStart: SIGNATURE_BLOCK.rsaSignature,
    numberLength: SIGNATURE_BLOCK.rsaSignatureLength
  },
  'ecdsa-p192': { ...ECDSA, numberLength: 24 },
  'ecdsa-p256': { ...ECDSA, numberLength: 32 },
  'ecdsa-p384': {
    digest: 'sha384',
    keyStart: SIGNATURE_BLOCK.p384Curve,
    keyEnd: SIGNATURE_BLOCK.p384KeyEnd,
    signatureStart: SIGNATURE_BLOCK.p384Signature,
    numberLength: 48
  }
}

/** Where the signature sector of an image of this length begins: the next multiple of 4 KiB, what lies before it being signed too. */
export function signatureSectorOffset(imageLength: number): number {
  return Math.ceil(imageLength / FLASH.sectorLength) * FLASH.sectorLength
}

/** Whether a whole sector at this offset opens with a signature block's magic. */
export function isSignatureSectorAt(bytes: Uint8Array, offset: number): boolean {
  return offset + FLASH.sectorLength <= bytes.length && bytes[offset] === SIGNATURE_BLOCK.magicByte
}

/**
 * Reads the signature blocks of Secure Boot v2 in a sector: whether each is whole and made for the bytes before the sector.
 * Says nothing of the signatures themselves: secure-boot-v2.ts does.
 */
export function readSignatureSector(bytes: Uint8Array, sector: number): readonly SignatureBlockFields[] {
  const blocks: SignatureBlockFields[] = []
  const digests = new Map<string, Uint8Array>()
  for (let index = 0; index < SIGNATURE_BLOCK.perSector; index++) {
    const start = sector + index * SIGNATURE_BLOCK.length
    const block = bytes.subarray(start, start + SIGNATURE_BLOCK.length)
    if (block.length < SIGNATURE_BLOCK.length || block[SIGNATURE_BLOCK.magic] !== SIGNATURE_BLOCK.magicByte) continue
    blocks.push(readBlock(block, index, digestBefore(bytes, sector, digests)))
  }
  return blocks
}

/** A block that a device would skip is still damage: espsecure never writes one that fails its own checks. */
export function blockProblems({ index, crcValid, scheme, digestValid }: SignatureBlockFields): Problem[] {
  if (!crcValid) return [{ code: 'signature-invalid', block: index, reason: 'crc' }]
  if (scheme === null) return [{ code: 'signature-invalid', block: index, reason: 'version' }]
  return digestValid ? [] : [{ code: 'signature-invalid', block: index, reason: 'digest' }]
}

/** Whether the CRC-32 of a signature block holds: plain zlib CRC over everything before it. */
export function isBlockWhole(block: Uint8Array): boolean {
  if (block.length < SIGNATURE_BLOCK.length || block[SIGNATURE_BLOCK.magic] !== SIGNATURE_BLOCK.magicByte) return false
  return crc32(block.subarray(0, SIGNATURE_BLOCK.crc)) === viewOf(block).getUint32(SIGNATURE_BLOCK.crc, true)
}

function readBlock(
  block: Uint8Array,
  index: number,
  digestOf: (algorithm: BlockLayout['digest']) => Uint8Array
): SignatureBlockFields {
  const version = block[SIGNATURE_BLOCK.version] ?? 0
  const crcValid = isBlockWhole(block)
  const scheme = schemeOf(block)
  if (scheme === null) return { index, version, crcValid, scheme, digestValid: false, keyDigest: null }
  const layout = BLOCK_LAYOUTS[scheme]
  const key = block.subarray(layout.keyStart, layout.keyEnd)
  return {
    index,
    version,
    crcValid,
    scheme,
    digestValid: bytesAreAt(block, SIGNATURE_BLOCK.digest, digestOf(layout.digest)),
    keyDigest: createHash('sha256').update(key).digest('hex')
  }
}

function schemeOf(block: Uint8Array): BlockScheme | null {
  const version = block[SIGNATURE_BLOCK.version]
  if (version === SIGNATURE_BLOCK.rsaVersion) return 'rsa3072'
  if (version !== SIGNATURE_BLOCK.ecdsaVersion) return null
  if (block[SIGNATURE_BLOCK.digestAlgorithm] === SIGNATURE_BLOCK.sha384) {
    return block[SIGNATURE_BLOCK.p384Curve] === 3 ? 'ecdsa-p384' : null
  }
  const curve = block[SIGNATURE_BLOCK.ecdsaCurve]
  if (curve === 1) return 'ecdsa-p192'
  return curve === 2 ? 'ecdsa-p256' : null
}

/** Up to three blocks want the same digest of a large file: it is made once. */
function digestBefore(bytes: Uint8Array, end: number, known: Map<string, Uint8Array>) {
  return (algorithm: BlockLayout['digest']): Uint8Array => {
    const digest = known.get(algorithm) ?? createHash(algorithm).update(bytes.subarray(0, end)).digest()
    known.set(algorithm, digest)
    return digest
  }
}
