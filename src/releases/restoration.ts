import type { ArtifactStore } from './artifact-store.js'
import { type Catalog, type Change, type IsHeld, type NameEntry, releasesOf } from './catalog.js'
import type { Release } from './release.js'

/** Told once for each release whose artifact the catalog counted on. */
export type ArtifactDamage = (release: Release, reason: string) => void

export interface RestorationOptions {
  /** The catalog as the last process left it. */
  readonly journaled: Catalog
  readonly store: ArtifactStore
  /** A release of a folder that is not watched now is kept for going back, and not served under its name. */
  readonly isWatched: (release: Release) => boolean
  readonly isHeld: IsHeld
  readonly commit: (change: Change) => Promise<void>
  readonly tellDamage: ArtifactDamage
}

/** What is looked at of a name before anything happens under it. */
interface Looking {
  readonly entry: NameEntry
  readonly done: Promise<void>
  readonly finish: () => void
}

/** Names whose artifacts are hashed at the same time; what they find goes into the catalog together. */
const AT_ONCE = 64
/** Names whose earlier releases go into the catalog together. */
const TOGETHER = 100

/**
 * Brings a catalog that was read back into service: every artifact is read through before its release is served, in the background, the newest
 * first. Whoever asks for a name that has not had its turn is next.
 */
export class Restoration {
  readonly #options: RestorationOptions
  /** Names that have not been looked at, the newest first. */
  readonly #waiting = new Map<string, Looking>()
  readonly #running = new Map<string, Looking>()
  readonly #nameOf = new Map<string, string>()
  readonly #seen = new Set<Release>()
  /** By digest. */
  readonly #checked = new Map<string, Promise<boolean | undefined>>()
  #looks: readonly Promise<void>[] = []
  #isClosed = false

  constructor(options: RestorationOptions) {
    this.#options = options
    const newestFirst = [...options.journaled.entries].sort((a, b) => publishedAt(b) - publishedAt(a))
    for (const entry of newestFirst) {
      if (releasesOf(entry).length === 0) continue
      let finish = (): void => {}
      const done = new Promise<void>(resolve => {
        finish = resolve
      })
      this.#waiting.set(entry.name, { entry, done, finish })
      for (const { digest } of releasesOf(entry)) if (!this.#nameOf.has(digest)) this.#nameOf.set(digest, entry.name)
    }
  }

  /** Begins with what devices may ask for: current releases, and those that somebody is on the way through. Resolves when all are done. */
  begin(): Promise<void> {
    this.#looks = Array.from({ length: AT_ONCE }, () => this.#work())
    return Promise.all(this.#looks).then(() => {})
  }

  /** Resolves when a name may be asked about; undefined where there is nothing to wait for. */
  of(name: string): Promise<void> | undefined {
    const running = this.#running.get(name)
    if (running !== undefined) return running.done
    const next = this.#waiting.get(name)
    if (next === undefined) return undefined
    void this.#restore(next)
    return next.done
  }

  /** The same for an artifact. */
  ofArtifact(digest: string): Promise<void> | undefined {
    const name = this.#nameOf.get(digest)
    return name === undefined ? undefined : this.of(name)
  }

  /** Goes on with the earlier releases, which are kept for going back. Resolves when all are done. */
  async rest(): Promise<void> {
    const left = [...this.#options.journaled.entries].filter(entry => releasesOf(entry).length > 0)
    const work = async (): Promise<void> => {
      for (let entries = left.splice(-TOGETHER); entries.length > 0; entries = left.splice(-TOGETHER)) {
        const changes: Change[] = []
        for (const entry of entries)
          for (const release of releasesOf(entry))
            if (!this.#isClosed) changes.push(...(await this.#look(entry, release)))
        await Promise.all(changes.map(change => this.#options.commit(change)))
      }
    }
    this.#looks = Array.from({ length: AT_ONCE }, work)
    await Promise.all(this.#looks)
    this.#seen.clear()
    this.#checked.clear()
    this.#nameOf.clear()
  }

  /** Looks at nothing more; resolves when nobody reads any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const { finish } of this.#waiting.values()) finish()
    this.#waiting.clear()
    await Promise.all(this.#looks)
    await Promise.all([...this.#running.values()].map(({ done }) => done))
  }

  async #work(): Promise<void> {
    for (;;) {
      const [next] = this.#waiting.values()
      if (next === undefined) return
      await this.#restore(next)
    }
  }

  async #restore(looking: Looking): Promise<void> {
    const { entry, finish } = looking
    this.#waiting.delete(entry.name)
    this.#running.set(entry.name, looking)
    try {
      for (const release of firstOf(entry, this.#options.isHeld))
        for (const change of await this.#look(entry, release)) await this.#options.commit(change)
    } finally {
      this.#running.delete(entry.name)
      finish()
    }
  }

  /** What brings a release back: nothing, where it has been looked at before or its artifact is not whole. */
  async #look(entry: NameEntry, release: Release): Promise<readonly Change[]> {
    const { isWatched, tellDamage } = this.#options
    if (this.#seen.has(release)) return []
    this.#seen.add(release)
    const isWhole = await this.#verify(release)
    if (isWhole) return [{ type: 'recall', release, isCurrent: release === entry.current && isWatched(release) }]
    tellDamage(release, isWhole === undefined ? 'is missing' : 'is damaged')
    return []
  }

  /** Names may share an artifact: it is read once. */
  #verify({ digest, size }: Release): Promise<boolean | undefined> {
    const known = this.#checked.get(digest)
    if (known !== undefined) return known
    const checking = this.#options.store.verify(digest, size).catch(() => false)
    this.#checked.set(digest, checking)
    return checking
  }
}

function publishedAt({ current, earlier }: NameEntry): number {
  return (current ?? earlier[0])?.publishedAt ?? 0
}

/** What is looked at before a name is served: its newest release, and those that somebody is on the way through. */
function firstOf({ name, current, earlier }: NameEntry, isHeld: IsHeld): readonly Release[] {
  const releases = current === undefined ? earlier : [current, ...earlier]
  return releases.filter((release, index) => index === 0 || isHeld(name, release.digest))
}
