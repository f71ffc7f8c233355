import type { Release } from '../releases/release.js'
import type { ArduinoClient } from './arduino.js'

/** Who is answered, without the connection: it outlives that. */
export interface Recipient {
  /** What tells clients apart: a certificate or MAC, or an address with a User-Agent. */
  readonly client: string
  /** Whether there is one device behind it; several may stand behind an address. */
  readonly isSure: boolean
  /** What a person knows it by: its MAC, else its address. */
  readonly label: string
  readonly userAgent: string
  readonly address: string
  /** SHA-256 fingerprint of its client certificate, with colons. */
  readonly certificate: string | undefined
  readonly mac: string | undefined
}

/** How one transfer of a release to one device ended; ranges of one device are one download. */
export interface Download {
  /** The address of the device. */
  readonly device: string
  readonly recipient: Recipient
  /** What it told of itself as it asked. */
  readonly client?: ArduinoClient | undefined
  readonly release: Release
  /** `unchanged`: it was told that it runs this release. `no-room`: it was told a length that it has no room for. */
  readonly outcome: 'complete' | 'aborted' | 'unchanged' | 'no-room'
  /**
   * Bytes handed to the operating system. Only the device knows what it received.
   */
  readonly sent: number
  readonly ranges: number
  readonly durationMs: number
  /** Why it is taken for aborted, in words. */
  readonly cause: string
  /** Whether its end was told before, as a range that broke off. */
  readonly isToldCut?: boolean
}

/** One answer with firmware in it, when its connection is done with it. */
export interface Answered extends Pick<Download, 'device' | 'recipient' | 'client' | 'release'> {
  readonly isRange: boolean
  /** The bytes [start, end) that were handed over, of those that were asked for. */
  readonly start: number
  readonly end: number
  readonly wasCut: boolean
  readonly durationMs: number
}

interface Ranged extends Pick<Download, 'device' | 'recipient' | 'client' | 'release'> {
  readonly startedAt: number
  /** Bytes [first, reached) without a gap. */
  first: number
  reached: number
  ranges: number
  lastAt: number
  /** Whether the last range broke off. */
  isBroken: boolean
}

const LOST = 'the device closed the connection, or was lost'
/** A device that asks for no further range for this long has stopped. */
const QUIET_MS = 60_000
/** Downloads in ranges that are followed at the same time; above that the oldest is told as it stands. */
const MOST_FOLLOWED = 10_000

/** Makes one report of a download, however many ranges it came in (performance.md 4.5). */
export class Downloads {
  readonly #report: (download: Download) => void
  readonly #reportBroken: (download: Download) => void
  readonly #ranged = new Map<string, Ranged>()
  readonly #timer: NodeJS.Timeout

  /** `reportBroken` is told of a range that breaks off: whether its download goes on is known a minute later. */
  constructor(report: (download: Download) => void, reportBroken: (download: Download) => void = () => {}) {
    this.#report = report
    this.#reportBroken = reportBroken
    this.#timer = setInterval(() => this.#tellQuiet(performance.now() - QUIET_MS), QUIET_MS / 4).unref()
  }

  /** Takes note of an answer; tells at once what is complete or was cut as a whole. */
  note(answered: Answered): void {
    const { device, recipient, client, release, isRange, start, end, wasCut, durationMs } = answered
    if (isRange) {
      this.#noteRange(answered)
      return
    }
    this.#report({
      device,
      recipient,
      client,
      release,
      outcome: wasCut ? 'aborted' : 'complete',
      sent: end - start,
      ranges: 1,
      durationMs,
      cause: wasCut ? LOST : ''
    })
  }

  /** Takes note of an answer that made no download. */
  noteNone(
    asked: Pick<Download, 'device' | 'recipient' | 'client' | 'release'>,
    outcome: 'unchanged' | 'no-room'
  ): void {
    this.#report({ ...asked, outcome, sent: 0, ranges: 0, durationMs: 0, cause: '' })
  }

  /** Tells what is still open, and stops. */
  close(): void {
    clearInterval(this.#timer)
    this.#tellQuiet(Number.POSITIVE_INFINITY)
  }

  #noteRange({ device, recipient, client, release, start, end, wasCut, durationMs }: Answered): void {
    const key = `${recipient.client}\n${release.name}\n${release.digest}`
    const now = performance.now()
    let ranged = this.#ranged.get(key)
    if (ranged === undefined || start > ranged.reached || start < ranged.first) {
      if (ranged !== undefined) this.#tellStopped(ranged, 'it began again somewhere else')
      const startedAt = now - durationMs
      const begun = { first: start, reached: start, ranges: 0, lastAt: now, isBroken: false }
      ranged = { device, recipient, client, release, startedAt, ...begun }
    }
    ranged.reached = Math.max(ranged.reached, end)
    ranged.ranges++
    ranged.lastAt = now
    ranged.isBroken = wasCut
    // Deleted and set again, so that the first of the map is the one that has been quiet longest.
    this.#ranged.delete(key)
    if (ranged.reached < release.size) this.#ranged.set(key, ranged)
    else this.#tellComplete(ranged)
    if (wasCut) this.#reportBroken({ ...transferOf(ranged), outcome: 'aborted', cause: LOST })
    if (this.#ranged.size > MOST_FOLLOWED) this.#tellOldest()
  }

  #tellComplete(ranged: Ranged): void {
    this.#report({ ...transferOf(ranged), outcome: 'complete', cause: '' })
  }

  #tellStopped(ranged: Ranged, cause: string): void {
    this.#report({ ...transferOf(ranged), outcome: 'aborted', cause, isToldCut: ranged.isBroken })
  }

  #tellOldest(): void {
    for (const [key, ranged] of this.#ranged) {
      this.#ranged.delete(key)
      this.#tellStopped(ranged, 'too many downloads to follow it further')
      return
    }
  }

  #tellQuiet(before: number): void {
    for (const [key, ranged] of this.#ranged) {
      if (ranged.lastAt > before) break
      this.#ranged.delete(key)
      this.#tellStopped(ranged, 'it asked for no further range')
    }
  }
}

function transferOf({ device, recipient, client, release, first, reached, ranges, startedAt, lastAt }: Ranged) {
  return { device, recipient, client, release, sent: reached - first, ranges, durationMs: lastAt - startedAt }
}
