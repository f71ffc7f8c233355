import { BlockList, isIPv4 } from 'node:net'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { plainIpv6 } from './records.js'

/** A network that this machine is on. */
export interface Place {
  readonly interfaceName: string
  /** The address by which the interface is chosen. */
  readonly address: string
  /** What to announce there: its IPv4 addresses, and its IPv6 addresses but those that need a zone. */
  readonly addresses: readonly string[]
  /** Whether somebody with this address is a neighbour there (RFC 6762, section 11). */
  readonly isNear: (address: string) => boolean
}

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>

/** Interfaces that are spoken on at most. */
const MOST_PLACES = 16
const EVERYWHERE = ['::', '0.0.0.0', '']

/** The networks on which a server that listens there can be reached, loopback left out. */
export function readPlaces(listensOn: string, interfaces: Interfaces = networkInterfaces()): readonly Place[] {
  return Object.entries(interfaces)
    .flatMap(([interfaceName, entries = []]) => placeOf(interfaceName, entries) ?? [])
    .filter(({ addresses }) => EVERYWHERE.includes(listensOn) || addresses.includes(listensOn))
    .slice(0, MOST_PLACES)
}

/** Every address of this machine, in the spelling of records. */
export function readOwnAddresses(interfaces: Interfaces = networkInterfaces()): ReadonlySet<string> {
  const all = Object.values(interfaces).flatMap(entries => entries ?? [])
  return new Set(all.map(({ address, family }) => (family === 'IPv4' ? address : plainIpv6(address))))
}

function placeOf(interfaceName: string, entries: readonly NetworkInterfaceInfo[]): Place | undefined {
  const ipv4 = entries.filter(({ family, internal }) => family === 'IPv4' && !internal)
  const [first] = ipv4
  if (first === undefined) return undefined
  const ipv6 = entries.filter(({ family, address }) => family === 'IPv6' && !address.startsWith('fe80:'))
  const near = new BlockList()
  for (const { cidr } of ipv4) {
    const [network = '', bits = '32'] = cidr?.split('/') ?? []
    if (isIPv4(network)) near.addSubnet(network, Number(bits))
  }
  return {
    interfaceName,
    address: first.address,
    addresses: [...ipv4, ...ipv6].map(({ address }) => address),
    isNear: address => near.check(address)
  }
}
