import { describe, expect, it } from 'vitest'
import { hasBootloaderBanner, readBootloaderDescriptor } from '../../src/image/bootloader-descriptor.js'
import { aBootloader, anImage, withBytes } from '../support/image-builder.js'

describe('readBootloaderDescriptor', () => {
  it('reads the descriptor of a bootloader', () => {
    expect(readBootloaderDescriptor(aBootloader())).toEqual({
      secureVersion: 0,
      version: 1,
      idfVersion: 'v5.2.2',
      dateTime: 'Jan  2 2026 12:00:00'
    })
  })

  it.each([
    ['a reserved byte at its start', 33, 1],
    ['a reserved byte at its end', 32 + 70, 1],
    ['a version that is no text', 32 + 8, 1],
    ['another magic byte', 32, 0x51]
  ])('is not taken in by %s', (_name, offset, value) => {
    expect(readBootloaderDescriptor(withBytes(aBootloader(), offset, [value]))).toBeUndefined()
  })

  it('finds none in an app', () => {
    expect(readBootloaderDescriptor(anImage())).toBeUndefined()
  })
})

describe('hasBootloaderBanner', () => {
  it('looks for the first line of a bootloader in the first 64 KiB only', () => {
    const banner = Buffer.from('ESP-IDF %s 2nd stage bootloader')
    const image = anImage({ length: 0x14000 })
    expect(hasBootloaderBanner(image)).toBe(false)
    expect(hasBootloaderBanner(withBytes(image, 0x8000, banner))).toBe(true)
    expect(hasBootloaderBanner(withBytes(image, 0x11000, banner))).toBe(false)
  })
})
