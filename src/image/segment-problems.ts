import { CHIPS, type ChipName } from './chips.js'
import { fitsInRam, type RevisionRange, touchesBootloaderRam, useOf } from './memory.js'
import type { PageLayout } from './pages.js'
import type { Problem } from './problem.js'
import { isPadding, type Segment } from './segments.js'

/** Segments in the memory of their chip. */
export interface PlacedSegments {
  readonly chip: ChipName
  readonly segments: readonly Segment[]
  readonly layout: PageLayout
  readonly revisions: RevisionRange
}

/** A mapped segment that no page size of the chip allows where it is: verify_load_addresses of esp_image_format.c. */
export function alignmentProblems({ layout }: PlacedSegments): Problem[] {
  if (layout.misaligned === undefined) return []
  const { index, loadAddress, offset } = layout.misaligned
  return [{ code: 'segment-misaligned', index, loadAddress, offset, pageSize: layout.pageSize }]
}

/** Segments that the bootloader could not copy to where they want to be; the first of them is named. */
export function loadAddressProblems(placed: PlacedSegments): Problem[] {
  const outside = loadedSegments(placed).filter(segment => !isLoadable(placed, segment))
  const [first] = outside
  if (first === undefined) return []
  const { index, loadAddress, length } = first
  return [{ code: 'segment-bad-load-address', chip: placed.chip, index, loadAddress, length, count: outside.length }]
}

/** Segments that the bootloader had better not copy, because it probably is there itself. */
export function bootloaderRamProblems(placed: PlacedSegments): Problem[] {
  const hit = loadedSegments(placed).find(
    segment => isLoadable(placed, segment) && touchesBootloaderRam(CHIPS[placed.chip], segment, placed.revisions)
  )
  if (hit === undefined) return []
  return [{ code: 'warn:segment-in-bootloader-ram', index: hit.index, loadAddress: hit.loadAddress }]
}

/** Two segments that claim the same addresses: no device complains, the later one silently wins. */
export function overlapProblems(segments: readonly Segment[]): Problem[] {
  const placed = segments
    .filter(segment => !isPadding(segment) && segment.length > 0)
    .sort((a, b) => a.loadAddress - b.loadAddress)
  for (const [position, segment] of placed.entries()) {
    const next = placed[position + 1]
    if (next !== undefined && segment.loadAddress + segment.length > next.loadAddress) {
      const [index, otherIndex] = [segment.index, next.index].sort((a, b) => a - b)
      return [{ code: 'segments-overlap', index: index ?? 0, otherIndex: otherIndex ?? 0, address: next.loadAddress }]
    }
  }
  return []
}

/** The segments that are copied to RAM; those without bytes are passed over, as `should_load` does. */
function loadedSegments({ chip, segments, layout }: PlacedSegments): readonly Segment[] {
  return segments.filter(segment => segment.length > 0 && useOf(CHIPS[chip], segment, layout.pageSize) === 'load')
}

function isLoadable({ chip }: PlacedSegments, { loadAddress, length }: Segment): boolean {
  return fitsInRam(CHIPS[chip], loadAddress, length)
}
