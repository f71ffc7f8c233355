import { setTimeout as sleep } from 'node:timers/promises'
import { systemErrorCode } from '../errors.js'
import type { ArtifactStore } from './artifact-store.js'
import { type Catalog, type Change, type IsHeld, type NameEntry, releasesOf } from './catalog.js'
import { artifactsOf, inForm, type Release } from './release.js'

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
const MOST_TRIES = 10
const BETWEEN_TRIES_MS = 200
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
  /** Those that somebody waits for. */
  readonly #urgent: Looking[] = []
  readonly #running = new Map<string, Looking>()
  readonly #nameOf = new Map<string, string>()
  readonly #seen = new Set<Release>()
  /** By digest. */
  readonly #checked = new Map<string, Promise<string>>()
  readonly #unread = new Set<string>()
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
      for (const digest of releasesOf(entry).flatMap(artifactsOf))
        if (!this.#nameOf.has(digest)) this.#nameOf.set(digest, entry.name)
    }
  }

  /** Begins with what devices may ask for: current releases, and those that somebody is on the way through. Resolves when all are done. */
  async begin(): Promise<void> {
    this.#looks = Array.from({ length: AT_ONCE }, () => this.#work())
    await Promise.all(this.#looks)
  }

  /** Resolves when a name may be asked about; undefined where there is nothing to wait for. */
  of(name: string): Promise<void> | undefined {
    const running = this.#running.get(name)
    if (running !== undefined) return running.done
    const next = this.#waiting.get(name)
    if (next !== undefined) this.#urgent.push(next)
    return next?.done
  }

  /** The same for an artifact. */
  ofArtifact(digest: string): Promise<void> | undefined {
    const name = this.#nameOf.get(digest)
    return name === undefined ? undefined : this.of(name)
  }

  /** Goes on with the earlier releases, which are kept for going back. True when all are done, false when it was closed before. */
  async rest(): Promise<boolean> {
    const left = [...this.#options.journaled.entries].filter(entry => releasesOf(entry).length > 0)
    const work = async (): Promise<void> => {
      for (let entries = left.splice(-TOGETHER); entries.length > 0; entries = left.splice(-TOGETHER)) {
        const changes: Change[] = []
        for (const entry of entries)
          for (const release of releasesOf(entry))
            if (!this.#isClosed) changes.push(...(await this.#look(entry, release)))
        await Promise.all(changes.map(change => this.#commit(change)))
      }
    }
    this.#looks = Array.from({ length: AT_ONCE }, work)
    await Promise.all(this.#looks)
    if (this.#isClosed) return false
    this.#seen.clear()
    this.#checked.clear()
    this.#nameOf.clear()
    return true
  }

  /** Whether an artifact could not be read: it may be whole all the same. */
  isUnread(digest: string): boolean {
    return this.#unread.has(digest)
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
      const urgent = this.#urgent.pop()
      const [next] = urgent === undefined ? this.#waiting.values() : [urgent]
      if (next === undefined) return
      // Whoever asked twice, or while it had its turn, has asked for nothing new.
      if (this.#waiting.has(next.entry.name)) await this.#restore(next)
    }
  }

  async #restore(looking: Looking): Promise<void> {
    const { entry, finish } = looking
    this.#waiting.delete(entry.name)
    this.#running.set(entry.name, looking)
    try {
      for (const release of firstOf(entry, this.#options.isHeld))
        for (const change of await this.#look(entry, release)) await this.#commit(change)
    } finally {
      this.#running.delete(entry.name)
      finish()
    }
  }

  /** What brings a release back, or lets go of it; nothing, where it has been looked at before. */
  async #look(entry: NameEntry, release: Release): Promise<readonly Change[]> {
    const { isWatched, tellDamage } = this.#options
    if (this.#seen.has(release)) return []
    this.#seen.add(release)
    const found = await this.#verify(release)
    if (found === 'whole') {
      const isCurrent = release === entry.current && isWatched(release)
      return [{ type: 'recall', release, isCurrent }, ...(await this.#lookAtForms(release))]
    }
    tellDamage(release, found)
    const { name, digest } = release
    return this.#unread.has(digest) ? [] : [{ type: 'lose', name, digest, at: Date.now() }]
  }

  /** What lets go of other forms that are not whole: the release itself is as good as it was, and they can be made anew. */
  async #lookAtForms(release: Release): Promise<readonly Change[]> {
    const { name, derived = [] } = release
    const changes: Change[] = []
    for (const form of derived) {
      const found = await this.#verify(inForm(release, form))
      if (found === 'whole') continue
      this.#options.tellDamage(inForm(release, form), found)
      if (!this.#unread.has(form.digest)) changes.push({ type: 'lose', name, digest: form.digest, at: Date.now() })
    }
    return changes
  }

  /** Names may share an artifact: it is read once. */
  #verify(release: Release): Promise<string> {
    const known = this.#checked.get(release.digest)
    if (known !== undefined) return known
    const checking = this.#read(release)
    this.#checked.set(release.digest, checking)
    return checking
  }

  /** `whole`, or what is wrong with an artifact. Too many open files, a mount that hangs: what cannot be read now may be read in a moment. */
  async #read({ digest, size }: Release): Promise<string> {
    for (let tries = 1; ; tries++) {
      try {
        const isWhole = await this.#options.store.verify(digest, size)
        return isWhole === undefined ? 'is missing' : isWhole ? 'whole' : 'is damaged'
      } catch (error) {
        const code = systemErrorCode(error)
        if (code === undefined) throw error
        if (code === 'EISDIR') return 'is a folder'
        if (tries < MOST_TRIES && !this.#isClosed) {
          await sleep(BETWEEN_TRIES_MS)
          continue
        }
        this.#unread.add(digest)
        return `cannot be read (${code})`
      }
    }
  }

  /** A full disk is no reason not to go on: what it keeps from being written is found again at the next start. */
  async #commit(change: Change): Promise<void> {
    try {
      await this.#options.commit(change)
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error
    }
  }
}

function publishedAt({ current, earlier }: NameEntry): number {
  return (current ?? earlier[0])?.publishedAt ?? 0
}

/** What is looked at before a name is served: its newest release, those that a rollback is about, and those that somebody is on the way through. */
function firstOf({ name, current, earlier, rollback }: NameEntry, isHeld: IsHeld): readonly Release[] {
  const releases = current === undefined ? earlier : [current, ...earlier]
  return releases.filter((release, index) => {
    if (index === 0 || release.digest === rollback?.from || release.digest === rollback?.to) return true
    return artifactsOf(release).some(digest => isHeld(name, digest))
  })
}
