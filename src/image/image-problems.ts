import { CHIPS } from './chips.js'
import { efuseProblems, headerProblems, pageSizeProblems } from './header-problems.js'
import { kindProblems } from './kind-problems.js'
import { LIMITS } from './layout.js'
import { isExecutable } from './memory.js'
import type { Problem } from './problem.js'
import type { ReadImage } from './read-image.js'
import { sealProblems } from './seal.js'
import { alignmentProblems, bootloaderRamProblems, loadAddressProblems, overlapProblems } from './segment-problems.js'
import type { SignatureReport } from './signature.js'
import { signatureProblems } from './signature-problems.js'
import { isSpecial } from './special-kinds.js'
import type { ImageContext } from './verdict.js'

/** An image, what was read of it, what was said of its signature, and the project it is for. */
export interface ImageCase {
  readonly bytes: Uint8Array
  readonly image: ReadImage
  readonly signature: SignatureReport | null
  readonly context: ImageContext
}

/** Everything that is wrong with an image, in the order in which a device would meet it. */
export function imageProblems({ bytes, image, signature, context }: ImageCase): readonly Problem[] {
  const { header, chip, appDescriptor } = image
  return [
    ...lengthProblems(bytes),
    ...headerProblems(header, chip, context.chip),
    ...efuseProblems(appDescriptor, chip),
    ...pageSizeProblems(appDescriptor?.mmuPageSizeLog2 ?? 0, chip),
    ...chainProblems(image),
    ...(image.seal === undefined ? [] : sealProblems(bytes, image.seal, header.hashAppended !== 0)),
    ...slotProblems(bytes, image, context),
    ...entryProblems(image),
    ...(image.hashFlagCleared ? [{ code: 'hash-flag-cleared' } as const] : []),
    ...trailerProblems(image),
    ...signatureProblems(signature, context.signature),
    ...(isSpecial(image.kind, context) ? [] : kindProblems(image.kind, chip, image.chain.segments))
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

function slotProblems(bytes: Uint8Array, { seal, kind }: ReadImage, context: ImageContext): Problem[] {
  // A bootloader that the project serves goes to the bootloader partition and not to a slot.
  const slotSize = isSpecial(kind, context) ? undefined : context.slotSize
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
