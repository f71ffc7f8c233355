import { BlockList, isIP } from 'node:net'

/** RFC 1122, 3.2.1.3; RFC 4291, 2.5.3. A BlockList knows IPv4 addresses that are written as IPv6 too. */
const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** Whether an address is a loopback one. `0.0.0.0` and `::` are none: listening there is listening everywhere. */
export function isLoopbackAddress(address: string): boolean {
  const family = isIP(address)
  return family !== 0 && LOOPBACK.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

/**
 * Whether a host, as it stands in a URL without brackets, means nobody but the machine that uses it: the names of RFC 6761, loopback addresses, and the
 * addresses that stand for none.
 */
export function isLoopbackHost(host: string): boolean {
  return /^(.+\.)?localhost$/i.test(host) || host === '0.0.0.0' || host === '::' || isLoopbackAddress(host)
}
