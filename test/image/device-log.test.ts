import { describe, expect, it } from 'vitest'
import type { ImageContext } from '../../src/image/verdict.js'
import { verifyImage } from '../../src/image/verify.js'
import {
  aBootloader,
  anImage,
  filled,
  resealed,
  segmentHeaderOffset,
  truncatedTo,
  withByteFlipped,
  withBytes,
  withLoadAddress,
  withSegmentLength
} from '../support/image-builder.js'

const image = anImage({ length: 0x20000 })

function log(bytes: Uint8Array, context: ImageContext = {}): string[] {
  return verifyImage(bytes, context).device.map(({ stage, level, tag, text }) => `${stage} ${level} ${tag}: ${text}`)
}

describe('the log of a device', () => {
  it('says nothing about a good image', () => {
    expect(log(image, { chip: 'esp32', slotSize: image.length })).toEqual([])
  })

  const downloads: readonly (readonly [string, Uint8Array, ImageContext, string])[] = [
    [
      'a body under 1024 bytes',
      truncatedTo(image, 1023),
      {},
      'https-ota E esp_https_ota: Complete headers were not received'
    ],
    ['another chip', image, { chip: 'esp32s3' }, 'https-ota E boot_comm: mismatch chip ID, expected 9, found 0'],
    [
      'a web page, whose letters it first takes for a chip',
      Buffer.from('<!DOCTYPE html>'.padEnd(2000)),
      { chip: 'esp32' },
      'https-ota E boot_comm: mismatch chip ID, expected 0, found 27757'
    ],
    [
      'a web page, where the chip is not known',
      Buffer.from('<!DOCTYPE html>'.padEnd(2000)),
      {},
      'ota-write E esp_ota_ops: OTA image has invalid magic byte (expected 0xE9, saw 0x3c)'
    ],
    [
      'a slot that is too small',
      image,
      { slotSize: 0x1f000 },
      'ota-write E esp_https_ota: Error: esp_ota_write failed! err=0x104'
    ],
    [
      'revisions that exclude each other',
      anImage({ minChipRevision: 300, maxChipRevision: 199 }),
      {},
      'https-ota E boot_comm: chip revision check failed. Required '
    ]
  ]
  it.each(downloads)('while downloading: %s', (_name, bytes, context, line) => {
    expect(log(bytes, context)).toEqual([line])
  })

  const lastHeader = segmentHeaderOffset(image, 4)
  const verifications: readonly (readonly [string, Uint8Array, string])[] = [
    ['a cut inside any but the last segment', truncatedTo(image, 3000), 'invalid segment length 0xffffffff'],
    ['a cut at a segment header', truncatedTo(image, lastHeader), 'invalid segment length 0xffffffff'],
    [
      'a cut inside the length of a segment header',
      truncatedTo(withSegmentLength(image, 4, 0x1234), lastHeader + 6),
      'invalid segment length 0xffff1234'
    ],
    ['a cut inside the hash', truncatedTo(image, -1), 'Image hash failed - image is corrupt'],
    ['too many segments', withBytes(image, 1, [17]), 'image at 0x110000 segment count 17 exceeds max 16'],
    ['a length that is no multiple of 4', withSegmentLength(image, 0, 0x1002), 'invalid segment length 0x1002'],
    [
      'a mapped segment beside its page',
      withLoadAddress(image, 0, 0x3f400024),
      "Segment 0 load address 0x3f400024, doesn't match data 0x00110020"
    ],
    ['a damaged header', withByteFlipped(image, 2, 1), 'Image hash failed - image is corrupt'],
    [
      'no room for a descriptor',
      anImage({
        segments: [
          { loadAddress: 0x3f400020, data: filled(252, 1) },
          { loadAddress: 0x40080000, data: filled(2048, 2) }
        ]
      }),
      'Segment 0: length 0xfc is too short for app description'
    ],
    [
      'no descriptor, where the page size varies',
      anImage({ chip: 'esp32c6', descriptor: false }),
      'Failed to fetch app description header!'
    ]
  ]
  it.each(verifications)('at the end of the update: %s', (_name, bytes, text) => {
    expect(log(bytes)).toEqual([`ota-end E esp_image: ${text}`])
  })

  it('at the end of the update: a cut in the last segment looks like a wrong checksum', () => {
    const [line] = log(truncatedTo(image, image.length - 100))
    expect(line).toMatch(/^ota-end E esp_image: Checksum failed\. Calculated 0x[0-9a-f]{1,2} read 0xff$/)
  })

  it('does not notice that a checksum of 0xff was cut off', () => {
    const plain = anImage({ hash: false })
    const checksum = plain.readUInt8(plain.length - 1)
    const ending = resealed(withByteFlipped(plain, 5000, checksum ^ 0xff))
    expect(verifyImage(truncatedTo(ending, -1))).toMatchObject({ verdict: 'reject', device: [] })
  })

  it('at the next start: a segment outside every RAM', () => {
    expect(log(resealed(withLoadAddress(image, 1, 0x40000000)))).toEqual([
      'boot E esp_image: Segment 1 0x40000000-0x40000400 invalid: bad load address range'
    ])
  })

  it('at the next start: a bootloader, which the update itself let pass', () => {
    const [line, ...more] = verifyImage(aBootloader({ chip: 'esp32c3' })).device
    expect(line).toMatchObject({ stage: 'boot', likely: true })
    expect(line?.text).toMatch(/^Segment 0 0x[0-9a-f]{8}-0x[0-9a-f]{8} invalid: overlaps bootloader$/)
    expect(more).toEqual([])
  })

  it('is not foretold for an ESP8266', () => {
    expect(log(withByteFlipped(anImage({ chip: 'esp8266' }), 5000))).toEqual([])
  })

  it('of an ESP32 that is given an ESP8266 image speaks of the chip', () => {
    expect(log(anImage({ chip: 'esp8266' }), { chip: 'esp32' })[0]).toMatch(/mismatch chip ID, expected 0, found \d+$/)
  })
})
