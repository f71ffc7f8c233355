import { CHIP_NAMES, CHIPS } from './chips.js'
import { isFilledWith } from './filling.js'
import { FLASH, IMAGE_HEADER, PARTITION_TABLE } from './layout.js'
import { isPartitionTableAt } from './partition-table.js'

/** How far behind the bootloader a partition table may lie: twice the usual place, for large signed bootloaders. */
const LAST_TABLE_OFFSET = 4 * PARTITION_TABLE.flashOffset

/** Where in a dump of the whole flash the partition table lies: it starts a sector behind the bootloader. Undefined where none is. */
export function findPartitionTable(bytes: Uint8Array, behind: number): number | undefined {
  const first = Math.ceil(behind / FLASH.sectorLength) * FLASH.sectorLength
  for (let offset = first; offset <= LAST_TABLE_OFFSET; offset += FLASH.sectorLength) {
    if (isPartitionTableAt(bytes, offset)) return offset
  }
  return undefined
}

/** Whether this is a dump of a whole flash whose bootloader is not at its start: erased flash, then an image (esptool merge-bin). */
export function startsErasedBeforeBootloader(bytes: Uint8Array): boolean {
  const offsets = new Set(CHIP_NAMES.map(name => CHIPS[name].bootloaderOffset).filter(offset => offset > 0))
  return [...offsets].some(
    offset => bytes[offset] === IMAGE_HEADER.magicByte && isFilledWith(bytes, FLASH.erasedByte, 0, offset)
  )
}
