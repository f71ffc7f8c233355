import type { Meaning, Noticed, Step } from './explanation.js'

/**
 * How near a line is to the root of a failure. `root` names the cause; `general` has a few possible ones; `symptom` says what went wrong
 * and not why; `echo` repeats that something above it failed; `notice` is worth knowing and fails nothing by itself.
 */
export const RANKS = ['root', 'general', 'symptom', 'echo', 'notice'] as const
export type Rank = (typeof RANKS)[number]

/** What of the log a rule may look at beside its line. */
export interface Seen extends Noticed {
  /** Flash offset at which the image in the slot ends, by the segments that the device has just listed. */
  readonly imageEnd: number | null
}

/** One way to fail: the lines that say so, and what they mean. */
export interface Rule {
  /** Stable, in kebab-case. */
  readonly code: string
  readonly step: Step
  readonly rank: Rank
  /**
   * Any of these in a line, behind which the names of its decoded numbers stand: `… err=0x5379 ESP_ERR_OTA_VALIDATE_FAILED`. None of them
   * has a part that can grow without bound before another one, so that no line can make them slow.
   */
  readonly patterns: readonly RegExp[]
  /** Lines that fit and are something else. */
  readonly unless?: RegExp
  /** Set where nothing of the same attempt can come behind it. */
  readonly ends?: true
  /** Set where it fails nothing by itself and is the cause of what fails behind it, until the device is in its network again. */
  readonly waits?: true
  readonly says: Meaning | ((match: RegExpExecArray, seen: Seen) => Meaning)
}
