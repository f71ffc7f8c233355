import { IMAGE_HEADER, LIMITS, SEGMENT_HEADER } from './layout.js'
import { viewOf } from './little-endian.js'

/** One segment whose header and data are wholly in the file. */
export interface Segment {
  readonly index: number
  readonly loadAddress: number
  /** First byte of the segment's data in the file, behind its own header. */
  readonly offset: number
  readonly length: number
}

/** Why the segments could not be followed to their end: at most the first such reason exists. */
export type BrokenChain =
  | { readonly code: 'too-many-segments'; readonly count: number }
  | { readonly code: 'segment-length-invalid'; readonly index: number; readonly length: number; readonly limit: number }
  | { readonly code: 'truncated-segment-header'; readonly index: number; readonly fileLength: number }
  | {
      readonly code: 'truncated-segment-data'
      readonly index: number
      readonly length: number
      readonly available: number
    }

/** The segments as far as they could be followed. */
export interface SegmentChain {
  readonly segments: readonly Segment[]
  /** Behind the last segment that was wholly there. */
  readonly end: number
  readonly broken?: BrokenChain
}

/** What the walk has to know of the family: where segments begin, how many there are, how long one may be. */
export interface ChainRules {
  readonly start: number
  readonly count: number
  /** A segment has to be shorter than this. */
  readonly lengthLimit: number
  /** A length has to be a multiple of this. */
  readonly lengthUnit: number
}

/** The rules for an image of the ESP32 family: process_segment_data and verify_segment_header in esp_image_format.c. */
export function chainRules(segmentCount: number, lengthLimit: number): ChainRules {
  return { start: IMAGE_HEADER.length, count: segmentCount, lengthLimit, lengthUnit: 4 }
}

/** Follows the segments as the bootloader does, each header telling where the next one starts; and never more than 16 of them. */
export function readSegments(bytes: Uint8Array, rules: ChainRules): SegmentChain {
  const view = viewOf(bytes)
  const segments: Segment[] = []
  let end = rules.start
  if (rules.count > LIMITS.segmentCount) {
    return { segments, end, broken: { code: 'too-many-segments', count: rules.count } }
  }
  for (let index = 0; index < rules.count; index++) {
    const available = bytes.length - end - SEGMENT_HEADER.length
    if (available < 0) {
      return { segments, end, broken: { code: 'truncated-segment-header', index, fileLength: bytes.length } }
    }
    const loadAddress = view.getUint32(end + SEGMENT_HEADER.loadAddress, true)
    const length = view.getUint32(end + SEGMENT_HEADER.dataLength, true)
    // The device asks this before it asks for room, so the 0xffffffff of erased flash gets its name here and not as an overrun.
    if (length % rules.lengthUnit !== 0 || length >= rules.lengthLimit) {
      return { segments, end, broken: { code: 'segment-length-invalid', index, length, limit: rules.lengthLimit } }
    }
    if (length > available) {
      return { segments, end, broken: { code: 'truncated-segment-data', index, length, available } }
    }
    segments.push({ index, loadAddress, offset: end + SEGMENT_HEADER.length, length })
    end += SEGMENT_HEADER.length + length
  }
  return { segments, end }
}

/** Whether a segment is only there to move the next one to its place: `should_load` and `should_map` are both false for it. */
export function isPadding(segment: Pick<Segment, 'loadAddress'>): boolean {
  return segment.loadAddress < LIMITS.firstLoadedAddress
}
