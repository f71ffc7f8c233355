import { describe, expect, it } from 'vitest'
import { readHeader } from '../../src/image/header.js'
import { anImage, truncatedTo, withBytes } from '../support/image-builder.js'

describe('readHeader', () => {
  it('reads each field at the place that esp_image_header_t gives it', () => {
    const bytes = Buffer.from('e905021f7c0408400102030009000463008f01aabbccdd01'.padEnd(48, '0'), 'hex')
    expect(readHeader(bytes)).toEqual({
      segmentCount: 5,
      flashMode: 2,
      flashSpeed: 15,
      flashSize: 1,
      entryAddress: 0x4008047c,
      wpPin: 1,
      chipId: 9,
      minChipRevisionLegacy: 4,
      minChipRevision: 99,
      maxChipRevision: 399,
      reservedBytesUsed: true,
      hashAppended: 1
    })
  })

  it('finds no header in a file that ends inside it', () => {
    expect(readHeader(truncatedTo(anImage(), 23))).toBeUndefined()
    expect(readHeader(truncatedTo(anImage(), 24))).toBeDefined()
  })

  it('keeps a hash flag that is neither 0 nor 1', () => {
    expect(readHeader(withBytes(anImage(), 23, [7]))?.hashAppended).toBe(7)
  })
})
