import { CHIPS } from './chips.js'
import type { DeviceLine, DeviceSituation } from './device-lines.js'
import { readHeader } from './header.js'
import { hasEmptyRevisionRange } from './header-problems.js'
import { IMAGE_HEADER, LIMITS } from './layout.js'
import { olderChipMismatch, olderRevisionRefusal, withOlder } from './older-lines.js'

/**
 * What a device prints while it downloads: esp_https_ota.c, bootloader_common_loader.c (tag boot_comm) and esp_ota_ops.c.
 * The chip id is looked at before the magic byte, so that a web page is first reported as a chip mismatch.
 */
export function downloadLine(bytes: Uint8Array, situation: DeviceSituation): DeviceLine | undefined {
  const header = readHeader(bytes)
  if (header === undefined || bytes.length < LIMITS.otaHeaderRead) {
    return error('https-ota', 'esp_https_ota', 'Complete headers were not received')
  }
  const id = situation.chip === null ? null : CHIPS[situation.chip].id
  if (id !== null && header.chipId !== id) {
    const line = error('https-ota', 'boot_comm', `mismatch chip ID, expected ${id}, found ${header.chipId}`)
    return withOlder(line, olderChipMismatch(situation.release, id, header.chipId))
  }
  const magic = bytes[IMAGE_HEADER.magic] ?? 0
  const isImage = magic === IMAGE_HEADER.magicByte
  if (isImage && id !== null && hasEmptyRevisionRange(header)) {
    const line = { ...error('https-ota', 'boot_comm', 'chip revision check failed. Required '), likely: true } as const
    return withOlder(line, olderRevisionRefusal(situation.release))
  }
  if (!isImage) {
    const saw = magic.toString(16).padStart(2, '0')
    return error('ota-write', 'esp_ota_ops', `OTA image has invalid magic byte (expected 0xE9, saw 0x${saw})`)
  }
  if (situation.slotSize !== undefined && bytes.length > situation.slotSize) {
    return error('ota-write', 'esp_https_ota', 'Error: esp_ota_write failed! err=0x104')
  }
  return undefined
}

function error(stage: DeviceLine['stage'], tag: string, text: string): DeviceLine {
  return { stage, level: 'E', tag, text }
}
