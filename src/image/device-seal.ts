import { atOtaEnd, type DeviceLine, type DeviceSituation, hex } from './device-lines.js'
import { onErasedFlash } from './erased-flash.js'
import type { ImageHeader } from './header.js'
import { digestAt, endOfChecksum, sha256Of, xorOf } from './integrity.js'
import { CHECKSUM, FLASH, HASH_LENGTH } from './layout.js'
import type { Seal } from './seal.js'
import type { Segment } from './segments.js'

/** Segments that a device has walked to their end. */
export interface WalkedSegments {
  readonly segments: readonly Segment[]
  readonly end: number
}

/** What a device says of the checksum and of the room in the slot: process_checksum of esp_image_format.c. */
export function checksumLine(
  bytes: Uint8Array,
  header: ImageHeader,
  { segments, end }: WalkedSegments,
  { seal, slotSize }: DeviceSituation
): DeviceLine | undefined {
  const checksumEnd = endOfChecksum(end)
  const calculated = seal?.checksum?.calculated ?? checksumOnErasedFlash(bytes, segments)
  const found = onErasedFlash(bytes).byteAt(checksumEnd - 1)
  if (calculated !== found) return atOtaEnd(`Checksum failed. Calculated ${hex(calculated)} read ${hex(found)}`)

  const imageLength = checksumEnd + (header.hashAppended !== 0 ? HASH_LENGTH : 0)
  if (slotSize === undefined || imageLength <= slotSize) return undefined
  return atOtaEnd(`Image length ${imageLength} doesn't fit in partition length ${slotSize}`)
}

/** What a device says of the appended SHA-256: verify_simple_hash. */
export function hashLine(
  bytes: Uint8Array,
  header: ImageHeader,
  { end }: WalkedSegments,
  { seal }: DeviceSituation
): DeviceLine | undefined {
  if (header.hashAppended === 0 || isHashRight(bytes, endOfChecksum(end), seal)) return undefined
  return atOtaEnd(HASH_FAILED)
}

/** The line of verify_simple_hash. */
export const HASH_FAILED = 'Image hash failed - image is corrupt'

/** The missing bytes read as 0xFF, and only whether they are odd in number shows in an XOR. */
function checksumOnErasedFlash(bytes: Uint8Array, segments: readonly Segment[]): number {
  let sum: number = CHECKSUM.seed
  for (const { offset, length } of segments) {
    const present = Math.max(0, Math.min(length, bytes.length - offset))
    sum ^= xorOf(bytes.subarray(offset, offset + present))
    if ((length - present) % 2 === 1) sum ^= FLASH.erasedByte
  }
  return sum
}

/** A hash that the file cuts short is right all the same when 0xFF is what was lost. */
function isHashRight(bytes: Uint8Array, end: number, seal: Seal | undefined): boolean {
  if (seal?.hash !== undefined) return seal.hash.calculated === seal.hash.found
  if (end > bytes.length) return false
  return sha256Of(bytes.subarray(0, end)) === digestAt(bytes, end).padEnd(HASH_LENGTH * 2, 'f')
}
