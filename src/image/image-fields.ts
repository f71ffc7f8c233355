import type { AppDescriptor } from './app-descriptor.js'
import { CHIPS, type Chip } from './chips.js'
import type { AppDescriptorFields, EspImageFields, SegmentFields } from './fields.js'
import { useOf } from './memory.js'
import type { ReadImage } from './read-image.js'
import type { Seal } from './seal.js'
import { isPadding, type Segment } from './segments.js'

/** Puts what was read under the names by which it is reported; what was not read is not there. */
export function imageFields(image: ReadImage): EspImageFields {
  const { header, appDescriptor, bootloaderDescriptor } = image
  const chip = image.chip === null ? undefined : CHIPS[image.chip]
  const pageSize = image.layout?.pageSize
  return {
    segmentCount: header.segmentCount,
    flashMode: header.flashMode,
    flashFreq: header.flashSpeed,
    flashSize: header.flashSize,
    entry: header.entryAddress,
    wpPin: header.wpPin,
    chipId: header.chipId,
    minRev: header.minChipRevisionLegacy,
    minRevFull: header.minChipRevision,
    maxRevFull: header.maxChipRevision,
    hashFlag: header.hashAppended,
    ...(appDescriptor === undefined ? {} : { appDesc: appDescriptorFields(appDescriptor) }),
    ...(bootloaderDescriptor === undefined ? {} : { bootDesc: bootloaderDescriptor }),
    mmuPageSize: pageSize ?? null,
    segments: image.chain.segments.map(segment => segmentFields(segment, chip, pageSize)),
    ...sealFields(image.seal),
    ...image.trailer.fields
  }
}

function appDescriptorFields(descriptor: AppDescriptor): AppDescriptorFields {
  const { minEfuseBlockRevision, maxEfuseBlockRevision, ...same } = descriptor
  return { ...same, minEfuseBlkRevFull: minEfuseBlockRevision, maxEfuseBlkRevFull: maxEfuseBlockRevision }
}

function segmentFields(segment: Segment, chip: Chip | undefined, pageSize: number | undefined): SegmentFields {
  const { loadAddress: addr, length: len, offset } = segment
  if (chip !== undefined && pageSize !== undefined) return { addr, len, offset, use: useOf(chip, segment, pageSize) }
  // Without a chip nobody knows what is mapped; what is no padding counts as loaded.
  return { addr, len, offset, use: isPadding(segment) ? 'pad' : 'load' }
}

function sealFields(seal: Seal | undefined): Partial<EspImageFields> {
  if (seal === undefined) return {}
  const { imageLength, checksum, hash } = seal
  return {
    imageLength,
    ...(checksum === undefined ? {} : { checksum: checksum.found, checksumCalc: checksum.calculated }),
    ...(hash === undefined ? {} : { sha256: hash.found, sha256Calc: hash.calculated })
  }
}
