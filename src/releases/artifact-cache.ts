interface Held {
  readonly bytes: Buffer
  readers: number
}

/**
 * Hot artifacts in memory, least recently used first out. The cap holds for what is being read as well:
 * an artifact that somebody reads is never let go, and no other is taken in its place.
 */
export class ArtifactCache {
  readonly #capacity: number
  /** In the order of their last use. */
  readonly #held = new Map<string, Held>()
  #length = 0
  /** Length of those that are being read. */
  #pinned = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Whether an artifact that is not held would find room. */
  hasRoomFor(digest: string, size: number): boolean {
    return !this.#held.has(digest) && size <= this.#capacity - this.#pinned
  }

  /** Takes an artifact in if it fits beside those that are being read. */
  put(digest: string, bytes: Buffer): void {
    if (!this.hasRoomFor(digest, bytes.length)) return
    for (const [other, { readers }] of this.#held) {
      if (this.#length + bytes.length <= this.#capacity) break
      if (readers === 0) this.drop(other)
    }
    this.#held.set(digest, { bytes, readers: 0 })
    this.#length += bytes.length
  }

  /** The bytes, if they are here; they stay until `release`. */
  hold(digest: string): Buffer | undefined {
    const held = this.#held.get(digest)
    if (held === undefined) return undefined
    if (held.readers++ === 0) this.#pinned += held.bytes.length
    this.#held.delete(digest)
    this.#held.set(digest, held)
    return held.bytes
  }

  release(digest: string): void {
    const held = this.#held.get(digest)
    if (held === undefined || held.readers === 0) return
    if (--held.readers === 0) this.#pinned -= held.bytes.length
  }

  /** Lets go of an artifact that nobody reads. */
  drop(digest: string): void {
    const held = this.#held.get(digest)
    if (held === undefined || held.readers > 0) return
    this.#held.delete(digest)
    this.#length -= held.bytes.length
  }
}
