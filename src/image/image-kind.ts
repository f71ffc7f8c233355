import { hasBootloaderBanner } from './bootloader-descriptor.js'
import type { Chip } from './chips.js'
import type { Kind } from './kinds.js'
import { BOOTLOADER_BANNER } from './layout.js'
import { fitsInRam, type RevisionRange, touchesBootloaderRam, useOf } from './memory.js'
import { findPartitionTable } from './merged-flash.js'
import type { SegmentChain } from './segments.js'

/** What has been read of an image by the time its kind is asked for. */
export interface ImageFacts {
  readonly bytes: Uint8Array
  readonly chip: Chip | undefined
  readonly chain: SegmentChain
  readonly revisions: RevisionRange
  readonly pageSize: number | undefined
  readonly hasAppDescriptor: boolean
  readonly hasBootloaderDescriptor: boolean
}

/**
 * What an image of the ESP32 family is for. A bootloader has header, chip, checksum and hash like an app, and a running app
 * accepts it as its own update on most chips: here is the only place that can tell in time.
 */
export function kindOfImage(facts: ImageFacts): Kind {
  if (facts.hasAppDescriptor) return descriptorIsInRam(facts) ? 'ram-app' : 'app'
  if (findPartitionTable(facts.bytes, facts.chain.end) !== undefined) return 'merged-flash'
  if (isBootloader(facts)) return 'bootloader'
  // A header that was read but not followed by segments tells nothing; neither does a chip whose memory is not known.
  if (facts.chain.broken !== undefined || facts.chain.segments.length === 0) return 'esp-image'
  if (facts.chip === undefined) return 'esp-image'
  return hasMappedSegment(facts) ? 'app-without-descriptor' : 'ram-app'
}

function descriptorIsInRam({ chip, chain }: ImageFacts): boolean {
  const [first] = chain.segments
  return chip !== undefined && first !== undefined && fitsInRam(chip, first.loadAddress, 1)
}

function isBootloader(facts: ImageFacts): boolean {
  const { bytes, chip, chain, revisions } = facts
  if (facts.hasBootloaderDescriptor || hasBootloaderBanner(bytes)) return true
  if (chip === undefined || chain.broken !== undefined || bytes.length < BOOTLOADER_BANNER.shortestFile) return false
  return !hasMappedSegment(facts) && chain.segments.some(segment => touchesBootloaderRam(chip, segment, revisions))
}

function hasMappedSegment({ chip, chain, pageSize }: ImageFacts): boolean {
  if (chip === undefined || pageSize === undefined) return false
  return chain.segments.some(segment => useOf(chip, segment, pageSize) === 'map')
}
