import { readAppDescriptor } from './app-descriptor.js'
import { CHIPS, type Chip, type ChipName } from './chips.js'
import { address, atOtaEnd, type DeviceLine, type DeviceSituation, hex } from './device-lines.js'
import { type ErasedFlash, onErasedFlash } from './erased-flash.js'
import type { ImageHeader } from './header.js'
import { hasEmptyEfuseRange } from './header-problems.js'
import { APP_DESCRIPTOR, IMAGE_HEADER, LIMITS, SEGMENT_HEADER, UPDATE_SLOT_OFFSET } from './layout.js'
import { useOf } from './memory.js'
import { olderEfuseRefusal, olderShortSegment, withOlder } from './older-lines.js'
import type { Segment } from './segments.js'

/** The line that a device stops at, or the segments that made none necessary. */
export type SegmentWalk =
  | { readonly line: DeviceLine }
  | { readonly segments: readonly Segment[]; readonly end: number; readonly line?: never }

/** Walks the segments as process_segments of esp_image_format.c does, on what a slot holds behind a cut file as well. */
export function walkSegments(
  bytes: Uint8Array,
  header: ImageHeader,
  chip: ChipName,
  situation: DeviceSituation
): SegmentWalk {
  if (header.segmentCount > LIMITS.segmentCount) {
    return {
      line: atOtaEnd(`image at ${hex(UPDATE_SLOT_OFFSET)} segment count ${header.segmentCount} exceeds max 16`)
    }
  }
  const flash = onErasedFlash(bytes)
  const segments: Segment[] = []
  let end: number = IMAGE_HEADER.length
  for (let index = 0; index < header.segmentCount; index++) {
    const loadAddress = flash.wordAt(end + SEGMENT_HEADER.loadAddress)
    const length = flash.wordAt(end + SEGMENT_HEADER.dataLength)
    const segment = { index, loadAddress, offset: end + SEGMENT_HEADER.length, length }
    const line =
      segmentLine(flash, segment, CHIPS[chip], situation) ??
      (index === 0 ? efuseLine(bytes, chip, situation) : undefined)
    if (line !== undefined) return { line }
    segments.push(segment)
    end = segment.offset + length
  }
  return { segments, end }
}

function segmentLine(
  flash: ErasedFlash,
  segment: Segment,
  chip: Chip,
  { pageSize, release }: DeviceSituation
): DeviceLine | undefined {
  const { index, loadAddress, offset, length } = segment
  if (length % 4 !== 0 || length >= chip.flashLimit) return atOtaEnd(`invalid segment length ${hex(length)}`)
  if (index === 0 && length < LIMITS.firstSegmentLength) {
    const line = atOtaEnd(`Segment 0: length ${hex(length)} is too short for app description`)
    return withOlder(line, olderShortSegment(release))
  }
  if (index === 0 && chip.pageSizes.length > 1 && flash.wordAt(offset) !== APP_DESCRIPTOR.magicWord) {
    return atOtaEnd('Failed to fetch app description header!')
  }
  // Slots start at multiples of 64 KiB. Where pages are larger, the slot's place counts as well, and nobody knows it here.
  if (useOf(chip, segment, pageSize) === 'map' && offset % pageSize !== loadAddress % pageSize) {
    const place = address(UPDATE_SLOT_OFFSET + offset)
    return atOtaEnd(`Segment ${index} load address ${address(loadAddress)}, doesn't match data ${place}`)
  }
  return undefined
}

/** What the descriptor asks of the eFuse block, once segment 0 is known to be in its place. */
function efuseLine(bytes: Uint8Array, chip: ChipName, { release }: DeviceSituation): DeviceLine | undefined {
  if (!hasEmptyEfuseRange(readAppDescriptor(bytes), chip)) return undefined
  const line = { ...atOtaEnd('Image requires efuse blk rev '), tag: 'boot_comm', likely: true } as const
  return withOlder(line, olderEfuseRefusal(release))
}
