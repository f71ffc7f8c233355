import type { NetworkInterfaceInfo } from 'node:os'
import { describe, expect, it } from 'vitest'
import { Link } from '../../src/mdns/link.js'
import { readOwnAddresses, readPlaces } from '../../src/mdns/places.js'

const entry = (cidr: string, internal = false): NetworkInterfaceInfo => {
  const address = cidr.replace(/\/.*/, '')
  const rest = { address, netmask: '', mac: '', cidr, internal }
  return cidr.includes(':') ? { ...rest, family: 'IPv6', scopeid: 0 } : { ...rest, family: 'IPv4' }
}
const INTERFACES = {
  lo: [entry('127.0.0.1/8', true), entry('::1/128', true)],
  eth0: [entry('192.168.1.8/24'), entry('10.1.1.8/16'), entry('fd00::8/64'), entry('fe80::8/64')],
  wlan0: [entry('192.168.2.8/24')],
  six0: [entry('fd01::8/64')]
}

describe('readPlaces', () => {
  it('finds the networks with IPv4 addresses but loopback, each with its addresses that need no zone', () => {
    expect(readPlaces('::', INTERFACES)).toMatchObject([
      { interfaceName: 'eth0', address: '192.168.1.8', addresses: ['192.168.1.8', '10.1.1.8', 'fd00::8'] },
      { interfaceName: 'wlan0', address: '192.168.2.8', addresses: ['192.168.2.8'] }
    ])
  })

  it('knows who is a neighbour', () => {
    const [eth0] = readPlaces('0.0.0.0', INTERFACES)
    for (const [address, near] of [
      ['192.168.1.200', true],
      ['10.1.2.3', true],
      ['192.168.2.9', false],
      ['8.8.8.8', false],
      ['nonsense', false]
    ] as const)
      expect(eth0?.isNear(address), address).toBe(near)
  })

  it('is confined to the network that a server listens on', () => {
    expect(readPlaces('192.168.2.8', INTERFACES).map(({ interfaceName }) => interfaceName)).toEqual(['wlan0'])
    expect(readPlaces('127.0.0.1', INTERFACES)).toEqual([])
  })
})

it('readOwnAddresses has all of them, loopback too, in one spelling', () => {
  expect([...readOwnAddresses({ eth0: [entry('fd00:0:0::8/64'), entry('192.168.1.8/24')] })]).toEqual([
    'fd00::8',
    '192.168.1.8'
  ])
  expect(readOwnAddresses(INTERFACES).has('127.0.0.1')).toBe(true)
})

it('Link.open rejects for an address that went away meanwhile, and nothing falls over afterwards', async () => {
  // Of a network for documentation (RFC 5737), which no machine is on: joining the group fails, so nothing is sent.
  const [place] = readPlaces('::', { gone0: [entry('203.0.113.77/24')] })
  if (place === undefined) throw new Error('there is one')
  await expect(Link.open(place, () => {})).rejects.toMatchObject({ code: expect.stringMatching(/^E[A-Z]+$/) })
  await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
})
