import { deviceLog } from './device-log.js'
import { signatureLines } from './device-signature.js'
import { readHeader } from './header.js'
import { readIdfRelease } from './idf-release.js'
import { imageFields } from './image-fields.js'
import { imageProblems } from './image-problems.js'
import { IMAGE_HEADER } from './layout.js'
import { USUAL_PAGE_SIZE } from './pages.js'
import { isWarning } from './problem.js'
import { type ReadImage, readImage } from './read-image.js'
import { isSelfContained } from './seal.js'
import type { SignatureReport } from './signature.js'
import { signatureProblems } from './signature-problems.js'
import { isSpecial } from './special-kinds.js'
import type { ImageContext, Verdict } from './verdict.js'
import { verifySignature } from './verify-signature.js'

/** Judges an image of the ESP32 family: a file that begins with 0xE9 and is no image of the ESP8266. */
export function judgeImage(bytes: Uint8Array, context: ImageContext): Verdict {
  const header = readHeader(bytes)
  if (header === undefined) return judgeStump(bytes, context)
  const image = readImage(bytes, header)
  const signature = signatureReport(bytes, image, context)
  const problems = imageProblems({ bytes, image, signature, context })
  const isAccepted = problems.every(isWarning)
  return {
    verdict: isAccepted ? 'accept' : 'reject',
    kind: image.kind,
    chip: image.chip,
    problems,
    // What a device says of a bootloader as its app is nothing to a project that updates its bootloader.
    device: isAccepted && isSpecial(image.kind, context) ? [] : deviceLines(bytes, image, signature, context),
    fields: imageFields(image),
    signature,
    selfContained: image.seal !== undefined && isSelfContained(bytes, image.seal)
  }
}

/** Where the segments could not be followed to their end, nobody knows where a signature would be. */
function signatureReport(bytes: Uint8Array, image: ReadImage, context: ImageContext): SignatureReport | null {
  const { policy, keys } = context.signature ?? { policy: 'off' }
  if (policy === 'off' || keys === undefined || image.seal === undefined) return null
  return verifySignature(bytes, { trailer: image.trailer.fields, chip: image.chip, keys })
}

function deviceLines(
  bytes: Uint8Array,
  { chip, layout, seal, appDescriptor }: ReadImage,
  signature: SignatureReport | null,
  context: ImageContext
): Verdict['device'] {
  const isRefused = signatureProblems(signature, context.signature).length > 0
  const keys = context.signature?.keys ?? []
  return deviceLog(bytes, {
    chip: context.chip ?? chip,
    slotSize: context.slotSize,
    pageSize: layout?.pageSize ?? USUAL_PAGE_SIZE,
    seal,
    release: readIdfRelease(appDescriptor?.idfVersion),
    ...(isRefused && signature !== null && seal !== undefined && chip !== null
      ? { signatureLines: signatureLines(bytes, { report: signature, seal, chip, keys }) }
      : {})
  })
}

/** A file that ends inside its header. */
function judgeStump(bytes: Uint8Array, context: ImageContext): Verdict {
  const { chip = null, slotSize } = context
  return {
    verdict: 'reject',
    kind: 'esp-image',
    chip: null,
    problems: [{ code: 'truncated-header', fileLength: bytes.length, headerLength: IMAGE_HEADER.length }],
    device: deviceLog(bytes, { chip, slotSize, pageSize: USUAL_PAGE_SIZE, seal: undefined }),
    fields: null,
    signature: null,
    selfContained: false
  }
}
