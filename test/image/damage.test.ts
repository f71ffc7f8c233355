import { describe, expect, it } from 'vitest'
import { isServable } from '../../src/image/servable.js'
import { verifyImage } from '../../src/image/verify.js'
import { anImage, truncatedTo, withByteFlipped } from '../support/image-builder.js'

const isRefused = (bytes: Uint8Array) => {
  const verdict = verifyImage(bytes)
  return verdict.verdict === 'reject' && !verdict.selfContained && !isServable(verdict, {})
}

describe('damage to an image with a hash', () => {
  const small = anImage({ length: 1200 })
  const usual = anImage({ chip: 'esp32s3' })

  it('that cuts it anywhere is refused', () => {
    for (let length = 0; length < small.length; length++) {
      expect(isRefused(truncatedTo(small, length)), `cut at ${length}`).toBe(true)
    }
  })

  it('that cuts an image of the usual length anywhere is refused', () => {
    for (let length = 1; length < usual.length; length += 61) {
      expect(isRefused(truncatedTo(usual, length)), `cut at ${length}`).toBe(true)
    }
  })

  it.each([0x01, 0x80, 0xff, 0x5a])('that changes any single byte by 0x%x is refused', mask => {
    for (let offset = 0; offset < small.length; offset++) {
      expect(isRefused(withByteFlipped(small, offset, mask)), `byte ${offset}`).toBe(true)
    }
  })

  it('that loses any single byte is refused', () => {
    for (let offset = 0; offset < small.length; offset++) {
      const shorter = Buffer.concat([small.subarray(0, offset), small.subarray(offset + 1)])
      // Losing one of several equal bytes in a row is the same loss.
      expect(isRefused(shorter), `byte ${offset}`).toBe(true)
    }
  })

  it('that exchanges two sectors, which no checksum sees, is refused', () => {
    const image = anImage({ length: 0x20000 })
    const swapped = Buffer.from(image)
    image.copy(swapped, 0x11000, 0x13000, 0x14000)
    image.copy(swapped, 0x13000, 0x11000, 0x12000)
    expect(verifyImage(swapped).problems.map(({ code }) => code)).toEqual(['hash-mismatch'])
  })
})
