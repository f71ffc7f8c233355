/** Changes on top of the base are merged into a new base when there are more of them than this, or than a share of the base. */
const FEW_CHANGES = 64

/**
 * A map that never changes: `with` gives another one. A change costs as much as the few changes before it, not as the whole map, so that
 * ten thousand names can be published one by one.
 */
export class PersistentMap<V> {
  readonly #base: ReadonlyMap<string, V>
  /** What differs from the base; undefined stands for a key that is gone. */
  readonly #changes: ReadonlyMap<string, V | undefined>

  constructor(base: ReadonlyMap<string, V> = new Map(), changes: ReadonlyMap<string, V | undefined> = new Map()) {
    this.#base = base
    this.#changes = changes
  }

  get(key: string): V | undefined {
    return this.#changes.has(key) ? this.#changes.get(key) : this.#base.get(key)
  }

  *values(): Iterable<V> {
    for (const [key, value] of this.#base) if (!this.#changes.has(key)) yield value
    for (const value of this.#changes.values()) if (value !== undefined) yield value
  }

  /** The map after these entries are set; undefined takes a key away. */
  with(entries: Iterable<readonly [string, V | undefined]>): PersistentMap<V> {
    const changes = new Map(this.#changes)
    for (const [key, value] of entries) changes.set(key, value)
    if (changes.size <= Math.max(FEW_CHANGES, this.#base.size / 16)) return new PersistentMap(this.#base, changes)
    const base = new Map(this.#base)
    for (const [key, value] of changes) {
      if (value === undefined) base.delete(key)
      else base.set(key, value)
    }
    return new PersistentMap(base)
  }
}
