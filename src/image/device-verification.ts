import { CHIPS, type Chip } from './chips.js'
import type { DeviceLine, DeviceSituation } from './device-lines.js'
import { type ErasedFlash, onErasedFlash } from './erased-flash.js'
import { type ImageHeader, readHeader } from './header.js'
import { digestAt, endOfChecksum, sha256Of, xorOf } from './integrity.js'
import {
  APP_DESCRIPTOR,
  CHECKSUM,
  FLASH,
  HASH_LENGTH,
  IMAGE_HEADER,
  LIMITS,
  SEGMENT_HEADER,
  UPDATE_SLOT_OFFSET
} from './layout.js'
import { fitsInRam, touchesBootloaderRam, useOf } from './memory.js'
import type { Segment } from './segments.js'

/** A line, or the segments that made none necessary. */
type Walk = { readonly line: string } | { readonly segments: readonly Segment[]; readonly end: number }

/**
 * What esp_image_verify prints at the end of an update, and then the bootloader: esp_image_format.c, step by step, on a slot that
 * holds the file and 0xFF behind it. A cut file thus gets the misleading line that its device shows.
 */
export function verificationLine(bytes: Uint8Array, situation: DeviceSituation): DeviceLine | undefined {
  const header = readHeader(bytes)
  if (header === undefined || situation.chip === null) return undefined
  const chip = CHIPS[situation.chip]
  const walk = walkSegments(onErasedFlash(bytes), header, chip, situation.pageSize)
  if ('line' in walk) return atOtaEnd(walk.line)
  const sealLine = sealLineOf(bytes, header, walk, situation)
  return sealLine === undefined ? bootLine(chip, header, walk.segments, situation.pageSize) : atOtaEnd(sealLine)
}

function walkSegments(flash: ErasedFlash, header: ImageHeader, chip: Chip, pageSize: number): Walk {
  if (header.segmentCount > LIMITS.segmentCount) {
    return { line: `image at ${hex(UPDATE_SLOT_OFFSET)} segment count ${header.segmentCount} exceeds max 16` }
  }
  const segments: Segment[] = []
  let end: number = IMAGE_HEADER.length
  for (let index = 0; index < header.segmentCount; index++) {
    const loadAddress = flash.wordAt(end + SEGMENT_HEADER.loadAddress)
    const length = flash.wordAt(end + SEGMENT_HEADER.dataLength)
    const segment = { index, loadAddress, offset: end + SEGMENT_HEADER.length, length }
    const line = segmentLine(flash, segment, chip, pageSize)
    if (line !== undefined) return { line }
    segments.push(segment)
    end = segment.offset + length
  }
  return { segments, end }
}

function segmentLine(flash: ErasedFlash, segment: Segment, chip: Chip, pageSize: number): string | undefined {
  const { index, loadAddress, offset, length } = segment
  if (length % 4 !== 0 || length >= chip.flashLimit) return `invalid segment length ${hex(length)}`
  if (index === 0 && length < LIMITS.firstSegmentLength) {
    return `Segment 0: length ${hex(length)} is too short for app description`
  }
  if (index === 0 && chip.pageSizes.length > 1 && flash.wordAt(offset) !== APP_DESCRIPTOR.magicWord) {
    return 'Failed to fetch app description header!'
  }
  // Slots start at multiples of 64 KiB. Where pages are larger, the slot's place counts as well, and nobody knows it here.
  if (useOf(chip, segment, pageSize) === 'map' && offset % pageSize !== loadAddress % pageSize) {
    const place = address(UPDATE_SLOT_OFFSET + offset)
    return `Segment ${index} load address ${address(loadAddress)}, doesn't match data ${place}`
  }
  return undefined
}

function sealLineOf(
  bytes: Uint8Array,
  header: ImageHeader,
  { segments, end }: { readonly segments: readonly Segment[]; readonly end: number },
  { seal, slotSize }: DeviceSituation
): string | undefined {
  const checksumEnd = endOfChecksum(end)
  const calculated = seal?.checksum?.calculated ?? checksumOnErasedFlash(bytes, segments)
  const found = onErasedFlash(bytes).byteAt(checksumEnd - 1)
  if (calculated !== found) return `Checksum failed. Calculated ${hex(calculated)} read ${hex(found)}`

  const hashed = header.hashAppended !== 0
  const imageLength = checksumEnd + (hashed ? HASH_LENGTH : 0)
  if (slotSize !== undefined && imageLength > slotSize) {
    return `Image length ${imageLength} doesn't fit in partition length ${slotSize}`
  }
  return hashed && !isHashRight(bytes, checksumEnd, seal) ? 'Image hash failed - image is corrupt' : undefined
}

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
function isHashRight(bytes: Uint8Array, end: number, seal: DeviceSituation['seal']): boolean {
  if (seal?.hash !== undefined) return seal.hash.calculated === seal.hash.found
  if (end > bytes.length) return false
  return sha256Of(bytes.subarray(0, end)) === digestAt(bytes, end).padEnd(HASH_LENGTH * 2, 'f')
}

/** What the bootloader says to segments that it has to copy, before it copies: process_segment_data with `do_load`. */
function bootLine(
  chip: Chip,
  header: ImageHeader,
  segments: readonly Segment[],
  pageSize: number
): DeviceLine | undefined {
  for (const segment of segments) {
    if (segment.length === 0 || useOf(chip, segment, pageSize) !== 'load') continue
    const end = segment.loadAddress + segment.length
    const invalid = `Segment ${segment.index} ${address(segment.loadAddress)}-${address(end)} invalid: `
    if (!fitsInRam(chip, segment.loadAddress, segment.length)) return atBoot(`${invalid}bad load address range`)
    if (touchesBootloaderRam(chip, segment, header)) {
      return { ...atBoot(`${invalid}overlaps bootloader`), likely: true }
    }
  }
  return undefined
}

function atOtaEnd(text: string): DeviceLine {
  return { stage: 'ota-end', level: 'E', tag: 'esp_image', text }
}

function atBoot(text: string): DeviceLine {
  return { stage: 'boot', level: 'E', tag: 'esp_image', text }
}

/** C's `0x%x`. */
function hex(value: number): string {
  return `0x${value.toString(16)}`
}

/** C's `0x%08x`. */
function address(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}
