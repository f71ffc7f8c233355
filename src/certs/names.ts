import { BlockList, isIP } from 'node:net'
import { isLoopbackAddress } from '../loopback.js'

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

/**
 * Names and addresses of this machine that a leaf should be good for, the likeliest first; IPv6 zones are of no use to anybody else.
 * A machine with dozens of bridges has more addresses than small devices have room for: the last ones are left out then, and get a
 * leaf of their own when somebody comes by them.
 */
export function namesOfHost(hostName: string, addresses: readonly string[]): readonly string[] {
  const own = unique([hostName, `${hostName}.local`, 'localhost'].map(normalName))
  const all = unique(addresses.map(normalName))
  const fitting = new Set<string>()
  let room = SAN_ROOM - own.reduce((sum, name) => sum + sanLength(name), 0)
  for (const address of [...all.filter(isLoopbackAddress), ...all]) {
    if (fitting.has(address)) continue
    room -= sanLength(address)
    if (room < 0) break
    fitting.add(address)
  }
  return [...all.filter(address => fitting.has(address)), ...own]
}

/** What is left for names where the Certificate message with an EC leaf has to stay below 1.2 KB (clients.md R38). */
const SAN_ROOM = 600

/** Bytes of a name in the SAN, with tag and length of each entry (RFC 5280, 4.2.1.6). */
function sanLength(name: string): number {
  const family = isIP(name)
  return 2 + name.length + (family === 0 ? 0 : 2 + (family === 4 ? 4 : 16))
}

/** One spelling for each name: lower case, no brackets, no zone, no final dot; IPv6 as short as it can be. */
export function normalName(name: string): string {
  const plain = withoutZone(
    name
      .trim()
      .toLowerCase()
      .replace(/^\[(.*)\]$/, '$1')
  ).replace(/\.$/, '')
  return isIP(plain) === 6 ? new URL(`https://[${plain}]`).hostname.slice(1, -1) : plain
}

/** `fe80::1%eth0` without the interface, which is of no use to anybody else. */
function withoutZone(name: string): string {
  const [address = ''] = name.split('%', 1)
  return isIP(address) === 6 ? address : name
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

/**
 * The names of a leaf for what a client asked for. mbedTLS compares a dNSName with the text of the URL: an IPv6 address stands
 * as it was written and as it is written best.
 */
export function namesAskedFor(asked: string): CertificateNames {
  const spelled = asked.toLowerCase().replace(/^\[|\]$/g, '')
  const normal = normalName(asked)
  return {
    commonName: normal,
    dnsNames: unique(isIP(spelled) === 6 ? [spelled, normal] : [normal]),
    ipAddresses: isIP(normal) === 0 ? [] : [normal]
  }
}

/** The names of both, under the common name of the first. */
export function joinNames(first: CertificateNames, second: CertificateNames): CertificateNames {
  return {
    commonName: first.commonName,
    dnsNames: unique([...first.dnsNames, ...second.dnsNames]),
    ipAddresses: unique([...first.ipAddresses, ...second.ipAddresses])
  }
}

/** Ranges that no public address is in: RFC 1918, 3927 and 1122; RFC 4193 and 4291. */
const LOCAL_ADDRESSES = new BlockList()
for (const [network, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['127.0.0.0', 8]
] as const)
  LOCAL_ADDRESSES.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of [
  ['fc00::', 7],
  ['fe80::', 10],
  ['::1', 128]
] as const)
  LOCAL_ADDRESSES.addSubnet(network, prefix, 'ipv6')

/** Zones that nobody can own: mDNS (RFC 6762), home.arpa (RFC 8375), lan, which routers of the home use, and localhost (RFC 6761). */
const LOCAL_ZONE = /(^|\.)(local|lan|home\.arpa|localhost)$/

/**
 * Whether a name means a machine of this network and nobody else's in the world: it may get a leaf without being listed.
 * A single label is one that only a router or a hosts file knows.
 */
export function isLocalName(name: string): boolean {
  if (name !== name.trim()) return false
  const plain = normalName(name)
  const family = isIP(plain)
  if (family !== 0) return LOCAL_ADDRESSES.check(plain, family === 4 ? 'ipv4' : 'ipv6')
  return isCertifiable(plain) && !plain.startsWith('*') && (!plain.includes('.') || LOCAL_ZONE.test(plain))
}

/** Whether a certificate with these dNSNames is good for a name as a client spells it; `*.` stands for one label. */
export function covers({ dnsNames }: CertificateNames, asked: string): boolean {
  const spelled = asked.toLowerCase().replace(/\.$/, '')
  return dnsNames.includes(spelled) || dnsNames.includes(spelled.replace(/^[^.]+\./, '*.'))
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
