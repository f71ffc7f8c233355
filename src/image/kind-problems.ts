import { CHIPS, type ChipName } from './chips.js'
import type { Kind } from './kinds.js'
import { LIMITS } from './layout.js'
import type { Problem } from './problem.js'
import type { Segment } from './segments.js'

/** What keeps an image from being an update although it is whole: its kind, or an app descriptor that the device asks for. */
export function kindProblems(kind: Kind, chip: ChipName | null, segments: readonly Segment[]): Problem[] {
  if (kind === 'bootloader') return [{ code: 'is-bootloader' }]
  if (kind === 'ram-app') return [{ code: 'is-ram-app' }]
  if (kind === 'merged-flash') return [{ code: 'is-merged-flash' }]
  if (kind === 'app') return firstSegmentProblems(segments)
  if (kind === 'app-without-descriptor') return [...firstSegmentProblems(segments), ...missingDescriptor(chip)]
  return []
}

/** ESP-IDF looks for this since June 2026 (esp_image_format.c, process_segment). */
function firstSegmentProblems([first]: readonly Segment[]): Problem[] {
  if (first === undefined || first.length >= LIMITS.firstSegmentLength) return []
  return [{ code: 'segment0-too-short', length: first.length }]
}

/** Only where the project chooses the MMU page size does the bootloader insist on the descriptor that states it. */
function missingDescriptor(chip: ChipName | null): Problem[] {
  if (chip !== null && CHIPS[chip].pageSizes.length > 1) return [{ code: 'app-desc-missing', chip }]
  return [{ code: 'warn:no-app-desc' }]
}
