import { isIP } from 'node:net'

/** The names that a certificate carries, each in the kinds of SAN that some client looks for it in. */
export interface CertificateNames {
  /** The advertised name: some clients show it, very old ones compare it. */
  readonly commonName: string
  /** dNSName entries: names, and every address once more as text. */
  readonly dnsNames: readonly string[]
  /** iPAddress entries. */
  readonly ipAddresses: readonly string[]
}

/**
 * Sorts host names and addresses into a certificate. Each address stands as iPAddress and as dNSName text: mbedTLS before 3.5
 * (ESP-IDF 4.x to 5.1.1) reads no iPAddress, and OpenSSL, Node and GnuTLS take no address from a dNSName.
 */
export function certificateNames(advertised: string, others: readonly string[]): CertificateNames {
  const all = unique([advertised, ...others].map(normalName).filter(name => name !== ''))
  return {
    commonName: normalName(advertised),
    dnsNames: all,
    ipAddresses: all.filter(name => isIP(name) !== 0)
  }
}

/** Names and addresses of this machine that a leaf should be good for; IPv6 zones are of no use to anybody else. */
export function namesOfHost(hostName: string, addresses: readonly string[]): readonly string[] {
  return unique([...addresses, hostName, `${hostName}.local`, 'localhost'].map(normalName))
}

/** One spelling for each name: lower case, no brackets, no zone, no final dot; IPv6 as short as it can be. */
export function normalName(name: string): string {
  const plain = name
    .trim()
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/%.*$/, '')
    .replace(/\.$/, '')
  return isIP(plain) === 6 ? new URL(`https://[${plain}]`).hostname.slice(1, -1) : plain
}

/** Whether a name may stand in a certificate: an address, or labels of letters, digits and hyphens. */
export function isCertifiable(name: string): boolean {
  const plain = normalName(name)
  if (isIP(plain) !== 0) return true
  return (
    plain.length <= 253 &&
    /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/.test(plain)
  )
}

/** The names that a certificate lacks. */
export function missingNames(wanted: CertificateNames, has: CertificateNames): readonly string[] {
  return wanted.dnsNames.filter(
    name => !has.dnsNames.includes(name) || (isIP(name) !== 0 && !has.ipAddresses.includes(name))
  )
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)]
}
