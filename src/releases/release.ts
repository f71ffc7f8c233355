/** One accepted image under one name, as it is kept: frozen facts, complete enough to answer every request about it. */
export interface Release {
  readonly name: string
  /** 1, 2, 3 …: the order in which the builds of this name came. It stays with one that goes back to being current. */
  readonly number: number
  /** SHA-256 of the bytes as served, lower-case hexadecimal like the other two: the artifact's name and its strong ETag. */
  readonly digest: string
  readonly md5: string
  readonly sha512: string
  readonly size: number
  readonly kind: string
  readonly chip: string | null
  readonly chipId: number | null
  readonly project: string
  readonly version: string
  readonly secureVersion: number | null
  readonly idfVersion: string
  /** Date and time of the app descriptor, `2024-07-25T16:23:40`; the build machine's clock, zone unknown. */
  readonly builtAt: string | null
  readonly elfSha256: string | null
  /** Major × 100 + minor, as in the image header. */
  readonly minChipRevision: number | null
  readonly maxChipRevision: number | null
  /** Bytes. */
  readonly mmuPageSize: number | null
  readonly flashMode: string | null
  /** Scheme and state of the signature, `secure-boot-v2 verified`; null where signatures are not looked at. */
  readonly signature: string | null
  /** Milliseconds since 1970. */
  readonly publishedAt: number
  readonly warnings: readonly string[]
  /** The watched folder that the candidate lay in. */
  readonly folder: string
  /** The state of the file that it was read from, and the rules that it was judged by: as long as neither changes, nothing has to be judged again. */
  readonly fileKey: string
  readonly rules: string
}

type Check = (value: unknown) => boolean

const text: Check = value => typeof value === 'string'
const number: Check = value => typeof value === 'number' && Number.isFinite(value)
const hex =
  (length: number): Check =>
  value =>
    typeof value === 'string' && value.length === length && /^[0-9a-f]+$/.test(value)
const orNull =
  (check: Check): Check =>
  value =>
    value === null || check(value)

const FIELDS: Readonly<Record<keyof Release, Check>> = {
  name: value => text(value) && value !== '',
  number: value => Number.isSafeInteger(value) && Number(value) > 0,
  digest: hex(64),
  md5: hex(32),
  sha512: hex(128),
  size: value => Number.isInteger(value) && Number(value) > 0,
  kind: text,
  chip: orNull(text),
  chipId: orNull(number),
  project: text,
  version: text,
  secureVersion: orNull(number),
  idfVersion: text,
  builtAt: orNull(text),
  elfSha256: orNull(text),
  minChipRevision: orNull(number),
  maxChipRevision: orNull(number),
  mmuPageSize: orNull(number),
  flashMode: orNull(text),
  signature: orNull(text),
  publishedAt: number,
  warnings: value => Array.isArray(value) && value.every(text),
  folder: text,
  fileKey: text,
  rules: text
}

/**
 * True for a value that has every field of a release with a legal value; what is read back from disk goes through here.
 * Written out, since a schema library at the start would cost more time than everything else in it.
 */
export function isRelease(value: unknown): value is Release {
  if (typeof value !== 'object' || value === null) return false
  const record = value as Record<string, unknown>
  return Object.entries(FIELDS).every(([field, check]) => check(record[field]))
}
