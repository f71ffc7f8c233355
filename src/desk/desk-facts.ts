import type { NameStatus, Status } from '../answers.js'
import type { DeviceFacts, LiveDownload } from '../devices/device-facts.js'

/**
 * What the page is told: everything when it connects, and from then on what changes. Sent by `/events` as server-sent events, each named as a
 * key of `DeskEvents`, with JSON as its data.
 */

/** A name with what a person needs to use it. */
export interface DeskName extends NameStatus {
  /** `https://192.168.1.8:8070/hello_world.bin`, percent-encoded: what goes into the device. */
  readonly url: string
}

/** The certificate that devices embed. */
export interface DeskCertificate {
  /** SHA-256, with colons. */
  readonly fingerprint: string
  /** ISO 8601, UTC. */
  readonly validUntil: string
}

export interface DeskFacts extends Pick<Status, 'status' | 'version' | 'since' | 'origin'> {
  /** Whether the host of the URLs is this machine alone: no device can reach it. */
  readonly isLoopbackOnly: boolean
  /** Null where only the operator knows it; else `/ca_cert.pem` has it. */
  readonly certificate: DeskCertificate | null
  /** Every name that has a release or a refusal, in alphabetical order. */
  readonly names: readonly DeskName[]
  /** The two thousand that were seen last. */
  readonly devices: readonly DeviceFacts[]
  /** How many more there are: `/devices.json` has them all. */
  readonly otherDevices: number
}

export interface DeskEvents {
  /** The first one, and again whenever what stands for all names has changed: the address, the certificate. */
  readonly desk: DeskFacts
  readonly names: { readonly changed: readonly DeskName[]; readonly gone: readonly string[] }
  /** `gone` holds ids. */
  readonly devices: { readonly changed: readonly DeviceFacts[]; readonly gone: readonly string[] }
  /** All downloads under way, twice a second while there are any, and once more when there is none. */
  readonly downloads: readonly LiveDownload[]
}
