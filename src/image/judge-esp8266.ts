import { deviceLog } from './device-log.js'
import { readEsp8266Image } from './esp8266.js'
import type { Esp8266Image } from './esp8266-ram-part.js'
import type { Esp8266Fields } from './fields.js'
import { USUAL_PAGE_SIZE } from './pages.js'
import { isWarning, type Problem } from './problem.js'
import { NO_SIGNATURE } from './signature.js'
import { signatureProblems } from './signature-problems.js'
import { isSpecial } from './special-kinds.js'
import type { ImageContext, Verdict } from './verdict.js'

/** Judges an image of the ESP8266: sound ones are of another family than the projects this daemon is mostly for. */
export function judgeEsp8266Image(bytes: Uint8Array, context: ImageContext): Verdict {
  const image = readEsp8266Image(bytes)
  const { chip: wanted, slotSize } = context
  const isAsked = wanted === undefined || wanted === 'esp8266' || isSpecial(image.kind, context)
  const mismatch: Problem[] = isAsked ? [] : [{ code: 'chip-mismatch', found: 'esp8266', expected: wanted }]
  // None of the forms of signature that are known here lies behind such an image.
  const signature = (context.signature?.policy ?? 'off') === 'off' ? null : NO_SIGNATURE
  const tooLarge: Problem[] =
    slotSize === undefined || bytes.length <= slotSize
      ? []
      : [{ code: 'too-large-for-partition', length: bytes.length, slotSize }]
  const problems = [...mismatch, ...image.problems, ...tooLarge, ...signatureProblems(signature, context.signature)]
  return {
    verdict: problems.every(isWarning) ? 'other-family' : 'reject',
    kind: image.kind,
    chip: 'esp8266',
    problems,
    device: deviceLog(bytes, { chip: wanted ?? 'esp8266', slotSize, pageSize: USUAL_PAGE_SIZE, seal: undefined }),
    fields: fieldsOf(image),
    signature,
    // Version 3 alone carries a hash, and its boot loader checks it only where the project asked for that.
    selfContained: false
  }
}

function fieldsOf(image: Esp8266Image): Esp8266Fields {
  const { checksum, checksumEnd, iromLength, sha256Valid, crc32Valid } = image
  return {
    segments: image.segmentCount,
    entry: image.entryAddress,
    ...(iromLength === undefined ? {} : { irom: iromLength }),
    ...(checksum === undefined ? {} : { checksum: checksum.found, checksumCalc: checksum.calculated }),
    ...(checksumEnd === undefined ? {} : { imageLength: checksumEnd }),
    ...(sha256Valid === undefined ? {} : { sha256Valid }),
    ...(crc32Valid === undefined ? {} : { crc32Valid })
  }
}
