import { IMAGE_HEADER } from './layout.js'
import { viewOf } from './little-endian.js'

/** esp_image_header_t, read and not yet judged: ESP-IDF components/bootloader_support/include/esp_app_format.h. */
export interface ImageHeader {
  readonly segmentCount: number
  readonly flashMode: number
  /** A code whose meaning depends on the chip: `flashSpeeds` of the chip table. */
  readonly flashSpeed: number
  /** 2^n MiB of flash. */
  readonly flashSize: number
  readonly entryAddress: number
  readonly wpPin: number
  readonly chipId: number
  readonly minChipRevisionLegacy: number
  /** Major × 100 + minor. */
  readonly minChipRevision: number
  /** Major × 100 + minor; 0 and 65535 mean no limit. */
  readonly maxChipRevision: number
  readonly reservedBytesUsed: boolean
  /** The flag as it stands: a device takes everything but 0 for yes, esptool only 0 and 1. */
  readonly hashAppended: number
}

/** Reads the header of an image of the ESP32 family; undefined when the file ends inside it. */
export function readHeader(bytes: Uint8Array): ImageHeader | undefined {
  if (bytes.length < IMAGE_HEADER.length) return undefined
  const view = viewOf(bytes)
  const speedAndSize = view.getUint8(IMAGE_HEADER.flashSpeedAndSize)
  return {
    segmentCount: view.getUint8(IMAGE_HEADER.segmentCount),
    flashMode: view.getUint8(IMAGE_HEADER.flashMode),
    flashSpeed: speedAndSize & 0x0f,
    flashSize: speedAndSize >> 4,
    entryAddress: view.getUint32(IMAGE_HEADER.entryAddress, true),
    wpPin: view.getUint8(IMAGE_HEADER.wpPin),
    chipId: view.getUint16(IMAGE_HEADER.chipId, true),
    minChipRevisionLegacy: view.getUint8(IMAGE_HEADER.minChipRevisionLegacy),
    minChipRevision: view.getUint16(IMAGE_HEADER.minChipRevision, true),
    maxChipRevision: view.getUint16(IMAGE_HEADER.maxChipRevision, true),
    reservedBytesUsed: view.getUint32(IMAGE_HEADER.reserved, true) !== 0,
    hashAppended: view.getUint8(IMAGE_HEADER.hashAppended)
  }
}
