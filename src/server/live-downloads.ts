import type { Release } from '../releases/release.js'
import type { ArduinoClient } from './arduino.js'
import type { Recipient } from './downloads.js'
import type { Progress } from './pump.js'

/** Who is sent which release. */
export interface Sending {
  /** The address of the device. */
  readonly device: string
  readonly recipient: Recipient
  readonly client?: ArduinoClient | undefined
  readonly release: Release
}

/** A download under way: one answer, or the ranges of one device one behind the other. */
export interface Live extends Sending {
  /** Unique while the process lives. */
  readonly id: number
  /** The byte that it began at. */
  readonly from: number
  /** Every byte before this has been taken by the operating system. */
  readonly reached: number
  /** Bytes per second, over the last seconds. */
  readonly rate: number
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** Nothing has been taken for a while, though the device is there. */
  readonly isStalled: boolean
}

/** Between two ranges a device writes flash; one that asks for nothing for this long does not download any more. */
const QUIET_MS = 20_000
/** The rate is that of the last so many milliseconds. */
const RATE_MS = 5_000
/** However many ask, so often it is looked how fast it goes. */
const SAMPLE_MS = 200
/** Erasing flash takes seconds; one that takes nothing for longer is worth a look. */
const STALLED_MS = 10_000

interface Entry extends Sending {
  readonly id: number
  readonly key: string | undefined
  readonly from: number
  readonly startedAt: number
  /** Transfers under way, and how far they have come. */
  readonly transfers: Set<Progress>
  reached: number
  /** When the last byte was seen to be taken; so is the time of each sample. By performance.now(). */
  movedAt: number
  endedAt: number
  samples: { readonly at: number; readonly reached: number }[]
}

/**
 * The downloads under way, and how fast they go. Costs a download nothing but two entries: how far each has come is read where the pump keeps it,
 * when somebody asks.
 */
export class LiveDownloads {
  readonly #entries = new Set<Entry>()
  /** Those in ranges, by their device and release. */
  readonly #ranged = new Map<string, Entry>()
  #lastId = 0
  #sweptAt = performance.now()

  /** A body begins. Returns what to call when its connection is done with it: how far it came, and whether that is not the end of it. */
  begin(
    sending: Sending,
    start: number,
    isRange: boolean,
    progress: Progress
  ): (reached: number, wasCut: boolean) => void {
    const now = performance.now()
    if (now - this.#sweptAt > QUIET_MS) this.#sweep(now)
    const { recipient, release } = sending
    const key = isRange ? `${recipient.client}\n${release.name}\n${release.digest}` : undefined
    const known = key === undefined ? undefined : this.#goingOn(key, start, now)
    const entry = known ?? this.#add({ ...sending, key, from: start }, now)
    entry.transfers.add(progress)
    entry.reached = Math.max(entry.reached, start)
    return (reached, wasCut) => {
      entry.transfers.delete(progress)
      entry.reached = Math.max(entry.reached, reached)
      entry.endedAt = performance.now()
      const isOver = entry.key === undefined || entry.reached >= release.size || wasCut
      if (isOver && entry.transfers.size === 0) this.#remove(entry)
    }
  }

  /** How many there are, at least; what has gone quiet is counted until somebody asks for the list. */
  get size(): number {
    return this.#entries.size
  }

  /** One of a client, without a look at how far it is. */
  find(client: string): Pick<Live, 'release' | 'from'> | undefined {
    for (const entry of this.#entries) if (entry.recipient.client === client) return entry
    return undefined
  }

  /** What is under way now; rates are from one call to the next, and an average since the beginning at the first. */
  list(): readonly Live[] {
    const now = performance.now()
    this.#sweep(now)
    return [...this.#entries].map(entry => lookAt(entry, now))
  }

  #sweep(now: number): void {
    this.#sweptAt = now
    for (const entry of this.#entries)
      if (entry.transfers.size === 0 && now - entry.endedAt > QUIET_MS) this.#remove(entry)
  }

  #goingOn(key: string, start: number, now: number): Entry | undefined {
    const entry = this.#ranged.get(key)
    if (entry === undefined) return undefined
    const isQuiet = entry.transfers.size === 0 && now - entry.endedAt > QUIET_MS
    if (!isQuiet && start >= entry.from && start <= reachedBy(entry) && start > 0) return entry
    if (entry.transfers.size === 0) this.#remove(entry)
    return undefined
  }

  #add(sending: Sending & Pick<Entry, 'key' | 'from'>, now: number): Entry {
    const entry: Entry = {
      ...sending,
      id: ++this.#lastId,
      startedAt: Date.now(),
      transfers: new Set(),
      reached: sending.from,
      movedAt: now,
      endedAt: now,
      samples: [{ at: now, reached: sending.from }]
    }
    this.#entries.add(entry)
    if (entry.key !== undefined) this.#ranged.set(entry.key, entry)
    return entry
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry)
    if (entry.key !== undefined && this.#ranged.get(entry.key) === entry) this.#ranged.delete(entry.key)
  }
}

function reachedBy({ reached, transfers }: Entry): number {
  return Math.max(reached, ...[...transfers].map(({ taken }) => taken))
}

function lookAt(entry: Entry, now: number): Live {
  const reached = reachedBy(entry)
  if (reached > entry.reached || entry.transfers.size === 0) entry.movedAt = now
  entry.reached = reached
  if (now - (entry.samples.at(-1)?.at ?? 0) >= SAMPLE_MS) entry.samples.push({ at: now, reached })
  // One from before the window stays: the rate is that since then.
  while ((entry.samples[1]?.at ?? now) < now - RATE_MS) entry.samples.shift()
  const [first = { at: now, reached }] = entry.samples
  const elapsed = now - first.at
  const { id, device, recipient, client, release, from, startedAt } = entry
  return {
    id,
    device,
    recipient,
    client,
    release,
    from,
    reached,
    rate: elapsed > 0 ? ((reached - first.reached) / elapsed) * 1000 : 0,
    startedAt,
    isStalled: now - entry.movedAt > STALLED_MS
  }
}
