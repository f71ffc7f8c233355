import { type Static, Type } from 'typebox'
import type { NameEntry } from './catalog.js'
import { type Release, ReleaseSchema } from './release.js'

/** Longest manifest of one release, in bytes: the JSON buffers of small clients are 2048 (clients.md R35). */
export const MANIFEST_LIMIT = 2047

const { name, size, md5, kind, chip, chipId, project, version, secureVersion, idfVersion, builtAt, elfSha256 } =
  ReleaseSchema.properties
const { minChipRevision, maxChipRevision, mmuPageSize, flashMode } = ReleaseSchema.properties

/** What a device or a person reads about one release: `/<name>.json`. */
export const ManifestSchema = Type.Object(
  {
    name,
    url: Type.String(),
    artifactUrl: Type.String(),
    size,
    sha256: ReleaseSchema.properties.digest,
    md5,
    kind,
    chip,
    chipId,
    project,
    version,
    secureVersion,
    idfVersion,
    builtAt,
    elfSha256,
    minChipRevision,
    maxChipRevision,
    mmuPageSize,
    flashMode,
    /** The scheme and state of the image's signature; null as long as signatures are not checked. */
    signature: Type.Null(),
    /** ISO 8601, UTC. */
    publishedAt: Type.String(),
    warnings: Type.Array(Type.String())
  },
  { additionalProperties: false }
)
export type Manifest = Static<typeof ManifestSchema>

/** `/manifest.json`: every name that is known, served or refused. */
export const ManifestOfAllSchema = Type.Object(
  {
    releases: Type.Array(
      Type.Object(
        {
          name,
          current: Type.Union([ManifestSchema, Type.Null()]),
          earlier: Type.Array(ManifestSchema),
          rejection: Type.Union([
            Type.Object(
              {
                reason: Type.String(),
                sentence: Type.String(),
                device: Type.Union([Type.String(), Type.Null()]),
                at: Type.String()
              },
              { additionalProperties: false }
            ),
            Type.Null()
          ])
        },
        { additionalProperties: false }
      )
    )
  },
  { additionalProperties: false }
)
export type ManifestOfAll = Static<typeof ManifestOfAllSchema>

/** The path of a name as it stands in a URL, with its leading slash: every byte that needs it is percent-encoded. */
export function pathOf(name: string): string {
  return `/${name.split('/').map(encodeURIComponent).join('/')}`
}

/** The path under which exactly these bytes are found for ever. */
export function artifactPathOf(digest: string): string {
  return `/artifacts/${digest}.bin`
}

/** The manifest of one release; `origin` is `https://host:port` as the client asked for it. */
export function manifestOf(release: Release, origin: string): Manifest {
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
    signature: null,
    publishedAt: new Date(release.publishedAt).toISOString(),
    warnings: [...release.warnings]
  }
}

/** The JSON of one manifest, never above {@link MANIFEST_LIMIT} bytes: warnings go first when it would be, the log has them. */
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
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(entry => ({
      name: entry.name,
      current: entry.current === undefined ? null : manifestOf(entry.current, origin),
      earlier: entry.earlier.map(release => manifestOf(release, origin)),
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
