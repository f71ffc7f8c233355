import type { Static } from 'typebox'
import { type NameEntry, releasesOf } from './catalog.js'
import type { ManifestOfAllSchema, ManifestSchema } from './manifest-schema.js'
import { pathOf } from './path-of.js'
import type { Release } from './release.js'

/** Longest manifest of one release, in bytes: the JSON buffers of small clients are 2048 (clients.md R35). */
const MANIFEST_LIMIT = 2047

/** What is written for one release, and for all names. */
export type Manifest = Static<typeof ManifestSchema>
export type ManifestOfAll = Static<typeof ManifestOfAllSchema>

/** The path under which exactly these bytes are found for ever. */
export function artifactPathOf(digest: string): string {
  return `/artifacts/${digest}.bin`
}

/** The manifest of one release; `origin` is `https://host:port` as the client asked for it. */
function manifestOf(release: Release, origin: string): Manifest {
  return {
    name: release.name,
    url: `${origin}${pathOf(release.name)}`,
    artifactUrl: `${origin}${artifactPathOf(release.digest)}`,
    size: release.size,
    sha256: release.digest,
    md5: release.md5,
    kind: release.kind,
    chip: release.chip,
    chipId: release.chipId,
    project: release.project,
    version: release.version,
    secureVersion: release.secureVersion,
    idfVersion: release.idfVersion,
    builtAt: release.builtAt,
    elfSha256: release.elfSha256,
    minChipRevision: release.minChipRevision,
    maxChipRevision: release.maxChipRevision,
    mmuPageSize: release.mmuPageSize,
    flashMode: release.flashMode,
    signature: release.signature,
    publishedAt: new Date(release.publishedAt).toISOString(),
    warnings: [...release.warnings]
  }
}

/** The JSON of one manifest, never above MANIFEST_LIMIT bytes: warnings go first when it would be, the log has them. */
export function writeManifest(release: Release, origin: string): string {
  const manifest = manifestOf(release, origin)
  for (;;) {
    const json = JSON.stringify(manifest)
    if (Buffer.byteLength(json) <= MANIFEST_LIMIT || manifest.warnings.length === 0) return json
    manifest.warnings.pop()
  }
}

/** The manifest of everything, names in alphabetical order. */
export function manifestOfAll(entries: Iterable<NameEntry>, origin: string): ManifestOfAll {
  const releases = [...entries]
    .filter(entry => releasesOf(entry).length > 0 || entry.refusal !== undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(entry => ({
      name: entry.name,
      current: entry.current === undefined ? null : manifestOf(entry.current, origin),
      earlier: entry.earlier.map(release => manifestOf(release, origin)),
      rollback: entry.rollback === undefined ? null : { from: entry.rollback.from, hold: entry.rollback.hold },
      rejection:
        entry.refusal === undefined
          ? null
          : {
              reason: entry.refusal.reason,
              sentence: entry.refusal.sentence,
              device: entry.refusal.device ?? null,
              at: new Date(entry.refusal.at).toISOString()
            }
    }))
  return { releases }
}
