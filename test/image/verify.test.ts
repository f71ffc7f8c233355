import { describe, expect, it } from 'vitest'
import { CHIP_NAMES } from '../../src/image/chips.js'
import type { ImageContext } from '../../src/image/verdict.js'
import { verifyImage } from '../../src/image/verify.js'
import {
  aBootloader,
  aMergedImage,
  anImage,
  filled,
  resealed,
  truncatedTo,
  withByteFlipped,
  withBytes,
  withChipId,
  withLoadAddress,
  withSegmentLength,
  withTrailer
} from '../support/image-builder.js'

const codes = (bytes: Uint8Array, context?: ImageContext) =>
  verifyImage(bytes, context).problems.map(({ code }) => code)

describe('verifyImage accepts', () => {
  it.each(CHIP_NAMES.filter(name => name !== 'esp8266'))('an app for %s of any length', chip => {
    for (const length of [1024, 4096, 70 * 1024, 0x140000]) {
      const verdict = verifyImage(anImage({ chip, length }), { chip })
      expect(verdict).toMatchObject({ verdict: 'accept', kind: 'app', chip, problems: [], device: [] })
      expect(verdict.selfContained).toBe(true)
    }
  })

  it.each([
    ['esp32c2', 0x4000],
    ['esp32c6', 0x2000],
    ['esp32h2', 0x8000],
    ['esp32s31', 0x40000]
  ] as const)('an app for %s with MMU pages of %i bytes', (chip, mmuPageSize) => {
    const verdict = verifyImage(anImage({ chip, mmuPageSize, length: 0x90000 }))
    expect(verdict).toMatchObject({ verdict: 'accept', problems: [], fields: { mmuPageSize } })
  })

  it('an app that exactly fills its slot', () => {
    const image = anImage({ length: 0x20000 })
    expect(codes(image, { slotSize: image.length })).toEqual([])
  })

  it('an app without hash, and says so', () => {
    const verdict = verifyImage(anImage({ hash: false }))
    expect(verdict.verdict).toBe('accept')
    expect(verdict.problems).toEqual([{ code: 'warn:no-hash' }])
    expect(verdict.selfContained).toBe(false)
  })

  it('an image that lies at an odd address of its buffer', () => {
    const image = anImage()
    const buffer = new Uint8Array(image.length + 3)
    buffer.set(image, 3)
    expect(verifyImage(buffer.subarray(3))).toEqual(verifyImage(image))
  })
})

