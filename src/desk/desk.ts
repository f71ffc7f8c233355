import type { NameStatus } from '../answers.js'
import { byDevice } from '../devices/by-device.js'
import type { DeviceFacts, LiveDownload } from '../devices/device-facts.js'
import type { Ledger } from '../devices/ledger.js'
import type { Catalog, NameEntry } from '../releases/catalog.js'
import type { DeskEvents, DeskFacts, DeskName } from './desk-facts.js'

/** Is told what happens at the desk. `data` is JSON. */
export type Listener = (event: keyof DeskEvents, data: string) => void

export interface DeskOptions {
  /** All of it but names and devices. */
  readonly facts: () => Omit<DeskFacts, 'names' | 'devices' | 'otherDevices'>
  readonly currentCatalog: () => Catalog
  /** What there is to say of a name; undefined for one of which there is nothing. */
  readonly describe: (entry: NameEntry) => NameStatus | undefined
  readonly urlOf: (name: string) => string
  readonly ledger: Ledger
  readonly live: () => readonly LiveDownload[]
}

/** Devices that one who comes is told of at first: those that were seen last, and any other as soon as something happens to it. */
const MOST_DEVICES = 2_000
/** Changes are told this often, */
const TICK_MS = 250
/** and downloads under way this often. */
const DOWNLOADS_MS = 500

/**
 * Tells whoever looks at the page what is going on: everything at first, then what has changed. As long as nobody listens it does nothing; for many
 * listeners it does it once.
 */
export class Desk {
  readonly #options: DeskOptions
  readonly #listeners = new Set<Listener>()
  #timer: NodeJS.Timeout | undefined
  #toldFacts = ''
  #toldEntries: ReadonlyMap<string, NameEntry> = new Map()
  #toldCatalog: Catalog | undefined
  #downloadsAt = 0
  #hadDownloads = false

  constructor(options: DeskOptions) {
    this.#options = options
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size
  }

  /** Tells everything now, and changes from then on. Returns what ends that. */
  listen(listener: Listener): () => void {
    // The others are told first what has changed until now, so that what changes from then on, and be it back, is news to all.
    if (this.#listeners.size === 0) this.#begin()
    else this.#tellChanges()
    listener('desk', JSON.stringify(this.#describe()))
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size > 0) return
      clearInterval(this.#timer)
      this.#timer = undefined
      this.#options.ledger.ignoreChanges()
    }
  }

  /** What is told from now on is compared with what is now. */
  #begin(): void {
    const { facts, currentCatalog, ledger } = this.#options
    this.#toldFacts = JSON.stringify(facts())
    this.#toldCatalog = currentCatalog()
    this.#toldEntries = entriesOf(this.#toldCatalog)
    ledger.takeChanged()
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref()
  }

  #describe(): DeskFacts {
    const { facts, currentCatalog, ledger, live } = this.#options
    const names = [...currentCatalog().entries].flatMap(entry => this.#nameOf(entry) ?? [])
    names.sort((a, b) => (a.name < b.name ? -1 : 1))
    const downloads = live()
    // Whoever is told of them now has to be told when they are over.
    if (downloads.length > 0) this.#hadDownloads = true
    const devices = ledger.tellAll(downloads, MOST_DEVICES)
    return { ...facts(), names, devices, otherDevices: ledger.size - devices.length }
  }

  #tick(): void {
    this.#tellChanges()
    this.#tellDownloads()
  }

  #tellChanges(): void {
    this.#tellFacts()
    this.#tellNames()
    this.#tellDevices()
  }

  #tellFacts(): void {
    const facts = JSON.stringify(this.#options.facts())
    if (facts === this.#toldFacts) return
    this.#toldFacts = facts
    this.#tell('desk', this.#describe())
  }

  #tellNames(): void {
    const catalog = this.#options.currentCatalog()
    if (catalog === this.#toldCatalog) return
    this.#toldCatalog = catalog
    const before = this.#toldEntries
    this.#toldEntries = entriesOf(catalog)
    const changed: DeskName[] = []
    const gone: string[] = []
    for (const [name, entry] of this.#toldEntries) {
      if (before.get(name) === entry) continue
      const told = this.#nameOf(entry)
      if (told === undefined) gone.push(name)
      else changed.push(told)
    }
    for (const name of before.keys()) if (!this.#toldEntries.has(name)) gone.push(name)
    if (changed.length > 0 || gone.length > 0) this.#tell('names', { changed, gone })
  }

  #tellDevices(): void {
    const { ledger, live } = this.#options
    const ids = ledger.takeChanged()
    if (ids.size === 0) return
    const liveOf = byDevice(live())
    const changed: DeviceFacts[] = []
    const gone: string[] = []
    for (const id of ids) {
      const record = ledger.get(id)
      if (record === undefined) gone.push(id)
      else changed.push(ledger.tell(record, liveOf.get(id) ?? []))
    }
    this.#tell('devices', { changed, gone })
  }

  #tellDownloads(): void {
    const now = performance.now()
    if (now - this.#downloadsAt < DOWNLOADS_MS) return
    this.#downloadsAt = now
    const downloads = this.#options.live()
    if (downloads.length > 0 || this.#hadDownloads) this.#tell('downloads', downloads)
    this.#hadDownloads = downloads.length > 0
  }

  #nameOf(entry: NameEntry): DeskName | undefined {
    const status = this.#options.describe(entry)
    return status && { ...status, url: this.#options.urlOf(entry.name) }
  }

  #tell<E extends keyof DeskEvents>(event: E, data: DeskEvents[E]): void {
    const json = JSON.stringify(data)
    for (const listener of this.#listeners) listener(event, json)
  }
}

function entriesOf(catalog: Catalog): ReadonlyMap<string, NameEntry> {
  return new Map([...catalog.entries].map(entry => [entry.name, entry]))
}
