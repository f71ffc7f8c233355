import { crc32 } from './crc32.js'
import { bytesAreAt, isFilledWith } from './filling.js'
import type { Kind } from './kinds.js'
import { FAT, FLASH, LITTLEFS, NVS_PAGE, OTA_DATA, SPIFFS } from './layout.js'
import { viewOf } from './little-endian.js'
import { textIsAt } from './text.js'

/** Which data partition of ESP-IDF these bytes are, by their structure; undefined where they are none. */
export function kindOfDataPartition(bytes: Uint8Array): Kind | undefined {
  if (isOtaData(bytes)) return 'otadata'
  if (isNvs(bytes)) return 'nvs'
  if (isSpiffs(bytes)) return 'spiffs'
  if (LITTLEFS.offsets.some(offset => textIsAt(bytes, offset, LITTLEFS.magic))) return 'littlefs'
  return isFat(bytes) ? 'fat' : undefined
}

/** Two sectors, at least one of them with an entry whose CRC holds: bootloader_common_ota_select_crc starts from 0xFFFFFFFF. */
function isOtaData(bytes: Uint8Array): boolean {
  if (bytes.length !== OTA_DATA.sectors * FLASH.sectorLength) return false
  return [0, FLASH.sectorLength].some(sector => {
    const entry = bytes.subarray(sector, sector + OTA_DATA.entryLength)
    const crc = viewOf(entry).getUint32(OTA_DATA.crc, true)
    return !isFilledWith(entry, FLASH.erasedByte) && crc === crc32(entry.subarray(0, OTA_DATA.label), 0xffffffff)
  })
}

/** Which pages of an NVS partition have a header that is neither erased nor right; entries are not looked at. */
export function damagedNvsPages(bytes: Uint8Array): readonly number[] {
  const damaged: number[] = []
  for (let offset = 0; offset < bytes.length; offset += NVS_PAGE.length) {
    const header = bytes.subarray(offset, offset + NVS_PAGE.headerLength)
    const isSound = isFilledWith(header, FLASH.erasedByte) || isNvsHeader(header)
    if (!isSound) damaged.push(offset / NVS_PAGE.length)
  }
  return damaged
}

function isNvs(bytes: Uint8Array): boolean {
  if (bytes.length < NVS_PAGE.length || bytes.length % NVS_PAGE.length !== 0) return false
  return isNvsHeader(bytes.subarray(0, NVS_PAGE.headerLength))
}

function isNvsHeader(header: Uint8Array): boolean {
  const view = viewOf(header)
  const states: readonly number[] = NVS_PAGE.states
  const versions: readonly number[] = NVS_PAGE.versions
  if (!states.includes(view.getUint32(NVS_PAGE.state, true))) return false
  if (!versions.includes(view.getUint8(NVS_PAGE.version))) return false
  return view.getUint32(NVS_PAGE.crc, true) === crc32(header.subarray(NVS_PAGE.crcStart, NVS_PAGE.crc), 0xffffffff)
}

/** Blocks counted from the end are mixed into the magic where SPIFFS was built to check its length. */
function isSpiffs(bytes: Uint8Array): boolean {
  const blockCount = bytes.length / SPIFFS.blockLength
  if (blockCount < 1 || !Number.isInteger(blockCount)) return false
  const found = viewOf(bytes).getUint16(SPIFFS.magicOffset, true)
  return found === SPIFFS.magicWord || found === ((SPIFFS.magicWord ^ blockCount) & 0xffff)
}

function isFat(bytes: Uint8Array): boolean {
  const jumps: readonly number[] = FAT.jumps
  return jumps.includes(bytes[0] ?? 0) && bytesAreAt(bytes, FAT.markOffset, FAT.mark)
}
