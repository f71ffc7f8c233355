import { isFilledWith } from './filling.js'
import { BOOTLOADER_BANNER, BOOTLOADER_DESCRIPTOR } from './layout.js'
import { viewOf } from './little-endian.js'
import { isPlainText, readText } from './text.js'

/** esp_bootloader_desc_t, in bootloaders since ESP-IDF 5.2: components/esp_bootloader_format/include/esp_bootloader_desc.h. */
export interface BootloaderDescriptor {
  readonly secureVersion: number
  readonly version: number
  readonly idfVersion: string
  readonly dateTime: string
}

/**
 * Reads the bootloader descriptor at its fixed place in the file, if there is one.
 * One byte of magic is weak evidence, so the reserved bytes have to be zero and the strings printable as well.
 */
export function readBootloaderDescriptor(bytes: Uint8Array): BootloaderDescriptor | undefined {
  const layout = BOOTLOADER_DESCRIPTOR
  if (bytes.length < layout.fileOffset + layout.length) return undefined
  const field = bytes.subarray(layout.fileOffset, layout.fileOffset + layout.length)
  const view = viewOf(field)
  const plausible =
    view.getUint8(layout.magic) === layout.magicByte &&
    isFilledWith(field, 0, layout.reserved, layout.reserved + layout.reservedLength) &&
    isFilledWith(field, 0, layout.reserved2, layout.reserved2 + layout.reserved2Length) &&
    isPlainText(field, layout.idfVersion, layout.idfVersionLength) &&
    isPlainText(field, layout.dateTime, layout.dateTimeLength)
  if (!plausible) return undefined
  return {
    secureVersion: view.getUint8(layout.secureVersion),
    version: view.getUint32(layout.version, true),
    idfVersion: readText(field, layout.idfVersion, layout.idfVersionLength),
    dateTime: readText(field, layout.dateTime, layout.dateTimeLength)
  }
}

/** Whether the line that every ESP-IDF bootloader prints at its start is in the first 64 KiB: older ones have no descriptor. */
export function hasBootloaderBanner(bytes: Uint8Array): boolean {
  const searched = bytes.subarray(0, BOOTLOADER_BANNER.searched)
  return Buffer.from(searched.buffer, searched.byteOffset, searched.length).includes(
    BOOTLOADER_BANNER.text,
    0,
    'latin1'
  )
}
