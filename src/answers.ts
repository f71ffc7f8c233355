import { type Catalog, type NameEntry, releasesOf } from './releases/catalog.js'
import type { Release } from './releases/release.js'
import type { Pin } from './runs/pins.js'
import type { Health } from './server/app.js'

/**
 * What a running daemon answers a person who asks about names, releases and pins: plain JSON. Times are ISO 8601, UTC; lengths are bytes.
 */

export interface ReleaseFacts {
  readonly name: string
  readonly number: number
  readonly version: string
  readonly project: string
  readonly kind: string
  readonly chip: string | null
  readonly digest: string
  readonly size: number
  /** Room in the smallest OTA slot of its project; null where the build system does not say. */
  readonly slotSize: number | null
  readonly publishedAt: string
  readonly warnings: readonly string[]
}

export interface PinFacts {
  readonly device: string
  readonly name: string
  readonly digest: string
  /** Null where it is not kept any more: the device is given the current one. */
  readonly release: ReleaseFacts | null
  readonly at: string
}

export interface NameStatus {
  readonly name: string
  readonly current: ReleaseFacts | null
  /** Why the file that lies there now is not served. */
  readonly refusal: RefusalFacts | null
  readonly rollback: RollbackFacts | null
}

export interface RefusalFacts {
  readonly reason: string
  readonly sentence: string
  readonly device: string | null
  readonly at: string
}

/** An earlier release stands in for the newest build, or builds to come are kept back. */
export interface RollbackFacts {
  /** The newest build; null where that is the current one. */
  readonly setAside: SetAside | null
  readonly hold: boolean
}

export interface SetAside {
  readonly digest: string
  /** Null where it is not kept any more, or not looked at yet after a start. */
  readonly release: ReleaseFacts | null
}

export interface Status extends Pick<Health, 'status' | 'version' | 'since'> {
  readonly origin: string
  readonly activeTransfers: number
  /** Every name that has a release or a refusal, in alphabetical order. */
  readonly names: readonly NameStatus[]
  readonly pins: readonly PinFacts[]
}

export interface NameReleases {
  readonly name: string
  /** The newest build first. */
  readonly releases: readonly KeptRelease[]
}

export interface KeptRelease extends ReleaseFacts {
  readonly state: 'current' | 'set-aside' | 'kept'
  readonly pinnedDevices: readonly string[]
}

export interface RolledBack extends RollbackFacts {
  readonly current: ReleaseFacts
}

/** What was let go of: a name, whose newest build is current again, or the pins of a device. */
export type Unpinned =
  /** `current` is null where the file is gone: the next build is served. */
  | { readonly is: 'name'; readonly name: string; readonly current: ReleaseFacts | null }
  | { readonly is: 'device'; readonly pins: readonly PinFacts[] }

export function factsOf(release: Release): ReleaseFacts {
  const { name, number, version, project, kind, chip, digest, size, slotSize = null, publishedAt, warnings } = release
  return {
    name,
    number,
    version,
    project,
    kind,
    chip,
    digest,
    size,
    slotSize,
    publishedAt: written(publishedAt),
    warnings
  }
}

export function factsOfPin({ device, name, digest, at }: Pin, catalog: Catalog): PinFacts {
  return { device, name, digest, release: findIn(catalog.entry(name), digest), at: written(at) }
}

export function factsOfRollback(entry: NameEntry): RollbackFacts | null {
  const { rollback, current } = entry
  if (rollback === undefined) return null
  const { from: digest, hold } = rollback
  return { setAside: digest === current?.digest ? null : { digest, release: findIn(entry, digest) }, hold }
}

/** What there is to say of each name, in alphabetical order. */
export function describeNames(catalog: Catalog): readonly NameStatus[] {
  return inAlphabet(catalog.entries).flatMap(entry => describeName(entry) ?? [])
}

/** What there is to say of a name; undefined where it has neither a release nor a refusal. */
export function describeName(entry: NameEntry): NameStatus | undefined {
  const { name, current, refusal } = entry
  if (releasesOf(entry).length === 0 && refusal === undefined) return undefined
  return {
    name,
    current: current === undefined ? null : factsOf(current),
    refusal: refusal === undefined ? null : { ...refusal, device: refusal.device ?? null, at: written(refusal.at) },
    rollback: factsOfRollback(entry)
  }
}

/** The kept releases of names, the names in alphabetical order. */
export function describeReleases(entries: Iterable<NameEntry>, pins: readonly Pin[]): readonly NameReleases[] {
  return inAlphabet(entries)
    .map(entry => ({
      name: entry.name,
      releases: [...releasesOf(entry)]
        .sort((a, b) => b.number - a.number)
        .map(release => ({
          ...factsOf(release),
          state: stateOf(release, entry),
          pinnedDevices: pins
            .filter(({ name, digest }) => name === entry.name && digest === release.digest)
            .map(({ device }) => device)
        }))
    }))
    .filter(({ releases }) => releases.length > 0)
}

function stateOf({ digest, number }: Release, { current, rollback }: NameEntry): KeptRelease['state'] {
  if (digest === current?.digest) return 'current'
  if (current === undefined || rollback === undefined) return 'kept'
  return digest === rollback.from || number > current.number ? 'set-aside' : 'kept'
}

function findIn(entry: NameEntry | undefined, digest: string): ReleaseFacts | null {
  const release = entry === undefined ? undefined : releasesOf(entry).find(found => found.digest === digest)
  return release === undefined ? null : factsOf(release)
}

function inAlphabet(entries: Iterable<NameEntry>): readonly NameEntry[] {
  return [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))
}

const written = (epochMs: number): string => new Date(epochMs).toISOString()
