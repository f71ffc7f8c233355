import type { Candidate, FoundImage, IntakeDoors, IntakeTimes, Outcome } from './candidate.js'
import type { CandidateReading } from './read-candidate.js'

/** What is known of one candidate between two looks at its file. */
export interface Progress {
  candidate: Candidate
  /** The state of the file that was judged last, and need not be judged again. */
  judgedKey: string | undefined
  /** The state of the file at the last reading, and since when it has been so (monotonic). Empty for one that could not be read. */
  key: string | undefined
  keySince: number
  changingSince: number | undefined
  toldChanging: boolean
  unreadable: string | undefined
  awaySince: number | undefined
}

/** What comes after a look: another one in so many milliseconds, nothing until something happens, or nothing any more. */
export type Next = number | 'done' | 'gone'

/** No file is looked at more often than this. */
export const SOONEST_MS = 5
/** A file that is never still is mentioned after this long. */
const STILL_CHANGING_MS = 10_000
/** What the disk would not take is tried again after this. */
const AGAIN_MS = 2_000
/** Clocks of file systems are trusted to say "long ago", not more. */
const LONG_AGO_MS = 2_000

/** A candidate that nobody has looked at yet. */
export function beginProgress(candidate: Candidate): Progress {
  return {
    candidate,
    judgedKey: undefined,
    key: undefined,
    keySince: 0,
    changingSince: undefined,
    toldChanging: false,
    unreadable: undefined,
    awaySince: undefined
  }
}

function foundImage({ bytes, key, changedAt }: Extract<CandidateReading, { outcome: 'read' }>): FoundImage {
  return { bytes, key, settleMs: Date.now() - changedAt }
}

/**
 * Looks at the file of one candidate and does what is due: judge it, wait until it has settled, accept or refuse it, miss it.
 * When to look is not its business.
 */
export class Lookout<V> {
  readonly #doors: IntakeDoors<V>
  readonly #times: IntakeTimes

  constructor(doors: IntakeDoors<V>, times: IntakeTimes) {
    this.#doors = doors
    this.#times = times
  }

  /** One look at a file: what there was to do is done when it resolves. */
  async look(progress: Progress): Promise<Next> {
    const { candidate } = progress
    const isSettling = this.#isSettling(progress)
    const reading = await this.#doors.read(candidate, isSettling ? progress.key : progress.judgedKey)
    if (reading.outcome !== 'vanished') progress.awaySince = undefined
    if (reading.outcome !== 'unreadable') progress.unreadable = undefined
    switch (reading.outcome) {
      case 'unchanged':
        return isSettling ? this.#nextLook(progress) : 'done'
      case 'vanished':
        return this.#miss(progress)
      case 'unreadable':
        if (progress.unreadable !== reading.reason) this.#doors.tellUnreadable(candidate, reading.reason)
        progress.unreadable = reading.reason
        progress.key ??= ''
        return 'done'
      case 'unstable':
        progress.key ??= ''
        this.#tellIfNeverStill(progress)
        return SOONEST_MS
      case 'too-large':
        return this.#whenStill(progress, reading, () => this.#doors.refuseTooLarge(candidate, reading.size))
      case 'read': {
        const { isServable, isSelfContained, verdict } = this.#doors.judge(candidate, reading.bytes)
        const accept = (): Promise<Outcome> => this.#doors.accept(candidate, foundImage(reading), verdict)
        if (isServable && isSelfContained) return this.#settle(progress, reading.key, accept)
        return this.#whenStill(
          progress,
          reading,
          isServable ? accept : () => this.#doors.refuse(candidate, reading.bytes, verdict)
        )
      }
    }
  }

  /** Does it if the file has held still for long enough, else comes back when it might have. */
  async #whenStill(
    progress: Progress,
    { key, changedAt }: { readonly key: string; readonly changedAt: number },
    act: () => Promise<Outcome>
  ): Promise<Next> {
    const { settleMs } = this.#times
    const now = performance.now()
    const isSeenBefore = progress.key === key
    if (!isSeenBefore) {
      progress.key = key
      progress.keySince = now
    }
    const stillMs = now - progress.keySince
    const isOld = Date.now() - changedAt > Math.max(settleMs, LONG_AGO_MS)
    // One reading is never enough: two with the same key and that time between them cannot both be torn.
    if ((isSeenBefore && stillMs >= settleMs) || isOld) return this.#settle(progress, key, act)
    this.#tellIfNeverStill(progress)
    return this.#nextLook(progress)
  }

  /** Whether the file has been read, will not do as it is, and may still become another one. */
  #isSettling({ key, judgedKey, keySince }: Progress): boolean {
    return !!key && key !== judgedKey && performance.now() - keySince < this.#times.settleMs
  }

  /**
   * When to look at a file that is settling: soon after it changed, then less and less often. Events alone will not do:
   * chokidar drops those that come within 5 ms of another, and the last write of a build is often one of them.
   */
  #nextLook({ keySince }: Progress): number {
    const stillMs = performance.now() - keySince
    return Math.max(SOONEST_MS, Math.min(stillMs, this.#times.settleMs - stillMs))
  }

  #tellIfNeverStill(progress: Progress): void {
    const now = performance.now()
    progress.changingSince ??= now
    if (!progress.toldChanging && now - progress.changingSince > STILL_CHANGING_MS) {
      progress.toldChanging = true
      this.#doors.tellStillChanging(progress.candidate, now - progress.changingSince)
    }
  }

  async #settle(progress: Progress, key: string, act: () => Promise<Outcome>): Promise<Next> {
    progress.key = key
    progress.changingSince = undefined
    progress.toldChanging = false
    progress.judgedKey = (await act()) === 'done' ? key : undefined
    return 'done'
  }

  async #miss(progress: Progress): Promise<Next> {
    const now = performance.now()
    progress.awaySince ??= now
    progress.judgedKey = undefined
    progress.key = undefined
    const awayMs = now - progress.awaySince
    if (awayMs < this.#times.awayMs) return this.#times.awayMs - awayMs
    return (await this.#doors.withdraw(progress.candidate.name)) === 'done' ? 'gone' : AGAIN_MS
  }
}
