import { X509Certificate } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { stampOf } from './certs/file-stamp.js'
import type { Issuer, Pair } from './certs/issue.js'
import { fingerprintOf, namesIn, RENEW_BEFORE_MS } from './certs/keystore.js'
import { LeafCache } from './certs/leaf-cache.js'
import { type CertificateNames, covers, isLocalName, joinNames, normalName } from './certs/names.js'
import { isOutdated, loadTicketKeys, type TicketKeys } from './certs/ticket-keys.js'
import { OperatorError } from './errors.js'
import type { Report } from './events.js'
import {
  advertisedHost,
  type Identity,
  type IdentitySettings,
  identityFiles,
  resolveIdentity,
  wantedNames
} from './identity.js'
import type { ShownCertificate } from './server/handshake-causes.js'

/** What TLS is served with at this moment. */
export interface Credentials {
  readonly certificate: string
  readonly key: string
  readonly clientCa: string | undefined
  readonly ticketKeys: Buffer
}

export interface IdentityKeeperOptions {
  readonly settings: IdentitySettings
  /** File of the session ticket keys, in `state/`. */
  readonly ticketFile: string
  readonly report: Report
  /** New connections have to be served with these from now on. */
  readonly onCredentials: (credentials: Credentials) => void
  /** The host that devices are told is another one now. */
  readonly onAdvertised: (host: string) => void
}

/** Addresses and files are looked at this often. */
const LOOK_EVERY_MS = 1_000
const DAY_MS = 24 * 60 * 60 * 1000
/** Loopback addresses that somebody came by; the oldest is forgotten first. */
const MOST_REACHED = 16

/**
 * Keeps the identity of a running server good: for the addresses that the machine has now, for names that devices ask for, before its end, and
 * when its files are replaced. Whatever goes wrong meanwhile, what was good goes on being served.
 */
export class IdentityKeeper {
  readonly #options: IdentityKeeperOptions
  readonly #stopping = new AbortController()
  readonly #tell: Report
  #identity: Identity
  #names: CertificateNames
  #leaf: X509Certificate
  #tickets: TicketKeys
  #leaves: LeafCache
  #advertised: string
  #wanted: CertificateNames
  #reached: readonly string[] = []
  #stamp: string
  #lastStamp: string
  #refreshing: Promise<void> | undefined
  #looking: Promise<void> = Promise.resolve()
  #warnedDay = -1

  /** @throws OperatorError for everything that keeps the identity from being used at a start */
  static async open(options: IdentityKeeperOptions): Promise<IdentityKeeper> {
    const { settings, report } = options
    const tell = tellOnce(report)
    const wanted = wantedNames(settings)
    const identity = await resolveIdentity(settings, wanted, tell)
    return new IdentityKeeper(options, {
      tell,
      wanted,
      identity,
      tickets: await ticketsOf(options, identity),
      stamp: await stampOf(identityFiles(settings))
    })
  }

  private constructor(
    options: IdentityKeeperOptions,
    opened: { tell: Report; wanted: CertificateNames; identity: Identity; tickets: TicketKeys; stamp: string }
  ) {
    this.#options = options
    this.#tell = opened.tell
    this.#identity = opened.identity
    this.#wanted = opened.wanted
    this.#tickets = opened.tickets
    this.#stamp = opened.stamp
    this.#lastStamp = opened.stamp
    this.#names = namesIn(opened.identity.shown.certificate)
    this.#leaf = new X509Certificate(opened.identity.shown.certificate)
    this.#leaves = this.#createLeaves()
    this.#advertised = advertisedHost(options.settings)
    this.#warn()
  }

  get identity(): Identity {
    return this.#identity
  }

  get advertised(): string {
    return this.#advertised
  }

