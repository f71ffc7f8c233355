import type { Release } from '../releases/release.js'

/** How one transfer of a release to one device ended; ranges of one device are one download. */
export interface Download {
  /** The address of the device. */
  readonly device: string
  readonly release: Release
  readonly outcome: 'complete' | 'aborted'
  /**
   * Bytes handed to the operating system. Only the device knows what it received.
   */
  readonly sent: number
  readonly ranges: number
  readonly durationMs: number
  /** Why it is taken for aborted, in words. */
  readonly cause: string
}

/** One answer with firmware in it, when its connection is done with it. */
export interface Answered {
  readonly device: string
  readonly userAgent: string
  readonly release: Release
  readonly isRange: boolean
  /** The bytes [start, end) that were handed over, of those that were asked for. */
  readonly start: number
  readonly end: number
  readonly wasCut: boolean
  readonly durationMs: number
}

interface Ranged {
  readonly device: string
  readonly release: Release
  readonly startedAt: number
  /** Bytes [first, reached) without a gap. */
  first: number
  reached: number
  ranges: number
  lastAt: number
}

/** A device that asks for no further range for this long has stopped. */
const QUIET_MS = 60_000
/** Downloads in ranges that are followed at the same time; above that the oldest is told as it stands. */
const MOST_FOLLOWED = 10_000

/** Makes one report of a download, however many ranges it came in (performance.md 4.5). */
export class Downloads {
  readonly #report: (download: Download) => void
  readonly #ranged = new Map<string, Ranged>()
  readonly #timer: NodeJS.Timeout

  constructor(report: (download: Download) => void) {
    this.#report = report
    this.#timer = setInterval(() => this.#tellQuiet(performance.now() - QUIET_MS), QUIET_MS / 4).unref()
  }

  /** Takes note of an answer; tells at once what is complete or was cut as a whole. */
  note(answered: Answered): void {
    const { device, release, isRange, start, end, wasCut, durationMs } = answered
    if (isRange) {
      this.#noteRange(answered)
      return
    }
    this.#report({
      device,
      release,
      outcome: wasCut ? 'aborted' : 'complete',
      sent: end - start,
      ranges: 1,
      durationMs,
      cause: wasCut ? 'the device closed the connection, or was lost' : ''
    })
  }

  /** Tells what is still open, and stops. */
  close(): void {
    clearInterval(this.#timer)
    this.#tellQuiet(Number.POSITIVE_INFINITY)
  }

  #noteRange({ device, userAgent, release, start, end, durationMs }: Answered): void {
    const key = `${device}\n${userAgent}\n${release.name}\n${release.digest}`
    const now = performance.now()
    let ranged = this.#ranged.get(key)
    if (ranged === undefined || start > ranged.reached || start < ranged.first) {
      if (ranged !== undefined) this.#tellStopped(ranged, 'it began again somewhere else')
      ranged = { device, release, startedAt: now - durationMs, first: start, reached: start, ranges: 0, lastAt: now }
    }
    ranged.reached = Math.max(ranged.reached, end)
    ranged.ranges++
    ranged.lastAt = now
    // Deleted and set again, so that the first of the map is the one that has been quiet longest.
    this.#ranged.delete(key)
    if (ranged.reached < release.size) this.#ranged.set(key, ranged)
    else this.#tellComplete(ranged)
    if (this.#ranged.size > MOST_FOLLOWED) this.#tellOldest()
  }

  #tellComplete({ device, release, first, reached, ranges, startedAt, lastAt }: Ranged): void {
    const durationMs = lastAt - startedAt
    this.#report({ device, release, outcome: 'complete', sent: reached - first, ranges, durationMs, cause: '' })
  }

  #tellStopped({ device, release, first, reached, ranges, startedAt, lastAt }: Ranged, cause: string): void {
    const durationMs = lastAt - startedAt
    this.#report({ device, release, outcome: 'aborted', sent: reached - first, ranges, durationMs, cause })
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
