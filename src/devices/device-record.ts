import type { DeviceEvent, DeviceFacts, LiveDownload, RunningRelease, VerdictKind } from './device-facts.js'
import { vendorOf } from './vendors.js'

/**
 * What is kept of one device. Times are milliseconds since 1970. It is changed in place, by the ledger alone.
 */
export interface DeviceRecord {
  /** Its certificate's fingerprint, its MAC, or its address: the surest that is known. */
  readonly id: string
  readonly identity: DeviceFacts['identity']
  address: string
  mac: string | null
  client: string
  userAgent: string
  sdk: string | null
  chip: string | null
  readonly firstSeen: number
  lastSeen: number
  asked: Mark | null
  running: RunningMark | null
  /** The release that it was handed whole last. */
  received: Mark | null
  /** The oldest first. */
  events: readonly Happening[]
}

/** A release, and when a device had to do with it. */
export interface Mark {
  readonly name: string
  /** SHA-256 of the artifact; null where it is none of ours. */
  readonly digest: string | null
  readonly version: string
  readonly at: number
}

export interface RunningMark extends Mark {
  readonly source: RunningRelease['source']
}

export interface Happening {
  readonly at: number
  readonly is: VerdictKind
  readonly sentence: string
  readonly fix: string | null
  readonly name: string | null
  readonly digest: string | null
  readonly count: number
}

/** Events that are kept of a device. */
const MOST_EVENTS = 40
/** What comes from outside is kept up to this length. */
const LONGEST_TEXT = 300

/** What happened, without when, and how often. */
export type What = Pick<Happening, 'is' | 'sentence'> & Partial<Pick<Happening, 'fix' | 'name' | 'digest'>>

/** Notes an event. The same thing again is counted, with the words of the last time. */
export function addEvent(record: DeviceRecord, what: What, at: number): Happening {
  const { is, sentence, fix = null, name = null, digest = null } = what
  const told = { sentence: shortText(sentence), fix: shortText(fix), name: shortText(name), digest: shortText(digest) }
  const event = { at, is, ...told, count: 1 }
  const last = record.events.at(-1)
  const counted = last !== undefined && isAgain(last, event) ? { ...event, count: last.count + 1 } : event
  record.events = withEvent(record.events, counted)
  return counted
}

/** As much of a text as is kept of it. */
export function shortText<T extends string | null>(text: T): T {
  return (text === null ? null : text.slice(0, LONGEST_TEXT)) as T
}

/** The events with one more; one that is the last of them again takes its place. */
export function withEvent(events: readonly Happening[], event: Happening): readonly Happening[] {
  const last = events.at(-1)
  const before = last !== undefined && isAgain(last, event) ? events.slice(0, -1) : events
  return [...before, event].slice(-MOST_EVENTS)
}

function isAgain(a: Happening, b: Happening): boolean {
  return a.is === b.is && a.name === b.name && a.digest === b.digest && a.fix === b.fix
}

/** What is told of a device whose downloads these are. */
export function tellDevice(record: DeviceRecord, label: string | null, live: readonly LiveDownload[]): DeviceFacts {
  const { id, identity, address, mac, client, userAgent, sdk, chip, firstSeen, lastSeen, asked, running } = record
  return {
    id,
    identity,
    label,
    address,
    mac,
    vendor: mac === null ? null : vendorOf(mac),
    client,
    userAgent,
    sdk,
    chip,
    firstSeen: written(firstSeen),
    lastSeen: written(lastSeen),
    asked: asked && { ...asked, at: written(asked.at) },
    running: running && { ...running, at: written(running.at) },
    verdict: verdictOf(record, live),
    downloads: live
  }
}

/** What happened to a device, the newest first. */
export function tellHistory({ events }: DeviceRecord): readonly DeviceEvent[] {
  return events.map(tellEvent).reverse()
}

/** The kind of the last thing that happened, or goes on. */
export function verdictKindOf({ events }: DeviceRecord, live: readonly LiveDownload[]): VerdictKind | undefined {
  const last = events.at(-1)
  const download = live.at(-1)
  if (download === undefined) return last?.is
  if (download.isStalled) return 'stalled'
  // How it began says more than that it goes on.
  return last?.name === download.name && (last.is === 'resumed' || last.is === 'restarted') ? last.is : 'downloading'
}

function verdictOf(record: DeviceRecord, live: readonly LiveDownload[]): DeviceEvent | null {
  const last = record.events.at(-1)
  const download = live.at(-1)
  const is = verdictKindOf(record, live)
  if (is === undefined) return null
  if (download === undefined || is === last?.is) return last === undefined ? null : tellEvent(last)
  const { name, digest, version, from, startedAt } = download
  const what = [name, version].filter(Boolean).join(' ')
  const goingOn = `${from > 0 ? 'goes on with' : 'downloads'} ${what}`
  const sentence = is === 'stalled' ? `takes nothing of ${what} for the moment` : goingOn
  return { at: startedAt, is, sentence, fix: null, name, digest, count: 1 }
}

function tellEvent({ at, ...event }: Happening): DeviceEvent {
  return { at: written(at), ...event }
}

const written = (epochMs: number): string => new Date(epochMs).toISOString()
