import { PersistentMap } from './persistent-map.js'
import type { Release } from './release.js'

/** Why the newest file of a name is not served, in the words for a person and those of a device. */
export interface Refusal {
  readonly reason: string
  readonly sentence: string
  readonly device: string | undefined
  /** Milliseconds since 1970. */
  readonly at: number
}

/** What is known of one name. */
export interface NameEntry {
  readonly name: string
  /** What a device gets that has not begun yet; undefined when the file is gone or was never good. */
  readonly current: Release | undefined
  /** Earlier releases, newest first. */
  readonly earlier: readonly Release[]
  /** Set while the file that lies there now is refused. */
  readonly refusal: Refusal | undefined
}

/**
 * One step of a catalog. `publish` and `withdraw` are kept over a restart; a refused file is judged again then,
 * and `recall` brings an earlier release back that was kept.
 */
export type Change =
  | { readonly type: 'publish'; readonly release: Release }
  | { readonly type: 'withdraw'; readonly name: string }
  | { readonly type: 'refuse'; readonly name: string; readonly refusal: Refusal }
  | { readonly type: 'excuse'; readonly name: string }
  | { readonly type: 'recall'; readonly release: Release }

/**
 * The set of releases at one moment. Immutable: a change makes a new catalog, so that whoever holds one sees it whole.
 * Look-ups are by map; nothing here touches a disk.
 */
export class Catalog {
  static readonly empty = new Catalog(new PersistentMap(), new PersistentMap())

  readonly #entries: PersistentMap<NameEntry>
  /** Every release that has an artifact: names may share one. */
  readonly #holders: PersistentMap<readonly Release[]>

  private constructor(entries: PersistentMap<NameEntry>, holders: PersistentMap<readonly Release[]>) {
    this.#entries = entries
    this.#holders = holders
  }

  entry(name: string): NameEntry | undefined {
    return this.#entries.get(name)
  }

  /** A release whose artifact has this digest, current or earlier. Two names may share an artifact; any of them answers. */
  byDigest(digest: string): Release | undefined {
    return this.#holders.get(digest)?.[0]
  }

  get entries(): Iterable<NameEntry> {
    return this.#entries.values()
  }

  /** Names that have a current release. */
  *servedNames(): Iterable<string> {
    for (const entry of this.#entries.values()) if (entry.current !== undefined) yield entry.name
  }

  /**
   * The catalog after these changes, in their order. `keepReleases` bounds the earlier releases of each name;
   * whatever falls out is no longer found by digest either.
   */
  after(changes: readonly Change[], keepReleases: number): Catalog {
    const entries = new Map<string, NameEntry | undefined>()
    const holders = new Map<string, readonly Release[] | undefined>()
    const holdersOf = (digest: string): readonly Release[] =>
      (holders.has(digest) ? holders.get(digest) : this.#holders.get(digest)) ?? []
    for (const change of changes) {
      const name = 'release' in change ? change.release.name : change.name
      const known = entries.has(name) ? entries.get(name) : this.#entries.get(name)
      const before = known ?? { name, current: undefined, earlier: [], refusal: undefined }
      const next = applyChange(before, change, keepReleases)
      const isNothing = next.current === undefined && next.earlier.length === 0 && next.refusal === undefined
      entries.set(name, isNothing ? undefined : next)
      for (const { digest } of releasesOf(before)) {
        const left = holdersOf(digest).filter(release => release.name !== name)
        holders.set(digest, left.length === 0 ? undefined : left)
      }
      for (const release of releasesOf(next)) holders.set(release.digest, [...holdersOf(release.digest), release])
    }
    return new Catalog(this.#entries.with(entries), this.#holders.with(holders))
  }
}

/** Every release of a name, newest first. */
export function releasesOf(entry: NameEntry): readonly Release[] {
  return entry.current === undefined ? entry.earlier : [entry.current, ...entry.earlier]
}

function applyChange(entry: NameEntry, change: Change, keepReleases: number): NameEntry {
  switch (change.type) {
    case 'publish': {
      const earlier = releasesOf(entry).filter(release => release.digest !== change.release.digest)
      return { ...entry, current: change.release, earlier: earlier.slice(0, keepReleases), refusal: undefined }
    }
    case 'withdraw':
      return { ...entry, current: undefined, earlier: releasesOf(entry).slice(0, keepReleases), refusal: undefined }
    case 'refuse':
      return { ...entry, refusal: change.refusal }
    case 'excuse':
      return { ...entry, refusal: undefined }
    case 'recall': {
      const { release } = change
      if (releasesOf(entry).some(({ digest }) => digest === release.digest)) return entry
      const earlier = [...entry.earlier, release].sort((a, b) => b.publishedAt - a.publishedAt)
      return { ...entry, earlier: earlier.slice(0, keepReleases) }
    }
  }
}
