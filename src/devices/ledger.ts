import { byDevice } from './by-device.js'
import { type Contact, identityOf, type ReleaseMark } from './contact.js'
import { meantBy } from './device-choice.js'
import type { DeviceFacts, DeviceHistory, LiveDownload, RunningRelease, VerdictKind } from './device-facts.js'
import {
  addEvent,
  type DeviceRecord,
  type Happening,
  type Mark,
  shortText,
  tellDevice,
  tellHistory,
  verdictKindOf,
  type What
} from './device-record.js'
import { normalDevice } from './normal-device.js'
import { nameClient } from './update-client.js'

export interface LedgerOptions {
  /** Devices that are known at the same time; above that the one goes that was seen longest ago. */
  readonly mostDevices?: number
  /** What they are called, by id. */
  readonly labels?: ReadonlyMap<string, string>
  /** MACs of the machines beside this one, by address: for devices that do not send theirs. */
  readonly macOf?: (address: string) => string | undefined
  /** Facts of a device have changed, or something has happened to it that is worth keeping. */
  readonly onChange?: (record: DeviceRecord, event?: Happening) => void
}

const MOST_DEVICES = 10_000
/** Events that are kept of all devices together; above that those that were seen longest ago keep their last ones only. */
const MOST_EVENTS = 60_000
const FEW_EVENTS = 3
/** That a device is still there is worth keeping this often. */
const KEEP_SEEN_MS = 60_000
const LONGEST_AGENT = 100

/**
 * What is known of every device that has ever come, whatever it came for: the ledger of product.md 2. All times are milliseconds since 1970,
 * and given to it.
 */
export class Ledger {
  readonly #options: LedgerOptions
  readonly #mostDevices: number
  /** The one that was seen longest ago comes first. */
  readonly #records = new Map<string, DeviceRecord>()
  /** Who was seen last at an address. */
  readonly #at = new Map<string, DeviceRecord>()
  /** Those that have changed, or are gone, since somebody asked; undefined while nobody wants to know. */
  #changed: Set<string> | undefined
  #events = 0

  constructor(options: LedgerOptions = {}, kept: Iterable<DeviceRecord> = []) {
    this.#options = options
    this.#mostDevices = options.mostDevices ?? MOST_DEVICES
    for (const record of [...kept].sort((a, b) => a.lastSeen - b.lastSeen)) {
      this.#put(record)
      this.#events += record.events.length
    }
    this.#forgetOldest()
    this.#forgetEvents()
  }

  get size(): number {
    return this.#records.size
  }

  get records(): Iterable<DeviceRecord> {
    return this.#records.values()
  }

  /** A device was heard of. Returns what is known of it. */
  seen(contact: Contact, now: number): DeviceRecord {
    const known = this.#recordOf(contact)
    const record = known ?? createRecord(contact, now)
    const isWorthKeeping = this.#takeUp(record, contact) || known === undefined || now - record.lastSeen > KEEP_SEEN_MS
    record.lastSeen = Math.max(now, record.lastSeen)
    this.#put(record)
    this.#forgetOldest()
    if (isWorthKeeping) this.#options.onChange?.(record)
    return record
  }

  /** It asked for a release, and was answered. */
  asked(contact: Contact, release: ReleaseMark, now: number): DeviceRecord {
    const record = this.seen(contact, now)
    const mark = markOf(release, now)
    const isNew = record.asked?.name !== mark.name || record.asked.digest !== mark.digest
    record.asked = mark
    record.chip = shortText(release.chip ?? record.chip)
    if (isNew) this.#options.onChange?.(record)
    return record
  }

  /** Something has happened to a device. Returns how often in a row; 0 where it is not worth noting. */
  note(contact: Contact, what: What, now: number): number {
    const record = this.seen(contact, now)
    if (what.is === 'seen' && !isNews(record)) return 0
    this.#events -= record.events.length
    const event = addEvent(record, what, now)
    this.#events += record.events.length
    this.#forgetEvents()
    this.#options.onChange?.(record, event)
    return event.count
  }

  /** It was handed a release whole. */
  received(contact: Contact, release: ReleaseMark, now: number): void {
    const record = this.seen(contact, now)
    record.received = markOf(release, now)
    this.#options.onChange?.(record)
  }

  /** It runs a release, and who says so. */
  runs(contact: Contact, release: ReleaseMark, source: RunningRelease['source'], now: number): void {
    const record = this.seen(contact, now)
    const { running } = record
    const mark = markOf(release, now)
    const isSame = running?.name === mark.name && running.digest === mark.digest && running.version === mark.version
    // What is known already, from one who knows as well: since when it runs does not change.
    if (isSame && (running.source === source || source === 'believed')) return
    record.running = { ...mark, at: isSame ? running.at : now, source }
    this.#options.onChange?.(record)
  }

  /** A device by its id. */
  get(id: string): DeviceRecord | undefined {
    return this.#records.get(id)
  }

