/** Something that happens again and again, told once and then by its number. */
interface Repeated {
  /** Happened since it was told last. */
  count: number
  /** By performance.now(). */
  tellAt: number
  waitMs: number
  tell: (count: number) => void
}

const FIRST_WAIT_MS = 10_000
const LONGEST_WAIT_MS = 10 * 60 * 1000
const LOOK_EVERY_MS = 1_000
/** Kinds that are told apart at the same time; above that the oldest is forgotten. */
const MOST = 1_000

/**
 * Tells the first of a kind at once and counts the others: ten seconds later how many more there were, then after twenty, forty, up to ten
 * minutes. A device in a loop writes a line now and then, and not the whole log.
 */
export class Repeats {
  readonly #kinds = new Map<string, Repeated>()
  readonly #timer: NodeJS.Timeout

  constructor() {
    this.#timer = setInterval(() => this.#tellDue(performance.now()), LOOK_EVERY_MS).unref()
  }

  /** @param tell told 1 for the first of this kind, and for those after it how many there were since */
  note(kind: string, tell: (count: number) => void): void {
    const known = this.#kinds.get(kind)
    if (known !== undefined) {
      known.count++
      known.tell = tell
      return
    }
    this.#kinds.set(kind, { count: 0, tellAt: performance.now() + FIRST_WAIT_MS, waitMs: FIRST_WAIT_MS, tell })
    if (this.#kinds.size > MOST) this.#forgetOldest()
    tell(1)
  }

  /** Tells what was counted and not told yet, and stops. */
  close(): void {
    clearInterval(this.#timer)
    for (const { count, tell } of this.#kinds.values()) if (count > 0) tell(count)
    this.#kinds.clear()
  }

  #tellDue(now: number): void {
    for (const [kind, repeated] of this.#kinds) {
      if (now < repeated.tellAt) continue
      if (repeated.count === 0) {
        this.#kinds.delete(kind)
        continue
      }
      repeated.tell(repeated.count)
      repeated.count = 0
      repeated.waitMs = Math.min(2 * repeated.waitMs, LONGEST_WAIT_MS)
      repeated.tellAt = now + repeated.waitMs
    }
  }

  #forgetOldest(): void {
    for (const [kind, { count, tell }] of this.#kinds) {
      this.#kinds.delete(kind)
      if (count > 0) tell(count)
      return
    }
  }
}
