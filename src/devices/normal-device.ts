import { isIP, SocketAddress } from 'node:net'

const MAC = /^([0-9a-f]{2}[:-]?){5}[0-9a-f]{2}$|^[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}$/i
const FINGERPRINT = /^([0-9a-f]{2}[:-]?){31}[0-9a-f]{2}$/i

/**
 * The one spelling of what a device is known by: a MAC as `aa:bb:cc:dd:ee:ff`, the SHA-256 fingerprint of a certificate as `AA:BB:…`,
 * an address as it stands in the log. Undefined for a text that is none of them.
 */
export function normalDevice(text: string): string | undefined {
  if (MAC.test(text)) return inPairs(text).toLowerCase()
  if (FINGERPRINT.test(text)) return inPairs(text).toUpperCase()
  switch (isIP(text)) {
    case 4:
      return text
    case 6:
      return normalIpv6(text)
    default:
      return undefined
  }
}

const inPairs = (hexadecimal: string): string => hexadecimal.replace(/[:.-]/g, '').replace(/..(?!$)/g, '$&:')

/** The shortest spelling, as sockets give it; that of an IPv4 address is the IPv4 one. */
function normalIpv6(text: string): string {
  const [address = '', scope] = text.split('%')
  const shortest = new SocketAddress({ address, family: 'ipv6' }).address.replace(/^::ffff:(?=\d+\.)/, '')
  return scope === undefined ? shortest : `${shortest}%${scope}`
}