  /** The same by its id in any spelling, or by its label. */
  find(id: string): DeviceRecord | undefined {
    const known = this.#records.get(id) ?? this.#records.get(normalDevice(id) ?? id)
    if (known !== undefined) return known
    for (const record of this.#records.values()) if (this.#labelOf(record) === id) return record
    return undefined
  }

  /** Who was seen last at an address. */
  at(address: string): DeviceRecord | undefined {
    return this.#at.get(address)
  }

  tell(record: DeviceRecord, live: readonly LiveDownload[]): DeviceFacts {
    return tellDevice(record, this.#labelOf(record), live)
  }

  /** How many devices there are of each verdict; one that nothing has happened to has none. */
  countVerdicts(live: readonly LiveDownload[]): ReadonlyMap<VerdictKind, number> {
    const liveOf = byDevice(live)
    const counts = new Map<VerdictKind, number>()
    for (const record of this.#records.values()) {
      const verdict = verdictKindOf(record, liveOf.get(record.id) ?? [])
      if (verdict !== undefined) counts.set(verdict, (counts.get(verdict) ?? 0) + 1)
    }
    return counts
  }

  /** The devices, the one that was seen last first. */
  tellAll(live: readonly LiveDownload[], most = Number.POSITIVE_INFINITY): readonly DeviceFacts[] {
    const liveOf = byDevice(live)
    const lastFirst = [...this.#records.values()].reverse().slice(0, most)
    return lastFirst.map(record => this.tell(record, liveOf.get(record.id) ?? []))
  }

  /**
   * The same with what happened to them, where that is asked for.
   * @param asked only those that a person means by this
   */
  tellHistories(live: readonly LiveDownload[], withHistory: boolean, asked?: string): readonly DeviceHistory[] {
    const isMeant = asked === undefined ? () => true : meantBy(asked)
    const liveOf = byDevice(live)
    return [...this.#records.values()]
      .filter(record =>
        isMeant({ id: record.id, mac: record.mac, address: record.address, label: this.#labelOf(record) })
      )
      .reverse()
      .map(record => ({
        ...this.tell(record, liveOf.get(record.id) ?? []),
        history: withHistory ? tellHistory(record) : []
      }))
  }

  /** One device with what happened to it. */
  tellHistory(record: DeviceRecord, live: readonly LiveDownload[]): DeviceHistory {
    return { ...this.tell(record, live), history: tellHistory(record) }
  }

  /** The ids of those that have changed since this was asked last, gone ones included; from the first time on. */
  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed ?? new Set()
    this.#changed = new Set()
    return changed
  }

  /** Nobody asks for changes any more. */
  ignoreChanges(): void {
    this.#changed = undefined
  }

  #labelOf({ id, mac, address }: DeviceRecord): string | null {
    const { labels } = this.#options
    if (labels === undefined) return null
    return labels.get(id) ?? (mac === null ? undefined : labels.get(mac)) ?? labels.get(address) ?? null
  }

  /** What knows it best; one that failed before it could tell more than its address is the one that was seen there last. */
  #recordOf(contact: Contact): DeviceRecord | undefined {
    const { id, identity } = identityOf(contact)
    const isFailure = contact.userAgent === undefined
    return this.#records.get(id) ?? (identity === 'address' && isFailure ? this.#at.get(contact.address) : undefined)
  }

  /** Takes what a contact tells that was not known. Returns whether there was anything. */
  #takeUp(record: DeviceRecord, { address, mac, userAgent, told }: Contact): boolean {
    let isNew = record.address !== address
    if (isNew && this.#at.get(record.address) === record) this.#at.delete(record.address)
    record.address = address
    // What it sends itself is sure; of an address it is whoever has it now, a router for all that is behind it.
    const neighbour = record.identity === 'address' || record.mac === null ? this.#options.macOf?.(address) : undefined
    const ownMac = mac ?? neighbour ?? record.mac
    if (ownMac !== record.mac) {
      record.mac = ownMac
      isNew = true
    }
    if (userAgent !== undefined) {
      const { client, sdk } = nameClient(userAgent, told)
      const named = { userAgent: userAgent.slice(0, LONGEST_AGENT), client, sdk: shortText(sdk ?? record.sdk) }
      isNew ||= named.userAgent !== record.userAgent || client !== record.client || named.sdk !== record.sdk
      Object.assign(record, named)
    }
    return isNew
  }

  #put(record: DeviceRecord): void {
    this.#records.delete(record.id)
    this.#records.set(record.id, record)
    this.#at.set(record.address, record)
    this.#changed?.add(record.id)
  }

  #forgetEvents(): void {
    if (this.#events <= MOST_EVENTS) return
    for (const record of this.#records.values()) {
      this.#events -= record.events.length
      record.events = record.events.slice(-FEW_EVENTS)
      this.#events += record.events.length
      // Further than it has to, so that it is not looked for again with every event.
      if (this.#events <= MOST_EVENTS * 0.9) return
    }
  }

  #forgetOldest(): void {
    for (const [id, record] of this.#records) {
      if (this.#records.size <= this.#mostDevices) return
      this.#records.delete(id)
      this.#events -= record.events.length
      if (this.#at.get(record.address) === record) this.#at.delete(record.address)
      this.#changed?.add(id)
    }
  }
}

/** Kinds of coming to nothing, which are over as soon as a device gets an answer. */
const FAILURES: ReadonlySet<VerdictKind> = new Set(['handshake-failed', 'silent', 'not-allowed', 'not-found'])

/** That it looks at something says less than what it did before, unless that came to nothing. */
function isNews({ events }: DeviceRecord): boolean {
  const last = events.at(-1)
  return last === undefined || last.is === 'seen' || FAILURES.has(last.is)
}

function createRecord(contact: Contact, now: number): DeviceRecord {
  return {
    ...identityOf(contact),
    address: contact.address,
    mac: contact.mac ?? null,
    client: 'unknown',
    userAgent: '',
    sdk: null,
    chip: null,
    firstSeen: now,
    lastSeen: now,
    asked: null,
    running: null,
    received: null,
    events: []
  }
}

function markOf({ name, digest, version }: ReleaseMark, at: number): Mark {
  return { name: shortText(name), digest: shortText(digest), version: shortText(version), at }
}
