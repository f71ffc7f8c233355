import { setTimeout as sleep } from 'node:timers/promises'
import { Claim, type Claimed, type ClaimOptions } from './claim.js'
import { answersTo, holderOf, isLeft, isTaken } from './hearing.js'
import { type Heard, Link } from './link.js'
import type { Place } from './places.js'
import {
  addressRecords,
  instanceRecords,
  isSameName,
  type OwnRecord,
  pointerRecords,
  type SpokenService
} from './records.js'

export interface PresenceOptions extends Omit<ClaimOptions, 'links'> {
  readonly places: readonly Place[]
  /** The names have to be asked for again: somebody else says that they are his, or has let go of one. */
  readonly onContested: () => void
}

/** Two announcements, a second apart (RFC 6762, section 8.3). */
const ANNOUNCE_AGAIN_MS = 1_000

/** What is said on one link. The host has records of its own, which may be left to somebody else. */
interface Speech {
  readonly service: readonly OwnRecord[]
  readonly host: readonly OwnRecord[]
}

/** otad on the networks that the machine is on at one time, from the first question to the goodbye. */
export class Presence {
  readonly #options: PresenceOptions
  #links: readonly Link[] = []
  #claim: Claim | undefined
  #claimed: Claimed | undefined
  #saysHost = false
  readonly #speeches = new Map<Link, Speech>()

  constructor(options: PresenceOptions) {
    this.#options = options
  }

  /**
   * Finds names, and announces them for the first time. Undefined when all are taken. Rejects with the error of the system when there is no
   * link on which anything can be said.
   */
  async begin(): Promise<SpokenService | undefined> {
    await this.#openLinks()
    this.#claim = new Claim({ ...this.#options, links: this.#links })
    this.#claimed = await this.#claim.settle()
    this.#claim = undefined
    if (this.#claimed === undefined) return undefined
    const { service, saysHost } = this.#claimed
    this.#saysHost = saysHost
    for (const link of this.#links)
      this.#speeches.set(link, {
        service: [...pointerRecords(service), ...instanceRecords(service)],
        host: addressRecords(service.host, link.place.addresses)
      })
    await this.#sayAll()
    return service
  }

  /** Announces for the second time, a second later. */
  async repeat(): Promise<void> {
    await sleep(ANNOUNCE_AGAIN_MS, undefined, { ref: false, signal: this.#options.signal })
    await this.#sayAll()
  }

  /** Says goodbye to whatever was announced. */
  async goodbye(): Promise<void> {
    await this.#sayAll(0)
  }

  leave(): void {
    for (const link of this.#links) link.close()
    this.#links = []
    this.#speeches.clear()
  }

  async #openLinks(): Promise<void> {
    const { places, signal } = this.#options
    const opening = places.map(place => Link.open(place, (link, heard) => this.#hear(link, heard)))
    const opened = await Promise.allSettled(opening)
    this.#links = opened.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
    if (signal.aborted) this.leave()
    signal.throwIfAborted()
    // One that can be spoken on is enough; where there is none the first error says why.
    if (this.#links.length === 0) await opening[0]
  }

  /** One link that takes it is enough. */
  async #sayAll(ttl?: number): Promise<void> {
    const said = [...this.#speeches.keys()].map(link => link.say(this.#recordsFor(link), ttl))
    if (said.length > 0) await Promise.any(said)
  }

  #recordsFor(link: Link): readonly OwnRecord[] {
    const { service = [], host = [] } = this.#speeches.get(link) ?? {}
    return this.#saysHost ? [...service, ...host] : service
  }

  #hear(link: Link, heard: Heard): void {
    this.#claim?.note(heard)
    if (this.#claimed === undefined) return
    if (heard.type === 'response') this.#heedResponse(this.#claimed, heard)
    else this.#heedQuery(this.#claimed.service, link, heard)
  }

  #heedResponse({ service }: Claimed, { answers, additionals }: Heard): void {
    const said = [...answers, ...additionals]
    const isHostLost = this.#saysHost && holderOf(service.host, said, this.#options.addresses) === 'another'
    if (isHostLost || isTaken(instanceRecords(service), said) || isLeft(service.host, said)) this.#options.onContested()
  }

  #heedQuery({ host }: SpokenService, link: Link, heard: Heard): void {
    const proposed = heard.authorities.filter(({ name }) => isSameName(name, host))
    // Another responder of this machine begins: avahi and mDNSResponder look after the name of the host better than otad can.
    if (this.#saysHost && holderOf(host, proposed, this.#options.addresses) === 'this-machine') this.#saysHost = false
    const answers = answersTo(heard.questions, heard.answers, this.#recordsFor(link))
    if (answers !== undefined) link.answer(heard, answers)
  }
}
