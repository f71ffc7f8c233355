import { describe, expect, it } from 'vitest'
import { CHIPS } from '../../src/image/chips.js'
import { readPageLayout } from '../../src/image/pages.js'

const segment = (index: number, loadAddress: number, offset: number) => ({ index, loadAddress, offset, length: 16 })

describe('readPageLayout', () => {
  it('takes the only page size of a chip that has one', () => {
    const layout = readPageLayout(CHIPS.esp32, [segment(0, 0x3f400020, 0x20)], undefined)
    expect(layout).toEqual({ pageSize: 0x10000 })
  })

  it('takes the largest size under which every mapped segment fits, where nothing is stated', () => {
    const segments = [segment(0, 0x3c008020, 0x20), segment(1, 0x42000020, 0x8020)]
    expect(readPageLayout(CHIPS.esp32c2, segments, undefined)).toEqual({ pageSize: 0x8000 })
  })

  it('believes the descriptor where the project chooses the size', () => {
    const segments = [segment(0, 0x3c008020, 0x20)]
    expect(readPageLayout(CHIPS.esp32c2, segments, 0x4000)).toEqual({ pageSize: 0x4000 })
    expect(readPageLayout(CHIPS.esp32c2, segments, 0x10000)).toEqual({ pageSize: 0x10000, misaligned: segments[0] })
  })

  it('ignores the descriptor where the chip leaves no choice', () => {
    const segments = [segment(0, 0x3c008020, 0x8020)]
    expect(readPageLayout(CHIPS.esp32s3, segments, 0x8000).pageSize).toBe(0x10000)
  })

  it('names the first mapped segment that no size allows', () => {
    const segments = [segment(0, 0x3ffb0000, 0x21), segment(1, 0x400d0024, 0x10020)]
    expect(readPageLayout(CHIPS.esp32, segments, undefined)).toEqual({ pageSize: 0x10000, misaligned: segments[1] })
  })
})
