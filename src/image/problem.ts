import { CHIPS, type ChipName } from './chips.js'
import { describeKind, type Kind } from './kinds.js'
import { ESP8266_IMAGE, IMAGE_HEADER, LIMITS } from './layout.js'
import {
  abbreviated,
  alsoOthers,
  ENVELOPE_DAMAGE,
  hex,
  hexByte,
  pageSizes,
  partitionTable,
  revision,
  secondHeader,
  segmentLength,
  signatureDamage,
  unknownChip,
  unverified
} from './problem-phrases.js'
import type { BrokenChain } from './segments.js'
import type { BlockVerdict, SignatureScheme } from './signature.js'

/** Everything that can be wrong with a file, with the facts its sentence needs. Codes that begin with `warn:` do not reject. */
export type Problem =
  | { readonly code: 'empty-file' }
  | { readonly code: 'not-an-esp-image'; readonly kind: Kind; readonly firstByte: number }
  | { readonly code: 'truncated-header'; readonly fileLength: number; readonly headerLength: number }
  | { readonly code: 'shorter-than-1024'; readonly fileLength: number }
  | { readonly code: 'unknown-chip-id'; readonly chipId: number }
  | { readonly code: 'chip-mismatch'; readonly found: ChipName; readonly expected: ChipName }
  | {
      readonly code: 'revision-range-empty'
      /** Left out where the revisions are the chip's own. */
      readonly of?: 'efuse-block'
      readonly minRevision: number
      readonly maxRevision: number
    }
  | { readonly code: 'hash-flag-invalid'; readonly flag: number }
  | { readonly code: 'no-segments' }
  | { readonly code: 'mmu-page-size-unsupported'; readonly chip: ChipName; readonly log2: number }
  | BrokenChain
  | {
      readonly code: 'segment-misaligned'
      readonly index: number
      readonly loadAddress: number
      readonly offset: number
      readonly pageSize: number
    }
  | {
      readonly code: 'segment-bad-load-address'
      readonly chip: ChipName
      readonly index: number
      readonly loadAddress: number
      readonly length: number
      /** How many segments this is true of, the named one included. */
      readonly count: number
    }
  | { readonly code: 'segments-overlap'; readonly index: number; readonly otherIndex: number; readonly address: number }
  | { readonly code: 'truncated-checksum'; readonly wholeLength: number; readonly fileLength: number }
  | { readonly code: 'truncated-hash'; readonly wholeLength: number; readonly fileLength: number }
  | { readonly code: 'checksum-mismatch'; readonly calculated: number; readonly found: number }
  | { readonly code: 'hash-mismatch'; readonly calculated: string; readonly found: string }
  | { readonly code: 'crc32-mismatch'; readonly calculated: number; readonly found: number }
  | { readonly code: 'too-large-for-partition'; readonly length: number; readonly slotSize: number }
  | { readonly code: 'entry-outside-memory'; readonly chip: ChipName; readonly entryAddress: number }
  | { readonly code: 'hash-flag-cleared' }
  | { readonly code: 'signature-invalid'; readonly block: number; readonly reason: 'crc' | 'digest' | 'version' }
  | { readonly code: 'signature-length-unexpected'; readonly length: number; readonly expected: number }
  | { readonly code: 'signature-missing' }
  | { readonly code: 'signature-untrusted'; readonly keyDigests: readonly string[] }
  | {
      readonly code: 'signature-not-verified'
      readonly scheme: SignatureScheme
      /** What the block of Secure Boot v2 came to that tells most; null for the other schemes. */
      readonly block: BlockVerdict | null
    }
  | { readonly code: 'is-bootloader' }
  | { readonly code: 'is-ram-app' }
  | { readonly code: 'is-merged-flash' }
  | { readonly code: 'segment0-too-short'; readonly length: number }
  | { readonly code: 'app-desc-missing'; readonly chip: ChipName }
  | { readonly code: 'bad-second-header'; readonly offset: number; readonly found: number | null }
  | { readonly code: 'envelope-damaged'; readonly kind: Kind; readonly part: 'header' | 'header-crc' | 'digest' }
  | { readonly code: 'envelope-length-mismatch'; readonly kind: Kind; readonly stated: number; readonly found: number }
  | {
      readonly code: 'payload-digest-mismatch'
      readonly kind: Kind
      readonly calculated: string
      readonly found: string
    }
  | { readonly code: 'payload-not-an-app'; readonly kind: Kind; readonly found: Kind }
  | { readonly code: 'partition-table-invalid'; readonly md5: boolean | null }
  /** `count` pages are damaged, the named one included. */
  | { readonly code: 'nvs-page-damaged'; readonly index: number; readonly count: number }
  | { readonly code: 'warn:no-hash' }
  | { readonly code: 'warn:no-app-desc' }
  | { readonly code: 'warn:reserved-header-bytes' }
  | { readonly code: 'warn:flash-mode-unknown'; readonly mode: number }
  | { readonly code: 'warn:segment-in-bootloader-ram'; readonly index: number; readonly loadAddress: number }
  | { readonly code: 'warn:trailing-data'; readonly length: number }
  | { readonly code: 'warn:v2-first-header-count'; readonly count: number }

