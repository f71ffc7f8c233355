import type { LoadReport } from './load-job.js'

/** Everything that the lanes of one job share and count. */
export interface Tally {
  answered: number
  bodyLength: number
  wrong: number
  failed: number
  failures: string[]
  firstByteMs: number[]
  negotiated: string
}

/** The clients of one job. */
export interface Load {
  run(seconds: number): Promise<LoadReport>
  close(): void
}

export const FAILURES_TOLD = 3
/** A lane that fails this often stops: a server that refuses at once would otherwise be asked without end. */
const FAILURES_MAX = 5

export function createTally(): Tally {
  return { answered: 0, bodyLength: 0, wrong: 0, failed: 0, failures: [], firstByteMs: [], negotiated: '' }
}

export function noteFailure(tally: Tally, failure: string): void {
  tally.failed++
  if (tally.failures.length < FAILURES_TOLD) tally.failures.push(failure)
}

/** What a lane does: one thing after the other until the time is over, or until too much has failed. */
export async function repeatUntil(until: number, tally: Tally, once: () => Promise<void>): Promise<void> {
  for (let failures = 0; failures < FAILURES_MAX && performance.now() < until; ) {
    await once().catch((error: Error) => {
      failures++
      noteFailure(tally, error.message)
    })
  }
}
