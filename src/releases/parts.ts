import { type Catalog, releasesOf } from './catalog.js'
import type { Release } from './release.js'

/** Every part of flash that a release of the catalog has beside its app, by digest, each as an artifact of that release. */
export function partsIn(catalog: Catalog): ReadonlyMap<string, Release> {
  const parts = new Map<string, Release>()
  for (const entry of catalog.entries)
    for (const { flash, derived: _derived, ...release } of releasesOf(entry))
      for (const { offset: _offset, ...part } of flash?.parts ?? []) parts.set(part.digest, { ...release, ...part })
  return parts
}
