import { readAppDescriptor } from './app-descriptor.js'
import { kindOfDataPartition } from './data-partitions.js'
import { isFilledWith } from './filling.js'
import type { Kind } from './kinds.js'
import { FLASH, IMAGE_HEADER, PREFIXED_SIGNATURE_LENGTHS } from './layout.js'
import { startsErasedBeforeBootloader } from './merged-flash.js'
import { kindByPrefix } from './prefixes.js'
import { isBlockWhole } from './signature-sector.js'

/** What a file is that does not begin as an ESP image: fillings first, then magic bytes, then structures that need a closer look. */
export function kindOfForeignFile(bytes: Uint8Array): Kind {
  if (bytes.length === 0) return 'empty'
  if (isFilledWith(bytes, FLASH.erasedByte)) return 'erased'
  if (isFilledWith(bytes, 0)) return 'zeros'
  return kindByPrefix(bytes) ?? kindByStructure(bytes) ?? 'unknown'
}

function kindByStructure(bytes: Uint8Array): Kind | undefined {
  if (startsErasedBeforeBootloader(bytes)) return 'merged-flash'
  const partition = kindOfDataPartition(bytes)
  if (partition !== undefined) return partition
  if (prefixLength(bytes) !== undefined) return 'signature-prefixed-app'
  return isBlockWhole(bytes.subarray(lastSector(bytes))) ? 'signed-data' : undefined
}

/** Length of the signature that stands in front of an app; undefined where no app begins behind one. */
export function prefixLength(bytes: Uint8Array): number | undefined {
  return PREFIXED_SIGNATURE_LENGTHS.find(length => isAppAt(bytes, length))
}

function isAppAt(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset] === IMAGE_HEADER.magicByte && readAppDescriptor(bytes.subarray(offset)) !== undefined
}

/** The signature sector of a data partition is its last one. */
function lastSector(bytes: Uint8Array): number {
  return Math.max(0, bytes.length - FLASH.sectorLength)
}
