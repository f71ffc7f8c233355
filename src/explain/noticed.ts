import type { Client, Noticed } from './explanation.js'
import type { LogLine } from './log-line.js'
import { withoutCredentials } from './log-line.js'

const IP = String.raw`(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})`
const OWN_ADDRESS = new RegExp(
  String.raw`(?:sta ip|got ip|IPv4 address|ip address(?: is)?|local ?ip(?:\(\))?|STA IP)[:= ]{0,4}${IP}`,
  'i'
)
const MASK = new RegExp(String.raw`\bmask: ${IP}`, 'i')
const ADDRESS_FOLLOWS = /ip address:?$/i
const ONLY_ADDRESS = new RegExp(`^${IP}$`)
const MAC = /(?:\bsta|\bmac)\b[^\w]{0,4}(?:address[:= ]{0,3})?\(?((?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2})\b/i
const FOREIGN_MAC = /bssid/i
const URL = /https?:\/\/[^\s"'<>]{1,400}/i
const HOST = [
  /couldn't get hostname for :([^\s:]{1,253})/i,
  /HOST: ([\w.-]{1,253}), Port/,
  /\[hostByName\] Host: (?:https?:\/\/)?([\w.-]{1,253}) IP/,
  /DNS Failed for ([\w.-]{1,253})/i
]
const PARTITION = /Writing to (?:partition subtype \d{1,3}|<([^>]{1,16})> partition) at offset (0x[0-9a-f]{1,8})/i
const RUNNING =
  /(?:running firmware version|current firmware version|App version|current version)\s{0,8}[:=]?\s{0,12}([^\s,:=][^\s,]{0,63})/i
const NEW =
  /(?:new firmware version|payload firmware version|new version|latest version|(?<!running )(?<!current )Firmware version): {0,8}([^\s,]{1,64})/i
const IDF = /ESP-IDF:? {1,10}(v?\d{1,2}\.\d{1,2}[\w.+-]{0,40})/
/** The line in front of the verification: `segment 0: paddr=00110020 vaddr=3f400020 size=07518h ( 30008) map`, 0x and %d before 4.3. */
const SEGMENT = /segment (\d{1,2}): paddr=(?:0x)?([0-9a-f]{8}) vaddr=\S{1,12} size=(?:0x)?([0-9a-f]{1,8})h? /i
const SEGMENT_HEADERS = 0x20

/** Marks of the program that updates, the more particular ones first. */
const CLIENTS: readonly (readonly [client: Client, mark: RegExp])[] = [
  [
    'smartthings',
    /signed_ota_demo|isNewVersion|_update_device|\bst_dev\b|STDK|IOT_ERROR|Signature verified (?:NOK|OK)/
  ],
  ['esp_ghota', /\) GHOTA:|\bGHOTA\b/],
  ['esp32fota', /esp32FOTA|\[esp32fota/i],
  ['tasmota', /\bTAS(?:MOTA)?\b|[Tt]asmota|^(?:RSL|RES|MQT|HTP|WIF|UPL|OTA|CMD): /],
  // Components of ESPHome have no file behind their name; Updater.cpp and WiFiClient.cpp are of Arduino.
  [
    'esphome',
    /\]\[(?:http_request|safe_mode|update|ota|esphome|app|wifi)(?!\w{0,40}\.(?:cpp|c|h|ino):)[.\w]{0,40}:\d{1,5}\]|esphome/i
  ],
  ['esp8266', /x-ESP8266-|\[httpUpdate\]|\[HTTP-Client\]|ESP8266|\bets Jan {1,2}8 2013|BSSL:/],
  ['arduino-esp32', /\[[EWIDV]\]\[[\w.-]{1,40}\.(?:cpp|c|h):\d{1,5}\]|HTTP_UPDATE_FAIL|x-ESP32-/],
  ['esp-idf', /[EWIDV] \(\d[^)]{0,30}\) [\w.-]{1,40}:/]
]

