import type { Chip } from './chips.js'
import { isMapped } from './memory.js'
import { isPadding, type Segment } from './segments.js'

/** The page size that this image is laid out for, in bytes, and the first mapped segment that does not fit it, if one does not. */
export interface PageLayout {
  readonly pageSize: number
  readonly misaligned?: Segment
}

/** Page size in bytes of every chip that has only one, and the default of those that have several. */
export const USUAL_PAGE_SIZE = 0x10000

/**
 * Finds the MMU page size of an image. The flash cache maps whole pages, so a mapped segment has to lie at the same distance
 * from a page start in flash as in memory; partitions start at multiples of 64 KiB, so file offsets will do.
 *
 * Where the project chooses the size, the descriptor's word counts (ESP-IDF 5.4); older images do not say, and the largest size
 * of the chip under which every mapped segment fits is taken: most images of these chips are built with 32 KiB pages.
 */
export function readPageLayout(chip: Chip, segments: readonly Segment[], stated: number | undefined): PageLayout {
  if (chip.pageSizes.length > 1 && stated !== undefined) return layoutWith(chip, segments, stated)
  const layouts = [...chip.pageSizes].reverse().map(pageSize => layoutWith(chip, segments, pageSize))
  return layouts.find(layout => layout.misaligned === undefined) ?? layoutWith(chip, segments, USUAL_PAGE_SIZE)
}

function layoutWith(chip: Chip, segments: readonly Segment[], pageSize: number): PageLayout {
  const misaligned = segments.find(
    segment =>
      !isPadding(segment) &&
      isMapped(chip, segment.loadAddress, pageSize) &&
      segment.offset % pageSize !== segment.loadAddress % pageSize
  )
  return misaligned === undefined ? { pageSize } : { pageSize, misaligned }
}
