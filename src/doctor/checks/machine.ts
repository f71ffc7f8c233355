import { isIP } from 'node:net'
import { isLoopbackHost } from '../../loopback.js'
import { isLinkLocal, lanAddresses } from '../expected.js'
import type { Facts } from '../facts.js'
import { type Found, note, serious, warning } from '../finding.js'
import { isInSubnet } from '../subnet.js'

/** Where this machine is: on a LAN, in a container, in WSL2. */
export function checkNetwork(facts: Facts): readonly Found[] {
  const { machine, settings } = facts
  const outside = machine.addresses.filter(({ isLoopback }) => !isLoopback)
  if (settings.advertise !== '') return checkAdvertised(facts)
  if (outside.length === 0)
    return [
      serious(
        'no-lan-address',
        'this machine has no address but its loopback ones: no device can reach it',
        'connect it to the network that the device is in'
      )
    ]
  const lan = lanAddresses(facts)
  if (lan.length === 0 && outside.every(({ address }) => isLinkLocal(address)))
    return [
      serious(
        'link-local-only',
        `this machine has only addresses that it gave itself (${outside.map(({ address }) => address).join(', ')}): no router has given it one`,
        'look at the cable or the Wi-Fi, and at DHCP'
      )
    ]
  if (lan.length === 0 && machine.wsl === null && machine.container === null)
    return [
      warning(
        'only-inside-addresses',
        `all addresses of this machine are on bridges or tunnels (${outside.map(({ address, interfaceName }) => `${address} on ${interfaceName}`).join(', ')})`,
        'connect it to the network that the device is in, or name the address that devices reach it at with --advertise'
      )
    ]
  const networks = new Set(lan.filter(({ family }) => family === 4).map(({ interfaceName }) => interfaceName))
  if (networks.size < 2) return []
  return [
    note(
      'several-networks',
      `this machine is in several networks: ${lan.map(({ address, interfaceName }) => `${address} on ${interfaceName}`).join(', ')}`,
      `devices are told ${machine.advertised}; --advertise names another`
    )
  ]
}

function checkAdvertised({ machine, settings }: Facts): readonly Found[] {
  const { advertise } = settings
  const isHere = machine.addresses.some(({ address, isLoopback }) => address === advertise && !isLoopback)
  if (isLoopbackHost(advertise))
    return [
      serious(
        'advertises-loopback',
        `--advertise is ${advertise}, which every device takes for itself`,
        'name the address that devices reach this machine at'
      )
    ]
  if (isIP(advertise) === 0 || isHere) return []
  // In a container the outside address is none of its own, and so it should be.
  const isInside = machine.container !== null || machine.wsl === 2
  return [
    (isInside ? note : warning)(
      'advertised-not-here',
      `devices are told ${advertise}, which is no address of this machine: it has ${
        machine.addresses
          .filter(({ isLoopback }) => !isLoopback)
          .map(({ address }) => address)
          .join(', ') || 'none'
      }`,
      'right behind a port mapping; else leave --advertise away'
    )
  ]
}

/** What a container or WSL2 means for the address that devices are told. */
export function checkInside({ machine, settings, port }: Facts): readonly Found[] {
  const own = machine.addresses.find(({ address }) => address === machine.advertised)
  if (machine.wsl === 2) return checkWsl({ address: own?.address, isTold: settings.advertise !== '', port: port.port })
  if (machine.container === null || settings.advertise !== '' || own === undefined || own.isLoopback) return []
  // The networks that Docker and Podman make by themselves; with the host's network the address is the host's.
  const isBehind = INSIDE_NETWORKS.some(network => isInSubnet(own.address, network))
  return [
    (isBehind ? serious : note)(
      'container-address',
      `otad runs in a container (${machine.container}) and tells devices ${machine.advertised}, which ${isBehind ? 'is known only' : 'may be known only'} inside of this machine`,
      `give the host's address with --advertise (OTAD_ADVERTISE) and publish the port: docker run -p ${port.port}:${port.port} -e OTAD_ADVERTISE=192.168.1.8 …; or use the host's network`
    )
  ]
}

const INSIDE_NETWORKS = ['172.16.0.0/12', '10.88.0.0/16']

interface WslFacts {
  readonly address: string | undefined
  readonly isTold: boolean
  readonly port: number
}

