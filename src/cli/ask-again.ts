import { setTimeout as elapse } from 'node:timers/promises'
import { OperatorError } from '../errors.js'

/** What a daemon said this time, or why there was none to say anything. */
export type Heard<T> = { readonly said: T } | { readonly away: OperatorError }

export interface AskingAgain {
  readonly everyMs: number
  /** Ends it. */
  readonly signal: AbortSignal
}

/** Of its time a daemon gives at most this share to one who asks again and again: with thousands of devices an answer takes a while. */
const SHARE = 0.1
const LONGEST_MS = 3_000

/**
 * Asks a daemon again and again, until whoever takes the answers has enough or the signal comes. A daemon that goes away is told of each time, and
 * asked on: it may only be starting anew.
 * @throws OperatorError for everything else that it says
 */
export async function* askAgain<T>(
  ask: () => Promise<T>,
  { everyMs, signal }: AskingAgain
): AsyncGenerator<Heard<T>, void, void> {
  while (!signal.aborted) {
    const askedAt = performance.now()
    const heard = await hear(ask)
    const tookMs = performance.now() - askedAt
    yield heard
    // Woken by the signal, it looks at it next.
    await elapse(Math.max(everyMs, Math.min(tookMs / SHARE, LONGEST_MS)), undefined, { signal }).catch(() => {})
  }
}

async function hear<T>(ask: () => Promise<T>): Promise<Heard<T>> {
  try {
    return { said: await ask() }
  } catch (error) {
    if (error instanceof OperatorError && error.code === 'OTAD_ERR_NOT_RUNNING') return { away: error }
    throw error
  }
}
