import type { DeviceRecord } from './device-record.js'
import type { Told } from './update-client.js'

/** Who is at the other end, as far as it tells. A connection that fails tells its address alone. */
export interface Contact {
  readonly address: string
  /** SHA-256 fingerprint, with colons. */
  readonly certificate?: string | undefined
  /** As the update client sends it. */
  readonly mac?: string | undefined
  readonly userAgent?: string | undefined
  readonly told?: Told | undefined
}

/** A release as the ledger needs it. */
export interface ReleaseMark {
  readonly name: string
  readonly digest: string | null
  readonly version: string
  readonly chip?: string | null
}

/** The surest that a contact tells of who it is. */
export function identityOf({ certificate, mac, address }: Contact): Pick<DeviceRecord, 'id' | 'identity'> {
  if (certificate !== undefined) return { id: certificate, identity: 'certificate' }
  return mac === undefined ? { id: address, identity: 'address' } : { id: mac, identity: 'mac' }
}
