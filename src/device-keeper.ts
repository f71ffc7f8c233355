import path from 'node:path'
import type { DeviceFacts, DeviceHistory, LiveDownload } from './devices/device-facts.js'
import type { What } from './devices/device-record.js'
import { byDevice, type Contact, identityOf, type Ledger, type ReleaseMark } from './devices/ledger.js'
import { LedgerFile } from './devices/ledger-file.js'
import { Neighbours } from './devices/neighbours.js'
import { BROWSER, nameClient } from './devices/update-client.js'
import type { Findings } from './loops.js'
import { type Catalog, releasesOf } from './releases/catalog.js'
import type { Release } from './releases/release.js'
import { normalDevice } from './runs/pins.js'
import { runs } from './server/arduino.js'
import type { Download } from './server/downloads.js'
import { OWN_CODES } from './server/handshake-causes.js'
import type { Live, Sending } from './server/live-downloads.js'
import type { Begun, SentBack } from './server/plugins/firmware-sender.js'
import type { Visit } from './server/visit.js'
import { fileSize, percentOf, shortDigest, spokenDuration } from './words.js'

export interface DeviceKeeperOptions {
  /** `state/` of the home. */
  readonly stateFolder: string
  /** `DEVICE=NAME` each. */
  readonly deviceNames: readonly string[]
  readonly currentCatalog: () => Catalog
  /** Downloads under way. */
  readonly live: () => readonly Live[]
  /** A device says that it runs a release. */
  readonly onConfirmed: (confirmed: Confirmed) => void
  /** One says that it runs another release than it was handed whole last. */
  readonly onRolledBack: (rolledBack: NonNullable<Findings['rolledback']>) => void
  readonly onFailure: (code: string) => void
  readonly onDamaged: (lines: number) => void
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** `digest` is undefined where it is no release of ours. */
export interface Confirmed {
  readonly device: string
  readonly name: string
  readonly version: string
  readonly digest: string | undefined
}

/** A connection or request that came to nothing. */
export interface Failure {
  /** The address of the device. */
  readonly device: string
  readonly code?: string
  readonly cause: string
  readonly fix: string
}

/** A device that has an image reads no more than its head, and leaves: whatever is cut sooner than this may be no more than a look. */
const LOOK_MS = 10_000

const WENT_BACK =
  'the bootloader went back because the new firmware was not confirmed (esp_ota_mark_app_valid_cancel_rollback) or did not boot; its serial log says which'

/** Keeps the ledger of devices: is told what happens at the server, and says what it means for the device that it happened to. */
export class DeviceKeeper {
  readonly ledger: Ledger
  readonly #options: DeviceKeeperOptions
  readonly #file: LedgerFile
  readonly #neighbours: Neighbours
  readonly #now: () => number

  static async open(options: DeviceKeeperOptions): Promise<DeviceKeeper> {
    const neighbours = new Neighbours()
    const file = await LedgerFile.open({
      file: path.join(options.stateFolder, 'devices.jsonl'),
      labels: readLabels(options.deviceNames),
      macOf: address => neighbours.macOf(address),
      onFailure: options.onFailure,
      onDamaged: options.onDamaged
    })
    return new DeviceKeeper(options, file, neighbours)
  }

  private constructor(options: DeviceKeeperOptions, file: LedgerFile, neighbours: Neighbours) {
    this.#options = options
    this.#file = file
    this.#neighbours = neighbours
    this.ledger = file.ledger
    this.#now = options.now ?? Date.now
  }

  /** Downloads under way, as they are told of. */
  live(): readonly LiveDownload[] {
    return this.#options.live().map(tellLive)
  }

  tellAll(): readonly DeviceFacts[] {
    return this.ledger.tellAll(this.live())
  }

  /** One device with its history, by its id or what it is called. */
  tellOne(id: string): DeviceHistory | undefined {
    const record = this.ledger.find(id)
    if (record === undefined) return undefined
    return this.ledger.tellHistory(record, byDevice(this.live()).get(record.id) ?? [])
  }

  /** Every device, the one that was seen last first; without their histories these are empty. */
  tellHistories(withHistory: boolean): readonly DeviceHistory[] {
    return this.ledger.tellHistories(this.live(), withHistory)
  }

  readonly onBegun = (begun: Begun): void => {
    this.#noteReturn(this.#askedFor(begun), begun.release, begun.start)
  }

