import type { Meaning } from '../explanation.js'
import type { Seen } from '../rule.js'

/** What the address in the URL says by itself, where it cannot be the server: peers.md 3, pain 1. */
export function addressHint({ host, url, address, mask }: Seen): Meaning | undefined {
  if (host === null) return undefined
  if (LOOPBACK.test(host))
    return {
      title: 'the URL leads to the device itself',
      cause: `On the device, ${host} is the device: it asked itself, and no packet left it.`,
      next: 'Put the address that the machine of the server has in the network into the URL: otad prints it when it starts.',
      not: NOT_A_CERTIFICATE
    }
  if (url !== null && EXAMPLE.test(url))
    return {
      title: 'the URL is still that of the example',
      cause: `${url} is what the example of ESP-IDF comes with (CONFIG_EXAMPLE_FIRMWARE_UPGRADE_URL), and nobody answers there.`,
      next: 'Put the URL that otad prints when it starts into menuconfig > Example Configuration, build and flash.',
      not: NOT_A_CERTIFICATE
    }
  if (CONTAINER.test(host))
    return {
      title: 'the URL has the address of a container',
      cause: `${host} is in the network that Docker makes for its containers (172.17.0.0/16): only their host reaches it, and no device does.`,
      next: 'Put the address of the host into the URL, and publish the port of the container (docker run -p 8070:8070).',
      not: NOT_A_CERTIFICATE
    }
  if (address !== null && isElsewhere(address, host, mask ?? '255.255.255.0'))
    return {
      title: 'nobody answers at that address, which is in another network than the device',
      cause: `The device has ${address}, and the URL leads to ${host}: a router between the two networks would have to pass it on, and most do not (guest network, another access point, an old address).`,
      next: 'Compare the URL with the addresses that otad prints: the one that begins like that of the device is the right one. Else bring both into one network.',
      not: NOT_A_CERTIFICATE
    }
  return undefined
}

export const NOT_A_CERTIFICATE = 'Not a certificate problem: TLS has not begun, and no certificate was looked at.'

/** The device itself. */
export const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i
const CONTAINER = /^172\.17(?:\.\d{1,3}){2}$/
/** Kconfig.projbuild of simple_ota_example, advanced_https_ota and native_ota_example. */
const EXAMPLE = /^https:\/\/192\.168\.(?:0\.3|2\.106):8070\/hello[-_]world\.bin$/
const PRIVATE = /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)/

/** Whether two private addresses are in different networks. Between others the internet may pass on. */
function isElsewhere(own: string, other: string, mask: string): boolean {
  if (!PRIVATE.test(own) || !PRIVATE.test(other)) return false
  const bits = numbersOf(mask)
  const there = numbersOf(other)
  return numbersOf(own).some((part, index) => ((part ^ (there[index] ?? 0)) & (bits[index] ?? 255)) !== 0)
}

function numbersOf(address: string): readonly number[] {
  return address.split('.').map(Number)
}
