import { type FlashPlan, isFlashPlan } from './flash.js'

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
  /** The SHA-256 that stands at the end of the image, by which the device knows what it runs; null where there is none. */
  readonly appendedSha256: string | null
  /** Major × 100 + minor, as in the image header. */
  readonly minChipRevision: number | null
  readonly maxChipRevision: number | null
  /** Bytes. */
  readonly mmuPageSize: number | null
  readonly flashMode: string | null
  /** Room in the smallest OTA slot of its project; left out where the build system does not say. */
  readonly slotSize?: number
  /** Scheme and state of the signature, `secure-boot-v2 verified`; null where signatures are not looked at. */
  readonly signature: string | null
  /** Milliseconds since 1970. */
  readonly publishedAt: number
  readonly warnings: readonly string[]
  /** Where it lies in flash, and what beside it; left out where the build system does not say. */
  readonly flash?: FlashPlan
  /** The watched folder that the candidate lay in. */
  readonly folder: string
  /** The state of the file that it was read from, and the rules that it was judged by: as long as neither changes, nothing has to be judged again. */
  readonly fileKey: string
  readonly rules: string
  /** Other forms of it, each for one kind of client; left out where there is none. */
  readonly derived?: readonly DerivedArtifact[]
}

/** Another form of a release, made of its bytes when it was published: an artifact of its own, kept as long as the release is. */
export interface DerivedArtifact {
  /** Whom it is for: the ota_demo of SmartThings wants a signature behind the image. */
  readonly kind: 'smartthings'
  /** Its own digests and length, as those of a release are. */
  readonly digest: string
  readonly md5: string
  readonly sha512: string
  readonly size: number
  /** SHA-256 of the public key that it verifies with, lower-case hexadecimal; empty where it came so from the build folder. */
  readonly madeWith: string
  /** What these clients call this version; empty where the image does not say. */
  readonly version: string
  /** Versions that move on to it, the newest first. */
  readonly movingOn: readonly string[]
}

/** The digests of every artifact of a release, its own first. */
export function artifactsOf({ digest, derived = [] }: Release): readonly string[] {
  return [digest, ...derived.map(form => form.digest)]
}

/** The release with the bytes of another form in the place of its own. */
export function inForm(release: Release, { digest, md5, sha512, size }: DerivedArtifact): Release {
  return { ...release, digest, md5, sha512, size }
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
  appendedSha256: orNull(hex(64)),
  minChipRevision: orNull(number),
  maxChipRevision: orNull(number),
  mmuPageSize: orNull(number),
  flashMode: orNull(text),
  signature: orNull(text),
  publishedAt: number,
  warnings: value => Array.isArray(value) && value.every(text),
  slotSize: value => value === undefined || number(value),
  flash: value => value === undefined || isFlashPlan(value),
  folder: text,
  fileKey: text,
  rules: text,
  derived: value => value === undefined || areDerived(value)
}

const DERIVED: Readonly<Record<keyof DerivedArtifact, Check>> = {
  kind: value => value === 'smartthings',
  digest: hex(64),
  md5: hex(32),
  sha512: hex(128),
  size: value => Number.isInteger(value) && Number(value) > 0,
  madeWith: text,
  version: text,
  movingOn: value => Array.isArray(value) && value.every(text)
}

/** True for a list of derived artifacts, each with every field; what is read back from disk goes through here. */
export function areDerived(value: unknown): value is readonly DerivedArtifact[] {
  return Array.isArray(value) && value.every(form => hasFields(form, CHECKS_OF_DERIVED))
}

type FieldChecks = readonly (readonly [field: string, check: Check])[]

/** Listed once: tens of thousands of releases are read back at a start. */
const CHECKS: FieldChecks = Object.entries(FIELDS)
const CHECKS_OF_DERIVED: FieldChecks = Object.entries(DERIVED)

function hasFields(value: unknown, fields: FieldChecks): boolean {
  if (typeof value !== 'object' || value === null) return false
  const record = value as Record<string, unknown>
  return fields.every(([field, check]) => check(record[field]))
}

/**
 * True for a value that has every field of a release with a legal value; what is read back from disk goes through here.
 * Written out, since a schema library at the start would cost more time than everything else in it.
 */
export function isRelease(value: unknown): value is Release {
  return hasFields(value, CHECKS)
}
