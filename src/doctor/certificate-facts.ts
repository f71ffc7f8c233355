import { X509Certificate } from 'node:crypto'
import { namesIn } from '../certs/keystore.js'
import { covers } from '../certs/names.js'
import type { CertificateFact, EmbeddedCertificate } from './facts.js'

type Plain = Omit<CertificateFact, 'file' | 'dnsNames' | 'ipAddresses'>

const BEGIN = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g
const END = /-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g
/** Bundles of public roots hold a hundred and fifty. */
const MOST_CERTIFICATES = 400

/** The certificates in text with the lines around them, each from a beginning to the next end: searched forward, so that no text is looked at twice. */
function pemsIn(text: string, most: number): readonly string[] {
  const pems: string[] = []
  let at = 0
  while (pems.length < most) {
    const begin = searched(text, BEGIN, at)
    const end = begin === null ? null : searched(text, END, begin.index)
    if (begin === null || end === null) break
    at = end.index + end[0].length
    pems.push(text.slice(begin.index, at))
  }
  return pems
}

function searched(text: string, pattern: RegExp, from: number): RegExpExecArray | null {
  pattern.lastIndex = from
  return pattern.exec(text)
}

/** A certificate as it is told of; null for what is none. */
function certificateFact(certificate: string | Buffer): Plain | null {
  try {
    const parsed = new X509Certificate(certificate)
    return {
      subject: parsed.subject.replaceAll('\n', ', '),
      fingerprint: parsed.fingerprint256,
      validFrom: new Date(parsed.validFrom).toISOString(),
      validTo: new Date(parsed.validTo).toISOString(),
      isCa: parsed.ca,
      keyType: parsed.publicKey.asymmetricKeyType ?? 'unknown'
    }
  } catch {
    return null
  }
}

/** The first certificate of a PEM file with its names; null for what is none. */
export function certificateWithNames(pem: string, file: string): CertificateFact | null {
  const [first] = pemsIn(pem, 1)
  const plain = first === undefined ? null : certificateFact(first)
  if (first === undefined || plain === null) return null
  const { dnsNames, ipAddresses } = namesForDevices(first)
  return { file, ...plain, dnsNames, ipAddresses }
}

/** The names that a device compares. Without any SAN it takes the common name (mbedTLS: library/x509_crt.c; clients.md 15.3). */
export function namesForDevices(certificate: string): Pick<CertificateFact, 'dnsNames' | 'ipAddresses'> {
  const { commonName, dnsNames, ipAddresses } = namesIn(certificate)
  const hasSan = new X509Certificate(certificate).subjectAltName !== undefined
  return { dnsNames: hasSan || commonName === '' ? dnsNames : [commonName.toLowerCase()], ipAddresses }
}

/** The certificates in text: PEM between its lines. One that cannot be read is told as null. */
export function certificatesIn(text: string): readonly (Plain | null)[] {
  return pemsIn(text, MOST_CERTIFICATES).map(pem => certificateFact(pem))
}

/** The certificates of a file that a project embeds, PEM or DER; a file without any is told as one that cannot be read. */
export function certificatesOfFile(
  bytes: Buffer,
  file: string,
  place: EmbeddedCertificate['place']
): readonly EmbeddedCertificate[] {
  const text = bytes.toString('latin1')
  const isPem = text.includes('-----BEGIN') || !/\.(der|crt|cer)$/i.test(file)
  const found = isPem ? certificatesIn(text) : [certificateFact(bytes)]
  return (found.length === 0 ? [null] : found).map(certificate => ({ file, line: null, place, certificate }))
}

/** Whether text is that of a private key. */
export const isPrivateKey = (text: string): boolean => /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/.test(text)

/** Why a client that embeds the anchor and knows the server by this host would refuse a certificate; null where it would not. */
export function certificateComplaint(
  leaf: X509Certificate,
  anchor: X509Certificate,
  host: string,
  now: Date
): string | null {
  const isAnchor = leaf.fingerprint256 === anchor.fingerprint256
  if (!isAnchor && !(leaf.checkIssued(anchor) && leaf.verify(anchor.publicKey)))
    return `it was not issued by ${anchor.subject.replaceAll('\n', ', ')}`
  if (new Date(leaf.validTo) < now) return `it expired on ${new Date(leaf.validTo).toISOString().slice(0, 10)}`
  if (new Date(leaf.validFrom) > now) return `it is not valid before ${new Date(leaf.validFrom).toISOString()}`
  const { dnsNames, ipAddresses } = namesForDevices(leaf.toString())
  if (covers({ commonName: '', dnsNames, ipAddresses }, host)) return null
  if (ipAddresses.includes(host))
    return `it has ${host} as an address only, which ESP-IDF before 5.0.5, 5.1.2 and 5.2 does not read`
  return `it is for ${dnsNames.slice(0, 5).join(', ') || 'no name'}, not for ${host}`
}
