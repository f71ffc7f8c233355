import { describe, expect, it } from 'vitest'
import { chainRules, isPadding, readSegments } from '../../src/image/segments.js'
import { anImage, truncatedTo, withSegmentLength } from '../support/image-builder.js'

const SIXTEEN_MIB = 0x1000000
const image = anImage({
  segments: [
    { loadAddress: 0x3f400020, data: Buffer.alloc(16) },
    { loadAddress: 0x3ffb0000, data: Buffer.alloc(4) },
    { loadAddress: 0x40080000, data: Buffer.alloc(8) }
  ]
})
const rules = chainRules(3, SIXTEEN_MIB)

describe('readSegments', () => {
  it('finds each segment where the one before it ends', () => {
    const { segments, end, broken } = readSegments(image, rules)
    expect(segments.map(({ offset, length }) => [offset, length])).toEqual([
      [32, 16],
      [56, 4],
      [68, 8]
    ])
    expect(end).toBe(76)
    expect(broken).toBeUndefined()
  })

  const refused = [
    ['a length that erased flash would give', 0xffffffff, 'segment-length-invalid'],
    ['a length that is no multiple of 4', 6, 'segment-length-invalid'],
    ['a length of 16 MiB', SIXTEEN_MIB, 'segment-length-invalid'],
    ['the largest legal length, which the file does not hold', SIXTEEN_MIB - 4, 'truncated-segment-data']
  ] as const
  it.each(refused)('stops at %s', (_name, length, code) => {
    const { segments, broken } = readSegments(withSegmentLength(image, 1, length), rules)
    expect(broken).toMatchObject({ code, index: 1 })
    expect(segments).toHaveLength(1)
  })

  it('takes a segment without bytes', () => {
    const empty = anImage({ segments: [{ loadAddress: 0x3ffb0000, data: Buffer.alloc(0) }] })
    expect(readSegments(empty, chainRules(1, SIXTEEN_MIB)).segments).toHaveLength(1)
  })

  it('looks at no segment when more are announced than a device takes', () => {
    const { segments, broken } = readSegments(image, chainRules(17, SIXTEEN_MIB))
    expect(broken).toEqual({ code: 'too-many-segments', count: 17 })
    expect(segments).toEqual([])
  })

  it('stops at the end of the file, wherever that is', () => {
    for (let length = 24; length < 76; length++) {
      const { broken } = readSegments(truncatedTo(image, length), rules)
      expect(broken?.code, `cut at ${length}`).toMatch(/^truncated-segment-(header|data)$/)
    }
  })

  it('allows segments of 16 MiB and more where the chip does', () => {
    const { broken } = readSegments(withSegmentLength(image, 1, SIXTEEN_MIB), chainRules(3, 0xffffffff))
    expect(broken?.code).toBe('truncated-segment-data')
  })
})

describe('isPadding', () => {
  it('holds below the first address that is ever loaded', () => {
    expect(isPadding({ loadAddress: 0 })).toBe(true)
    expect(isPadding({ loadAddress: 0x0fffffff })).toBe(true)
    expect(isPadding({ loadAddress: 0x10000000 })).toBe(false)
  })
})