function checkWsl({ address, isTold, port }: WslFacts): readonly Found[] {
  // In mirrored mode WSL2 has the addresses of Windows itself.
  const isBehind = address !== undefined && isInSubnet(address, '172.16.0.0/12')
  const proxy = `netsh interface portproxy add v4tov4 listenaddress=0.0.0.0 listenport=${port} connectaddress=${address ?? "<this WSL's address>"} connectport=${port}`
  const rule = `netsh advfirewall firewall add rule name="otad" dir=in action=allow protocol=TCP localport=${port}`
  const hint = `in Windows, as administrator: ${proxy} && ${rule}; then --advertise with the address of Windows on the LAN; or networkingMode=mirrored in .wslconfig`
  if (isTold)
    return [note('wsl-port-mapping', 'otad runs in WSL2: Windows has to pass its port on, and let it in', hint)]
  if (!isBehind) return []
  return [
    serious('wsl-address', `otad runs in WSL2 and tells devices ${address}, which only Windows itself can reach`, hint)
  ]
}

/** Firewalls of this machine that would keep a device out. */
export function checkFirewall({ firewalls, machine }: Facts): readonly Found[] {
  const dropping = firewalls.find(({ decision }) => decision === 'drops')
  if (dropping !== undefined)
    return [
      serious(
        'firewall-drops',
        `${TOOLS[dropping.tool]} drops what devices send to TCP port ${dropping.port} (${dropping.reason}); it has to be accepted`,
        `open the port: ${dropping.fix}`
      )
    ]
  const unknown = firewalls.filter(({ decision }) => decision === 'unknown')
  const [first] = unknown
  if (first === undefined) return []
  const tools = [...new Set(unknown.map(({ tool }) => TOOLS[tool]))].join(', ')
  return [
    note(
      'firewall-unknown',
      `it cannot be told whether ${tools} lets devices in at TCP port ${first.port} (${first.reason})`,
      machine.isRoot ? `to be sure: ${first.fix}` : `ask again as root: sudo otad doctor; or, to be sure: ${first.fix}`
    )
  ]
}

const TOOLS: Readonly<Record<Facts['firewalls'][number]['tool'], string>> = {
  nftables: 'nftables',
  iptables: 'iptables',
  ip6tables: 'ip6tables',
  ufw: 'ufw',
  firewalld: 'firewalld',
  windows: 'Windows Defender Firewall'
}

const DAY_MS = 24 * 60 * 60 * 1000
/** No machine that this runs on was ever older. */
const EARLIEST = Date.parse('2025-01-01T00:00:00Z')
/** Clocks of file servers go wrong by minutes. */
const TOLERANCE_MS = 10 * 60 * 1000

/** The clock, by what cannot be: certificates and files that are from the future. */
export function checkClock({ at, certificate, projects }: Facts): readonly Found[] {
  const now = Date.parse(at)
  const hint = 'set the clock of this machine by NTP (timedatectl set-ntp true; w32tm /resync)'
  if (now < EARLIEST) return [serious('clock-wrong', `the clock says ${at}, which is long past`, hint)]
  const made = certificate.source === 'own' ? [] : [certificate.anchor, certificate.leaf]
  const early = made.find(each => each !== null && now < Date.parse(each.validFrom))
  if (early != null)
    return [
      serious(
        'clock-wrong',
        `the clock says ${at}, and ${early.file} is valid from ${early.validFrom}: it was made later than now`,
        hint
      )
    ]
  const built = projects.flatMap(({ outputs }) =>
    outputs.flatMap(({ image }) => (image?.builtAt == null ? [] : [{ file: image.file, at: image.builtAt }]))
  )
  const late = built.find(each => Date.parse(each.at) > now + DAY_MS)
  if (late !== undefined)
    return [serious('clock-wrong', `the clock says ${at}, and ${late.file} was built at ${late.at}`, hint)]
  const newest = projects
    .flatMap(each => [
      each.newest,
      ...each.outputs.map(({ image }) => image && { file: image.file, at: image.modifiedAt })
    ])
    .filter(each => each !== null)
    .find(each => Date.parse(each.at) > now + TOLERANCE_MS)
  if (newest === undefined) return []
  return [warning('clock-behind-files', `the clock says ${at}, and ${newest.file} was written at ${newest.at}`, hint)]
}
