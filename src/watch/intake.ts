import { setTimeout as sleep } from 'node:timers/promises'
import type { CandidateReading } from './read-candidate.js'

/** A path that may be firmware, and the name it has in a URL. */
export interface Candidate {
  readonly name: string
  readonly file: string
  /** The watched folder that it lies in. */
  readonly folder: string
}

/** What the judge made of some bytes, as far as the order of things depends on it. */
export interface Judgement<V> {
  readonly isServable: boolean
  /** The file proves by its own digest that it is whole. */
  readonly isSelfContained: boolean
  readonly verdict: V
}

/** `done` for this state of the file, or `later`: the next time somebody sees the file, it is looked at again. */
export type Outcome = 'done' | 'later'

/** The outside of the intake: how to read, judge, keep and tell. */
export interface IntakeDoors<V> {
  read(candidate: Candidate, knownKey: string | undefined): Promise<CandidateReading>
  judge(candidate: Candidate, bytes: Buffer): Judgement<V>
  /** Keeps and publishes; resolves when it is served, or with `later` when the disk would not have it. */
  accept(candidate: Candidate, bytes: Buffer, verdict: V, settleMs: number): Promise<Outcome>
  refuse(candidate: Candidate, verdict: V): Promise<Outcome>
  refuseTooLarge(candidate: Candidate, size: number): Promise<Outcome>
  /** The file has been away for long enough. */
  withdraw(name: string): Promise<void>
  tellUnreadable(candidate: Candidate, reason: string): void
  tellStillChanging(candidate: Candidate, sinceMs: number): void
  tellBug(error: unknown): void
}

export interface IntakeTimes {
  readonly settleMs: number
  /** How long a file has to be away before its name is withdrawn; a rename over is never seen as a gap. */
  readonly awayMs: number
}

/** A burst of writes is looked at once, this long after its first event. */
const GATHER_MS = 5
/** Candidates read at the same time, and the bytes that they may hold in memory together; one is always allowed. */
const READ_AT_ONCE = 32
const BYTES_AT_ONCE = 64 * 1024 * 1024
/** What a file is taken to hold of which only an event is known. */
const USUAL_LENGTH = 2 * 1024 * 1024
/**
 * After an event a file is looked at a few times more, less and less often: chokidar drops an event within 5 ms of another, and reads a
 * folder again once a second at most, so that what it told may not be the last that happened.
 */
const FIRST_CONFIRM_MS = 50
const LAST_CONFIRM_MS = 800
/** A file that is never still is mentioned after this long. */
const STILL_CHANGING_MS = 10_000
/** Clocks of file systems are trusted to say "long ago", not more. */
const LONG_AGO_MS = 2_000

interface Progress {
  candidate: Candidate
  /** The state of the file that was judged last, and need not be judged again. */
  judgedKey: string | undefined
  /** The state of the file at the last reading, and since when it has been so (monotonic). */
  key: string | undefined
  keySince: number
  changingSince: number | undefined
  toldChanging: boolean
  unreadable: string | undefined
  awaySince: number | undefined
  /** Bytes that reading it will probably take. */
  length: number
  /** When to look once more although nothing seems to have happened; undefined when that has been done often enough. */
  confirmMs: number | undefined
  isRunning: boolean
  /** Something happened while it was being looked at. */
  again: boolean
  timer: NodeJS.Timeout | undefined
}

/**
 * Brings candidates from path to outcome: read, judge, wait until they have settled, accept or refuse. It is told that something
 * may have happened (`see`), as often as anybody likes, and finds out by itself what did. The only place that orders these steps.
 */
export class Intake<V> {
  readonly #doors: IntakeDoors<V>
  readonly #times: IntakeTimes
  readonly #progress = new Map<string, Progress>()
  readonly #waiting: Progress[] = []
  #reading = 0
  #bytesInUse = 0
  #isClosed = false
  #onIdle: (() => void)[] = []

