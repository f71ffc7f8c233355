import path from 'node:path'
import { byDevice } from './devices/by-device.js'
import { type Contact, identityOf, type ReleaseMark } from './devices/contact.js'
import type { DeviceFacts, DeviceHistory, LiveDownload } from './devices/device-facts.js'
import type { Mark, What } from './devices/device-record.js'
import {
  begunAgain,
  confirms,
  confirmsOther,
  cutOff,
  downloadsAgainAndAgain,
  handedOver,
  lacksRoom,
  lookedAtHead,
  sentBack,
  toldUnchanged,
  wentBack
} from './devices/happenings.js'
import type { Ledger } from './devices/ledger.js'
import { LedgerFile } from './devices/ledger-file.js'
import { Neighbours } from './devices/neighbours.js'
import { normalDevice } from './devices/normal-device.js'
import { hasGoneBack, isBelieved, isLook, mayHaveRestarted } from './devices/running.js'
import { BROWSER, nameClient } from './devices/update-client.js'
import { isLoopbackAddress } from './loopback.js'
import type { Findings } from './loops.js'
import { type Catalog, releasesOf } from './releases/catalog.js'
import type { Release } from './releases/release.js'
import { runs } from './server/arduino.js'
import type { Download } from './server/downloads.js'
import { OWN_CODES } from './server/handshake-causes.js'
import type { Live, Sending } from './server/live-downloads.js'
import type { Begun, SentBack } from './server/plugins/firmware-sender.js'
import type { Visit } from './server/visit.js'
import { shortDigest } from './words.js'

export interface DeviceKeeperOptions {
  /** `state/` of the home. */
  readonly stateFolder: string
  /** `DEVICE=NAME` each. */
  readonly deviceNames: readonly string[]
  readonly currentCatalog: () => Catalog
  /** Downloads under way. */
  readonly live: () => readonly Live[]
  /** One of them, of a client as the run table knows it. */
  readonly liveOf: (client: string) => Pick<Live, 'release' | 'from'> | undefined
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

  /** Every device, or those that a person means, the one that was seen last first; without their histories these are empty. */
  tellHistories(withHistory: boolean, device?: string): readonly DeviceHistory[] {
    return this.ledger.tellHistories(this.live(), withHistory, device)
  }

  readonly onBegun = (begun: Begun): void => {
    this.#noteReturn(this.#askedFor(begun), begun.release, begun.start)
  }

