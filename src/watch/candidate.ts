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

/** What was read of a candidate that is accepted. */
export interface FoundImage {
  readonly bytes: Buffer
  /** The state of the file that has these bytes. */
  readonly key: string
  /** From the last change of the file until now, in milliseconds. */
  readonly settleMs: number
}

/** The outside of the intake: how to read, judge, keep and tell. */
export interface IntakeDoors<V> {
  read(candidate: Candidate, knownKey: string | undefined): Promise<CandidateReading>
  judge(candidate: Candidate, bytes: Buffer): Judgement<V>
  /** Keeps and publishes; resolves when it is served, or with `later` when the disk would not have it. */
  accept(candidate: Candidate, found: FoundImage, verdict: V): Promise<Outcome>
  refuse(candidate: Candidate, bytes: Buffer, verdict: V): Promise<Outcome>
  refuseTooLarge(candidate: Candidate, size: number): Promise<Outcome>
  /** The file has been away for long enough. */
  withdraw(name: string): Promise<Outcome>
  tellUnreadable(candidate: Candidate, reason: string): void
  tellStillChanging(candidate: Candidate, sinceMs: number): void
  tellBug(error: unknown): void
}

export interface IntakeTimes {
  readonly settleMs: number
  /** How long a file has to be away before its name is withdrawn; a rename over is never seen as a gap. */
  readonly awayMs: number
}
