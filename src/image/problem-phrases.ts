import { CHIPS, type ChipName, retiredChipWithId } from './chips.js'
import { HASH_LENGTH, IMAGE_HEADER } from './layout.js'
import type { BlockVerdict, SignatureScheme } from './signature.js'

/*
 * Parts of the sentences of explainProblem.
 */

/** An address or an offset. */
export function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}

/** One byte. */
export function hexByte(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`
}

/** Enough of a digest to compare it by eye. */
export function abbreviated(digest: string): string {
  return digest.length > HASH_LENGTH / 2 ? `${digest.slice(0, HASH_LENGTH / 2)}…` : digest
}

/** A revision as people write it, out of major × 100 + minor. */
export function revision(full: number): string {
  return `v${Math.floor(full / 100)}.${full % 100}`
}

/** An id that is no chip's, or no longer. */
export function unknownChip(chipId: number): string {
  const retired = retiredChipWithId(chipId)
  return retired === undefined
    ? `the header names chip ${chipId}, which no chip has`
    : `the header names chip ${chipId}, which was ${retired}`
}

/** The MMU page sizes of a chip. */
export function pageSizes(chip: ChipName): string {
  return CHIPS[chip].pageSizes.map(size => `${size / 1024} KiB`).join(', ')
}

/** What a segment claims, and why it cannot be. */
export function segmentLength(index: number, length: number, limit: number): string {
  const claim = `segment ${index} claims ${length} bytes`
  return length >= limit ? `${claim}, it has to be less than ${limit}` : `${claim}, which is no multiple of 4`
}

/** That the named one is not the only one. */
export function alsoOthers(count: number): string {
  return count > 1 ? `, and so for ${count - 1} more` : ''
}

/** How a signature block is damaged. */
export function signatureDamage(block: number, reason: 'crc' | 'digest' | 'version'): string {
  switch (reason) {
    case 'crc':
      return `signature block ${block} is damaged: its CRC-32 does not match`
    case 'digest':
      return `signature block ${block} was made for other content: its digest does not match`
    case 'version':
      return `signature block ${block} is of a version or curve that is not known`
  }
}

/** What is wrong with the header of a file around firmware. */
export const ENVELOPE_DAMAGE = {
  header: 'its header is cut or makes no sense',
  'header-crc': 'its header is damaged: the CRC-32 does not match',
  digest: 'it states no digest of a kind that is known'
} as const

/** Why no bootloader would take a partition table. */
export function partitionTable(md5: boolean | null): string {
  return md5 === false
    ? 'the MD5 of the partition table does not match its entries'
    : 'the partition table has no entries, or does not say where it ends'
}

const SCHEME_NAMES: Readonly<Record<SignatureScheme, string>> = {
  'secure-boot-v1': 'Secure Boot v1',
  'secure-boot-v2': 'Secure Boot v2',
  smartthings: 'SmartThings',
  esp32fota: 'esp32FOTA',
  arduino: 'arduino-esp32'
}

/** Why a signature is not verified; what is said of blocks is what the last check of the best one said. */
export function unverified(scheme: SignatureScheme, block: BlockVerdict | null): string {
  const name = SCHEME_NAMES[scheme]
  switch (block) {
    case null:
      return `the ${name} signature is by none of the project's keys, or for other content`
    case 'unfit':
      return `the ${name} signature is of a scheme that the chip does not check`
    case 'wrong':
      return `the ${name} signature is not right by the key that lies beside it`
    case 'unused':
    case 'damaged':
    case 'unknown-version':
    case 'other-content':
    case 'untrusted':
    case 'verified':
      return `the ${name} signature has no block that a device could verify`
  }
}

/** What stands in the place of the second header of an ESP8266 image. */
export function secondHeader(offset: number, found: number | null): string {
  const place = `the second header of the image should be at ${hex(offset)}`
  return found === null
    ? `${place}, behind the end of the file`
    : `${place}, but ${hexByte(found)} stands there instead of ${hexByte(IMAGE_HEADER.magicByte)}`
}
