import type { ChipName } from './chips.js'
import type { IdfRelease } from './idf-release.js'
import type { Seal } from './seal.js'

/** What a device is doing when it prints a line: downloading, writing, finishing the update, or starting from it. */
export type DeviceStage = 'https-ota' | 'ota-write' | 'ota-end' | 'boot'

/** One line that a device prints, without the level, time and tag in front of it: `E (1234) esp_image: text`. */
export interface DeviceLine {
  readonly stage: DeviceStage
  readonly level: 'E' | 'W' | 'I'
  /** Empty where the line is printed bare, as printf does. */
  readonly tag: string
  /** As current ESP-IDF words it. */
  readonly text: string
  /** Set where `text` is only how the line begins: the rest, and whether it comes at all, depends on the device's own build. */
  readonly likely?: true
  /** How the release words it that built the image, where that is an older one and it differs. */
  readonly older?: OlderLine
}

/** A line in the words of an older release of ESP-IDF, whose devices are likely to be given the image. */
export interface OlderLine {
  /** The releases that say so: "4.0 to 4.4". */
  readonly idf: string
  readonly stage: DeviceStage
  readonly tag: string
  /** Cut to its beginning where the current text is; null where that release has no such check and prints nothing. */
  readonly text: string | null
}

/** The device that is given the file, and what the judge already knows of the file. */
export interface DeviceSituation {
  /** The project's chip, or the image's own where the project's is not known. */
  readonly chip: ChipName | null
  readonly slotSize: number | undefined
  /** MMU page size that the device goes by. */
  readonly pageSize: number
  /** Checksum and hash as far as they were computed, so that nothing is computed twice. */
  readonly seal: Seal | undefined
  /** The release that the image was built with, if it says so. */
  readonly release?: IdfRelease | undefined
  /** What a device that demands a signature says of this one; left out where it is content or does not ask. */
  readonly signatureLines?: readonly DeviceLine[]
}

/** A line of the verification at the end of an update, tag esp_image. */
export function atOtaEnd(text: string): DeviceLine {
  return { stage: 'ota-end', level: 'E', tag: 'esp_image', text }
}

/** C's `0x%x`. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`
}

/** C's `0x%08x`. */
export function address(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}
