import type { SignatureBlockFields } from './fields.js'
import { prefixLength } from './foreign-kind.js'
import type { Kind } from './kinds.js'
import { FLASH } from './layout.js'
import { verifySector } from './secure-boot-v2.js'
import { NO_SIGNATURE, type SignatureReport } from './signature.js'
import { readSignatureSector } from './signature-sector.js'
import type { ImageContext } from './verdict.js'
import { verifyPrefix } from './verify-signature.js'

/**
 * Checks the signature of a file that is no ESP image: in front of an app (esp32FOTA), or in the last sector of a data partition.
 * Other kinds carry none that is known here; null where the project asks for no signatures.
 */
export function verifySpecialSignature(bytes: Uint8Array, kind: Kind, context: ImageContext): SignatureReport | null {
  const { chip = null, signature } = context
  if (signature === undefined || signature.policy === 'off') return null
  const { keys } = signature
  if (kind === 'signature-prefixed-app') return verifyPrefix(bytes, prefixLength(bytes) ?? 0, keys)
  if (kind !== 'signed-data') return NO_SIGNATURE
  return verifySector(bytes, { sector: lastSector(bytes), blocks: readLastSector(bytes), chip, keys })
}

/** The signature blocks in the last sector of a signed data partition. */
export function readLastSector(bytes: Uint8Array): readonly SignatureBlockFields[] {
  return readSignatureSector(bytes, lastSector(bytes))
}

function lastSector(bytes: Uint8Array): number {
  return Math.max(0, bytes.length - FLASH.sectorLength)
}
