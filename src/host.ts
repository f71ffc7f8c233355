import os from 'node:os'
import path from 'node:path'

/** One address of a network interface of this machine, without an IPv6 zone. */
export interface HostAddress {
  readonly address: string
  readonly family: 4 | 6
  readonly interfaceName: string
  /** Reachable from this machine only. */
  readonly isLoopback: boolean
}

/** Every address of this machine, as the interfaces have them now; link-local IPv6 ones too. */
export function readAddresses(): readonly HostAddress[] {
  return Object.entries(os.networkInterfaces()).flatMap(([interfaceName, entries]) =>
    (entries ?? []).map(entry => ({
      address: entry.address,
      family: entry.family === 'IPv6' ? (6 as const) : (4 as const),
      interfaceName,
      isLoopback: entry.internal
    }))
  )
}

/** The machine's host name, first label only and in lower case: `bench`, not `bench.example.net`. */
export function readHostName(): string {
  const [label] = os.hostname().toLowerCase().split('.')
  return label ?? 'localhost'
}

/** Bridges and tunnels that a device on the LAN is unlikely to be behind (Docker, libvirt, VMware, WSL, VPNs). */
const INSIDE_INTERFACE =
  /^(docker|br-|veth|virbr|vmnet|vboxnet|vethernet|tun|tap|wg|tailscale|zt|utun|cni|flannel|podman)/i

/** Whether an interface by its name is such a one. */
export function isInsideInterface(interfaceName: string): boolean {
  return INSIDE_INTERFACE.test(interfaceName)
}

const PRIVATE_IPV4 = /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/

/**
 * The address to put into a device: a LAN IPv4 address before any other, one of a real interface before one of a bridge.
 * Loopback only when there is nothing else.
 */
export function chooseAdvertisedAddress(addresses: readonly HostAddress[]): string {
  return byLikelihood(addresses)[0]?.address ?? '127.0.0.1'
}

/** The addresses, those first that a device is most likely to use. */
export function byLikelihood(addresses: readonly HostAddress[]): readonly HostAddress[] {
  const rank = (a: HostAddress): number =>
    (a.isLoopback ? 100 : 0) +
    (a.family === 6 ? 20 : 0) +
    (a.address.startsWith('fe80:') ? 40 : 0) +
    (a.address.startsWith('169.254.') ? 40 : 0) +
    (isInsideInterface(a.interfaceName) ? 10 : 0) +
    (PRIVATE_IPV4.test(a.address) ? 0 : 1)
  return [...addresses].sort((a, b) => rank(a) - rank(b))
}

/** Where otad keeps its things when nobody says: the user's data folder of the platform. */
export function defaultHome(env: NodeJS.ProcessEnv): string {
  if (process.platform === 'win32')
    return path.join(env.LOCALAPPDATA ?? path.join(os.homedir(), 'AppData', 'Local'), 'otad')
  if (process.platform === 'darwin') return path.join(os.homedir(), 'Library', 'Application Support', 'otad')
  return path.join(env.XDG_DATA_HOME || path.join(os.homedir(), '.local', 'share'), 'otad')
}
