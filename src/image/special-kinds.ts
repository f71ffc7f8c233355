import type { Kind } from './kinds.js'
import type { ImageContext } from './verdict.js'

/** The kinds beside apps that a project can ask to have served, each with a way of updating that is not esp_https_ota's. */
export const SPECIAL_KINDS: readonly Kind[] = [
  'bootloader',
  'partition-table',
  'nvs',
  'spiffs',
  'littlefs',
  'fat',
  'phy-init',
  'signed-data',
  'gzip',
  'zlib',
  'xz',
  'esp-encrypted-img',
  'esp-delta-ota',
  'esp-bootloader-plus',
  'matter-ota',
  'mcuboot',
  'signature-prefixed-app',
  'esp8266-v1',
  'esp8266-v2',
  'esp8266-v3'
]

/** Whether the project asks for files of this kind, and it is one that can be asked for. */
export function isSpecial(kind: Kind, { kinds = [] }: ImageContext): boolean {
  return kinds.includes(kind) && SPECIAL_KINDS.includes(kind)
}
