import type { AppDescriptor } from './app-descriptor.js'
import { CHIPS, type ChipName } from './chips.js'
import type { ImageHeader } from './header.js'
import { LAST_FLASH_MODE, NO_REVISION_LIMIT } from './layout.js'
import type { Problem } from './problem.js'

/** What is wrong with a header by itself and for this project's chip, in the device's order (process_image_header). */
export function headerProblems(header: ImageHeader, chip: ChipName | null, wanted: ChipName | undefined): Problem[] {
  return [...chipProblems(header, chip, wanted), ...revisionProblems(header), ...flagAndCountProblems(header)]
}

/** Whether the revisions that the header allows are none at all. */
export function hasEmptyRevisionRange({ minChipRevision, maxChipRevision }: ImageHeader): boolean {
  return !NO_REVISION_LIMIT.includes(maxChipRevision) && minChipRevision > maxChipRevision
}

/**
 * Whether the eFuse block revisions that the descriptor allows are none at all; 0 and 65535 state nothing, and no ESP32 looks at
 * them: bootloader_common_check_efuse_blk_validity.
 */
export function hasEmptyEfuseRange(descriptor: AppDescriptor | undefined, chip: ChipName | null): boolean {
  if (descriptor === undefined || chip === 'esp32') return false
  const { minEfuseBlockRevision: min, maxEfuseBlockRevision: max } = descriptor
  return !NO_REVISION_LIMIT.includes(min) && !NO_REVISION_LIMIT.includes(max) && min > max
}

/** The eFuse block revisions that the descriptor asks for, where no chip can have them. */
export function efuseProblems(descriptor: AppDescriptor | undefined, chip: ChipName | null): Problem[] {
  if (descriptor === undefined || !hasEmptyEfuseRange(descriptor, chip)) return []
  const { minEfuseBlockRevision: minRevision, maxEfuseBlockRevision: maxRevision } = descriptor
  return [{ code: 'revision-range-empty', of: 'efuse-block', minRevision, maxRevision }]
}

/** Whether the descriptor states an MMU page size that its chip does not have; 0 states none. */
export function pageSizeProblems(log2: number, chip: ChipName | null): Problem[] {
  if (log2 === 0 || chip === null || CHIPS[chip].pageSizes.includes(2 ** log2)) return []
  return [{ code: 'mmu-page-size-unsupported', chip, log2 }]
}

function chipProblems({ chipId }: ImageHeader, chip: ChipName | null, wanted: ChipName | undefined): Problem[] {
  if (chip === null) return [{ code: 'unknown-chip-id', chipId }]
  return wanted === undefined || wanted === chip ? [] : [{ code: 'chip-mismatch', found: chip, expected: wanted }]
}

function revisionProblems(header: ImageHeader): Problem[] {
  if (!hasEmptyRevisionRange(header)) return []
  const { minChipRevision: minRevision, maxChipRevision: maxRevision } = header
  return [{ code: 'revision-range-empty', minRevision, maxRevision }]
}

function flagAndCountProblems(header: ImageHeader): Problem[] {
  const problems: Problem[] = []
  if (header.hashAppended > 1) problems.push({ code: 'hash-flag-invalid', flag: header.hashAppended })
  if (header.reservedBytesUsed) problems.push({ code: 'warn:reserved-header-bytes' })
  if (header.flashMode > LAST_FLASH_MODE) problems.push({ code: 'warn:flash-mode-unknown', mode: header.flashMode })
  if (header.segmentCount === 0) problems.push({ code: 'no-segments' })
  return problems
}
