/** What was seen of one promise. `not-seen` is neither good nor bad: nobody looked, or nothing can be seen from here. */
export interface Judgement {
  readonly outcome: 'pass' | 'fail' | 'not-seen'
  /** What the server did, or why it was not looked at. */
  readonly seen: string
}

export const kept = (seen: string): Judgement => ({ outcome: 'pass', seen })
export const broken = (seen: string): Judgement => ({ outcome: 'fail', seen })
export const notSeen = (why: string): Judgement => ({ outcome: 'not-seen', seen: why })

/** Most faults that are told of one rule: the rest is more of the same. */
const MOST_TOLD = 3

/** Fails with the faults, passes with `good` where there are none. */
export function judgeFaults(faults: readonly string[], good: string): Judgement {
  if (faults.length === 0) return kept(good)
  const told = faults.slice(0, MOST_TOLD).join('; ')
  return broken(faults.length > MOST_TOLD ? `${told}; and ${faults.length - MOST_TOLD} more` : told)
}