  get credentials(): Credentials {
    const { shown, clientCa } = this.#identity
    return { ...shown, clientCa, ticketKeys: this.#tickets.keys }
  }

  /**
   * The leaf for a name that a device asks for and the common one lacks; undefined when the common one is to be shown.
   * Names that mean this network alone get one; public ones have to be listed in the settings.
   */
  leafFor(servername: string, device: string): Pair | Promise<Pair | undefined> | undefined {
    if (this.#identity.ca === undefined || covers(this.#names, servername) || !isLocalName(servername)) return undefined
    return this.#leaves.leafFor(servername, device)
  }

  /** When a connection comes by an address that the certificate lacks: resolves when it has it. */
  reached(localAddress: string): Promise<void> | undefined {
    const address = normalName(localAddress.replace(/^::ffff:/i, ''))
    if (this.#identity.ca === undefined || covers(this.#names, address)) return undefined
    this.#reached = [address, ...this.#reached.filter(known => known !== address)].slice(0, MOST_REACHED)
    // One that runs already may have begun without this address.
    const running = this.#refreshing
    return running === undefined ? this.#refresh() : running.then(() => this.reached(localAddress))
  }

  /** What was shown to one who asked for this name. */
  factsFor(servername: string | undefined): ShownCertificate {
    const { source, anchor } = this.#identity
    return {
      source,
      coversName: servername !== undefined && (covers(this.#names, servername) || this.#leaves.has(servername)),
      coversAddress: servername !== undefined && this.#names.ipAddresses.includes(normalName(servername)),
      validFrom: new Date(this.#leaf.validFrom),
      validTo: new Date(this.#leaf.validTo),
      keyType: this.#leaf.publicKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ec',
      anchorFile: source === 'own' ? anchor?.file : 'certs/ca_cert.pem'
    }
  }

  /** Begins to look after addresses, files and ends. */
  begin(): void {
    this.#looking = this.#look()
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#looking
    await this.#refreshing
  }

  async #look(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await sleep(LOOK_EVERY_MS, undefined, { ref: false, signal }).catch(() => {})
      if (signal.aborted) return
      await this.#lookOnce()
    }
  }

  async #lookOnce(): Promise<void> {
    const { settings } = this.#options
    const wanted = wantedNames(settings, this.#reached)
    const stamp = await stampOf(identityFiles(settings))
    // Two files are not replaced at once: when they hold still, both are there.
    const areReplaced = stamp !== this.#stamp && stamp === this.#lastStamp
    this.#lastStamp = stamp
    const isMoved = wanted.dnsNames.join() !== this.#wanted.dnsNames.join()
    if (areReplaced || isMoved || (this.#identity.ca !== undefined && this.#endsSoon())) await this.#refresh()
    if (isOutdated(this.#tickets, Date.now())) await this.#use(this.#identity)
    this.#tellAdvertised()
    this.#warn()
  }

  #endsSoon(): boolean {
    return Date.parse(this.#leaf.validTo) - Date.now() < RENEW_BEFORE_MS
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#reload().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  async #reload(): Promise<void> {
    const { settings } = this.#options
    try {
      const wanted = wantedNames(settings, this.#reached)
      const identity = await resolveIdentity(settings, wanted, this.#tell)
      if (!isSame(identity, this.#identity)) await this.#use(identity)
      // Only now: what failed is tried again at the next look.
      this.#wanted = wanted
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.#tell('certificate.kept', { reason: error.message, hint: error.hint })
    }
    this.#stamp = await stampOf(identityFiles(settings))
    this.#lastStamp = this.#stamp
  }

  async #use(identity: Identity): Promise<void> {
    const before = this.#identity
    const wasEnding = this.#endsSoon()
    this.#tickets = await ticketsOf(this.#options, identity)
    this.#identity = identity
    this.#names = namesIn(identity.shown.certificate)
    this.#leaf = new X509Certificate(identity.shown.certificate)
    const isAnother = identity.ca?.certificate !== before.ca?.certificate || identity.shown.key !== before.shown.key
    if (isAnother || wasEnding) this.#leaves = this.#createLeaves()
    this.#options.onCredentials(this.credentials)
    this.#tellReplaced(before)
  }

  #createLeaves(): LeafCache {
    const { ca, shown } = this.#identity
    let issuer: Promise<Issuer> | undefined
    return new LeafCache({
      issue: async asked => {
        // With the common names too: some clients check the address that they dialled, not the name that they sent.
        const names = joinNames(asked, this.#names)
        if (ca === undefined) throw new Error('there is no CA to issue a leaf')
        issuer ??= import('./certs/issue.js').then(({ createIssuer }) => createIssuer(ca))
        return { key: shown.key, certificate: await (await issuer).issueLeaf(shown.key, names, new Date()) }
      },
      onMade: (name, device) => this.#options.report('certificate.asked', { name, device }),
      now: () => performance.now()
    })
  }

  #tellAdvertised(): void {
    const advertised = advertisedHost(this.#options.settings)
    if (advertised === this.#advertised) return
    this.#advertised = advertised
    this.#options.onAdvertised(advertised)
  }

  /** Leaves of our own come and go without a word; another anchor, or another certificate of the operator, is worth one. */
  #tellReplaced(before: Identity): void {
    const { source, shown, anchor } = this.#identity
    const isAnotherAnchor = anchor?.certificate !== before.anchor?.certificate
    if (!isAnotherAnchor && (source !== 'own' || shown.certificate === before.shown.certificate)) return
    const told = isAnotherAnchor && anchor !== undefined ? anchor.certificate : shown.certificate
    this.#options.report('certificate.replaced', {
      file: anchor?.file ?? this.#options.settings.certFile,
      fingerprint: fingerprintOf(told),
      validUntil: new Date(new X509Certificate(told).validTo).toISOString(),
      isAnotherAnchor
    })
    this.#warnedDay = -1
  }

  /** Once a day: what only the operator can renew and is about to end, and a certificate that is not for the host that devices are told. */
  #warn(): void {
    const now = Date.now()
    const day = Math.floor(now / DAY_MS)
    if (day === this.#warnedDay) return
    this.#warnedDay = day
    const { source, anchor, shown } = this.#identity
    const { settings, report } = this.#options
    const file = source === 'own' ? settings.certFile : (anchor?.file ?? '')
    const certificate = source === 'ca' ? (anchor?.certificate ?? shown.certificate) : shown.certificate
    const { validFrom, validTo } = new X509Certificate(certificate)
    const leftMs = Date.parse(validTo) - now
    const fields = { file, validFrom: new Date(validFrom).toISOString(), validUntil: new Date(validTo).toISOString() }
    if (Date.parse(validFrom) > now) report('certificate.early', fields)
    else if (leftMs < RENEW_BEFORE_MS)
      report('certificate.ending', { ...fields, days: Math.floor(leftMs / DAY_MS), source })
    if (source !== 'ca' && !covers(this.#names, this.#advertised) && this.#names.commonName !== this.#advertised)
      report('certificate.names', { file, host: this.#advertised, names: this.#names.dnsNames })
  }
}

function ticketsOf({ ticketFile }: IdentityKeeperOptions, identity: Identity): Promise<TicketKeys> {
  const trust = [identity.anchor?.certificate ?? identity.source, identity.clientCa ?? '']
  return loadTicketKeys(ticketFile, trust, Date.now())
}

function isSame(one: Identity, other: Identity): boolean {
  return (
    one.shown.certificate === other.shown.certificate &&
    one.shown.key === other.shown.key &&
    one.anchor?.certificate === other.anchor?.certificate &&
    one.ca?.key === other.ca?.key &&
    one.clientCa === other.clientCa
  )
}

/** Says nothing twice in a row: what is wrong with a file is found at every look. */
function tellOnce(report: Report): Report {
  const told = new Map<string, string>()
  return (event, fields) => {
    const text = JSON.stringify(fields)
    if (event !== 'certificate.issued' && told.get(event) === text) return
    told.set(event, text)
    report(event, fields)
  }
}
