import { CHIPS } from './chips.js'
import { headerProblems, pageSizeProblems } from './header-problems.js'
import { kindProblems } from './kind-problems.js'
import { LIMITS } from './layout.js'
import { isExecutable } from './memory.js'
import type { Problem } from './problem.js'
import type { ReadImage } from './read-image.js'
import { sealProblems } from './seal.js'
import { alignmentProblems, bootloaderRamProblems, loadAddressProblems, overlapProblems } from './segment-problems.js'
import type { ImageContext } from './verdict.js'

/** Everything that is wrong with an image, in the order in which a device would meet it. */
export function imageProblems(bytes: Uint8Array, image: ReadImage, context: ImageContext): readonly Problem[] {
  const { header, chip } = image
  return [
    ...lengthProblems(bytes),
    ...headerProblems(header, chip, context.chip),
    ...pageSizeProblems(image.appDescriptor?.mmuPageSizeLog2 ?? 0, chip),
    ...chainProblems(image),
    ...(image.seal === undefined ? [] : sealProblems(bytes, image.seal, header.hashAppended !== 0)),
    ...slotProblems(bytes, image, context.slotSize),
    ...entryProblems(image),
    ...(image.hashFlagCleared ? [{ code: 'hash-flag-cleared' } as const] : []),
    ...trailerProblems(image),
    ...kindProblems(image.kind, chip, image.chain.segments)
  ]
}

function lengthProblems(bytes: Uint8Array): Problem[] {
  return bytes.length < LIMITS.otaHeaderRead ? [{ code: 'shorter-than-1024', fileLength: bytes.length }] : []
}

/** What a device says while it walks comes first, then where the segments lie, then where the file ends. */
function chainProblems(image: ReadImage): Problem[] {
  const { broken } = image.chain
  const placement = placementProblems(image)
  if (broken === undefined) return placement
  switch (broken.code) {
    case 'too-many-segments':
    case 'segment-length-invalid':
      return [broken, ...placement]
    case 'truncated-segment-header':
    case 'truncated-segment-data':
      return [...placement, broken]
  }
}

function placementProblems({ chip, chain, layout, header, kind }: ReadImage): Problem[] {
  if (chip === null || layout === undefined) return []
  const placed = { chip, segments: chain.segments, layout, revisions: header }
  // A bootloader goes where its chip keeps room for it, which no range of soc.h describes.
  const isLoadedByRom = kind === 'bootloader' || kind === 'merged-flash'
  return [
    ...alignmentProblems(placed),
    ...(isLoadedByRom ? [] : loadAddressProblems(placed)),
    // A program for RAM only is loaded over a cable, by no bootloader that could be in its way.
    ...(isLoadedByRom || kind === 'ram-app' ? [] : bootloaderRamProblems(placed)),
    ...overlapProblems(chain.segments)
  ]
}

function slotProblems(bytes: Uint8Array, { seal }: ReadImage, slotSize: number | undefined): Problem[] {
  const length = Math.max(bytes.length, seal?.imageLength ?? 0)
  return slotSize === undefined || length <= slotSize ? [] : [{ code: 'too-large-for-partition', length, slotSize }]
}

function entryProblems({ chip, layout, header }: ReadImage): Problem[] {
  if (chip === null || layout === undefined) return []
  const { entryAddress } = header
  if (isExecutable(CHIPS[chip], entryAddress, layout.pageSize)) return []
  return [{ code: 'entry-outside-memory', chip, entryAddress }]
}

/** Behind the bootloader of a merged image lies the rest of the flash. */
function trailerProblems({ kind, trailer }: ReadImage): readonly Problem[] {
  return kind === 'merged-flash' ? [] : trailer.problems
}