  readonly onDownload = (download: Download): void => {
    const { release, outcome } = download
    const contact = this.#askedFor(download)
    const now = this.#now()
    const mark = markOf(release)
    switch (outcome) {
      case 'complete':
        this.ledger.note(contact, { ...describeComplete(download), ...ofRelease(release) }, now)
        this.ledger.received(contact, mark, now)
        break
      case 'unchanged':
        this.ledger.note(
          contact,
          { is: 'up-to-date', sentence: `runs ${wordsFor(release)} already`, ...ofRelease(release) },
          now
        )
        this.ledger.runs(contact, mark, 'told', now)
        break
      case 'aborted':
        this.#noteCut(download, contact, now)
        break
      case 'no-room':
        // Told with what it lacks, by the findings.
        break
    }
  }

  /** What was found out about a device when one more of its downloads had ended. */
  onFindings({ looping, rolledback, full }: Findings, { device, recipient, client, release }: Download): void {
    const contact = contactOf({ device, recipient, client })
    const note = (is: What['is'], sentence: string, fix: string): void =>
      this.ledger.note(contact, { is, sentence, fix, ...ofRelease(release) }, this.#now())
    if (rolledback !== undefined)
      note('rolled-back', `went back to ${rolledback.running || 'its old firmware'}`, rolledback.reason)
    if (looping !== undefined)
      note('looping', `has downloaded it ${looping.times} times within ten minutes`, looping.reason)
    if (full !== undefined)
      note(
        'no-room',
        `has ${fileSize(full.free)} of free space for an image of ${fileSize(full.size)}`,
        'give it a partition scheme with larger app slots, or make the image smaller'
      )
  }

  readonly onVisit = (visit: Visit): void => {
    const { is, name, release, answer = '' } = visit
    const now = this.#now()
    const contact = contactOf(visit)
    switch (is) {
      case 'head':
      case 'document':
        if (release === undefined) return
        this.#askedFor({ ...visit, release })
        this.#believe(contact, release, now)
        this.ledger.note(contact, { is: 'seen', sentence: `asked what there is of ${name}`, name }, now)
        break
      case 'not-found':
        if (isBrowser(contact)) return
        this.ledger.note(contact, { is: 'not-found', sentence: `asked for /${name}`, fix: answer, name }, now)
        break
      case 'page':
        // A browser whose user went past the warning has failed a handshake before, and is no device to be mended.
        if (this.ledger.at(contact.address) === undefined) return
        this.ledger.note(contact, { is: 'seen', sentence: 'looks at the page' }, now)
        break
      case 'confirmed':
        this.#confirm(this.#whoConfirms(contact, name), name, release, answer, now)
    }
  }

  readonly onSentBack = (sentBack: SentBack): void => {
    const { release, reason } = sentBack
    const contact = this.#askedFor(sentBack)
    const { name, digest } = release
    this.ledger.note(
      contact,
      { is: 'sent-back', sentence: 'sent back to the first byte', fix: reason, name, digest },
      this.#now()
    )
  }

  onFailedHandshake({ device, code, cause, fix }: Failure): void {
    const isMute = code === OWN_CODES.silent || code === OWN_CODES.unheard
    // Health checks and port scans of this machine itself.
    if (isMute && isLoopback(device)) return
    this.ledger.note(
      { address: device },
      { is: isMute ? 'silent' : 'handshake-failed', sentence: cause, fix },
      this.#now()
    )
  }

  onNotAllowed({ device, cause, fix }: Failure): void {
    this.ledger.note({ address: device }, { is: 'not-allowed', sentence: cause, fix }, this.#now())
  }

  async close(): Promise<void> {
    this.#neighbours.close()
    await this.#file.close()
  }

  /** Takes note of who asked for which release, and of what it told to run. */
  #askedFor(sending: Sending): Contact {
    const contact = contactOf(sending)
    const { release, client } = sending
    const now = this.#now()
    this.ledger.asked(contact, markOf(release), now)
    if (client?.mode !== 'sketch') return contact
    const entry = this.#options.currentCatalog().entry(release.name)
    const known = entry && releasesOf(entry).find(other => runs(client, other))
    if (known !== undefined) this.ledger.runs(contact, markOf(known), 'told', now)
    else if (client.version !== undefined)
      this.ledger.runs(contact, { name: release.name, digest: null, version: client.version }, 'told', now)
    return contact
  }

  /** One that was handed a release whole, and comes back later without taking it again, runs it as far as anybody can know. */
  #believe(contact: Contact, { name, digest }: Release, now: number): void {
    const record = this.ledger.seen(contact, now)
    const { received, running } = record
    if (received === null || received.name !== name || received.digest !== digest) return
    if (running?.digest === digest || (running !== null && running.source !== 'believed' && running.at > received.at))
      return
    this.ledger.runs(contact, received, 'believed', now)
  }

