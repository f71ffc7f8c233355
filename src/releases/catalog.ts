import { PersistentMap } from './persistent-map.js'
import { artifactsOf, type DerivedArtifact, inForm, type Release } from './release.js'

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
  /** Set while an earlier release stands in for the newest one. */
  readonly rollback: Rollback | undefined
  /** Since when nothing has been served that was served before; undefined while something is, or nothing ever was. */
  readonly withdrawnAt: number | undefined
  /** The number of the newest build that was ever published under this name; 1 where there was never another. */
  readonly generations: number
}

/** A release that went back in the place of a newer one. */
export interface Rollback {
  /** Digest of the newest build, which is set aside. */
  readonly from: string
  /** Digest of the release in its place. */
  readonly to: string
  /** Whether builds to come are set aside too, until somebody lets go. */
  readonly hold: boolean
}

/**
 * One step of a catalog. What changes the releases of a name is kept over a restart; a refused file is judged again then. After a restart
 * `doubt` takes every release of a name out of service, and `recall` brings back one whose artifact has been looked at. `trim` forgets
 * those that nobody needs any more.
 */
export type Change =
  | { readonly type: 'publish'; readonly release: Release }
  /** These are the other forms of a release that is kept, in the place of those that it had. */
  | {
      readonly type: 'derive'
      readonly name: string
      readonly digest: string
      readonly derived: readonly DerivedArtifact[]
    }
  /** `at` is when, in milliseconds since 1970. */
  | { readonly type: 'withdraw'; readonly name: string; readonly at: number }
  /** The artifact of a release, or of another form of one, is not what it was. */
  | { readonly type: 'lose'; readonly name: string; readonly digest: string; readonly at: number }
  /** Nothing of a name without a file is kept for going back any more. */
  | { readonly type: 'forget'; readonly name: string }
  /** `release` is current from now on, with the time of this as its `publishedAt`; what was current is set aside, or `from`, if that is known. */
  | { readonly type: 'rollback'; readonly release: Release; readonly hold: boolean; readonly from?: string }
  /** Whatever is the newest build then is current again, with the time of this as its `publishedAt`; of a name without a file nothing is, but none is held. */
  | { readonly type: 'unpin'; readonly name: string; readonly at: number }
  | { readonly type: 'count'; readonly name: string; readonly generations: number }
  | { readonly type: 'doubt'; readonly name: string }
  | { readonly type: 'recall'; readonly release: Release; readonly isCurrent: boolean }
  | { readonly type: 'trim'; readonly name: string }
  | { readonly type: 'refuse'; readonly name: string; readonly refusal: Refusal }
  | { readonly type: 'excuse'; readonly name: string }

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

  /** A release whose artifact has this digest, current or earlier, in the form that has it. Names may share an artifact; any of them answers. */
  byDigest(digest: string): Release | undefined {
    const holder = this.#holders.get(digest)?.[0]
    const form = holder?.digest === digest ? undefined : holder?.derived?.find(derived => derived.digest === digest)
    return holder === undefined || form === undefined ? holder : inForm(holder, form)
  }

  get entries(): Iterable<NameEntry> {
    return this.#entries.values()
  }

  /** Names that have a current release. */
  *servedNames(): Iterable<string> {
    for (const entry of this.#entries.values()) if (entry.current !== undefined) yield entry.name
  }

  /**
   * The catalog after these changes, in their order. `keepReleases` bounds the earlier releases of each name, beside those that somebody
   * is on the way through; whatever falls out is no longer found by digest either.
   */
  after(changes: readonly Change[], keepReleases: number, isHeld: IsHeld = () => false): Catalog {
    const entries = new Map<string, NameEntry | undefined>()
    const holders = new Map<string, readonly Release[] | undefined>()
    const holdersOf = (digest: string): readonly Release[] =>
      (holders.has(digest) ? holders.get(digest) : this.#holders.get(digest)) ?? []
    for (const change of changes) {
      const name = 'release' in change ? change.release.name : change.name
      const known = entries.has(name) ? entries.get(name) : this.#entries.get(name)
      const before = known ?? nothingOf(name)
      const applied = applyChange(before, change)
      const earlier = keepSome(applied, keepReleases, isHeld)
      const isEmpty = applied.current === undefined && earlier.length === 0
      const next = { ...applied, earlier, withdrawnAt: isEmpty ? undefined : applied.withdrawnAt }
      const isNothing = isEmpty && next.refusal === undefined && next.generations === 0
      entries.set(name, isNothing ? undefined : next)
      for (const digest of releasesOf(before).flatMap(artifactsOf)) {
        const left = holdersOf(digest).filter(release => release.name !== name)
        holders.set(digest, left.length === 0 ? undefined : left)
      }
      for (const release of releasesOf(next))
        for (const digest of new Set(artifactsOf(release))) holders.set(digest, [...holdersOf(digest), release])
    }
    return new Catalog(this.#entries.with(entries), this.#holders.with(holders))
  }
}

/** Every release of a name: the current one, then the newest first. */
export function releasesOf(entry: NameEntry): readonly Release[] {
  return entry.current === undefined ? entry.earlier : [entry.current, ...entry.earlier]
}

/** Whether somebody may come back for a release of a name; `pinned` where it was promised to a device. */
export type IsHeld = (name: string, digest: string) => boolean | 'pinned'

/** Releases of one name that are kept for somebody's sake, beside those that are kept for going back. */
const MOST_HELD = 32

/** The newest build of a name, whether or not it is the one that is served. */
export function newestOf(entry: NameEntry): Release | undefined {
  return inOrder(releasesOf(entry))[0]
}

/** The number of a build that is published now; the newest one keeps its own when it comes once more. */
export function numberOf(entry: NameEntry | undefined, digest: string): number {
  if (entry === undefined) return 1
  const newest = releasesOf(entry).find(({ number }) => number === entry.generations)
  return newest?.digest === digest ? newest.number : entry.generations + 1
}

function nothingOf(name: string): NameEntry {
  return {
    name,
    current: undefined,
    earlier: [],
    refusal: undefined,
    rollback: undefined,
    withdrawnAt: undefined,
    generations: 0
  }
}

function keepSome({ name, earlier, rollback }: NameEntry, keepReleases: number, isHeld: IsHeld): readonly Release[] {
  if (earlier.length <= keepReleases) return earlier
  return earlier.filter((release, index) => {
    const { digest } = release
    if (index < keepReleases || digest === rollback?.from || digest === rollback?.to) return true
    const held = artifactsOf(release).map(artifact => isHeld(name, artifact))
    return held.includes('pinned') || (held.includes(true) && index < keepReleases + MOST_HELD)
  })
}

function applyChange(entry: NameEntry, change: Change): NameEntry {
  switch (change.type) {
    case 'publish':
      return publish(entry, change.release)
    case 'withdraw':
      return {
        ...entry,
        current: undefined,
        withdrawnAt: change.at,
        earlier: inOrder(releasesOf(entry)),
        refusal: undefined,
        // A hold outlasts that the build folder is emptied.
        rollback: entry.rollback?.hold === true ? entry.rollback : undefined
      }
    case 'rollback': {
      const { release, hold } = change
      const from = change.from ?? entry.rollback?.from ?? entry.current?.digest ?? release.digest
      return {
        ...entry,
        current: release,
        earlier: othersOf(entry, release),
        rollback: { from, to: release.digest, hold }
      }
    }
    case 'unpin': {
      const newest = newestOf(entry)
      // Of a name without a file nothing is served: only what was held back from builds to come ends.
      if (entry.current === undefined || newest === undefined) return { ...entry, rollback: undefined }
      const isServed = newest.digest === entry.current.digest
      const current = isServed ? newest : Object.freeze({ ...newest, publishedAt: change.at })
      return { ...entry, current, earlier: othersOf(entry, newest), rollback: undefined }
    }
    case 'derive': {
      const { digest, derived } = change
      const withForms = (release: Release): Release =>
        release.digest === digest ? Object.freeze({ ...release, derived }) : release
      return { ...entry, current: entry.current && withForms(entry.current), earlier: entry.earlier.map(withForms) }
    }
    case 'count':
      return { ...entry, generations: Math.max(entry.generations, change.generations) }
    case 'refuse':
      return { ...entry, refusal: change.refusal }
    case 'excuse':
      return { ...entry, refusal: undefined }
    case 'doubt':
      return { ...entry, current: undefined, earlier: [] }
    case 'recall': {
      const { release, isCurrent } = change
      if (releasesOf(entry).some(({ digest }) => digest === release.digest)) return entry
      if (isCurrent && entry.current === undefined) return { ...entry, current: release }
      return { ...entry, earlier: inOrder([...entry.earlier, release]) }
    }
    case 'lose': {
      const isWhole = ({ digest }: Pick<Release, 'digest'>): boolean => digest !== change.digest
      const withoutForm = (release: Release): Release =>
        release.derived?.every(isWhole) === false
          ? Object.freeze({ ...release, derived: release.derived.filter(isWhole) })
          : release
      const earlier = entry.earlier.filter(isWhole).map(withoutForm)
      if (entry.current === undefined) return { ...entry, earlier }
      if (isWhole(entry.current)) return { ...entry, current: withoutForm(entry.current), earlier }
      return { ...entry, current: undefined, withdrawnAt: change.at, earlier }
    }
    case 'forget':
      return entry.current === undefined ? { ...entry, earlier: [], rollback: undefined } : entry
    case 'trim':
      return entry
  }
}

/** A new build is current, unless an earlier release is held: then it waits behind that one. */
function publish(entry: NameEntry, release: Release): NameEntry {
  const generations = Math.max(entry.generations, release.number)
  const others = othersOf(entry, release)
  const { rollback } = entry
  const held =
    rollback?.hold === true ? [entry.current, ...others].find(other => other?.digest === rollback.to) : undefined
  if (rollback === undefined || held === undefined || held.digest === release.digest)
    return {
      ...entry,
      current: release,
      earlier: others,
      refusal: undefined,
      rollback: undefined,
      withdrawnAt: undefined,
      generations
    }
  return {
    ...entry,
    current: held,
    earlier: inOrder([release, ...others.filter(({ digest }) => digest !== held.digest)]),
    refusal: undefined,
    rollback: { ...rollback, from: release.digest },
    withdrawnAt: undefined,
    generations
  }
}

function othersOf(entry: NameEntry, release: Release): readonly Release[] {
  return inOrder(releasesOf(entry).filter(({ digest }) => digest !== release.digest))
}

/** The newest build first. */
function inOrder(releases: readonly Release[]): readonly Release[] {
  return [...releases].sort((a, b) => b.number - a.number)
}