  constructor(doors: IntakeDoors<V>, times: IntakeTimes) {
    this.#doors = doors
    this.#times = times
  }

  /** The file of this candidate is there, or may have changed, or may have gone. `length`, in bytes, where somebody has looked. */
  see(candidate: Candidate, length?: number): void {
    if (this.#isClosed) return
    const progress = this.#progress.get(candidate.name) ?? this.#begin(candidate)
    progress.candidate = candidate
    progress.length = length ?? USUAL_LENGTH
    if (length === undefined) progress.confirmMs = FIRST_CONFIRM_MS
    if (progress.isRunning) progress.again = true
    else this.#lookIn(progress, GATHER_MS)
  }

  /** Every name that the intake has a file for, or had one until a moment ago. */
  get names(): Iterable<string> {
    return this.#progress.keys()
  }

  /** Whether the file of this name was judged in just this state, so that there is no need to see it again. */
  hasJudged(name: string, key: string): boolean {
    const progress = this.#progress.get(name)
    return progress?.judgedKey === key && progress.awaySince === undefined
  }

  /** The candidate of a name that it has been shown. */
  candidateOf(name: string): Candidate | undefined {
    return this.#progress.get(name)?.candidate
  }

  /** Forgets what it judged, so that everything is judged again by other rules (another chip, another slot). */
  judgeAgain(isConcerned: (candidate: Candidate) => boolean): void {
    for (const progress of this.#progress.values()) {
      if (!isConcerned(progress.candidate)) continue
      progress.judgedKey = undefined
      this.see(progress.candidate)
    }
  }

  /** Resolves when nothing is being read or about to be; files that have not settled yet do not count. */
  async idle(): Promise<void> {
    if (this.#isIdle()) return
    await new Promise<void>(resolve => this.#onIdle.push(resolve))
  }

  /** Stops looking. What is being kept at this moment is finished; resolves when it is. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#waiting.length = 0
    for (const progress of this.#progress.values()) clearTimeout(progress.timer)
    while (this.#reading > 0) await sleep(5)
  }

  #begin(candidate: Candidate): Progress {
    const progress: Progress = {
      candidate,
      judgedKey: undefined,
      key: undefined,
      keySince: 0,
      changingSince: undefined,
      toldChanging: false,
      unreadable: undefined,
      awaySince: undefined,
      length: 0,
      confirmMs: undefined,
      isRunning: false,
      again: false,
      timer: undefined
    }
    this.#progress.set(candidate.name, progress)
    return progress
  }

  #lookIn(progress: Progress, delayMs: number): void {
    if (this.#isClosed) return
    clearTimeout(progress.timer)
    progress.timer = setTimeout(() => this.#enqueue(progress), delayMs)
  }

  #enqueue(progress: Progress): void {
    progress.timer = undefined
    if (progress.isRunning || this.#isClosed) return
    progress.isRunning = true
    this.#waiting.push(progress)
    this.#startWaiting()
  }

  #startWaiting(): void {
    for (;;) {
      const [progress] = this.#waiting
      if (progress === undefined || this.#reading >= READ_AT_ONCE) return
      if (this.#reading > 0 && this.#bytesInUse + progress.length > BYTES_AT_ONCE) return
      this.#waiting.shift()
      void this.#run(progress, progress.length)
    }
  }

  async #run(progress: Progress, length: number): Promise<void> {
    this.#reading++
    this.#bytesInUse += length
    const startedAt = performance.now()
    let nextLookMs: number | undefined
    try {
      nextLookMs = await this.#look(progress)
    } catch (error) {
      this.#doors.tellBug(error)
    }
    this.#reading--
    this.#bytesInUse -= length
    progress.isRunning = false
    if (nextLookMs === undefined && progress.confirmMs !== undefined) {
      nextLookMs = progress.confirmMs
      progress.confirmMs = nextLookMs < LAST_CONFIRM_MS ? 2 * nextLookMs : undefined
    }
    if (this.#progress.get(progress.candidate.name) !== progress) {
      if (progress.again) this.see(progress.candidate)
    } else if (progress.again) {
      progress.again = false
      // A file that is being written to gives an event for each write; looking must not take more time than not looking.
      nextLookMs = Math.min(nextLookMs ?? Number.POSITIVE_INFINITY, GATHER_MS + 2 * (performance.now() - startedAt))
    }
    if (nextLookMs !== undefined && this.#progress.get(progress.candidate.name) === progress)
      this.#lookIn(progress, nextLookMs)
    this.#startWaiting()
    if (this.#isIdle()) for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  #isIdle(): boolean {
    if (this.#reading > 0 || this.#waiting.length > 0) return false
    for (const { timer, key, awaySince } of this.#progress.values())
      if (timer !== undefined && key === undefined && awaySince === undefined) return false
    return true
  }

  /** One look at a file. Returns after how many milliseconds to look again, or undefined when there is nothing to wait for. */
  async #look(progress: Progress): Promise<number | undefined> {
    const { candidate } = progress
    const isSettling = this.#isSettling(progress)
    const reading = await this.#doors.read(candidate, isSettling ? progress.key : progress.judgedKey)
    if (reading.outcome !== 'vanished') progress.awaySince = undefined
    if (reading.outcome !== 'unreadable') progress.unreadable = undefined
    switch (reading.outcome) {
      case 'unchanged':
        return isSettling ? this.#nextLook(progress) : undefined
      case 'vanished':
        return this.#miss(progress)
      case 'unreadable':
        if (progress.unreadable !== reading.reason) this.#doors.tellUnreadable(candidate, reading.reason)
        progress.unreadable = reading.reason
        progress.key ??= ''
        return undefined
      case 'unstable':
        progress.key ??= ''
        this.#tellIfNeverStill(progress)
        return GATHER_MS
      case 'too-large':
        return this.#whenStill(progress, reading, () => this.#doors.refuseTooLarge(candidate, reading.size))
      case 'read': {
        const { isServable, isSelfContained, verdict } = this.#doors.judge(candidate, reading.bytes)
        const accept = (): Promise<Outcome> =>
          this.#doors.accept(candidate, reading.bytes, verdict, Date.now() - reading.changedAt)
        if (isServable && isSelfContained) return this.#settle(progress, reading.key, accept)
        return this.#whenStill(progress, reading, isServable ? accept : () => this.#doors.refuse(candidate, verdict))
      }
    }
  }

  /** Does it if the file has held still for long enough, else comes back when it might have. */
  async #whenStill(
    progress: Progress,
    { key, changedAt }: { readonly key: string; readonly changedAt: number },
    act: () => Promise<Outcome>
  ): Promise<number | undefined> {
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
    return Math.max(GATHER_MS, Math.min(stillMs, this.#times.settleMs - stillMs))
  }

  #tellIfNeverStill(progress: Progress): void {
    const now = performance.now()
    progress.changingSince ??= now
    if (!progress.toldChanging && now - progress.changingSince > STILL_CHANGING_MS) {
      progress.toldChanging = true
      this.#doors.tellStillChanging(progress.candidate, now - progress.changingSince)
    }
  }

  async #settle(progress: Progress, key: string, act: () => Promise<Outcome>): Promise<undefined> {
    progress.key = key
    progress.changingSince = undefined
    progress.toldChanging = false
    progress.judgedKey = (await act()) === 'done' ? key : undefined
  }

  async #miss(progress: Progress): Promise<number | undefined> {
    const now = performance.now()
    progress.awaySince ??= now
    progress.judgedKey = undefined
    progress.key = undefined
    const awayMs = now - progress.awaySince
    if (awayMs < this.#times.awayMs) return this.#times.awayMs - awayMs
    await this.#doors.withdraw(progress.candidate.name)
    this.#progress.delete(progress.candidate.name)
    return undefined
  }
}