  #noteCut(download: Download, contact: Contact, now: number): void {
    const { release, sent, durationMs, cause } = download
    const { received, running } = this.ledger.seen(contact, now)
    const hasIt = received?.digest === release.digest || running?.digest === release.digest
    if (hasIt && durationMs < LOOK_MS && sent < release.size) {
      this.#believe(contact, release, now)
      const sentence = `looked at the head of ${wordsFor(release)}, which it was handed before, and left it`
      this.ledger.note(contact, { is: 'up-to-date', sentence, ...ofRelease(release) }, now)
      return
    }
    const { size } = release
    const sentence = `cut at ${percentOf(sent, size)} of ${fileSize(size)} after ${spokenDuration(durationMs)}: ${cause}`
    this.ledger.note(contact, { is: 'cut', sentence, ...ofRelease(release) }, now)
    // Of ranges it is only known that they ended when others have begun.
    const next = this.#options.live().find(other => other.recipient.client === download.recipient.client)
    if (next !== undefined) this.#noteReturn(contact, next.release, next.from)
  }

  /** A device that was cut, or sent back, has begun again. */
  #noteReturn(contact: Contact, { name, digest, size }: Release, start: number): void {
    const last = this.ledger.seen(contact, this.#now()).events.at(-1)
    if (last?.name !== name || (last.is !== 'cut' && last.is !== 'sent-back')) return
    const what: What =
      start > 0
        ? { is: 'resumed', sentence: `goes on at ${percentOf(start, size)} of ${fileSize(size)}` }
        : { is: 'restarted', sentence: 'begins again from the first byte' }
    this.ledger.note(contact, { ...what, name, digest }, this.#now())
  }

  /** Sketches tell their MAC as they update, and not as they confirm: who was handed that name at this address is meant. */
  #whoConfirms(contact: Contact, name: string): Contact {
    const { address, certificate, mac } = contact
    const isKnown = certificate !== undefined || mac !== undefined
    return !isKnown && this.ledger.at(address)?.received?.name === name ? { address } : contact
  }

  #confirm(contact: Contact, name: string, release: Release | undefined, sha: string, now: number): void {
    const { received } = this.ledger.seen(contact, now)
    const mark = release === undefined ? { name, digest: null, version: shortDigest(sha) } : markOf(release)
    const isBack = received !== null && received.name === name && received.digest !== mark.digest
    const runs = `runs ${describeMark(mark)}`
    const what: What = isBack
      ? { is: 'rolled-back', sentence: `${runs}, though it was handed ${describeMark(received)} whole`, fix: WENT_BACK }
      : { is: 'running', sentence: `says that it ${runs}` }
    this.ledger.note(contact, { ...what, name, digest: mark.digest }, now)
    this.ledger.runs(contact, mark, 'confirmed', now)
    const device = contact.mac ?? contact.address
    const { version, digest } = mark
    this.#options.onConfirmed({ device, name, version, digest: digest ?? undefined })
    if (isBack)
      this.#options.onRolledBack({ device, name, version: received.version, running: version, reason: WENT_BACK })
  }
}

function contactOf({ recipient, client }: Pick<Sending, 'device' | 'recipient' | 'client'>): Contact {
  const { address, certificate, mac, userAgent } = recipient
  return { address, certificate, mac, userAgent, told: client }
}

function markOf({ name, digest, version, chip }: Release): ReleaseMark {
  return { name, digest, version, chip }
}

function ofRelease({ name, digest }: Release): Pick<What, 'name' | 'digest'> {
  return { name, digest }
}

function describeComplete({ release, durationMs, ranges }: Download): Pick<What, 'is' | 'sentence'> {
  const inRanges = ranges > 1 ? ` in ${ranges} ranges` : ''
  return {
    is: 'complete',
    sentence: `${fileSize(release.size)} handed over in ${spokenDuration(durationMs)}${inRanges}`
  }
}

function wordsFor({ name, version }: Pick<Release, 'name' | 'version'>): string {
  return [name, version].filter(Boolean).join(' ')
}

function describeMark({ version, digest }: ReleaseMark): string {
  return digest === null ? version : `${version} (${shortDigest(digest)})`.trim()
}

function tellLive(live: Live): LiveDownload {
  const { id, release, from, reached, rate, startedAt, isStalled } = live
  const { name, digest, version, size } = release
  return {
    id,
    device: identityOf(contactOf(live)).id,
    name,
    digest,
    version,
    size,
    from,
    reached,
    rate: Math.round(rate),
    secondsLeft: rate > 0 ? Math.ceil((size - reached) / rate) : null,
    startedAt: new Date(startedAt).toISOString(),
    isStalled
  }
}

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.')
const isBrowser = ({ userAgent = '' }: Contact): boolean => nameClient(userAgent, undefined).client === BROWSER

function readLabels(deviceNames: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    deviceNames.map(text => {
      const [device = '', ...label] = text.split('=')
      return [normalDevice(device.trim()) ?? device.trim(), label.join('=').trim()] as const
    })
  )
}
