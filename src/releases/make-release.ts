import type { EspImageFields, ImageFields } from '../image/fields.js'
import { flashModeName } from '../image/flash-mode.js'
import { explainProblem } from '../image/problem.js'
import type { SignatureReport } from '../image/signature.js'
import type { Verdict } from '../image/verdict.js'
import { fileSize } from '../words.js'
import type { Digests } from './digests.js'
import type { FlashPlan } from './flash.js'
import type { Release } from './release.js'
import { compareVersions } from './version-order.js'

export interface AcceptedImage {
  readonly name: string
  /** Of this build among those of the name. */
  readonly number: number
  /** The watched folder that it was found in. */
  readonly folder: string
  readonly fileKey: string
  readonly rules: string
  readonly size: number
  readonly digests: Digests
  readonly verdict: Verdict
  /** Milliseconds since 1970. */
  readonly publishedAt: number
  /** The newest build of this name until now. */
  readonly previous: Release | undefined
  /** Bytes of the smallest slot that it has to fit; undefined where nobody knows. */
  readonly slotSize: number | undefined
  /** Where it lies in flash, and what beside it; undefined where nobody knows. */
  readonly flash: FlashPlan | undefined
}

/** The release that an accepted image becomes, with what a person should be warned of. */
export function makeRelease(image: AcceptedImage): Release {
  const { name, number, folder, fileKey, rules, size, digests, verdict, publishedAt, previous, slotSize } = image
  const { flash } = image
  const fields = espImageFields(verdict.fields)
  const descriptor = fields?.appDesc
  const release: Release = {
    name,
    number,
    digest: digests.sha256,
    md5: digests.md5,
    sha512: digests.sha512,
    size,
    kind: verdict.kind,
    chip: verdict.chip,
    chipId: fields?.chipId ?? null,
    project: descriptor?.projectName ?? '',
    version: descriptor?.version ?? '',
    secureVersion: descriptor?.secureVersion ?? null,
    idfVersion: descriptor?.idfVersion ?? '',
    builtAt: descriptor === undefined ? null : readBuildTime(descriptor.date, descriptor.time),
    elfSha256: descriptor?.appElfSha256 ?? null,
    appendedSha256: fields?.sha256 ?? null,
    minChipRevision: fields?.minRevFull ?? null,
    maxChipRevision: fields?.maxRevFull ?? null,
    mmuPageSize: fields?.mmuPageSize ?? null,
    flashMode: fields === undefined ? null : flashModeName(fields.flashMode, descriptor?.spiFlashMode),
    signature: describeSignature(verdict.signature),
    publishedAt,
    warnings: [],
    ...(slotSize === undefined ? {} : { slotSize }),
    ...(flash === undefined ? {} : { flash }),
    folder,
    fileKey,
    rules
  }
  const ofImage = verdict.problems.map(problem => explainProblem(problem))
  return Object.freeze({
    ...release,
    warnings: [...ofImage, ...compareWithPrevious(release, previous), ...compareWithSlot(release, previous, slotSize)]
  })
}

/** What a device would stumble over that has the release before. */
function compareWithPrevious(release: Release, previous: Release | undefined): readonly string[] {
  if (previous === undefined || previous.project !== release.project || previous.digest === release.digest) return []
  const warnings: string[] = []
  if (release.version !== '' && previous.version === release.version)
    warnings.push(
      `same version ${release.version} as before with other content: devices that compare versions skip it, devices that don't may loop`
    )
  if (release.version < previous.version && compareVersions(release.version, previous.version) === 'newer')
    warnings.push(
      `as text ${release.version} comes before ${previous.version}: devices with ESP32-OTA-Pull, which compares that way, stay with what they have`
    )
  if (
    release.secureVersion !== null &&
    previous.secureVersion !== null &&
    release.secureVersion < previous.secureVersion
  )
    warnings.push(
      `secure_version goes down from ${previous.secureVersion} to ${release.secureVersion}: devices with anti-rollback refuse it`
    )
  if (release.flashMode !== null && previous.flashMode !== null && release.flashMode !== previous.flashMode)
    warnings.push(
      `flash mode changes from ${previous.flashMode} to ${release.flashMode}: devices of ESP-IDF 6.1 and later may refuse it (SPI flash mode mismatch)`
    )
  return warnings
}

/** From here on the next feature may not fit any more. */
const NARROW = 0.05

function compareWithSlot(
  { size }: Release,
  previous: Release | undefined,
  slotSize: number | undefined
): readonly string[] {
  if (slotSize === undefined || size < slotSize * (1 - NARROW) || size <= (previous?.size ?? 0)) return []
  const left = ((slotSize - size) / slotSize) * 100
  return [
    `only ${fileSize(slotSize - size)} are left of the slot of ${fileSize(slotSize)} (${left.toFixed(1)} %): what no longer fits is refused`
  ]
}

function describeSignature(signature: SignatureReport | null): string | null {
  if (signature === null) return null
  return signature.scheme === null ? signature.verdict : `${signature.scheme} ${signature.verdict}`
}

function espImageFields(fields: ImageFields | null): EspImageFields | undefined {
  return fields !== null && 'chipId' in fields ? fields : undefined
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `Jul 25 2024` and `16:23:40`, as the C compiler writes them, in the order that sorts; null where a project leaves them out. */
function readBuildTime(date: string, time: string): string | null {
  const [, month, day, year] = /^([A-Z][a-z]{2}) +(\d{1,2}) (\d{4})$/.exec(date) ?? []
  const monthNumber = MONTHS.indexOf(month ?? '') + 1
  if (day === undefined || monthNumber === 0 || !/^\d{2}:\d{2}:\d{2}$/.test(time)) return null
  return `${year}-${String(monthNumber).padStart(2, '0')}-${day.padStart(2, '0')}T${time}`
}
