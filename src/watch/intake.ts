import { setTimeout as sleep } from 'node:timers/promises'
import type { Candidate, IntakeDoors, IntakeTimes } from './candidate.js'
import { beginProgress, Lookout, type Progress, SOONEST_MS } from './look.js'

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

/** A candidate and when it is looked at next. */
interface Turn extends Progress {
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
  readonly #lookout: Lookout<V>
  readonly #turns = new Map<string, Turn>()
  readonly #waiting: Turn[] = []
  #reading = 0
  #bytesInUse = 0
  #isClosed = false
  #onIdle: (() => void)[] = []

  constructor(doors: IntakeDoors<V>, times: IntakeTimes) {
    this.#doors = doors
    this.#lookout = new Lookout(doors, times)
  }

  /** The file of this candidate is there, or may have changed, or may have gone. `length`, in bytes, where somebody has looked. */
  see(candidate: Candidate, length?: number): void {
    if (this.#isClosed) return
    const turn = this.#turns.get(candidate.name) ?? this.#begin(candidate)
    turn.candidate = candidate
    turn.length = length ?? USUAL_LENGTH
    if (length === undefined) turn.confirmMs = FIRST_CONFIRM_MS
    if (turn.isRunning) turn.again = true
    else this.#lookIn(turn, SOONEST_MS)
  }

  /** The file of this candidate was judged in this state before this process began: it is looked at when it changes. */
  knows(candidate: Candidate, key: string): void {
    const turn = this.#turns.get(candidate.name) ?? this.#begin(candidate)
    turn.judgedKey = key
    turn.key = key
  }

  /** Every name that the intake has a file for, or had one until a moment ago. */
  get names(): Iterable<string> {
    return this.#turns.keys()
  }

  /** Whether the file of this name was judged in just this state, so that there is no need to see it again. */
  hasJudged(name: string, key: string): boolean {
    const turn = this.#turns.get(name)
    return turn?.judgedKey === key && turn.awaySince === undefined
  }

  /** The candidate of a name that it has been shown. */
  candidateOf(name: string): Candidate | undefined {
    return this.#turns.get(name)?.candidate
  }

  /** Forgets what it judged, so that everything is judged again by other rules (another chip, another slot). */
  judgeAgain(isConcerned: (candidate: Candidate) => boolean): void {
    for (const turn of this.#turns.values()) {
      if (!isConcerned(turn.candidate)) continue
      turn.judgedKey = undefined
      this.see(turn.candidate)
    }
  }

  /** Resolves when nothing is being read or about to be; files that have not settled yet do not count. */
  async idle(): Promise<void> {
    if (this.#isClosed || this.#isIdle()) return
    await new Promise<void>(resolve => this.#onIdle.push(resolve))
  }

  /** Stops looking. What is being kept at this moment is finished; resolves when it is. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#waiting.length = 0
    for (const turn of this.#turns.values()) clearTimeout(turn.timer)
    while (this.#reading > 0) await sleep(5)
    // Whoever waits for it to have looked at everything waits for nothing any more.
    for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  #begin(candidate: Candidate): Turn {
    const turn: Turn = {
      ...beginProgress(candidate),
      length: 0,
      confirmMs: undefined,
      isRunning: false,
      again: false,
      timer: undefined
    }
    this.#turns.set(candidate.name, turn)
    return turn
  }

  #lookIn(turn: Turn, delayMs: number): void {
    if (this.#isClosed) return
    clearTimeout(turn.timer)
    turn.timer = setTimeout(() => this.#enqueue(turn), delayMs)
  }

  #enqueue(turn: Turn): void {
    turn.timer = undefined
    if (turn.isRunning || this.#isClosed) return
    turn.isRunning = true
    this.#waiting.push(turn)
    this.#startWaiting()
  }

  #startWaiting(): void {
    for (;;) {
      const [turn] = this.#waiting
      if (turn === undefined || this.#reading >= READ_AT_ONCE) return
      if (this.#reading > 0 && this.#bytesInUse + turn.length > BYTES_AT_ONCE) return
      this.#waiting.shift()
      void this.#run(turn, turn.length)
    }
  }

  async #run(turn: Turn, length: number): Promise<void> {
    this.#reading++
    this.#bytesInUse += length
    const startedAt = performance.now()
    let nextLookMs: number | undefined
    try {
      const next = await this.#lookout.look(turn)
      if (next === 'gone') this.#turns.delete(turn.candidate.name)
      else if (next !== 'done') nextLookMs = next
    } catch (error) {
      this.#doors.tellBug(error)
    }
    this.#reading--
    this.#bytesInUse -= length
    turn.isRunning = false
    if (nextLookMs === undefined && turn.confirmMs !== undefined) {
      nextLookMs = turn.confirmMs
      turn.confirmMs = nextLookMs < LAST_CONFIRM_MS ? 2 * nextLookMs : undefined
    }
    if (this.#turns.get(turn.candidate.name) !== turn) {
      if (turn.again) this.see(turn.candidate)
    } else if (turn.again) {
      turn.again = false
      // A file that is being written to gives an event for each write; looking must not take more time than not looking.
      nextLookMs = Math.min(nextLookMs ?? Number.POSITIVE_INFINITY, SOONEST_MS + 2 * (performance.now() - startedAt))
    }
    if (nextLookMs !== undefined && this.#turns.get(turn.candidate.name) === turn) this.#lookIn(turn, nextLookMs)
    this.#startWaiting()
    if (this.#isIdle()) for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  #isIdle(): boolean {
    if (this.#reading > 0 || this.#waiting.length > 0) return false
    for (const { timer, key, awaySince } of this.#turns.values())
      if (timer !== undefined && key === undefined && awaySince === undefined) return false
    return true
  }
}
