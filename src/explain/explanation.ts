/** What a device is doing when an update fails, in the order in which it does them. */
export const STEPS = ['network', 'reach', 'tls', 'http', 'download', 'image', 'flash', 'boot'] as const
export type Step = (typeof STEPS)[number]

/**
 * How the update in a log ended. `unchanged`: the device looked, and found nothing that it wants to install. `unfinished`: the log ends
 * before the update does. `unknown`: nothing in it tells.
 */
export type Outcome = 'succeeded' | 'failed' | 'unchanged' | 'unfinished' | 'unknown'

/** A number of the log and what it stands for. */
export interface Decoded {
  /** As the device printed it. */
  readonly written: string
  /** `ESP_ERR_HTTP_CONNECT`, `-0x2700`, `ECONNABORTED`. */
  readonly name: string
  /** What it is in words, with the number in its usual form: "28674 is 0x7002, ESP_ERR_HTTP_CONNECT: …". */
  readonly sentence: string
}

/** A line of the log that the explanation rests on. What stands in it comes from outside. */
export interface Evidence {
  readonly line: number
  readonly text: string
  readonly decoded: readonly Decoded[]
}

/** What a rule says of a line. */
export interface Meaning {
  /** What happened, as it follows "failed while reaching the server:". */
  readonly title: string
  readonly cause: string
  /** The one thing to do. */
  readonly next: string
  /** What people take it for, and why it is not that. */
  readonly not?: string
}

/** Something else in the log that is worth knowing. */
export interface Finding {
  /** The rule, in kebab-case. */
  readonly code: string
  readonly step: Step
  readonly line: number
  readonly title: string
  readonly next: string
}

/** What the log tells of the device, the server and the firmware. All of it comes from outside. */
export interface Noticed {
  /** The address that the device was given. */
  readonly address: string | null
  /** Of the network that it is in. */
  readonly mask: string | null
  readonly mac: string | null
  /** The last URL, without credentials. */
  readonly url: string | null
  /** Host of that URL, or the name that could not be looked up. */
  readonly host: string | null
  /** Update slot, as label or flash offset. */
  readonly partition: string | null
  readonly runningVersion: string | null
  readonly newVersion: string | null
  /** Release of ESP-IDF. */
  readonly idf: string | null
  readonly client: Client | null
}

export type Client =
  | 'esp-idf'
  | 'arduino-esp32'
  | 'esp8266'
  | 'esphome'
  | 'tasmota'
  | 'esp32fota'
  | 'esp_ghota'
  | 'smartthings'

/** What a log says, in words. */
export interface Explanation {
  readonly outcome: Outcome
  /** The step that failed; null where none did. */
  readonly step: Step | null
  /** The rule that says it; null where none does. */
  readonly code: string | null
  readonly title: string
  readonly cause: string | null
  readonly next: string | null
  readonly not: string | null
  /** The lines that it rests on, in their order; the last errors where no rule knows one. */
  readonly evidence: readonly Evidence[]
  readonly findings: readonly Finding[]
  /** What happened before or after: other attempts, other starts. */
  readonly notes: readonly string[]
  readonly attempts: { readonly failed: number; readonly succeeded: number }
  readonly noticed: Noticed
  /** How many lines were read. */
  readonly lines: number
  /** Time of day of the decisive line, where the monitor wrote one: `12:01:31`. */
  readonly clock: string | null
}