describe('verifyImage refuses', () => {
  const image = anImage()
  const patched = (offset: number, ...bytes: number[]) => resealed(withBytes(image, offset, bytes))
  const overlapping = resealed(withLoadAddress(image, 2, 0x3ffae010))

  const refused: readonly (readonly [string, Uint8Array, readonly string[]])[] = [
    ['an empty file', Buffer.alloc(0), ['empty-file']],
    ['another first byte', withByteFlipped(image, 0, 1), ['not-an-esp-image']],
    ['a file that ends inside the header', truncatedTo(image, 20), ['truncated-header']],
    ['an image shorter than the device reads at once', anImage({ length: 600 }), ['shorter-than-1024']],
    ['a chip id that no chip has', resealed(withChipId(image, 0x1234)), ['unknown-chip-id']],
    [
      'revisions that exclude each other',
      anImage({ minChipRevision: 300, maxChipRevision: 199 }),
      ['revision-range-empty']
    ],
    ['a hash flag of 2', patched(23, 2), ['hash-flag-invalid']],
    ['more than 16 segments', withBytes(image, 1, [17]), ['too-many-segments']],
    [
      'no segments at all',
      withBytes(image, 1, [0]),
      ['no-segments', 'checksum-mismatch', 'hash-mismatch', 'warn:trailing-data']
    ],
    ['a stated page size that the chip lacks', patched(32 + 180, 15), ['mmu-page-size-unsupported']],
    ['the length of erased flash', withSegmentLength(image, 1, 0xffffffff), ['segment-length-invalid']],
    ['a mapped segment beside its page', resealed(withLoadAddress(image, 0, 0x3f400024)), ['segment-misaligned']],
    ['a segment for the mask ROM', resealed(withLoadAddress(image, 1, 0x40000000)), ['segment-bad-load-address']],
    ['two segments for the same RAM', overlapping, ['segments-overlap']],
    ['an entry point in mapped data', patched(4, 0x20, 0x00, 0x40, 0x3f), ['entry-outside-memory']],
    ['a changed byte in a segment', withByteFlipped(image, 5000), ['checksum-mismatch', 'hash-mismatch']],
    ['a changed hash', withByteFlipped(image, image.length - 1), ['hash-mismatch']],
    ['a cleared hash flag', withBytes(image, 23, [0]), ['warn:no-hash', 'hash-flag-cleared']],
    ['a bootloader', aBootloader(), ['is-bootloader']],
    ['a bootloader of a chip that starts it from 0', aBootloader({ chip: 'esp32c3' }), ['is-bootloader']],
    ['a merged image that begins with its bootloader', aMergedImage({ chip: 'esp32s3' }), ['is-merged-flash']],
    ['a merged image that begins erased', aMergedImage({ chip: 'esp32' }), ['not-an-esp-image']],
    [
      'a program for RAM only',
      anImage({ segments: [{ loadAddress: 0x40080000, data: filled(2048, 1) }] }),
      ['is-ram-app']
    ],
    [
      'an app without descriptor where the chip wants one',
      anImage({ chip: 'esp32c6', descriptor: false }),
      ['app-desc-missing']
    ]
  ]
  it.each(refused)('%s', (_name, bytes, expected) => {
    const verdict = verifyImage(bytes)
    expect(verdict.problems.map(({ code }) => code)).toEqual(expected)
    expect(verdict.verdict).toBe('reject')
  })

  it('an image for another chip', () => {
    expect(codes(image, { chip: 'esp32c3' })).toEqual(['chip-mismatch'])
    expect(codes(anImage({ chip: 'esp8266' }), { chip: 'esp32' })).toEqual(['chip-mismatch'])
    expect(codes(image, { chip: 'esp8266' })).toEqual(['chip-mismatch'])
  })

  it('an image that is one byte too long for its slot', () => {
    expect(verifyImage(image, { slotSize: image.length - 1 }).problems).toEqual([
      { code: 'too-large-for-partition', length: image.length, slotSize: image.length - 1 }
    ])
  })

  it('a first segment that has no room for a descriptor', () => {
    const segments = [
      { loadAddress: 0x3f400020, data: filled(64, 1) },
      { loadAddress: 0x40080000, data: filled(2048, 2) }
    ]
    expect(codes(anImage({ segments }))).toEqual(['segment0-too-short', 'warn:no-app-desc'])
  })

  it('with all problems at once, in the order in which a device would meet them', () => {
    const broken = withByteFlipped(withLoadAddress(withBytes(image, 4, [0, 0, 0, 0]), 0, 0x3f400024), 5000)
    expect(codes(broken, { chip: 'esp32s3', slotSize: 1000 })).toEqual([
      'chip-mismatch',
      'segment-misaligned',
      'checksum-mismatch',
      'hash-mismatch',
      'too-large-for-partition',
      'entry-outside-memory'
    ])
  })
})

describe('verifyImage warns', () => {
  it.each([
    ['of reserved header bytes', withBytes(anImage(), 19, [1]), 'warn:reserved-header-bytes'],
    ['of a flash mode that has no meaning', withBytes(anImage(), 2, [9]), 'warn:flash-mode-unknown'],
    ['of RAM that the bootloader uses', withLoadAddress(anImage(), 1, 0x3fff0000), 'warn:segment-in-bootloader-ram'],
    ['of a missing descriptor', anImage({ descriptor: false }), 'warn:no-app-desc']
  ])('%s and accepts', (_name, bytes, code) => {
    const verdict = verifyImage(resealed(bytes))
    expect(verdict.problems.map(problem => problem.code)).toEqual([code])
    expect(verdict.verdict).toBe('accept')
  })
})

describe('verifyImage says that a file is whole by itself', () => {
  it('only where nothing follows the hash', () => {
    const image = anImage()
    expect(verifyImage(image).selfContained).toBe(true)
    expect(verifyImage(withTrailer(image, [0xff])).selfContained).toBe(false)
    expect(verifyImage(withTrailer(image, [0])).selfContained).toBe(false)
    expect(verifyImage(truncatedTo(image, -1)).selfContained).toBe(false)
  })

  it('and never of an ESP8266 image', () => {
    expect(verifyImage(anImage({ chip: 'esp8266' })).selfContained).toBe(false)
  })
})
