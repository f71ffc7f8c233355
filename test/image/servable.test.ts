import { describe, expect, it } from 'vitest'
import { isServable } from '../../src/image/servable.js'
import type { ImageContext } from '../../src/image/verdict.js'
import { verifyImage } from '../../src/image/verify.js'
import { aBootloader, anImage, aPartitionTable, withByteFlipped } from '../support/image-builder.js'

const servable = (bytes: Uint8Array, context: ImageContext = {}) => isServable(verifyImage(bytes, context), context)

describe('isServable', () => {
  it('is true of an accepted app, with or without descriptor', () => {
    expect(servable(anImage())).toBe(true)
    expect(servable(anImage({ descriptor: false }))).toBe(true)
  })

  it('is false of everything that is refused', () => {
    expect(servable(withByteFlipped(anImage(), 5000))).toBe(false)
    expect(servable(aBootloader())).toBe(false)
    expect(servable(aPartitionTable())).toBe(false)
    expect(servable(anImage(), { chip: 'esp32c3' })).toBe(false)
  })

  it('is true of an ESP8266 image only where the project is one for the ESP8266', () => {
    const image = anImage({ chip: 'esp8266' })
    expect(servable(image, { chip: 'esp8266' })).toBe(true)
    expect(servable(image)).toBe(false)
    expect(servable(image, { chip: 'esp32' })).toBe(false)
  })
})
