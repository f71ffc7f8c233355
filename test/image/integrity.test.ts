import { describe, expect, it } from 'vitest'
import { checksumOf, endOfChecksum, isHashOfFlaggedImage, xorOf } from '../../src/image/integrity.js'
import { anImage, filled, withBytes } from '../support/image-builder.js'

describe('xorOf', () => {
  it('is the same wherever the bytes lie and however many they are', () => {
    const noise = filled(80, 7)
    for (let start = 0; start < 9; start++) {
      for (let length = 0; length < 40; length++) {
        const bytes = noise.subarray(start, start + length)
        expect(xorOf(bytes), `${length} bytes from ${start}`).toBe(bytes.reduce((sum, byte) => sum ^ byte, 0))
      }
    }
  })
})

describe('checksumOf', () => {
  it('is the seed where there are no segments', () => {
    expect(checksumOf(anImage(), [])).toBe(0xef)
  })

  it('covers the data of the segments and nothing between them', () => {
    const bytes = Uint8Array.of(0xff, 1, 2, 0xff, 4)
    const segments = [
      { index: 0, loadAddress: 0, offset: 1, length: 2 },
      { index: 1, loadAddress: 0, offset: 4, length: 1 }
    ]
    expect(checksumOf(bytes, segments)).toBe(0xef ^ 1 ^ 2 ^ 4)
  })
})

describe('endOfChecksum', () => {
  it.each([
    [32, 48],
    [33, 48],
    [47, 48],
    [48, 64]
  ])('puts the checksum of segments that end at %i before %i', (end, expected) => {
    expect(endOfChecksum(end)).toBe(expected)
  })
})

describe('isHashOfFlaggedImage', () => {
  const image = anImage({ length: 1024 })

  it('recognises the hash of an image whose flag was cleared', () => {
    expect(isHashOfFlaggedImage(withBytes(image, 23, [0]), image.length - 32)).toBe(true)
  })

  it('takes nothing else for it', () => {
    expect(isHashOfFlaggedImage(withBytes(image, 22, [1, 0]), image.length - 32)).toBe(false)
    expect(isHashOfFlaggedImage(image.subarray(0, -1), image.length - 32)).toBe(false)
  })
})
