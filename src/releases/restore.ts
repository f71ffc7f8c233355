import type { ArtifactStore } from './artifact-store.js'
import { Catalog, type Change, releasesOf } from './catalog.js'
import type { Release } from './release.js'

/** What is wrong with an artifact that the catalog counts on. */
export type ArtifactDamage = (release: Release, reason: string) => void

/** Artifacts hashed at the same time at a start. */
const AT_ONCE = 4

/**
 * What of a catalog that was read back can be served: current releases whose artifacts are whole, newest first.
 * Earlier releases are left out; `recallEarlier` brings them back when there is time.
 */
export async function restoreCurrent(
  journaled: Catalog,
  store: ArtifactStore,
  isWatched: (release: Release) => boolean,
  tellDamage: ArtifactDamage
): Promise<Catalog> {
  const current = [...journaled.entries].flatMap(({ current }) =>
    current !== undefined && isWatched(current) ? [current] : []
  )
  const whole = await keepWhole(current, store, tellDamage)
  return Catalog.empty.after(
    whole.map(release => ({ type: 'publish', release })),
    0
  )
}

/**
 * The changes that bring back what a catalog had and `restored` has not: earlier releases, and those of folders that are not watched now,
 * as far as their artifacts are whole.
 */
export async function recallEarlier(
  journaled: Catalog,
  restored: Catalog,
  store: ArtifactStore,
  tellDamage: ArtifactDamage
): Promise<readonly Change[]> {
  const isMissing = ({ name, digest }: Release): boolean => restored.entry(name)?.current?.digest !== digest
  const earlier = [...journaled.entries].flatMap(releasesOf).filter(isMissing)
  const whole = await keepWhole(earlier, store, tellDamage)
  return whole.map(release => ({ type: 'recall', release }))
}

async function keepWhole(
  releases: readonly Release[],
  store: ArtifactStore,
  tellDamage: ArtifactDamage
): Promise<Release[]> {
  const waiting = [...releases].sort((a, b) => b.publishedAt - a.publishedAt)
  const whole: Release[] = []
  const work = async (): Promise<void> => {
    for (let release = waiting.shift(); release !== undefined; release = waiting.shift()) {
      const isWhole = await store.verify(release.digest).catch(() => false)
      if (isWhole === true) whole.push(release)
      else tellDamage(release, isWhole === undefined ? 'is missing' : 'is damaged')
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return whole.sort((a, b) => a.publishedAt - b.publishedAt)
}
