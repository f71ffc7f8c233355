import { describe, expect, it } from 'vitest'
import { explainProblem, isWarning, type Problem } from '../../src/image/problem.js'

const sentences: readonly (readonly [Problem, string])[] = [
  [
    { code: 'segment-length-invalid', index: 1, length: 0xffffffff, limit: 0x1000000 },
    'segment 1 claims 4294967295 bytes, it has to be less than 16777216'
  ],
  [
    { code: 'segment-length-invalid', index: 0, length: 7, limit: 0x1000000 },
    'segment 0 claims 7 bytes, which is no multiple of 4'
  ],
  [
    { code: 'chip-mismatch', found: 'esp32c3', expected: 'esp32' },
    'this image is for ESP32-C3, the project is for ESP32'
  ],
  [
    { code: 'too-large-for-partition', length: 1310720, slotSize: 1048576 },
    'the image is 1310720 bytes, the slot holds 1048576: 262144 too many'
  ],
  [
    { code: 'truncated-segment-data', index: 2, length: 40960, available: 12288 },
    'segment 2 wants 40960 bytes, 12288 are left'
  ],
  [{ code: 'unknown-chip-id', chipId: 4660 }, 'the header names chip 4660, which no chip has'],
  [{ code: 'unknown-chip-id', chipId: 6 }, 'the header names chip 6, which was ESP32-S3 beta 3'],
  [
    { code: 'revision-range-empty', minRevision: 301, maxRevision: 199 },
    'no chip can satisfy it: it asks for revision v3.1 or later and v1.99 or earlier'
  ],
  [
    { code: 'not-an-esp-image', kind: 'html', firstByte: 0x3c },
    'the file begins with 0x3c instead of 0xe9: it is a web page, probably the error that a download answered with'
  ],
  [
    { code: 'checksum-mismatch', calculated: 0xa, found: 0xff },
    'the checksum of the segments is 0x0a, the image says 0xff'
  ],
  [
    { code: 'segment-bad-load-address', chip: 'esp32', index: 1, loadAddress: 0x40000000, length: 16, count: 3 },
    'segment 1 would be loaded to 0x40000000-0x40000010, where ESP32 has no memory for it, and so for 2 more'
  ]
]

describe('explainProblem', () => {
  it.each(sentences)('names the thing, what was found and what was expected: $code', (problem, sentence) => {
    expect(explainProblem(problem)).toBe(sentence)
  })
})

it('isWarning holds for the codes that refuse nothing', () => {
  expect(isWarning({ code: 'warn:no-hash' })).toBe(true)
  expect(isWarning({ code: 'hash-flag-cleared' })).toBe(false)
})
