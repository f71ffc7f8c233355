import type { AddressRange, Chip } from './chips.js'
import { isPadding, type Segment } from './segments.js'

/** What becomes of a segment when the app starts: reached through the flash cache, copied to RAM, or skipped. */
export type SegmentUse = 'map' | 'load' | 'pad'

/** How the chip uses a segment. The load address alone decides, as in `should_map` and `should_load` of esp_image_format.c. */
export function useOf(chip: Chip, segment: Pick<Segment, 'loadAddress'>, pageSize: number): SegmentUse {
  if (isPadding(segment)) return 'pad'
  return isMapped(chip, segment.loadAddress, pageSize) ? 'map' : 'load'
}

/** Whether an address is reached through the flash cache; on some chips the range grows with the MMU page size. */
export function isMapped(chip: Chip, address: number, pageSize: number): boolean {
  return Object.values(chip.mapped).some(range => contains(pagedRange(chip, range, pageSize), address))
}

/** Whether first and last byte lie in one range of RAM: the bootloader copies nothing across two of them. */
export function fitsInRam(chip: Chip, address: number, length: number): boolean {
  return Object.values(chip.ram).some(
    range => contains(range, address) && contains(range, address + Math.max(length, 1) - 1)
  )
}

/** Whether the chip could execute what is there: any RAM, or the mapped ranges but for the one that only holds data. */
export function isExecutable(chip: Chip, address: number, pageSize: number): boolean {
  const { drom, ...code } = chip.mapped
  const mapped = Object.values(code).some(range => contains(pagedRange(chip, range, pageSize), address))
  return mapped || Object.values(chip.ram).some(range => contains(range, address))
}

/** The build the image is made for decides where the bootloader of an ESP32-P4 sits. */
export interface RevisionRange {
  readonly minChipRevision: number
  readonly maxChipRevision: number
}

/** Whether a segment would land on RAM that the bootloader uses while it loads the app. Its builds differ: a likelihood. */
export function touchesBootloaderRam(chip: Chip, segment: Segment, revisions: RevisionRange): boolean {
  if (segment.length === 0) return false
  return bootloaderRanges(chip, revisions).some(
    ([low, high]) => segment.loadAddress < high && segment.loadAddress + segment.length > low
  )
}

/** The ESP32's bootloader keeps its data in the middle of DRAM: components/bootloader/subproject/main/ld/esp32/bootloader.ld.in. */
const ESP32_BOOTLOADER_DATA_LENGTH = 0x6000

const P4_REVISION_3 = 300

function bootloaderRanges(chip: Chip, revisions: RevisionRange): readonly AddressRange[] {
  const start = bootloaderStart(chip, revisions)
  const { iram, dram } = chip.ram
  if (start === undefined || iram === undefined || dram === undefined) return []
  if (contains(dram, start) && !contains(iram, start)) return [[start, start + ESP32_BOOTLOADER_DATA_LENGTH]]
  if (chip.iramAboveDram === undefined) return [[start, iram[1]]]
  return [
    [start, iram[1]],
    [start - chip.iramAboveDram, dram[1]]
  ]
}

function bootloaderStart(chip: Chip, revisions: RevisionRange): number | undefined {
  const forOldRevisions = revisions.maxChipRevision > 0 && revisions.maxChipRevision < P4_REVISION_3
  return (forOldRevisions ? chip.bootloaderRamStartBelowRevision3 : undefined) ?? chip.bootloaderRamStart
}

function pagedRange(chip: Chip, range: AddressRange, pageSize: number): AddressRange {
  return chip.mappedPageCount === undefined ? range : [range[0], range[0] + chip.mappedPageCount * pageSize]
}

function contains([low, high]: AddressRange, address: number): boolean {
  return address >= low && address < high
}
