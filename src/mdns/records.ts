import { isIPv6, SocketAddress } from 'node:net'
import type { Answer } from 'dns-packet'

/** Under which otad is found on a LAN (RFC 6763, section 7). */
export const SERVICE_TYPE = '_otad._tcp.local'
/** Where a browser asks which kinds of services there are (RFC 6763, section 9). */
const ENUMERATION = '_services._dns-sd._udp.local'

/** Seconds that records are good for: those that name a host, and the others (RFC 6762, section 10). */
const HOST_TTL = 120
const OTHER_TTL = 4500
/** Bytes of a label (RFC 1035, section 2.3.4). */
const LONGEST_LABEL = 63

/** A record as otad says it: `flush` where nobody else may have one of the same name and type. */
export type OwnRecord = Answer & { readonly ttl: number; readonly flush: boolean }

export interface SpokenService {
  /** `otad on bench._otad._tcp.local`. */
  readonly instance: string
  /** `bench.local`. */
  readonly host: string
  readonly port: number
  /** What TXT says, by key (RFC 6763, section 6). */
  readonly text: Readonly<Record<string, string>>
}

/** `otad on bench._otad._tcp.local`; from the second on a network on with its number. */
export function instanceNameOf(hostName: string, number: number): string {
  return `${labelOf('otad on ', hostName, number === 1 ? '' : ` (${number})`)}.${SERVICE_TYPE}`
}

/** `bench.local`, and `bench-2.local` where another machine is called that. */
export function hostNameOf(hostName: string, number: number): string {
  return `${labelOf('', hostName, number === 1 ? '' : `-${number}`)}.local`
}

function labelOf(before: string, hostName: string, behind: string): string {
  let shortened = hostName.replaceAll('.', '-')
  while (Buffer.byteLength(before + shortened + behind) > LONGEST_LABEL) shortened = shortened.slice(0, -1)
  return before + shortened + behind
}

/** The records that nobody else may have under the name of the instance. */
export function instanceRecords({ instance, host, port, text }: SpokenService): readonly OwnRecord[] {
  const entries = Object.entries(text).map(([key, value]) => `${key}=${value}`)
  return [
    { name: instance, type: 'SRV', ttl: HOST_TTL, flush: true, data: { priority: 0, weight: 0, port, target: host } },
    { name: instance, type: 'TXT', ttl: OTHER_TTL, flush: true, data: entries }
  ]
}

/** The records that lead to the instance; every otad on the network has them. */
export function pointerRecords({ instance }: SpokenService): readonly OwnRecord[] {
  return [
    { name: SERVICE_TYPE, type: 'PTR', ttl: OTHER_TTL, flush: false, data: instance },
    { name: ENUMERATION, type: 'PTR', ttl: OTHER_TTL, flush: false, data: SERVICE_TYPE }
  ]
}

export function addressRecords(host: string, addresses: readonly string[]): readonly OwnRecord[] {
  return addresses.map(data => ({
    name: host,
    type: data.includes(':') ? 'AAAA' : 'A',
    ttl: HOST_TTL,
    flush: true,
    data
  }))
}

/** Names are compared without case (RFC 6762, section 16). */
export function isSameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

/** Whether two records say the same, however long they are good for. */
export function isSameRecord(one: Answer, other: Answer): boolean {
  return one.type === other.type && isSameName(one.name, other.name) && dataOf(one) === dataOf(other)
}

/** How long a record that was heard is good for; 0 is a goodbye (RFC 6762, section 10.1). */
export function ttlOf(record: Answer): number {
  return 'ttl' in record ? (record.ttl ?? 0) : 0
}

/** The address in a record, as it is compared; undefined where it holds none. */
export function addressIn(record: Answer): string | undefined {
  if (record.type === 'A') return record.data
  return record.type === 'AAAA' ? plainIpv6(record.data) : undefined
}

/** One address has one spelling, without its zone. What is none stays as it is. */
export function plainIpv6(address: string): string {
  const bare = address.replace(/%.*$/, '')
  return isIPv6(bare) ? new SocketAddress({ address: bare, family: 'ipv6' }).address : bare
}

function dataOf(record: Answer): string {
  if (record.type === 'SRV') {
    const { priority = 0, weight = 0, port, target } = record.data
    return [priority, weight, port, target.toLowerCase()].join(' ')
  }
  if (record.type === 'TXT') return [record.data].flat().map(String).join('\0')
  if (record.type === 'PTR') return record.data.toLowerCase()
  return addressIn(record) ?? ''
}
