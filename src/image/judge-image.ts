import { deviceLog } from './device-log.js'
import { readHeader } from './header.js'
import { imageFields } from './image-fields.js'
import { imageProblems } from './image-problems.js'
import { IMAGE_HEADER } from './layout.js'
import { USUAL_PAGE_SIZE } from './pages.js'
import { isWarning } from './problem.js'
import { readImage } from './read-image.js'
import { isSelfContained } from './seal.js'
import type { ImageContext, Verdict } from './verdict.js'

/** Judges an image of the ESP32 family: a file that begins with 0xE9 and is no image of the ESP8266. */
export function judgeImage(bytes: Uint8Array, context: ImageContext): Verdict {
  const header = readHeader(bytes)
  if (header === undefined) return judgeStump(bytes, context)
  const image = readImage(bytes, header)
  const problems = imageProblems(bytes, image, context)
  return {
    verdict: problems.every(isWarning) ? 'accept' : 'reject',
    kind: image.kind,
    chip: image.chip,
    problems,
    device: deviceLog(bytes, {
      chip: context.chip ?? image.chip,
      slotSize: context.slotSize,
      pageSize: image.layout?.pageSize ?? USUAL_PAGE_SIZE,
      seal: image.seal
    }),
    fields: imageFields(image),
    selfContained: image.seal !== undefined && isSelfContained(bytes, image.seal)
  }
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
    selfContained: false
  }
}
