import type { Pair } from './issue.js'
import { type CertificateNames, namesAskedFor } from './names.js'

export interface LeafCacheOptions {
  readonly issue: (names: CertificateNames) => Promise<Pair>
  /** Told of each name that a leaf is made for, once; of a flood of names, some. */
  readonly onMade: (name: string, device: string) => void
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
}

type Leaf = Pair | Promise<Pair>

/** Leaves kept that were asked for once, and as many that were asked for again; each costs about 30 KiB as a TLS context. */
const MOST_LEAVES = 100
/** Making a leaf costs as much as four handshakes: a flood of names gets an eighth of one processor, and each its share of the log. */
const MADE = { burst: 100, perSecond: 50 } as const
const TOLD = { burst: 20, perSecond: 0.1 } as const

/**
 * Leaves for names that clients asked for and the common leaf lacks. Made once each and kept, the longest unused going first. A flood of
 * made-up names costs a bounded share of the processor and of memory; names that somebody came back for outlast it.
 */
export class LeafCache {
  readonly #options: LeafCacheOptions
  readonly #once = new Map<string, Leaf>()
  readonly #again = new Map<string, Leaf>()
  readonly #told = new Set<string>()
  readonly #making: Allowance
  readonly #telling: Allowance

  constructor(options: LeafCacheOptions) {
    this.#options = options
    this.#making = new Allowance(MADE, options.now)
    this.#telling = new Allowance(TOLD, options.now)
  }

  /** The leaf for what a device asked for, a promise of it, or undefined while too many are being asked for. */
  leafFor(asked: string, device: string): Leaf | undefined {
    const key = asked.toLowerCase()
    const known = this.#again.get(key) ?? this.#once.get(key)
    if (known !== undefined) {
      this.#once.delete(key)
      keep(this.#again, key, known)
      return known
    }
    if (!this.#making.take()) return undefined
    const making: Promise<Pair> = this.#make(key, device, () => making)
    keep(this.#once, key, making)
    return making
  }

  /** Whether there is a leaf for what was asked for, or one is being made. */
  has(asked: string): boolean {
    const key = asked.toLowerCase()
    return this.#again.has(key) || this.#once.has(key)
  }

  /** `self` is the promise that this returns: meanwhile it may have been dropped, and another begun in its place. */
  async #make(key: string, device: string, self: () => Promise<Pair>): Promise<Pair> {
    const holders = (): Map<string, Leaf>[] => [this.#once, this.#again].filter(leaves => leaves.get(key) === self())
    try {
      const names = namesAskedFor(key)
      const leaf = await this.#options.issue(names)
      for (const leaves of holders()) leaves.set(key, leaf)
      this.#tellOnce(names.commonName, device)
      return leaf
    } catch (error) {
      // To be tried again by the next who asks.
      for (const leaves of holders()) leaves.delete(key)
      throw error
    }
  }

  #tellOnce(name: string, device: string): void {
    if (this.#told.has(name) || !this.#telling.take()) return
    if (this.#told.size >= 2 * MOST_LEAVES) this.#told.clear()
    this.#told.add(name)
    this.#options.onMade(name, device)
  }
}

/** Keeps a leaf as the latest used, and lets the one go that was not used for longest. */
function keep(leaves: Map<string, Leaf>, key: string, leaf: Leaf): void {
  leaves.delete(key)
  leaves.set(key, leaf)
  if (leaves.size <= MOST_LEAVES) return
  for (const oldest of leaves.keys()) {
    leaves.delete(oldest)
    return
  }
}

/** So many at once, and so many a second after that (a token bucket). */
class Allowance {
  readonly #now: () => number
  readonly #burst: number
  readonly #perSecond: number
  #left: number
  #countedAt: number

  constructor({ burst, perSecond }: { burst: number; perSecond: number }, now: () => number) {
    this.#now = now
    this.#burst = burst
    this.#perSecond = perSecond
    this.#left = burst
    this.#countedAt = now()
  }

  take(): boolean {
    const now = this.#now()
    this.#left = Math.min(this.#burst, this.#left + ((now - this.#countedAt) / 1000) * this.#perSecond)
    this.#countedAt = now
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}
