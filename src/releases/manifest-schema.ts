import { Type } from 'typebox'

/**
 * The shapes of the manifests, as JSON schemas. Types are derived from them, `/openapi.json` describes the answers with them, and tests hold what
 * is sent against them. The daemon loads this file when the first asks for `/openapi.json`, not before: the schema library would be half of
 * its start-up time. So import types from here, and nothing else.
 */

const TextOrNull = Type.Union([Type.String(), Type.Null()])
const NumberOrNull = Type.Union([Type.Integer(), Type.Null()])
const closed = { additionalProperties: false }

/** What a device or a person reads about one release: `/<name>.json`. */
export const ManifestSchema = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    url: Type.String({ pattern: '^https?://' }),
    artifactUrl: Type.String({ pattern: '^https?://' }),
    size: Type.Integer({ minimum: 1 }),
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    md5: Type.String({ pattern: '^[0-9a-f]{32}$' }),
    kind: Type.String(),
    chip: TextOrNull,
    chipId: NumberOrNull,
    project: Type.String(),
    version: Type.String(),
    secureVersion: NumberOrNull,
    idfVersion: Type.String(),
    builtAt: TextOrNull,
    elfSha256: TextOrNull,
    minChipRevision: NumberOrNull,
    maxChipRevision: NumberOrNull,
    mmuPageSize: NumberOrNull,
    flashMode: TextOrNull,
    /** Scheme and state of the signature; null where signatures are not looked at. */
    signature: TextOrNull,
    /** ISO 8601, UTC. */
    publishedAt: Type.String(),
    warnings: Type.Array(Type.String())
  },
  { ...closed, title: 'Manifest', description: 'One release.' }
)

const RejectionSchema = Type.Object(
  { reason: Type.String(), sentence: Type.String(), device: TextOrNull, at: Type.String() },
  { ...closed, title: 'Rejection', description: 'Why the newest file of a name is refused.' }
)

/** `/manifest.json`: every name that is known, served or refused. */
export const ManifestOfAllSchema = Type.Object(
  {
    releases: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          current: Type.Union([ManifestSchema, Type.Null()]),
          earlier: Type.Array(ManifestSchema),
          /** While an earlier release is served in the place of the newest: SHA-256 of that one, and whether builds to come wait too. */
          rollback: Type.Union([Type.Object({ from: Type.String(), hold: Type.Boolean() }, closed), Type.Null()]),
          rejection: Type.Union([RejectionSchema, Type.Null()])
        },
        closed
      )
    )
  },
  { ...closed, title: 'ManifestOfAll', description: 'Every name that is known, served or refused.' }
)

/** `/health`. */
export const HealthSchema = Type.Object(
  {
    status: Type.Union([Type.Literal('serving'), Type.Literal('starting'), Type.Literal('stopping')]),
    version: Type.String(),
    since: Type.String(),
    names: Type.Integer({ minimum: 0 }),
    serving: Type.Array(Type.Object({ name: Type.String(), version: Type.String(), sha256: Type.String() }, closed))
  },
  { ...closed, title: 'Health', description: 'What is served, the first hundred names of it, and since when.' }
)

/** Those that stand in others, to be described once. */
export const RELEASE_SCHEMAS = [ManifestOfAllSchema, ManifestSchema, RejectionSchema, HealthSchema] as const
