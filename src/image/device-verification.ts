import { CHIPS, type Chip } from './chips.js'
import { address, type DeviceLine, type DeviceSituation } from './device-lines.js'
import { checksumLine, hashLine } from './device-seal.js'
import { walkSegments } from './device-segments.js'
import { type ImageHeader, readHeader } from './header.js'
import { fitsInRam, touchesBootloaderRam, useOf } from './memory.js'
import type { Segment } from './segments.js'

/**
 * What esp_image_verify prints at the end of an update, and then the bootloader: esp_image_format.c, step by step, on a slot that
 * holds the file and 0xFF behind it. A cut file thus gets the misleading line that its device shows.
 */
export function verificationLines(bytes: Uint8Array, situation: DeviceSituation): readonly DeviceLine[] {
  const header = readHeader(bytes)
  const { chip, pageSize, signatureLines = [] } = situation
  if (header === undefined || chip === null) return []
  const walk = walkSegments(bytes, header, chip, situation)
  if (walk.line !== undefined) return [walk.line]
  const beforeSignature = checksumLine(bytes, header, walk, situation)
  if (beforeSignature !== undefined) return [beforeSignature]
  // Where a signature is demanded the hash is not looked at for itself.
  if (signatureLines.length > 0) return signatureLines
  const line = hashLine(bytes, header, walk, situation) ?? bootLine(CHIPS[chip], header, walk.segments, pageSize)
  return line === undefined ? [] : [line]
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

function atBoot(text: string): DeviceLine {
  return { stage: 'boot', level: 'E', tag: 'esp_image', text }
}
