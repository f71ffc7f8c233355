import { CHIPS, isChipName } from '../image/chips.js'
import type { Release } from '../releases/release.js'

/** The chip as ESPHome and ESP Web Tools spell it: `ESP32-S3`, `ESP8266`. Undefined for an image that names none. */
export function chipFamilyOf({ chip, kind }: Release): string | undefined {
  if (kind.startsWith('esp8266')) return CHIPS.esp8266.label
  return chip !== null && isChipName(chip) ? CHIPS[chip].label : undefined
}
