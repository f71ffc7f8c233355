import type { Status } from '../answers.js'
import type { DeviceEvent, DeviceHistory } from '../devices/device-facts.js'
import type { Explanation, Noticed } from './explanation.js'

/** Something that a running otad saw of the device, or of any where the log does not say which it is. */
export interface Sighting {
  /** Its label, else what commands take. */
  readonly device: string
  readonly address: string
  readonly at: string
  readonly sentence: string
  readonly fix: string | null
}

/** What a running otad adds to a log. */
export interface Sightings {
  /** Who was looked for and what was found, as it follows "otad saw". */
  readonly sentence: string
  /** The newest first. */
  readonly sightings: readonly Sighting[]
  /** Where the URL of the log leads to another place than this otad. */
  readonly elsewhere: string | null
}

/** What happened before this is another story, where the log does not say which device it is of. */
const RECENT_MS = 10 * 60_000
/** Around the time of the decisive line. */
const NEAR_MS = 2 * 60_000
const SHOWN = 5

/** Puts what the daemon knows beside what the log says. `now` in milliseconds since 1970. */
export function whatOtadSaw(
  explanation: Explanation,
  { origin }: Pick<Status, 'origin'>,
  devices: readonly DeviceHistory[],
  now: number
): Sightings {
  const { noticed, step, clock } = explanation
  const named = devices.filter(device => isTheOne(device, noticed))
  const elsewhere = leadsElsewhere(noticed, origin)
  const who = noticed.mac ?? noticed.address
  if (named.length > 0) {
    const sightings = nearTo(clock, eventsOf(named), now).slice(0, SHOWN)
    return {
      sentence: sightings.length > 0 ? `of ${who}` : `${who}, and nothing of it worth telling`,
      sightings,
      elsewhere
    }
  }
  if (who !== null) {
    const isUnreached = step === 'network' || step === 'reach'
    const sentence = isUnreached
      ? `no connection from ${who} at all: its packets do not arrive here`
      : `nothing of ${who}: it talked to another server, or comes from another address`
    return { sentence, sightings: [], elsewhere }
  }
  const recent = eventsOf(devices).filter(({ at }) => now - Date.parse(at) <= RECENT_MS)
  const sightings = nearTo(clock, recent, now).slice(0, SHOWN)
  return {
    sentence:
      sightings.length > 0
        ? 'in the last 10 minutes (the log does not say which device it is of)'
        : 'no device in the last 10 minutes: if the log is that new, its packets do not arrive here',
    sightings,
    elsewhere
  }
}

function isTheOne({ id, mac, address, identity }: DeviceHistory, noticed: Noticed): boolean {
  const known = mac ?? (identity === 'mac' ? id : null)
  if (noticed.mac !== null && known !== null) return known.toUpperCase() === noticed.mac
  return noticed.address !== null && address.replace(/^::ffff:/, '') === noticed.address
}

function eventsOf(devices: readonly DeviceHistory[]): readonly Sighting[] {
  return devices
    .flatMap(({ id, label, address, history, verdict }) => {
      const events: readonly DeviceEvent[] = history.length > 0 ? history : verdict === null ? [] : [verdict]
      return events.map(({ at, sentence, fix }) => ({ device: label ?? id, address, at, sentence, fix }))
    })
    .toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at))
}

/** Those around the time of day that the monitor wrote, where there are some; else all. */
function nearTo(clock: string | null, events: readonly Sighting[], now: number): readonly Sighting[] {
  if (clock === null) return events
  const [hours = 0, minutes = 0, seconds = 0] = clock.split(':').map(Number)
  const then = new Date(now).setHours(hours, minutes, seconds, 0)
  const near = events.filter(({ at }) => Math.abs(Date.parse(at) - then) <= NEAR_MS)
  return near.length > 0 ? near : events
}

/** The second forum thread in one line: the firmware asks another machine. */
function leadsElsewhere({ url, host }: Noticed, origin: string): string | null {
  const ours = hostAndPort(origin)
  if (ours === null) return null
  const asked = url === null ? null : hostAndPort(url)
  if (asked !== null && url?.startsWith('http') === true) {
    if (asked.host === ours.host && asked.port === ours.port) return null
    if (asked.host === ours.host) return `the URL in the log has port ${asked.port}, and otad is at ${origin}`
    return `the URL in the log leads to ${asked.host}:${asked.port}, and otad is at ${origin}: put that into the firmware, unless the name is one of this machine too`
  }
  if (host === null || host === ours.host) return null
  return `the log names the host ${host}, and otad is at ${origin}`
}

function hostAndPort(url: string): { readonly host: string; readonly port: string } | null {
  try {
    const { hostname, port, protocol } = new URL(url)
    return { host: hostname, port: port === '' ? (protocol === 'https:' ? '443' : '80') : port }
  } catch {
    return null
  }
}
