import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { writeFileAtomically } from '../atomic-file.js'

/** Keys that TLS session tickets are sealed with: name, HMAC key and AES key, 16 bytes each (RFC 5077, 4). */
export interface TicketKeys {
  readonly keys: Buffer
  /** Milliseconds since 1970. */
  readonly madeAt: number
  /** Whom a session was made with: one of before another CA was put in must not be resumed. */
  readonly boundTo: string
}

const LENGTH = 48
/** Who learns the keys can read every session that they sealed: no longer than a day's. */
const LIFETIME_MS = 24 * 60 * 60 * 1000

/**
 * The ticket keys of the last run while they are good, so that devices resume their sessions over a restart; else new ones, kept in the file.
 * A file that cannot be written is no hindrance: the keys are good for this run then.
 */
export async function loadTicketKeys(file: string, trust: readonly string[], now: number): Promise<TicketKeys> {
  const boundTo = createHash('sha256').update(trust.join('\n')).digest('hex')
  const kept = await readTicketKeys(file)
  if (kept !== undefined && kept.boundTo === boundTo && !isOutdated(kept, now)) return kept
  const made = { keys: randomBytes(LENGTH), madeAt: now, boundTo }
  const text = JSON.stringify({ ...made, keys: made.keys.toString('base64') })
  await writeFileAtomically(file, `${text}\n`, 0o600).catch(() => {})
  return made
}

/** Whether it is time for new keys; also when the clock was set back behind their making. */
export function isOutdated({ madeAt }: TicketKeys, now: number): boolean {
  return now - madeAt > LIFETIME_MS || madeAt - now > LIFETIME_MS
}

async function readTicketKeys(file: string): Promise<TicketKeys | undefined> {
  try {
    const { keys, madeAt, boundTo } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
    if (typeof keys !== 'string' || typeof madeAt !== 'number' || typeof boundTo !== 'string') return undefined
    const bytes = Buffer.from(keys, 'base64')
    return bytes.length === LENGTH ? { keys: bytes, madeAt, boundTo } : undefined
  } catch {
    // Missing, cut, or of another version: sessions begin anew, which costs a full handshake each and nothing else.
    return undefined
  }
}