/** Picks out of the lines of a log what they tell beside errors. It keeps the last of each. */
export class Notebook {
  #noticed: { -readonly [K in keyof Noticed]: Noticed[K] } = {
    address: null,
    mask: null,
    mac: null,
    url: null,
    host: null,
    partition: null,
    runningVersion: null,
    newVersion: null,
    idf: null,
    client: null
  }
  #rank = CLIENTS.length
  #addressFollows = false
  #slotStart: number | null = null
  #imageEnd: { readonly at: number; readonly line: number } | null = null
  /** Flash offset that the update is written to. */
  slotOffset: number | null = null
  /** The version of itself that the line read last names. */
  versionSaid: string | null = null

  read({ text, number }: LogLine): void {
    this.#noteClient(text)
    this.#noteDevice(text)
    this.#noteServer(text)
    this.#noteFirmware(text)
    this.#noteSegment(text, number)
  }

  get facts(): Noticed {
    return { ...this.#noticed }
  }

  get idf(): string | null {
    return this.#noticed.idf
  }

  /** Where the image ends, if the segments stand right above this line. */
  imageEndAbove(line: number): number | null {
    return this.#imageEnd !== null && line - this.#imageEnd.line <= 2 ? this.#imageEnd.at : null
  }

  #noteClient(text: string): void {
    const rank = CLIENTS.findIndex(([, mark], index) => index < this.#rank && mark.test(text))
    if (rank === -1) return
    this.#rank = rank
    this.#noticed.client = CLIENTS[rank]?.[0] ?? null
  }

  #noteDevice(text: string): void {
    const address = OWN_ADDRESS.exec(text)?.[1] ?? (this.#addressFollows ? ONLY_ADDRESS.exec(text)?.[1] : undefined)
    this.#addressFollows = ADDRESS_FOLLOWS.test(text)
    if (address !== undefined && address !== '0.0.0.0') {
      this.#noticed.address = address
      this.#noticed.mask = MASK.exec(text)?.[1] ?? null
    }
    const mac = FOREIGN_MAC.test(text) ? undefined : MAC.exec(text)?.[1]
    if (mac !== undefined) this.#noticed.mac = mac.toUpperCase().replaceAll('-', ':')
  }

  #noteServer(text: string): void {
    const url = URL.exec(text)?.[0]
    if (url !== undefined) {
      this.#noticed.url = withoutCredentials(url).replace(/[).,;\]]+$/, '')
      this.#noticed.host = hostOf(this.#noticed.url)
    }
    for (const pattern of HOST) {
      const host = pattern.exec(text)?.[1]
      if (host !== undefined) this.#noticed.host = host
    }
  }

  #noteFirmware(text: string): void {
    const partition = PARTITION.exec(text)
    if (partition !== null) {
      this.#noticed.partition = partition[1] ?? partition[2] ?? null
      this.slotOffset = Number.parseInt(partition[2] ?? '', 16)
    }
    this.versionSaid = RUNNING.exec(text)?.[1] ?? null
    this.#noticed.runningVersion = this.versionSaid ?? this.#noticed.runningVersion
    this.#noticed.newVersion = NEW.exec(text)?.[1] ?? this.#noticed.newVersion
    this.#noticed.idf = IDF.exec(text)?.[1] ?? this.#noticed.idf
  }

  #noteSegment(text: string, line: number): void {
    const segment = SEGMENT.exec(text)
    if (segment === null) return
    const start = Number.parseInt(segment[2] ?? '', 16)
    if (segment[1] === '0') this.#slotStart = start - SEGMENT_HEADERS
    const end = start + Number.parseInt(segment[3] ?? '', 16)
    this.#imageEnd = this.#slotStart === null ? null : { at: end - this.#slotStart, line }
  }
}

/** Host of a URL; null for one that is none. */
function hostOf(url: string): string | null {
  try {
    return new globalThis.URL(url).hostname || null
  } catch {
    return null
  }
}
