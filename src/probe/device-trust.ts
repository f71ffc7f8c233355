import type { X509Certificate } from 'node:crypto'
import { deviceComplaint } from '../certs/device-certificate.js'

/** What a device holds against the certificates of a server, in its words; undefined when it goes on. */
export type TrustVerdict = { readonly seen: string; readonly device: string } | undefined

/** What a device trusts: the authority in its firmware, or the bundle of public roots. */
export interface Anchors {
  readonly certificates: readonly X509Certificate[]
  readonly isBundle: boolean
}

const REFUSED = 'esp-tls-mbedtls: mbedtls_ssl_handshake returned -0x2700'

/**
 * Walks from the leaf to an anchor as mbedTLS does by its default profile (clients.md 15.4): a self-signed leaf may be the anchor
 * itself, any other may not, and dates are not looked at, for no ESP-IDF client looks at them unless it is told to.
 */
export function judgeChain(chain: readonly X509Certificate[], { certificates, isBundle }: Anchors): TrustVerdict {
  const [leaf] = chain
  if (leaf === undefined) return { seen: 'the server shows no certificate', device: REFUSED }
  const complaint = deviceComplaint(leaf, 'server')
  if (complaint !== undefined) return { seen: `the certificate ${complaint}`, device: complaintLine(complaint) }
  if (certificates.some(anchor => isSame(anchor, leaf)))
    return isIssuedBy(leaf, leaf)
      ? undefined
      : { seen: 'the device holds the leaf itself, which only works where it is self-signed', device: REFUSED }
  let link = leaf
  for (let depth = 0; depth <= chain.length; depth++) {
    const anchor = certificates.find(one => isIssuedBy(link, one))
    if (anchor !== undefined) return judgeAnchor(anchor)
    const next = chain.find(one => one !== link && isIssuedBy(link, one))
    const problem = next === undefined ? undefined : deviceComplaint(next, 'issuer')
    if (next === undefined || problem !== undefined) break
    link = next
  }
  if (isBundle)
    return {
      seen: `the certificate is by ${nameOf(link.issuer)}, which is no public authority`,
      device: 'esp-x509-crt-bundle: No matching trusted root certificate found   (-0x3000)'
    }
  return { seen: `the certificate is by ${nameOf(link.issuer)}, not by the CA that the device holds`, device: REFUSED }
}

function judgeAnchor(anchor: X509Certificate): TrustVerdict {
  const complaint = deviceComplaint(anchor, 'issuer')
  return complaint === undefined ? undefined : { seen: `the CA ${complaint}`, device: REFUSED }
}

/** For which generations of mbedTLS a certificate carries the host of the URL. */
export type NameMatch = 'all' | 'new' | 'none'

/** mbedtls_x509_crt_verify with a host name: any SAN disables the CN, and before 3.5 only dNSName counts (clients.md 15.3). */
export function matchName(host: string, { subject, subjectAltName }: X509Certificate): NameMatch {
  const wanted = host.toLowerCase()
  if (subjectAltName === undefined) {
    const commonName = /^CN=(.*)$/m.exec(subject)?.[1] ?? ''
    return isCovered(wanted, commonName) ? 'all' : 'none'
  }
  const entries = subjectAltName.split(', ')
  const valuesOf = (kind: string) =>
    entries.filter(entry => entry.startsWith(kind)).map(entry => entry.slice(kind.length))
  if (valuesOf('DNS:').some(name => isCovered(wanted, name))) return 'all'
  return valuesOf('IP Address:').some(address => isSameAddress(wanted, address)) ? 'new' : 'none'
}

/** What the certificate is for, for people. */
export function namesOf({ subject, subjectAltName }: X509Certificate): string {
  return subjectAltName ?? `${nameOf(subject)}, without subjectAltName`
}

function complaintLine(complaint: string): string {
  return /^(may not be used|is not for servers)/.test(complaint)
    ? 'esp-tls-mbedtls: mbedtls_ssl_handshake returned -0x7A00'
    : REFUSED
}

function isSame(one: X509Certificate, other: X509Certificate): boolean {
  return one.fingerprint256 === other.fingerprint256
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.issuer === issuer.subject && certificate.verify(issuer.publicKey)
}

/** `*.` stands for one label. */
function isCovered(host: string, name: string): boolean {
  const pattern = name.toLowerCase()
  if (!pattern.startsWith('*.')) return pattern === host
  const dot = host.indexOf('.')
  return dot > 0 && host.slice(dot) === pattern.slice(1)
}

function isSameAddress(host: string, address: string): boolean {
  const spelled = (text: string) =>
    URL.canParse(`https://[${text}]`) ? new URL(`https://[${text}]`).hostname : text.toLowerCase()
  return spelled(host) === spelled(address)
}

/** The CN of a subject, else all of it on one line. */
function nameOf(subject: string): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? subject.replaceAll('\n', ', ')
}
