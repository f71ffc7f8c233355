import { X509Certificate as ParsedCertificate } from 'node:crypto'
import {
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate
} from '@peculiar/x509'
import { describeKey, isDeviceKey } from './device-key.js'

/** What a certificate is there for: to be shown by a server, or to vouch for another. */
export type CertificateRole = 'server' | 'issuer'

/** The hashes of signatures that mbedTLS takes by default, in all releases (clients.md 15.4). */
const HASHES: ReadonlySet<string> = new Set(['SHA-256', 'SHA-384', 'SHA-512'])
const SIGNATURES: ReadonlySet<string> = new Set(['ECDSA', 'RSASSA-PKCS1-v1_5'])

/** Why a device would refuse a certificate in this role, in words that follow its name; undefined when it would not (clients.md 15.4). */
export function deviceComplaint({ raw, publicKey }: ParsedCertificate, role: CertificateRole): string | undefined {
  if (!isDeviceKey(publicKey))
    return `has a key that devices cannot use (${describeKey(publicKey)}): use RSA with 2048 bits or more, or P-256`
  const certificate = new X509Certificate(raw)
  const { name, hash } = certificate.signatureAlgorithm as { name: string; hash: { name: string } }
  const isSelfIssued = certificate.subject === certificate.issuer
  if (!SIGNATURES.has(name) || !HASHES.has(hash.name)) {
    // Nobody verifies the signature of an anchor.
    if (role === 'server' || !isSelfIssued)
      return `is signed with ${name}, ${hash.name}, which devices refuse: ECDSA or RSA with SHA-256`
  }
  const usages = certificate.getExtension(KeyUsagesExtension)?.usages
  if (role === 'issuer') {
    if (usages !== undefined && (usages & KeyUsageFlags.keyCertSign) === 0)
      return 'may not sign certificates (keyUsage)'
    return new ParsedCertificate(raw).ca ? undefined : 'is no CA (CA:TRUE): devices trust nothing under it'
  }
  const purposes = certificate.getExtension(ExtendedKeyUsageExtension)?.usages
  if (purposes !== undefined && !purposes.includes(ExtendedKeyUsage.serverAuth))
    return 'is not for servers (serverAuth)'
  if (usages !== undefined && (usages & KeyUsageFlags.digitalSignature) === 0)
    return 'may not be used for handshakes (digitalSignature)'
  return undefined
}
