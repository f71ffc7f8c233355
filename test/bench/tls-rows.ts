import type { Protocol } from './connection.js'
import type { KeyType } from './servers.js'

export type Session = 'full' | 'resumed'

/** One line of the first table: a kind of handshake, and by what name `--only` takes it. */
export interface HandshakeRow {
  readonly id: string
  readonly key: KeyType
  readonly protocol: Protocol
  readonly session: Session
}

/** One line of the second table, of the C client. Its library ends at TLS 1.2. */
export interface DeviceRow {
  readonly id: string
  readonly key: KeyType
  readonly session: Session
}

const KEYS: readonly KeyType[] = ['ec', 'rsa']
const PROTOCOLS: readonly Protocol[] = ['TLSv1.2', 'TLSv1.3']
const SESSIONS: readonly Session[] = ['full', 'resumed']

export const handshakeRows: readonly HandshakeRow[] = KEYS.flatMap(key =>
  PROTOCOLS.flatMap(protocol =>
    SESSIONS.map(session => ({ id: `${key}-${protocol.slice(4)}-${session}`, key, protocol, session }))
  )
)

export const deviceRows: readonly DeviceRow[] = KEYS.flatMap(key =>
  SESSIONS.map(session => ({ id: `device-${key}-${session}`, key, session }))
)
