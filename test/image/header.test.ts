import { describe, expect, it } from 'vitest'
import { readHeader } from '../../src/image/header.js'
import { verifyImage } from '../../src/image/verify.js'
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

describe('eFuse block revisions', () => {
  const asking = (chip: 'esp32' | 'esp32c3', min: number, max: number) =>
    verifyImage(anImage({ chip, length: 1200, minEfuseBlockRevision: min, maxEfuseBlockRevision: max }))

  it('that exclude each other are refused at the end of the update, on every chip but the ESP32', () => {
    const { problems, device } = asking('esp32c3', 3, 2)
    expect(problems).toEqual([{ code: 'revision-range-empty', of: 'efuse-block', minRevision: 3, maxRevision: 2 }])
    expect(device).toMatchObject([
      { stage: 'ota-end', tag: 'boot_comm', text: 'Image requires efuse blk rev ', likely: true }
    ])
    expect(asking('esp32', 3, 2)).toMatchObject({ verdict: 'accept', device: [] })
  })

  it.each([
    [0, 0],
    [3, 0],
    [3, 0xffff],
    [0xffff, 2],
    [2, 3],
    [3, 3]
  ])('from %i to %i are possible: 0 and 65535 say nothing', (min, max) => {
    expect(asking('esp32c3', min, max)).toMatchObject({ verdict: 'accept', problems: [] })
  })
})
