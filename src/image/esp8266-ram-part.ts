import { CHIPS } from './chips.js'
import { isFilledWith } from './filling.js'
import { checksumOf, endOfChecksum } from './integrity.js'
import { ESP8266_IMAGE, FLASH, IMAGE_HEADER } from './layout.js'
import { viewOf } from './little-endian.js'
import type { Problem } from './problem.js'
import { readSegments, type SegmentChain } from './segments.js'

/** The three forms of ESP8266 images: esptool/bin_image.py. */
export type Esp8266Kind = 'esp8266-v1' | 'esp8266-v2' | 'esp8266-v3'

/** An ESP8266 image as far as it could be read, and what is wrong with it. */
export interface Esp8266Image {
  readonly kind: Esp8266Kind
  readonly entryAddress: number
  readonly segmentCount: number
  /** Length of the flash part that comes first in version 2. */
  readonly iromLength?: number
  /** Behind the checksum byte; SHA-256 or CRC-32 follow. */
  readonly checksumEnd?: number
  readonly checksum?: { readonly calculated: number; readonly found: number }
  readonly sha256Valid?: boolean
  readonly crc32Valid?: boolean
  readonly problems: readonly Problem[]
}

/** Follows the segments behind an 8-byte header at this offset. */
export function readEsp8266Chain(bytes: Uint8Array, header: number): SegmentChain {
  return readSegments(bytes, {
    start: header + ESP8266_IMAGE.headerLength,
    count: bytes[header + IMAGE_HEADER.segmentCount] ?? 0,
    lengthLimit: CHIPS.esp8266.flashLimit,
    lengthUnit: 1
  })
}

/** The part of an ESP8266 image that its checksum covers: segments and checksum block, as far as they are there. */
export type RamPart =
  | { readonly problems: readonly Problem[]; readonly checksum?: never }
  | {
      readonly problems: readonly Problem[]
      readonly checksumEnd: number
      readonly checksum: { readonly calculated: number; readonly found: number }
    }

/** Reads the checksum behind the segments. */
export function readRamPart(bytes: Uint8Array, { segments, end, broken }: SegmentChain): RamPart {
  if (broken !== undefined) return { problems: [broken] }
  const checksumEnd = endOfChecksum(end)
  const none: Problem[] = segments.length === 0 ? [{ code: 'no-segments' }] : []
  if (checksumEnd > bytes.length) {
    const cut: Problem = { code: 'truncated-checksum', wholeLength: checksumEnd, fileLength: bytes.length }
    return { problems: [...none, cut] }
  }
  const checksum = { calculated: checksumOf(bytes, segments), found: bytes[checksumEnd - 1] ?? 0 }
  const mismatch: Problem[] = checksum.calculated === checksum.found ? [] : [{ code: 'checksum-mismatch', ...checksum }]
  return { checksumEnd, checksum, problems: [...none, ...mismatch] }
}

/** Whether anything but erased flash follows the image. */
export function trailingProblems(bytes: Uint8Array, from: number): Problem[] {
  if (isFilledWith(bytes, FLASH.erasedByte, from)) return []
  return [{ code: 'warn:trailing-data', length: bytes.length - from }]
}

/** entry_addr of the header at this offset. */
export function entryAt(bytes: Uint8Array, header: number): number {
  return viewOf(bytes).getUint32(header + IMAGE_HEADER.entryAddress, true)
}
