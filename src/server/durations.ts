/** How many durations were no longer than each of some bounds, as a Prometheus histogram tells it. */
export interface DurationCounts {
  /** Upper bounds in seconds, the shortest first. */
  readonly bounds: readonly number[]
  /** One for each bound, and one more for what is longer than all of them; none is counted twice. */
  readonly counts: readonly number[]
  readonly sumSeconds: number
}

/** Counts durations from the start on: who reads them may come much later. */
export class Durations implements DurationCounts {
  readonly bounds: readonly number[]
  readonly #counts: number[]
  #sumSeconds = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.#counts = [...bounds, Number.POSITIVE_INFINITY].map(() => 0)
  }

  get counts(): readonly number[] {
    return this.#counts
  }

  get sumSeconds(): number {
    return this.#sumSeconds
  }

  note(durationMs: number): void {
    const seconds = Math.max(0, durationMs) / 1000
    const index = this.bounds.findIndex(bound => seconds <= bound)
    const bucket = index === -1 ? this.bounds.length : index
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#sumSeconds += seconds
  }
}
