import type { IncomingHttpHeaders } from 'node:http'
import type { Release } from '../releases/release.js'

/**
 * What HTTPUpdate of arduino-esp32, ESP8266httpUpdate and Tasmota's copies of them tell with every request, and what follows from it
 * (clients.md 7.1, 8 and 11; HTTPUpdate.cpp, ESP8266httpUpdate.cpp, HTTPUpdateLight.cpp, handleUpdate).
 */

/** A client of this kind. What it did not tell, or told in no form that it could have, is undefined. */
export interface ArduinoClient {
  readonly kind: 'arduino-esp32' | 'arduino-esp8266'
  /** `spiffs` asks for a file system, of whatever kind; `version` for nothing but `x-version`. */
  readonly mode: Mode | undefined
  /** MD5 of the image that runs, which is that of its file where nothing stands behind the image. */
  readonly sketchMd5: string | undefined
  /** The SHA-256 that is appended to the image that runs: not that of its file. */
  readonly sketchSha256: string | undefined
  /** What the application passed to `update()`. */
  readonly version: string | undefined
  /** What a sketch may have at most, in bytes. */
  readonly freeSpace: number | undefined
  readonly sketchSize: number | undefined
  readonly chipSize: number | undefined
  readonly sdk: string | undefined
  readonly staMac: string | undefined
  /** Of the ESP8266, decimal. */
  readonly chipId: string | undefined
}

type Mode = 'sketch' | 'spiffs' | 'version'

const KINDS = { esp32: 'arduino-esp32', esp8266: 'arduino-esp8266' } as const

const MD5 = /^[0-9a-f]{32}$/i
const SHA256 = /^[0-9a-f]{64}$/i
const MAC = /^([0-9a-f]{2}[:-]?){5}[0-9a-f]{2}$/i
const NUMBER = /^\d{1,10}$/
/** `v5.5.1-710-g8410210c9a`, `13.4.0(tasmota32)`: nothing longer is a version that somebody wrote. */
const TEXT = /^.{1,100}$/
const MODE = /^(sketch|spiffs|version)$/

/** What such a client tells of itself; undefined for all others. Names of fields are in lower case, as Node hands them over. */
export function readArduinoClient(headers: IncomingHttpHeaders): ArduinoClient | undefined {
  return readFamily(headers, 'esp32') ?? readFamily(headers, 'esp8266')
}

function readFamily(headers: IncomingHttpHeaders, family: keyof typeof KINDS): ArduinoClient | undefined {
  // A field that came twice is joined with a comma, and is none of these.
  const read = (field: string, form: RegExp): string | undefined => {
    const value = headers[`x-${family}-${field}`]
    return typeof value === 'string' && form.test(value) ? value : undefined
  }
  const told = {
    mode: read('mode', MODE) as Mode | undefined,
    sketchMd5: read('sketch-md5', MD5)?.toLowerCase(),
    sketchSha256: read('sketch-sha256', SHA256)?.toLowerCase(),
    version: read('version', TEXT),
    freeSpace: numberOf(read('free-space', NUMBER)),
    sketchSize: numberOf(read('sketch-size', NUMBER)),
    chipSize: numberOf(read('chip-size', NUMBER)),
    sdk: read('sdk-version', TEXT),
    staMac: read('sta-mac', MAC)?.toLowerCase(),
    chipId: read('chip-id', NUMBER)
  }
  const isOne = Object.values(told).some(value => value !== undefined)
  return isOne ? { kind: KINDS[family], ...told } : undefined
}

function numberOf(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits)
}

/**
 * How one of these clients is answered. `no-room` is a 200 all the same: the client compares Content-Length with its free space before it
 * reads on, and says `Not Enough space` (-100) then; a 403 it would only call `Forbidden`.
 */
export type ArduinoAnswer = 'image' | 'unchanged' | 'version' | 'no-room' | 'other-image'

/** What a client gets that would get this release: `other-image` is the file system that belongs to it (clients.md R26, R33). */
export function answerArduino(client: ArduinoClient, release: Release): ArduinoAnswer {
  const { mode, freeSpace } = client
  switch (mode) {
    case 'version':
      return 'version'
    case 'spiffs':
      return isFileSystem(release) ? 'image' : 'other-image'
    case 'sketch':
      if (runs(client, release) || tellsVersionOf(client, release)) return 'unchanged'
      return freeSpace !== undefined && release.size > freeSpace ? 'no-room' : 'image'
    case undefined:
      return 'image'
  }
}

/**
 * Whether the image that it runs is that of a release; undefined where it does not tell. Older cores send one digest, newer ones both, of which
 * the MD5 is another one than that of the file where a signature stands behind the image. An image without an appended
 * SHA-256 is hashed by the device (bootloader_common_get_sha256_of_partition).
 */
export function runs({ sketchMd5, sketchSha256 }: ArduinoClient, release: RunnableRelease): boolean | undefined {
  if (sketchMd5 === undefined && sketchSha256 === undefined) return undefined
  return sketchMd5 === release.md5 || sketchSha256 === (release.appendedSha256 ?? release.digest)
}

/** What of a release can be compared with what runs. */
export type RunnableRelease = Pick<Release, 'md5' | 'digest' | 'appendedSha256'>

function tellsVersionOf({ version }: ArduinoClient, release: Release): boolean {
  return version !== undefined && version === release.version
}

const FILE_SYSTEMS: ReadonlySet<string> = new Set(['spiffs', 'littlefs', 'fat'])

/** Whether a release is what mode `spiffs` wants, which is the name for every file system. */
export function isFileSystem({ kind }: Pick<Release, 'kind'>): boolean {
  return FILE_SYSTEMS.has(kind)
}

/** The names that the file system of an app may have, in the order of preference: as Arduino calls it, then as PlatformIO does. */
export function fileSystemNames(name: string): readonly string[] {
  const folder = name.slice(0, name.lastIndexOf('/') + 1)
  const stem = name.replace(/\.bin$/, '')
  return [
    ...['spiffs', 'littlefs', 'fatfs'].map(kind => `${stem}.${kind}.bin`),
    ...['spiffs', 'littlefs', 'fatfs'].map(kind => `${folder}${kind}.bin`)
  ]
}
