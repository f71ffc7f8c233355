import type { DeviceFacts, VerdictKind } from './device-facts.js'
import { BROWSER } from './update-client.js'

/** What does not go away by waiting. A download that stalls or is cut mostly goes on by itself. */
const NEEDS_A_PERSON: ReadonlySet<VerdictKind> = new Set<VerdictKind>([
  'handshake-failed',
  'silent',
  'not-allowed',
  'not-found',
  'no-room',
  'looping',
  'rolled-back'
])

/**
 * Whether what happened to a device last is something to do something about. A browser asks for files of its own accord, and tells the person
 * before it that it does not trust the certificate.
 */
export function needsAPerson({ verdict, client }: Pick<DeviceFacts, 'verdict' | 'client'>): boolean {
  return verdict !== null && NEEDS_A_PERSON.has(verdict.is) && client !== BROWSER
}
