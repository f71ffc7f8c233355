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

/** Segments that the bootloader could not, or had better not, copy to where they want to be. */
export function loadAddressProblems(placed: PlacedSegments): Problem[] {
  const chip = CHIPS[placed.chip]
  const loaded = loadedSegments(placed)
  const outside = loaded.filter(({ loadAddress, length }) => !fitsInRam(chip, loadAddress, length))
  const [first] = outside
  const problems: Problem[] = []
  if (first !== undefined) {
    const { index, loadAddress, length } = first
    const count = outside.length
    problems.push({ code: 'segment-bad-load-address', chip: placed.chip, index, loadAddress, length, count })
  }
  const hit = loaded.find(
    segment => !outside.includes(segment) && touchesBootloaderRam(chip, segment, placed.revisions)
  )
  if (hit !== undefined) {
    problems.push({ code: 'warn:segment-in-bootloader-ram', index: hit.index, loadAddress: hit.loadAddress })
  }
  return problems
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
export function loadedSegments({ chip, segments, layout }: Pick<PlacedSegments, 'chip' | 'segments' | 'layout'>) {
  return segments.filter(segment => segment.length > 0 && useOf(CHIPS[chip], segment, layout.pageSize) === 'load')
}