  readonly onDownload = (download: Download): void => {
    const { release, outcome, sent, durationMs, ranges, cause } = download
    const now = this.#now()
    const contact = contactOf(download)
    switch (outcome) {
      case 'complete':
        this.ledger.note(contact, handedOver(release, durationMs, ranges), now)
        this.ledger.received(contact, markOf(release), now)
        break
      case 'unchanged':
        this.#askedFor(download)
        this.ledger.note(contact, toldUnchanged(release), now)
        this.ledger.runs(contact, markOf(release), 'told', now)
        break
      case 'aborted':
        if (download.isToldCut || this.#noteLook(download, contact)) return
        this.ledger.note(contact, cutOff(release, sent, durationMs, cause), now)
        this.#noteNext(download, contact)
        break
      case 'no-room':
        // Told with what it lacks, by the findings.
        this.#askedFor(download)
        break
    }
  }

  /** A connection was lost in the middle of a range: the download may go on, and is not told of yet. */
  readonly onBrokenRange = (download: Download): void => {
    const { release, sent, durationMs, cause } = download
    const contact = contactOf(download)
    if (this.#noteLook(download, contact)) return
    this.ledger.note(contact, cutOff(release, sent, durationMs, cause), this.#now())
  }

  /** What was found out about a device when one more of its downloads had ended. */
  onFindings({ looping, rolledback, full }: Findings, download: Download): void {
    const { release } = download
    const note = (what: What): number => this.ledger.note(contactOf(download), what, this.#now())
    if (rolledback !== undefined) note(wentBack(release, rolledback.running, rolledback.reason))
    if (looping !== undefined) note(downloadsAgainAndAgain(release, looping.times, looping.reason))
    if (full !== undefined) note(lacksRoom(release, full.size, full.free))
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
        if (mayHaveRestarted(this.ledger.seen(contact, now), now)) this.#believe(contact, release)
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
      case 'sent-back':
        if (release !== undefined) this.ledger.note(contact, sentBack(release, answer), now)
        break
      case 'confirmed':
        this.#confirm(this.#whoConfirms(contact, name), name, release, answer)
    }
  }

  readonly onSentBack = (refused: SentBack): void => {
    this.ledger.note(this.#askedFor(refused), sentBack(refused.release, refused.reason), this.#now())
  }

  onFailedHandshake({ device, code, cause, fix }: Failure): void {
    const isMute = code === OWN_CODES.silent || code === OWN_CODES.unheard
    // Health checks and port scans of this machine itself.
    if (isMute && isLoopbackAddress(device)) return
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

  #believe(contact: Contact, release: Release): void {
    const now = this.#now()
    const record = this.ledger.seen(contact, now)
    if (isBelieved(record, release)) this.ledger.runs(contact, markOf(release), 'believed', now)
  }

  /** One that compares versions itself, has this release and leaves. Returns whether it is such a one. */
  #noteLook({ release, durationMs }: Download, contact: Contact): boolean {
    const now = this.#now()
    if (!isLook(this.ledger.seen(contact, now), release, durationMs)) return false
    this.#believe(contact, release)
    this.ledger.note(contact, lookedAtHead(release), now)
    return true
  }

  /** Of ranges it is only known that they ended when others have begun. */
  #noteNext({ recipient }: Download, contact: Contact): void {
    const next = this.#options.liveOf(recipient.client)
    if (next !== undefined) this.#noteReturn(contact, next.release, next.from)
  }

  /** A device that was cut, or sent back, has begun again. */
  #noteReturn(contact: Contact, release: Release, start: number): void {
    const now = this.#now()
    const last = this.ledger.seen(contact, now).events.at(-1)
    if (last?.name !== release.name || (last.is !== 'cut' && last.is !== 'sent-back')) return
    this.ledger.note(contact, begunAgain(release, start), now)
  }

  /** Sketches tell their MAC as they update, and not as they confirm: who was handed that name at this address is meant. */
  #whoConfirms(contact: Contact, name: string): Contact {
    const { address, certificate, mac } = contact
    const isKnown = certificate !== undefined || mac !== undefined
    return !isKnown && this.ledger.at(address)?.received?.name === name ? { address } : contact
  }

  #confirm(contact: Contact, name: string, release: Release | undefined, sha: string): void {
    const now = this.#now()
    const record = this.ledger.seen(contact, now)
    const { received } = record
    const mark = release === undefined ? { name, digest: null, version: shortDigest(sha) } : markOf(release)
    const isBack = hasGoneBack(record, { ...mark, number: release?.number }, this.#numberOf(received))
    const device = record.mac ?? record.address
    const { version, digest } = mark
    if (isBack && received !== null) {
      const isAgain = this.ledger.note(contact, confirmsOther(mark, received, WENT_BACK), now) > 1
      const reason = WENT_BACK
      if (!isAgain) this.#options.onRolledBack({ device, name, version: received.version, running: version, reason })
    } else this.ledger.note(contact, confirms(mark), now)
    this.ledger.runs(contact, mark, 'confirmed', now)
    this.#options.onConfirmed({ device, name, version, digest: digest ?? undefined })
  }

  #numberOf(mark: Mark | null): number | undefined {
    const entry = mark === null ? undefined : this.#options.currentCatalog().entry(mark.name)
    return entry && releasesOf(entry).find(({ digest }) => digest === mark?.digest)?.number
  }
}

function contactOf({ recipient, client }: Pick<Sending, 'device' | 'recipient' | 'client'>): Contact {
  const { address, certificate, mac, userAgent } = recipient
  return { address, certificate, mac, userAgent, told: client }
}

function markOf({ name, digest, version, chip }: Release): ReleaseMark {
  return { name, digest, version, chip }
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

const isBrowser = ({ userAgent = '' }: Contact): boolean => nameClient(userAgent, undefined).client === BROWSER

function readLabels(deviceNames: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    deviceNames.map(text => {
      const [device = '', ...label] = text.split('=')
      return [normalDevice(device.trim()) ?? device.trim(), label.join('=').trim()] as const
    })
  )
}
