import { describe, expect, it } from 'vitest'
import { readAppDescriptor, statedPageSize } from '../../src/image/app-descriptor.js'
import { anImage, truncatedTo, withByteFlipped, withBytes } from '../support/image-builder.js'

describe('readAppDescriptor', () => {
  it('reads who the app says it is', () => {
    const image = anImage({
      project: 'thermostat',
      version: 'v2.1-4-gabc',
      idfVersion: 'v5.4.1',
      secureVersion: 7,
      date: 'Mar  1 2026',
      time: '08:30:00',
      mmuPageSize: 0x8000
    })
    expect(readAppDescriptor(image)).toMatchObject({
      projectName: 'thermostat',
      version: 'v2.1-4-gabc',
      idfVersion: 'v5.4.1',
      secureVersion: 7,
      date: 'Mar  1 2026',
      time: '08:30:00',
      mmuPageSizeLog2: 15,
      appElfSha256: expect.stringMatching(/^[0-9a-f]{64}$/)
    })
  })

  it('finds none without the magic word, nor in a file that ends inside it', () => {
    expect(readAppDescriptor(withByteFlipped(anImage(), 33))).toBeUndefined()
    expect(readAppDescriptor(truncatedTo(anImage(), 287))).toBeUndefined()
    expect(readAppDescriptor(truncatedTo(anImage(), 288))).toBeDefined()
  })

  it('cuts a string that fills its field', () => {
    const image = withBytes(anImage(), 32 + 48, Buffer.from('x'.repeat(32)))
    expect(readAppDescriptor(image)?.projectName).toBe('x'.repeat(32))
  })
})

describe('statedPageSize', () => {
  const stating = (log2: number) => readAppDescriptor(withBytes(anImage(), 32 + 180, [log2]))

  it('believes 8 KiB to 256 KiB', () => {
    expect(statedPageSize(stating(13))).toBe(0x2000)
    expect(statedPageSize(stating(18))).toBe(0x40000)
  })

  it('takes everything else for not said', () => {
    for (const log2 of [0, 12, 19, 255]) expect(statedPageSize(stating(log2))).toBeUndefined()
    expect(statedPageSize(undefined)).toBeUndefined()
  })
})
