import { type ChipName, chipWithId } from '../image/chips.js'
import { readHeader } from '../image/header.js'
import { IMAGE_HEADER } from '../image/layout.js'

/**
 * The chip that a bootloader is for, out of the header of its image; undefined for bytes that are none.
 * An app runs behind the bootloader that was built with it, so that this is the surest of all words on the chip.
 */
export function readBootloaderChip(bytes: Uint8Array | undefined): ChipName | undefined {
  if (bytes?.[IMAGE_HEADER.magic] !== IMAGE_HEADER.magicByte) return undefined
  const header = readHeader(bytes)
  return header === undefined ? undefined : chipWithId(header.chipId)
}
