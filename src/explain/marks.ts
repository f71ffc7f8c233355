import type { LogLine } from './log-line.js'

/** What a line says of the course of an update when nothing is wrong. */
export type Mark = 'boot' | 'start' | 'download' | 'received' | 'check' | 'success' | 'confirmed'

/** The more telling ones first: of those that fit a line the first one counts. */
const MARKS: readonly (readonly [mark: Mark, patterns: readonly RegExp[]])[] = [
  [
    'confirmed',
    [
      /Diagnostics completed successfully/i,
      /rollback cancelled successfully/i,
      /App is valid, rollback/i,
      /Boot seems successful/i,
      /marked? (?:the )?(?:app|firmware|image)(?: as)? valid/i
    ]
  ],
  [
    'success',
    [
      /esp_ota_set_boot_partition succeeded/i,
      /OTA (?:Succeed|successful|update finished|update complete|done)/i,
      /ESP_HTTPS_OTA upgrade successful/i,
      /Firmware (?:upgrade|update) (?:successful|succeeded|complete)/i,
      /(?:Firmware|OTA) written successfully/i,
      /Update (?:successfully completed|successful|success\b|complete\b|ok\b)/i,
      /OTA upgrade successful/i,
      /HTTP_UPDATE_OK/,
      /"Upgrade":"Successful/,
      /Prepare to restart system/i
    ]
  ],
  [
    'boot',
    [/\brst:0x[0-9a-f]{1,2}\b/i, /\brst cause:\d/, /^ets (?:Jan|Jun|Jul) /, /\bESP-ROM:esp/, /2nd stage bootloader/i]
  ],
  [
    'download',
    [
      /Writing to (?:partition|<)/i,
      /esp_ota_begin succeeded/i,
      /Please Wait\. This may take time/i,
      /Progress: \d/i,
      /Image bytes read/i,
      /Written image length/i,
      /OTA in progress/i
    ]
  ],
  [
    'start',
    [
      /Starting (?:Advanced )?OTA/i,
      /Start to Connect to Server/i,
      /Attempting to download update/i,
      /\b_update_device\b/,
      /Starting update/i,
      /Getting HTTP: http/i,
      /Checking for new release/i,
      /Firmware Update (?:Task )?Starting/i,
      /"Upgrade":"Version/,
      /Begin (?:Firmware|Filesystem) OTA/i,
      /Start updating/i,
      /HTTP update process started/i
    ]
  ],
  ['received', [/Connection closed, ?all data received/i]],
  ['check', [/esp_image: segment \d{1,2}: paddr=/i]]
]

/** Marks of a line; undefined for most. */
export function markOf({ text, level }: LogLine): Mark | undefined {
  if (level === 'E') return undefined
  return MARKS.find(([, patterns]) => patterns.some(pattern => pattern.test(text)))?.[0]
}

const LOADED = /Loaded app from partition at offset (0x[0-9a-f]{1,8})/i
const SOFTWARE_RESET = /rst:0x[0-9a-f]{1,2} \((?:SW_CPU_RESET|RTC_SW_CPU_RST|RTC_SW_SYS_RST|SW_RESET|SW_SYS_RST)\)/i

/** Flash offset of the app that the bootloader starts. */
export function loadedOffset(text: string): number | undefined {
  const offset = LOADED.exec(text)?.[1]
  return offset === undefined ? undefined : Number.parseInt(offset, 16)
}

const ONLINE =
  /sta ip:|got (?:new )?ip|\bip address\b|state: assoc -> run|wi-?fi:? (?:re)?connected\b|wifi:connected with/i

/** Whether the device is in its network, with an address. */
export function isOnline(text: string): boolean {
  return ONLINE.test(text)
}

/** Whether a program restarted the chip, as updates do when they are done. */
export function isSoftwareReset(text: string): boolean {
  return SOFTWARE_RESET.test(text)
}
