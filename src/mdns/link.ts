import { createSocket } from 'node:dgram'
import type { Answer, RecordType } from 'dns-packet'
import multicastDns, { type MulticastDNS } from 'multicast-dns'
import type { Answers, Question } from './hearing.js'
import type { Place } from './places.js'
import { isSameName, type OwnRecord } from './records.js'

/** A packet of a neighbour. */
export interface Heard {
  readonly type: 'query' | 'response'
  readonly id: number
  readonly questions: readonly Question[]
  readonly answers: readonly Answer[]
  readonly authorities: readonly Answer[]
  readonly additionals: readonly Answer[]
  readonly from: { readonly address: string; readonly port: number }
}

const MDNS_PORT = 5353
/** The types of the library know records, and this one is asked for only. */
const ANY = 'ANY' as RecordType
/** A record is said once a second at most on a link, but to one who probes for its name (RFC 6762, section 6). */
const SAME_AGAIN_MS = 1000
/** Who may not be the only one to answer waits a moment (RFC 6762, section 6). */
const SHARED_DELAY_MS = [20, 120] as const
/** Seconds that one who does not speak mDNS may keep an answer (RFC 6762, section 6.7). */
const LEGACY_TTL = 10

/** One network, spoken on by a socket of its own: what is said there goes nowhere else. Never keeps the process alive by its socket. */
export class Link {
  readonly place: Place
  readonly #mdns: MulticastDNS
  readonly #saidAt = new Map<OwnRecord, number>()
  #isClosed = false

  /** Rejects with the error of the system when the port or the group cannot be had. */
  static open(place: Place, onHeard: (link: Link, heard: Heard) => void): Promise<Link> {
    const socket = createSocket({ type: 'udp4', reuseAddr: true }).unref()
    const mdns = multicastDns({ socket, interface: place.address, bind: '0.0.0.0' })
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        // Not at once: the library goes on with the socket when it has told.
        setImmediate(() => mdns.destroy())
        reject(error)
      }
      mdns.once('error', fail).once('warning', fail)
      mdns.once('ready', () => {
        mdns.off('error', fail).off('warning', fail)
        resolve(new Link(place, mdns, onHeard))
      })
      // What cannot be read is not for us, and what cannot be sent says so to its sender.
      mdns.on('error', () => {}).on('warning', () => {})
    })
  }

  private constructor(place: Place, mdns: MulticastDNS, onHeard: (link: Link, heard: Heard) => void) {
    this.place = place
    this.#mdns = mdns
    mdns.on('packet', (packet: Omit<Heard, 'from'>, from: Heard['from']) => {
      if (!this.#isClosed && place.isNear(from.address)) onHeard(this, { ...packet, from })
    })
  }

  /** Asks whether anybody has these names, and tells what would be said of them (RFC 6762, section 8.2). */
  probe(names: readonly string[], proposed: readonly OwnRecord[]): Promise<void> {
    const questions = names.map(name => ({ name, type: ANY }))
    // Authorities have no flush bit.
    const authorities = proposed.map(record => ({ ...record, flush: false }))
    return new Promise((resolve, reject) =>
      this.#mdns.query({ questions, authorities }, error => (error ? reject(error) : resolve()))
    )
  }

  /** Says records to everybody on the network; with `ttl` 0 it is a goodbye. */
  say(records: readonly OwnRecord[], ttl?: number): Promise<void> {
    const answers = ttl === undefined ? [...records] : records.map(record => ({ ...record, ttl }))
    return new Promise((resolve, reject) =>
      this.#mdns.respond({ answers }, error => (error ? reject(error) : resolve()))
    )
  }

  /** Answers a question of a neighbour; `records` are all that otad has to say here. */
  answer(heard: Heard, { answers, additionals }: Answers): void {
    if (heard.from.port !== MDNS_PORT) {
      this.#answerLegacy(heard, { answers, additionals })
      return
    }
    const isProbe = heard.authorities.length > 0
    const due = isProbe ? answers : answers.filter(record => this.#isDue(record))
    if (due.length === 0) return
    const send = (): void => {
      if (!this.#isClosed) this.#mdns.respond({ answers: [...due], additionals: [...additionals] })
    }
    const [least, most] = SHARED_DELAY_MS
    if (due.every(({ flush }) => flush)) send()
    else setTimeout(send, least + Math.random() * (most - least)).unref()
  }

  /** One that does not speak mDNS, such as dig: an answer as of any DNS server, to it alone (RFC 6762, section 6.7). */
  #answerLegacy({ id, questions, from }: Heard, { answers, additionals }: Answers): void {
    const brief = (records: readonly OwnRecord[]): Answer[] =>
      records.map(record => ({ ...record, ttl: Math.min(record.ttl, LEGACY_TTL), flush: false }))
    // Nothing is repeated but names of our own, which are known to be good.
    const answered = questions.filter(({ name }) => answers.some(record => isSameName(record.name, name)))
    const repeated = answered.map(({ name, type }) => ({ name, type: type as RecordType }))
    const packet = { id, questions: repeated, answers: brief(answers), additionals: brief(additionals) }
    this.#mdns.respond(packet, from)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#mdns.destroy()
  }

  #isDue(record: OwnRecord): boolean {
    const now = performance.now()
    if (now - (this.#saidAt.get(record) ?? Number.NEGATIVE_INFINITY) < SAME_AGAIN_MS) return false
    this.#saidAt.set(record, now)
    return true
  }
}