/** Whether a problem is worth a word but refuses nothing. */
export function isWarning(problem: Problem): boolean {
  return problem.code.startsWith('warn:')
}

/** One plain sentence for people, without a full stop: the thing, the value found and the value expected. */
export function explainProblem(problem: Problem): string {
  switch (problem.code) {
    case 'empty-file':
      return 'the file is empty'
    case 'not-an-esp-image':
      return `the file begins with ${hexByte(problem.firstByte)} instead of ${hexByte(IMAGE_HEADER.magicByte)}: it is ${describeKind(problem.kind)}`
    case 'truncated-header':
      return `the file ends after ${problem.fileLength} bytes, inside the image header of ${problem.headerLength}`
    case 'shorter-than-1024':
      return `the file is ${problem.fileLength} bytes long, and esp_https_ota needs at least ${LIMITS.otaHeaderRead} to begin`
    case 'unknown-chip-id':
      return unknownChip(problem.chipId)
    case 'chip-mismatch':
      return `this image is for ${CHIPS[problem.found].label}, the project is for ${CHIPS[problem.expected].label}`
    case 'revision-range-empty':
      return `no ${problem.of === undefined ? 'chip' : 'eFuse block'} can satisfy it: it asks for revision ${revision(problem.minRevision)} or later and ${revision(problem.maxRevision)} or earlier`
    case 'hash-flag-invalid':
      return `the hash flag of the header is ${problem.flag} instead of 0 or 1`
    case 'no-segments':
      return 'the header announces no segments'
    case 'too-many-segments':
      return `the header announces ${problem.count} segments, ${LIMITS.segmentCount} is the most`
    case 'mmu-page-size-unsupported':
      return `the app descriptor states MMU pages of 2^${problem.log2} bytes, ${CHIPS[problem.chip].label} has ${pageSizes(problem.chip)}`
    case 'segment-length-invalid':
      return segmentLength(problem.index, problem.length, problem.limit)
    case 'segment-misaligned':
      return `segment ${problem.index} lies at ${hex(problem.offset)} in the file and loads at ${hex(problem.loadAddress)}: these differ within an MMU page of ${problem.pageSize / 1024} KiB`
    case 'segment-bad-load-address':
      return `segment ${problem.index} would be loaded to ${hex(problem.loadAddress)}-${hex(problem.loadAddress + problem.length)}, where ${CHIPS[problem.chip].label} has no memory for it${alsoOthers(problem.count)}`
    case 'segments-overlap':
      return `segments ${problem.index} and ${problem.otherIndex} both claim address ${hex(problem.address)}`
    case 'truncated-segment-header':
      return `the file ends after ${problem.fileLength} bytes, before or inside the header of segment ${problem.index}`
    case 'truncated-segment-data':
      return `segment ${problem.index} wants ${problem.length} bytes, ${problem.available} are left`
    case 'truncated-checksum':
      return `the file ends after ${problem.fileLength} bytes, before the checksum that ends at ${problem.wholeLength}`
    case 'truncated-hash':
      return `the file ends after ${problem.fileLength} bytes, inside the SHA-256 that ends at ${problem.wholeLength}`
    case 'checksum-mismatch':
      return `the checksum of the segments is ${hexByte(problem.calculated)}, the image says ${hexByte(problem.found)}`
    case 'hash-mismatch':
      return `the SHA-256 of the image is ${abbreviated(problem.calculated)}, the image says ${abbreviated(problem.found)}`
    case 'crc32-mismatch':
      return `the CRC-32 of the image is ${hex(problem.calculated)}, the image says ${hex(problem.found)}`
    case 'too-large-for-partition':
      return `the image is ${problem.length} bytes, the slot holds ${problem.slotSize}: ${problem.length - problem.slotSize} too many`
    case 'entry-outside-memory':
      return `the entry point ${hex(problem.entryAddress)} is in no memory from which ${CHIPS[problem.chip].label} runs code`
    case 'hash-flag-cleared':
      return `the header says that there is no SHA-256, but the right one follows: the flag at offset ${IMAGE_HEADER.hashAppended} was cleared`
    case 'signature-invalid':
      return signatureDamage(problem.block, problem.reason)
    case 'signature-length-unexpected':
      return `the signature in the SmartThings footer is ${problem.length} bytes, the device takes ${problem.expected} (RSA-2048) only`
    case 'signature-missing':
      return 'the image carries no signature, and the project demands one'
    case 'signature-untrusted':
      return `the signature is right, but by a key that is none of the project's: ${problem.keyDigests.map(abbreviated).join(', ')}`
    case 'signature-not-verified':
      return unverified(problem.scheme, problem.block)
    case 'is-bootloader':
      return `this is ${describeKind('bootloader')}`
    case 'is-ram-app':
      return `this is ${describeKind('ram-app')}`
    case 'is-merged-flash':
      return `this is ${describeKind('merged-flash')}`
    case 'segment0-too-short':
      return `segment 0 is ${problem.length} bytes long, an app descriptor alone takes ${LIMITS.firstSegmentLength}`
    case 'app-desc-missing':
      return `there is no app descriptor, and ${CHIPS[problem.chip].label} needs one for its MMU page size`
    case 'bad-second-header':
      return secondHeader(problem.offset, problem.found)
    case 'envelope-damaged':
      return `this is ${describeKind(problem.kind)}; ${ENVELOPE_DAMAGE[problem.part]}`
    case 'envelope-length-mismatch':
      return `the header states ${problem.stated} bytes, ${problem.found} are there`
    case 'payload-digest-mismatch':
      return `the digest of what is inside is ${abbreviated(problem.calculated)}, the header says ${abbreviated(problem.found)}`
    case 'payload-not-an-app':
      return `what is inside is no app: it is ${describeKind(problem.found)}`
    case 'partition-table-invalid':
      return partitionTable(problem.md5)
    case 'nvs-page-damaged':
      return `the header of NVS page ${problem.index} is damaged: its CRC-32 does not match${alsoOthers(problem.count)}`
    case 'warn:no-hash':
      return 'the image carries no SHA-256, so that only a weak checksum guards it'
    case 'warn:no-app-desc':
      return 'the image has no app descriptor, so that its project and version are not known'
    case 'warn:reserved-header-bytes':
      return 'reserved bytes of the header are not zero'
    case 'warn:flash-mode-unknown':
      return `the flash mode of the header is ${problem.mode}, which has no meaning`
    case 'warn:segment-in-bootloader-ram':
      return `segment ${problem.index} loads to ${hex(problem.loadAddress)}, which the bootloader probably uses itself while it loads`
    case 'warn:trailing-data':
      return `${problem.length} bytes follow the image, and nothing checks them`
    case 'warn:v2-first-header-count':
      return `the first header announces ${problem.count} instead of ${ESP8266_IMAGE.v2SegmentCount}`
  }
}
