import { describe, expect, it } from 'vitest'
import { crc32 } from '../../src/image/crc32.js'
import { isEsp8266Image } from '../../src/image/esp8266.js'
import { checksumOf } from '../../src/image/integrity.js'
import { verifyImage } from '../../src/image/verify.js'
import {
  aBootloader,
  anImage,
  filled,
  truncatedTo,
  withByteFlipped,
  withBytes,
  withTrailer
} from '../support/image-builder.js'

const ram = [
  { loadAddress: 0x40100000, data: filled(64, 1) },
  { loadAddress: 0x3ffe8000, data: filled(32, 2) }
]
const version1 = anImage({ chip: 'esp8266', segments: ram, hash: false })
const version3 = anImage({ chip: 'esp8266' })

/** As `elf2image --version 2` writes it: the flash part, then a version 1 image, then the boot loader's CRC. */
function aVersion2({ count = 4, second = 0xe9 } = {}): Buffer {
  const irom = filled(1024, 3)
  const first = Buffer.alloc(16)
  first.set([0xea, count, 0, 0x40])
  first.writeUInt32LE(0x40100000, 4)
  first.writeUInt32LE(irom.length, 12)
  const body = Buffer.concat([first, irom, withBytes(version1, 0, [second])])
  const crc = crc32(body)
  const file = Buffer.concat([body, Buffer.alloc(4)])
  file.writeUInt32LE(crc >= 0x80000000 ? ~crc >>> 0 : crc + 1, body.length)
  return file
}

const codes = (bytes: Uint8Array) => verifyImage(bytes).problems.map(({ code }) => code)

describe('an ESP8266 image', () => {
  it.each([
    ['esp8266-v1', version1],
    ['esp8266-v2', aVersion2()],
    ['esp8266-v3', version3]
  ])('of kind %s is sound and of another family', (kind, bytes) => {
    expect(verifyImage(bytes)).toMatchObject({
      kind,
      chip: 'esp8266',
      verdict: 'other-family',
      problems: [],
      device: []
    })
  })

  it('is told from one of the ESP32 family by its first load address', () => {
    expect(isEsp8266Image(version1)).toBe(true)
    expect(isEsp8266Image(truncatedTo(version1, 11))).toBe(false)
    expect(isEsp8266Image(anImage())).toBe(false)
    expect(isEsp8266Image(aBootloader({ chip: 'esp32s2' }))).toBe(false)
  })

  it.each([
    ['v1: a changed byte', withByteFlipped(version1, 20), ['checksum-mismatch']],
    ['v1: a cut', truncatedTo(version1, 40), ['truncated-segment-data']],
    ['v1: a cut before the checksum', truncatedTo(version1, -1), ['truncated-checksum']],
    ['v1: no segments', withBytes(version1, 1, [0]), ['no-segments', 'checksum-mismatch', 'warn:trailing-data']],
    ['v3: a changed byte', withByteFlipped(version3, 3000), ['checksum-mismatch', 'hash-mismatch']],
    ['v3: a changed hash', withByteFlipped(version3, version3.length - 1), ['hash-mismatch']],
    ['v3: a cut hash', truncatedTo(version3, -1), ['truncated-hash']],
    ['v2: a changed byte in flash', withByteFlipped(aVersion2(), 100), ['crc32-mismatch']],
    ['v2: a changed byte in RAM', withByteFlipped(aVersion2(), 1060), ['checksum-mismatch', 'crc32-mismatch']],
    ['v2: a cut CRC', truncatedTo(aVersion2(), -1), ['truncated-checksum']],
    ['v2: a lost second header', aVersion2({ second: 0xe8 }), ['bad-second-header']],
    ['v2: a cut before the second header', truncatedTo(aVersion2(), 1000), ['bad-second-header']],
    ['v2: a cut inside the first header', truncatedTo(aVersion2(), 12), ['truncated-header']]
  ])('is refused for %s', (_name, bytes, expected) => {
    expect(codes(bytes)).toEqual(expected)
    expect(verifyImage(bytes).verdict).toBe('reject')
  })

  it('is warned of where something follows it, or its first header counts oddly', () => {
    expect(codes(withTrailer(version1, [1]))).toEqual(['warn:trailing-data'])
    expect(codes(withTrailer(version1, [0xff]))).toEqual([])
    expect(codes(aVersion2({ count: 3 }))).toEqual(['warn:v2-first-header-count'])
  })

  it('is refused when it is too long for its slot', () => {
    const { problems, verdict } = verifyImage(version3, { chip: 'esp8266', slotSize: 1024 })
    expect([verdict, problems[0]?.code]).toEqual(['reject', 'too-large-for-partition'])
  })

  it('of version 2 keeps its checksum over the RAM segments only', () => {
    const segments = [
      { index: 0, loadAddress: 0, offset: 0, length: 64 },
      { index: 1, loadAddress: 0, offset: 64, length: 32 }
    ]
    const data = Buffer.concat(ram.map(segment => segment.data))
    expect(verifyImage(aVersion2()).fields).toMatchObject({ checksumCalc: checksumOf(data, segments), irom: 1024 })
  })
})
