import { describe, expect, it } from 'vitest'
import { explainLog } from '../../src/explain/explain-log.js'
import type { ImageContext } from '../../src/image/verdict.js'
import { verifyImage } from '../../src/image/verify.js'
import { anImage, truncatedTo, withByteFlipped } from '../support/image-builder.js'

const GOOD = anImage({ project: 'blink', version: 'v1.2.3', length: 80 * 1024 })
const PAGE = Buffer.from(`<!DOCTYPE html><html>${' '.repeat(2000)}</html>`)

const FILES: readonly (readonly [what: string, bytes: Uint8Array, context: ImageContext, code: string])[] = [
  ['a file that is cut', truncatedTo(GOOD, 40_000), {}, 'image-cut'],
  ['a file with a flipped byte', withByteFlipped(GOOD, 5000), {}, 'image-damaged'],
  ['an image for another chip', GOOD, { chip: 'esp32s3' }, 'wrong-chip'],
  ['an image that is larger than its slot', GOOD, { slotSize: 64 * 1024 }, 'too-large'],
  ['a web page', PAGE, { chip: 'esp32' }, 'wrong-chip'],
  ['a few bytes', GOOD.subarray(0, 100), {}, 'body-too-short']
]

describe('what otad check says that a device would print, otad explain understands', () => {
  it.each(FILES)('%s', (_what, bytes, context, code) => {
    const { device } = verifyImage(bytes, context)
    expect(device.length).toBeGreaterThan(0)
    const log = device.map(({ level, tag, text }) => `${level} (1234) ${tag}: ${text}`).join('\n')
    expect(explainLog(log).code).toBe(code)
    for (const { older, level } of device)
      if (older?.text != null) expect(explainLog(`${level} (1234) ${older.tag}: ${older.text}`).code).not.toBeNull()
  })
})
