/** Somebody who was not let in. */
export interface FailedAuth {
  readonly device: string
  readonly reason: string
}

/** What is remembered of an address. */
interface Remembered {
  /** Wrong credentials in a row. */
  wrong: number
  /** By performance.now(). */
  lastAt: number
  /** What it lacked when it was asked for credentials, and since when, until it is known whether it has them. */
  waiting: { readonly reason: string; readonly sinceMs: number } | undefined
}

/** One who was asked for credentials and has them comes back with them at once; later than this it had none. */
const ANSWER_MS = 3_000
const LOOK_EVERY_MS = 500
/** Wrong ones that are answered at once: a device that is tried out is not made to wait. */
const FREE_TRIES = 3
const FIRST_DELAY_MS = 100
/** Below what any client waits for a head (clients.md R11). */
const LONGEST_DELAY_MS = 1_000
/** Silence after which an address begins anew. */
const FORGET_MS = 60_000
/** Addresses that are remembered at the same time; above that the oldest is forgotten. */
const MOST = 1_000

/**
 * Remembers who was not let in: how long the answer to wrong credentials is held back, which grows with each of them, and what there is to
 * tell. Only refusals wait: whoever has the right credentials gets in at once, whatever came from the same address before.
 */
export class Refusals {
  readonly #addresses = new Map<string, Remembered>()
  readonly #tell: (failed: FailedAuth) => void
  #timer: NodeJS.Timeout | undefined

  constructor(tell: (failed: FailedAuth) => void) {
    this.#tell = tell
  }

  letIn(device: string): void {
    this.#addresses.delete(device)
  }

  /** It was asked for credentials, which is no failure when it comes back with them. */
  asked(device: string, reason: string, now: number): void {
    const { wrong, waiting } = this.#of(device, now)
    this.#remember(device, { wrong, lastAt: now, waiting: waiting ?? { reason, sinceMs: now } })
    this.#timer ??= setInterval(() => this.#tellWaiting(performance.now() - ANSWER_MS), LOOK_EVERY_MS).unref()
  }

  /** It sent wrong credentials. Returns for how many milliseconds its answer is held back. */
  refused(device: string, reason: string, now: number): number {
    const wrong = this.#of(device, now).wrong + 1
    this.#remember(device, { wrong, lastAt: now, waiting: undefined })
    this.#tell({ device, reason })
    if (wrong <= FREE_TRIES) return 0
    return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(wrong - FREE_TRIES - 1, 10))
  }

  /** Tells what is waiting, and stops. */
  close(): void {
    this.#tellWaiting(Number.POSITIVE_INFINITY)
    clearInterval(this.#timer)
  }

  #of(device: string, now: number): Remembered {
    const known = this.#addresses.get(device)
    if (known !== undefined && now - known.lastAt <= FORGET_MS) return known
    return { wrong: 0, lastAt: now, waiting: undefined }
  }

  #remember(device: string, remembered: Remembered): void {
    // Deleted and set again, so that the first of the map is the one that was seen longest ago.
    this.#addresses.delete(device)
    this.#addresses.set(device, remembered)
    if (this.#addresses.size <= MOST) return
    for (const [oldest, { waiting }] of this.#addresses) {
      this.#addresses.delete(oldest)
      if (waiting !== undefined) this.#tell({ device: oldest, reason: waiting.reason })
      return
    }
  }

  #tellWaiting(before: number): void {
    let areWaiting = false
    for (const [device, remembered] of this.#addresses) {
      const { waiting } = remembered
      if (waiting === undefined) continue
      if (waiting.sinceMs > before) areWaiting = true
      else {
        remembered.waiting = undefined
        this.#tell({ device, reason: waiting.reason })
      }
    }
    if (areWaiting) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
