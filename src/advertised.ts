import { X509Certificate } from 'node:crypto'
import { fingerprintOf } from './certs/keystore.js'
import type { DeskCertificate } from './desk/desk-facts.js'
import type { Identity } from './identity.js'
import { pathOf } from './releases/path-of.js'

export interface EmbeddedCertificate {
  readonly file: string
  /** SHA-256, with colons. */
  readonly fingerprint: string
  readonly validUntil: Date
}

/** The certificate to embed; undefined when only the operator knows it. */
export function describeAnchor({ anchor }: Identity): EmbeddedCertificate | undefined {
  if (anchor === undefined) return undefined
  const validUntil = new Date(new X509Certificate(anchor.certificate).validTo)
  return { file: anchor.file, fingerprint: fingerprintOf(anchor.certificate), validUntil }
}

/** The same for the page. */
export function tellAnchor(anchor: EmbeddedCertificate | undefined): DeskCertificate | null {
  return anchor === undefined ? null : { fingerprint: anchor.fingerprint, validUntil: anchor.validUntil.toISOString() }
}

/** `https://192.168.1.8:8070` */
export function originAt(host: string, port: number): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** What to paste into a device, one URL for each name; the origin alone while there is none. */
export function urlsAt(origin: string, names: readonly string[]): readonly string[] {
  return names.length === 0 ? [`${origin}/`] : names.map(name => `${origin}${pathOf(name)}`)
}
