import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'

const Hex = (length: number) => Type.String({ pattern: `^[0-9a-f]{${length}}$` })
const OrNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()])

/** One accepted image under one name, as it is kept: frozen facts, complete enough to answer every request about it. */
export const ReleaseSchema = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    /** SHA-256 of the bytes as served: the artifact's name and its strong ETag. */
    digest: Hex(64),
    md5: Hex(32),
    sha512: Hex(128),
    size: Type.Integer({ minimum: 1 }),
    kind: Type.String(),
    chip: OrNull(Type.String()),
    chipId: OrNull(Type.Integer()),
    project: Type.String(),
    version: Type.String(),
    secureVersion: OrNull(Type.Integer()),
    idfVersion: Type.String(),
    /** Date and time of the app descriptor, `2024-07-25T16:23:40`; the build machine's clock, zone unknown. */
    builtAt: OrNull(Type.String()),
    elfSha256: OrNull(Hex(64)),
    /** Major × 100 + minor, as in the image header. */
    minChipRevision: OrNull(Type.Integer()),
    maxChipRevision: OrNull(Type.Integer()),
    mmuPageSize: OrNull(Type.Integer()),
    flashMode: OrNull(Type.String()),
    /** Milliseconds since 1970. */
    publishedAt: Type.Number(),
    warnings: Type.Array(Type.String()),
    /** The watched folder that the candidate lay in. */
    folder: Type.String()
  },
  { additionalProperties: false }
)

export type Release = Readonly<Static<typeof ReleaseSchema>>

/** True for a value that has every field of a release with a legal value; what is read back from disk goes through here. */
export function isRelease(value: unknown): value is Release {
  return Value.Check(ReleaseSchema, value)
}
