import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemErrorCode } from '../errors.js'
import type { Report } from '../events.js'
import { shortDigest } from '../words.js'
import { type Place, readOwnAddresses, readPlaces } from './places.js'
import { Presence } from './presence.js'
import { SERVICE_TYPE, type SpokenService } from './records.js'

export interface AnnounceOptions {
  readonly port: number
  /** The address that the server listens on; `::` and `0.0.0.0` are all of them. */
  readonly listensOn: string
  /** First label of the name of this machine. */
  readonly hostName: string
  readonly version: string
  /** SHA-256 of the certificate that devices embed, with colons; undefined where only the operator knows it. */
  readonly caFingerprint: () => string | undefined
  readonly report: Report
}

/** A daemon that is announced on the LAN, or tries to be: it never fails, and nothing waits for it. */
export interface Announcement {
  /** Addresses or the certificate may be others now. */
  update(): void
  /** Says goodbye and lets go of the network, within 300 ms. */
  close(): Promise<void>
}

/** Networks are looked at this often; where nothing could be announced, it is tried again then. */
const LOOK_EVERY_MS = 5_000
const LONGEST_GOODBYE_MS = 300

/**
 * Announces otad as `_otad._tcp` on every network that its server can be reached from, and the name of the host where nobody else answers for
 * it. Names are asked for before they are taken, again when somebody contests them, and again when the machine has other addresses.
 */
export function announce(options: AnnounceOptions): Announcement {
  return new Announcer(options)
}

class Announcer implements Announcement {
  readonly #options: AnnounceOptions
  readonly #closing = new AbortController()
  readonly #timer: NodeJS.Timeout
  /** Ended when names have to be asked for anew. */
  #round = new AbortController()
  #presence: Presence | undefined
  #places = ''
  #announced = ''
  #failed = ''
  #isTrying = false

  constructor(options: AnnounceOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS).unref()
    void this.#run()
  }

  update(): void {
    this.#round.abort()
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    clearInterval(this.#timer)
    const presence = this.#presence
    this.#closing.abort()
    const goodbye = presence?.goodbye().catch(() => {})
    await Promise.race([goodbye, sleep(LONGEST_GOODBYE_MS, undefined, { ref: false })])
    presence?.leave()
  }

  #look(): void {
    // One that is still asking may take longer than from one look to the next: where many names are taken, or somebody contests them.
    const hasFailed = this.#failed !== '' && !this.#isTrying
    if (hasFailed || describe(this.#readPlaces()) !== this.#places) this.#round.abort()
  }

  #readPlaces(): readonly Place[] {
    return readPlaces(this.#options.listensOn)
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      this.#round = new AbortController()
      const signal = AbortSignal.any([this.#closing.signal, this.#round.signal])
      this.#isTrying = true
      await this.#beThere(signal).catch(error => {
        if (!signal.aborted) this.#tellFailed(reasonOf(error), hintOf(error))
      })
      this.#isTrying = false
      if (!signal.aborted) await once(signal, 'abort')
      // Goodbye first, where it is the end.
      if (!this.#closing.signal.aborted) this.#presence?.leave()
    }
  }

  async #beThere(signal: AbortSignal): Promise<void> {
    const { port, hostName, listensOn } = this.#options
    const places = this.#readPlaces()
    this.#places = describe(places)
    if (places.length === 0) return this.#tellFailed(...whyNowhere(listensOn))
    const presence = new Presence({
      places,
      addresses: readOwnAddresses(),
      hostName,
      port,
      text: this.#text(),
      signal,
      onContested: () => this.#round.abort()
    })
    this.#presence = presence
    const service = await presence.begin()
    if (service === undefined) return this.#tellFailed('every name that it could go by is taken', 'rename this machine')
    this.#tellAnnounced(service)
    await presence.repeat()
  }

  #text(): Record<string, string> {
    const { version, caFingerprint } = this.#options
    const fingerprint = caFingerprint()
    const ca = fingerprint && { ca: shortDigest(fingerprint.replaceAll(':', '').toLowerCase()) }
    return { path: '/', version, ...ca }
  }

  /** Once for each name: it is announced again with every change of address. */
  #tellAnnounced({ instance, host }: SpokenService): void {
    this.#failed = ''
    const name = instance.slice(0, -SERVICE_TYPE.length - 1)
    if (this.#announced === instance + host) return
    this.#announced = instance + host
    this.#options.report('mdns.announced', { name, host })
  }

  /** Once for each reason: it is tried again every few seconds. */
  #tellFailed(reason: string, hint: string): void {
    this.#announced = ''
    if (this.#failed === reason) return
    this.#failed = reason
    this.#options.report('mdns.failed', { reason, hint })
  }
}

function describe(places: readonly Place[]): string {
  return places.map(({ interfaceName, addresses }) => [interfaceName, ...addresses].join(' ')).join('\n')
}

function whyNowhere(listensOn: string): [reason: string, hint: string] {
  return listensOn === '::' || listensOn === '0.0.0.0'
    ? ['this machine is on no network', 'it is announced as soon as an interface has an IPv4 address']
    : [
        `the server listens on ${listensOn} alone, which is on no network`,
        'leave --host away to listen on every address'
      ]
}

function codeOf(error: unknown): string | undefined {
  return systemErrorCode(error instanceof AggregateError ? error.errors[0] : error)
}

function reasonOf(error: unknown): string {
  const code = codeOf(error)
  switch (code) {
    case 'EADDRINUSE':
    case 'EACCES':
      return `UDP port 5353 cannot be had (${code})`
    case undefined:
      return error instanceof Error ? error.message : String(error)
    default:
      return `nothing can be sent by multicast (${code})`
  }
}

function hintOf(error: unknown): string {
  const code = codeOf(error)
  return code === 'EADDRINUSE'
    ? 'another mDNS program keeps it for itself (avahi: disallow-other-stacks=no)'
    : 'look at the firewall; devices find otad by its address all the same'
}
