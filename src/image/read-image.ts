import { type AppDescriptor, readAppDescriptor, statedPageSize } from './app-descriptor.js'
import { type BootloaderDescriptor, readBootloaderDescriptor } from './bootloader-descriptor.js'
import { CHIPS, type ChipName, chipWithId } from './chips.js'
import type { ImageHeader } from './header.js'
import { kindOfImage } from './image-kind.js'
import { isHashOfFlaggedImage } from './integrity.js'
import type { Kind } from './kinds.js'
import { HASH_LENGTH } from './layout.js'
import { type PageLayout, readPageLayout } from './pages.js'
import { readSeal, type Seal } from './seal.js'
import { chainRules, readSegments, type SegmentChain } from './segments.js'
import { readTrailer, type Trailer } from './trailer.js'

/** Everything that an image of the ESP32 family says, read and not yet judged. */
export interface ReadImage {
  readonly header: ImageHeader
  readonly chip: ChipName | null
  readonly appDescriptor: AppDescriptor | undefined
  readonly bootloaderDescriptor: BootloaderDescriptor | undefined
  readonly chain: SegmentChain
  /** Undefined where the chip is not known. */
  readonly layout: PageLayout | undefined
  readonly kind: Kind
  /** Undefined where the segments could not be followed to their end. */
  readonly seal: Seal | undefined
  /** The header says that there is no hash, and the right one is there. */
  readonly hashFlagCleared: boolean
  readonly trailer: Trailer
}

/** No chip takes a segment of this length or more, so it will do for a chip that is not known. */
const LARGEST_FLASH_LIMIT = 0xffffffff

/** Reads an image behind its header in one pass; a structure that cannot be followed to its end is not hashed. */
export function readImage(bytes: Uint8Array, header: ImageHeader): ReadImage {
  const name = chipWithId(header.chipId) ?? null
  const chip = name === null ? undefined : CHIPS[name]
  const appDescriptor = readAppDescriptor(bytes)
  // Both descriptors would stand at the same place, and the app's has the stronger magic.
  const bootloaderDescriptor = appDescriptor === undefined ? readBootloaderDescriptor(bytes) : undefined
  const chain = readSegments(bytes, chainRules(header.segmentCount, chip?.flashLimit ?? LARGEST_FLASH_LIMIT))
  const layout = chip && readPageLayout(chip, chain.segments, statedPageSize(appDescriptor))
  const kind = kindOfImage({
    bytes,
    chip,
    chain,
    revisions: header,
    pageSize: layout?.pageSize,
    hasAppDescriptor: appDescriptor !== undefined,
    hasBootloaderDescriptor: bootloaderDescriptor !== undefined
  })
  const seal = readSeal(bytes, chain, header.hashAppended !== 0)
  const hashFlagCleared = seal !== undefined && header.hashAppended === 0 && isHashOfFlaggedImage(bytes, seal.end)
  const trailerStart = seal && seal.imageLength + (hashFlagCleared ? HASH_LENGTH : 0)
  const trailer = trailerStart === undefined ? { fields: {}, problems: [] } : readTrailer(bytes, trailerStart, name)
  return {
    header,
    chip: name,
    appDescriptor,
    bootloaderDescriptor,
    chain,
    layout,
    kind,
    seal,
    hashFlagCleared,
    trailer
  }
}
