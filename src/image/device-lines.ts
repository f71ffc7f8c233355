import type { ChipName } from './chips.js'
import type { Seal } from './seal.js'

/** One line that a device prints, without the level, time and tag in front of it: `E (1234) esp_image: text`. */
export interface DeviceLine {
  /** What the device is doing: downloading, writing, finishing the update, or starting from it. */
  readonly stage: 'https-ota' | 'ota-write' | 'ota-end' | 'boot'
  readonly level: 'E' | 'W' | 'I'
  readonly tag: string
  readonly text: string
  /** Set where `text` is only how the line begins: the rest, and whether it comes at all, depends on the device's own build. */
  readonly likely?: true
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
}
