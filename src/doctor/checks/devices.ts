import type { VerdictKind } from '../../devices/device-facts.js'
import { isLoopbackHost } from '../../loopback.js'
import { spokenAge } from '../../words.js'
import { lanAddresses, strangersOf } from '../expected.js'
import type { Facts } from '../facts.js'
import { type Found, note, warning } from '../finding.js'
import { isInSubnet } from '../subnet.js'

/** What has happened to a device last and is worth a word; the rest went well, or is not over. */
const WORRYING: ReadonlySet<VerdictKind> = new Set([
  'stalled',
  'cut',
  'looping',
  'rolled-back',
  'no-room',
  'not-found',
  'not-allowed',
  'handshake-failed',
  'silent'
])

const DAY_MS = 24 * 60 * 60 * 1000
const MOST_TOLD = 5

/** What the devices of this machine's networks did last. */
export function checkDevices(facts: Facts): readonly Found[] {
  const { daemon, at } = facts
  if (daemon === null || daemon.devices === null) return []
  const networks = facts.machine.addresses.flatMap(({ cidr }) => cidr ?? [])
  const strangers = strangersOf(facts)
  const near = strangers.filter(
    ({ address }) => isLoopbackHost(address) || networks.some(cidr => isInSubnet(address, cidr))
  )
  const lately = near.filter(({ lastSeen }) => Date.parse(at) - Date.parse(lastSeen) < DAY_MS)
  const worrying = lately.flatMap(({ verdict, label, id, address }): readonly Found[] => {
    if (verdict === null || !WORRYING.has(verdict.is)) return []
    const who = label ?? (id === address ? address : `${id} at ${address}`)
    const when = spokenAge(Date.parse(at) - Date.parse(verdict.at))
    return [
      warning(
        `device-${verdict.is}`,
        `device ${who}, ${when}: ${verdict.sentence}`,
        verdict.fix ?? 'otad devices shows what it did; otad explain reads its serial log'
      )
    ]
  })
  if (strangers.some(({ address }) => !isLoopbackHost(address)) || worrying.length > 0)
    return worrying.slice(0, MOST_TOLD)
  const [address] = lanAddresses(facts)
  if (address === undefined) return []
  return [
    note(
      'no-device-yet',
      `no device has come since otad began, ${spokenAge(Date.parse(at) - Date.parse(daemon.since))}`,
      `it has to be in the network of ${address.cidr ?? address.address}; a Wi-Fi for guests, or with client isolation, keeps devices apart`
    )
  ]
}
