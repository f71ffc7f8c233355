import { BlockList, isIP } from 'node:net'

/** Whether an address is in a network, `192.168.1.8/24` say; false for what is neither. */
export function isInSubnet(address: string, cidr: string): boolean {
  const [network = '', bits = ''] = cidr.split('/')
  const family = isIP(network)
  if (family === 0 || isIP(address) !== family) return false
  const prefix = bits === '' ? (family === 4 ? 32 : 128) : prefixOf(bits)
  if (!(prefix >= 0 && prefix <= (family === 4 ? 32 : 128))) return false
  const list = new BlockList()
  const type = family === 4 ? 'ipv4' : 'ipv6'
  list.addSubnet(network, prefix, type)
  return list.check(address, type)
}

/** `24`, or a mask as old tools write it: `255.255.255.0`. */
function prefixOf(bits: string): number {
  if (isIP(bits) !== 4) return /^\d+$/.test(bits) ? Number(bits) : Number.NaN
  return [...bits.split('.').map(Number)]
    .map(byte => byte.toString(2).replaceAll('0', '').length)
    .reduce((a, b) => a + b)
}

/** An address beside one of a network, as a device there would have it; the address itself where the network has no room. */
export function neighbourIn(cidr: string): string {
  const [address = ''] = cidr.split('/')
  const parts = address.split('.')
  if (parts.length !== 4) return address.replace(/[0-9a-f]*$/, 'f0f0')
  const last = Number(parts[3])
  return [...parts.slice(0, 3), last > 200 ? last - 57 : last + 57 > 254 ? last - 57 : last + 57].join('.')
}
