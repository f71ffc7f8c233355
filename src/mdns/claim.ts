import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from 'dns-packet'
import { type Holder, holderOf, isTaken } from './hearing.js'
import type { Heard, Link } from './link.js'
import {
  addressRecords,
  hostNameOf,
  instanceNameOf,
  instanceRecords,
  isSameName,
  type SpokenService
} from './records.js'

/** The names that otad goes by on a network, and whether the one of the host is its own to say. */
export interface Claimed {
  readonly service: SpokenService
  readonly saysHost: boolean
}

export interface ClaimOptions extends Pick<SpokenService, 'port' | 'text'> {
  readonly links: readonly Link[]
  readonly hostName: string
  /** Every address of this machine. */
  readonly addresses: ReadonlySet<string>
  readonly signal: AbortSignal
}

/** Probes and the time in between (RFC 6762, section 8.1). */
const PROBES = 3
const PROBE_EVERY_MS = 250
/** Names that are tried at most, one after the other. */
const MOST_TRIES = 20
/** From so many on they come slowly, so that two that cannot agree do not fill the network (RFC 6762, section 8.1). */
const FAST_TRIES = 10
const SLOW_MS = 5000

/** Finds names that nobody else has, by asking for them (RFC 6762, section 8.1). */
export class Claim {
  readonly #options: ClaimOptions
  #service: SpokenService
  #heard: Answer[] = []
  #isContested = false

  constructor(options: ClaimOptions) {
    this.#options = options
    this.#service = this.#serviceOf(1, 1)
  }

  /** Takes note of what a neighbour says meanwhile. */
  note({ type, answers, authorities, additionals }: Heard): void {
    const { instance, host } = this.#service
    const isAboutUs = ({ name }: Answer): boolean => isSameName(name, instance) || isSameName(name, host)
    if (type === 'response') this.#heard.push(...[...answers, ...additionals].filter(isAboutUs))
    else if (this.#isRivalled(authorities)) this.#isContested = true
  }

  /** Undefined when every name that was tried is taken. Rejects when the signal ends it, or when nothing can be sent on any link. */
  async settle(): Promise<Claimed | undefined> {
    const { addresses, signal } = this.#options
    let [instanceNumber, hostNumber] = [1, 1]
    for (let tries = 1; tries <= MOST_TRIES; tries++) {
      this.#service = this.#serviceOf(instanceNumber, hostNumber)
      await this.#probe()
      const isInstanceTaken = isTaken(instanceRecords(this.#service), this.#heard)
      const holder: Holder = holderOf(this.#service.host, this.#heard, addresses)
      if (this.#isContested) await sleep(1000 + Math.random() * 1000, undefined, { ref: false, signal })
      else if (!isInstanceTaken && holder !== 'another')
        return { service: this.#service, saysHost: holder === 'nobody' }
      if (isInstanceTaken) instanceNumber++
      if (holder === 'another') hostNumber++
      if (tries > FAST_TRIES) await sleep(SLOW_MS, undefined, { ref: false, signal })
    }
    return undefined
  }

  async #probe(): Promise<void> {
    const { links, signal } = this.#options
    const { instance, host } = this.#service
    this.#heard = []
    this.#isContested = false
    // Machines that were switched on together do not ask at the same moment.
    await sleep(Math.random() * PROBE_EVERY_MS, undefined, { ref: false, signal })
    for (let sent = 0; sent < PROBES && !this.#isContested; sent++) {
      await Promise.any(
        links.map(link =>
          link.probe(
            [instance, host],
            [...instanceRecords(this.#service), ...addressRecords(host, link.place.addresses)]
          )
        )
      )
      await sleep(PROBE_EVERY_MS, undefined, { ref: false, signal })
    }
  }

  /**
   * Whether somebody else probes for the same name at the same time. The one with the greater data would win (RFC 6762, section 8.2); otad
   * always waits and asks again, which costs it a second and needs no comparison.
   */
  #isRivalled(authorities: readonly Answer[]): boolean {
    return (
      isTaken(instanceRecords(this.#service), withTtl(authorities)) ||
      holderOf(this.#service.host, withTtl(authorities), this.#options.addresses) === 'another'
    )
  }

  #serviceOf(instanceNumber: number, hostNumber: number): SpokenService {
    const { hostName, port, text } = this.#options
    return { instance: instanceNameOf(hostName, instanceNumber), host: hostNameOf(hostName, hostNumber), port, text }
  }
}

/** What is proposed counts, however long it is to be good for. */
function withTtl(proposed: readonly Answer[]): readonly Answer[] {
  return proposed.map(record => ({ ...record, ttl: 1 }))
}
