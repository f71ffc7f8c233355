import { readBootloaderPlusImage } from './bootloader-plus.js'
import { damagedNvsPages } from './data-partitions.js'
import { type Envelope, OPAQUE } from './envelope.js'
import { kindOfForeignFile, prefixLength } from './foreign-kind.js'
import { judgeImage } from './judge-image.js'
import type { Kind } from './kinds.js'
import { IMAGE_HEADER } from './layout.js'
import { readMatterOta } from './matter-ota.js'
import { readMcubootImage } from './mcuboot.js'
import { partitionTableFields } from './partition-table.js'
import { isWarning, type Problem } from './problem.js'
import { readDeltaPatch, readEncryptedImage } from './sealed-envelopes.js'
import { signatureProblems } from './signature-problems.js'
import { blockProblems } from './signature-sector.js'
import { isSpecial } from './special-kinds.js'
import { readLastSector, verifySpecialSignature } from './special-signature.js'
import type { ImageContext, Verdict } from './verdict.js'

/**
 * Judges a file that is no ESP image and of a kind that the project asks for: what can be seen from outside is checked, an image
 * inside is judged as an app, and what is packed, encrypted or a patch goes unseen (gzip, zlib and xz stay packed: this room
 * inflates nothing).
 */
export function judgeSpecialFile(bytes: Uint8Array, kind: Kind, context: ImageContext): Verdict {
  const envelope = READERS[kind]?.(bytes) ?? OPAQUE
  const { payload } = envelope
  const inner = payload === undefined ? undefined : judgePayload(payload, kind, context)
  const signature = inner?.signature ?? verifySpecialSignature(bytes, kind, context)
  // The image inside has already answered for its own signature.
  const ofSignature = inner?.signature == null ? signatureProblems(signature, context.signature) : []
  const problems = [
    ...envelope.problems,
    ...slotProblems(bytes, kind, envelope, context),
    ...(inner?.problems ?? []),
    ...ofSignature
  ]
  const isAccepted = problems.every(isWarning)
  return {
    verdict: isAccepted ? 'accept' : 'reject',
    kind,
    chip: inner?.chip ?? null,
    problems,
    // Whoever unpacks the file on the device has words of its own; what it then makes of the image inside is known.
    device: inner?.device ?? [],
    fields: inner?.fields ?? (kind === 'partition-table' ? partitionTableFields(bytes) : envelope.fields),
    signature,
    selfContained: isAccepted && (kind === 'signature-prefixed-app' ? inner?.selfContained === true : envelope.isWhole)
  }
}

/** How each kind is read that has something to check; the others are taken as what they were recognised as. */
const READERS: Partial<Record<Kind, (bytes: Uint8Array) => Envelope>> = {
  'matter-ota': readMatterOta,
  mcuboot: readMcubootImage,
  'esp-bootloader-plus': readBootloaderPlusImage,
  'esp-encrypted-img': readEncryptedImage,
  'esp-delta-ota': readDeltaPatch,
  'signature-prefixed-app': bytes => ({ ...OPAQUE, payload: bytes.subarray(prefixLength(bytes) ?? 0) }),
  'partition-table': bytes => ({ ...OPAQUE, problems: tableProblems(bytes) }),
  nvs: bytes => ({ ...OPAQUE, problems: nvsProblems(bytes) }),
  'signed-data': bytes => ({ ...OPAQUE, problems: readLastSector(bytes).flatMap(blockProblems) })
}

/** An image in plain, or something that may be unseen where the project asks for that kind too; envelopes are not opened twice. */
function judgePayload(payload: Uint8Array, kind: Kind, context: ImageContext): Partial<Verdict> {
  if (payload[0] === IMAGE_HEADER.magicByte) {
    const isSignedOutside = kind === 'signature-prefixed-app'
    return judgeImage(payload, {
      ...context,
      kinds: [],
      ...(isSignedOutside ? { signature: { policy: 'off', keys: [] } } : {})
    })
  }
  const found = kindOfForeignFile(payload)
  const isAsked = isSpecial(found, context)
  if (isAsked && found === 'esp-encrypted-img') {
    const envelope = readEncryptedImage(payload)
    return { ...envelope, problems: [...envelope.problems, ...slotProblems(payload, found, envelope, context)] }
  }
  if (isAsked && found === 'esp-delta-ota') return readDeltaPatch(payload)
  return { problems: [{ code: 'payload-not-an-app', kind, found }] }
}

/** The slot is for what the device writes to it: an image for MCUboot as it is, an encrypted one once it is plain. */
function slotProblems(bytes: Uint8Array, kind: Kind, { fields }: Envelope, { slotSize }: ImageContext): Problem[] {
  if (kind !== 'mcuboot' && kind !== 'esp-encrypted-img') return []
  const length = kind === 'mcuboot' ? bytes.length : (fields?.payloadLength ?? 0)
  return slotSize === undefined || length <= slotSize ? [] : [{ code: 'too-large-for-partition', length, slotSize }]
}

function tableProblems(bytes: Uint8Array): Problem[] {
  const { valid, md5 } = partitionTableFields(bytes)
  return valid ? [] : [{ code: 'partition-table-invalid', md5 }]
}

function nvsProblems(bytes: Uint8Array): Problem[] {
  const pages = damagedNvsPages(bytes)
  const [index] = pages
  return index === undefined ? [] : [{ code: 'nvs-page-damaged', index, count: pages.length }]
}
