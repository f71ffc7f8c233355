import { createHash } from 'node:crypto'
import { computeDigests } from '../releases/digests.js'
import type { DerivedArtifact, Release } from '../releases/release.js'
import { printable, shortDigest } from '../words.js'
import { findFirmwareVersion } from './firmware-version.js'
import { readSigned } from './footer.js'
import { isSignedBy, signImage } from './sign-image.js'
import type { SigningKey } from './signing-key.js'
import { versionsThatFit } from './version-info.js'

/** The form of a release that ota_demo takes, and what a person should be warned of. */
export interface SignedForm {
  readonly derived: DerivedArtifact
  /** Undefined where the image came signed: then the bytes are those of the release. */
  readonly bytes: Buffer | undefined
  readonly warnings: readonly string[]
}

export interface SignedFormOptions {
  readonly release: Release
  readonly bytes: Buffer
  /** Undefined while otad does not sign. */
  readonly key: SigningKey | undefined
  /** What else was published under this name, the newest first. */
  readonly others: readonly Release[]
}

/** The form that ota_demo takes, if a release has one. */
export function signedFormOf({ derived = [] }: Release): DerivedArtifact | undefined {
  return derived.find(({ kind }) => kind === 'smartthings')
}

/** The release with that form of it, and its warnings. */
export function withSignedForm(release: Release, { derived, warnings }: SignedForm): Release {
  const others = (release.derived ?? []).filter(({ kind }) => kind !== derived.kind)
  return Object.freeze({ ...release, derived: [...others, derived], warnings: [...release.warnings, ...warnings] })
}

/** The bytes of that form by their digest; none where they are those of the release. */
export function bytesOf({ derived, bytes }: SignedForm): ReadonlyMap<string, Buffer> {
  return new Map(bytes === undefined ? [] : [[derived.digest, bytes]])
}

/** Whether a release is an app that the demo could run: it is one for the ESP32 and its younger siblings. */
export function canBeSigned({ kind, chip }: Release): boolean {
  return (kind === 'app' || kind === 'app-without-descriptor') && chip !== null && chip !== 'esp8266'
}

/** Makes the form that ota_demo takes; an image that came signed is its own. Undefined for what the demo cannot run, and while nobody signs. */
export async function makeSignedForm(options: SignedFormOptions): Promise<SignedForm | undefined> {
  const { release, bytes, key, others } = options
  if (!canBeSigned(release)) return undefined
  const signed = readSigned(bytes)
  if (signed === undefined && key === undefined) return undefined
  const firmwareVersion = findFirmwareVersion(bytes)
  const version = firmwareVersion ?? release.version
  const common = {
    kind: 'smartthings' as const,
    version,
    movingOn: versionsThatFit({ latest: version, movingOn: versionsOf(others) })
  }
  const warnings = warningsOf(release, firmwareVersion, others)
  if (signed !== undefined || key === undefined) {
    const { digest, md5, sha512, size } = release
    const stranger = signed !== undefined && key !== undefined && !isRight(signed, key) ? [strangerWarning(key)] : []
    return {
      derived: { ...common, digest, md5, sha512, size, madeWith: '' },
      bytes: undefined,
      warnings: [...warnings, ...stranger]
    }
  }
  const file = await signImage(bytes, Buffer.from(release.digest, 'hex'), key.privateKey)
  const { sha256: digest, ...digests } = await computeDigests(file)
  return { derived: { ...common, digest, ...digests, size: file.length, madeWith: key.id }, bytes: file, warnings }
}

/** Whether the form of a release is the one that this key makes: one that came signed stays as it is. */
export function isSignedWith(release: Release, key: SigningKey): boolean {
  const form = signedFormOf(release)
  return form !== undefined && (form.madeWith === key.id || form.madeWith === '')
}

/** Every version that is known of these releases, and of those before them that nobody keeps any more. */
export function* versionsOf(releases: readonly Release[]): Iterable<string> {
  for (const release of releases) yield signedFormOf(release)?.version ?? release.version
  for (const release of releases) yield* signedFormOf(release)?.movingOn ?? []
}

function isRight({ image, signature }: NonNullable<ReturnType<typeof readSigned>>, key: SigningKey): boolean {
  return isSignedBy(key.publicKey, createHash('sha256').update(image).digest(), signature)
}

function strangerWarning({ file }: SigningKey): string {
  return `came signed for SmartThings by another key than ${file}: devices with the public_key.pem of that one refuse it`
}

/** What keeps the app of SmartThings from offering a build, or has it offer one for ever. */
function warningsOf(
  release: Release,
  firmwareVersion: string | undefined,
  others: readonly Release[]
): readonly string[] {
  if (firmwareVersion === undefined) return []
  const warnings: string[] = []
  if (release.version !== '' && firmwareVersion !== release.version)
    warnings.push(
      `firmwareVersion in device_info.json is "${printable(firmwareVersion)}", PROJECT_VER is "${printable(release.version)}": ota_demo of SmartThings goes by the first, every other client by the second; make them the same text`
    )
  const [before] = others
  if (before === undefined || before.digest === release.digest) return warnings
  // That PROJECT_VER is the same is told of every release.
  if (before.version !== release.version && signedFormOf(before)?.version === firmwareVersion)
    warnings.push(
      `firmwareVersion in device_info.json is still "${printable(firmwareVersion)}", as in the build before (${shortDigest(before.digest)}): ota_demo of SmartThings is not offered this one`
    )
  return warnings
}
