import { describe, expect, it } from 'vitest'
import { CHIPS } from '../../src/image/chips.js'
import { fitsInRam, isExecutable, isMapped, touchesBootloaderRam, useOf } from '../../src/image/memory.js'

const PAGE = 0x10000
const ANY_REVISION = { minChipRevision: 0, maxChipRevision: 0xffff }

describe('the memory of a chip', () => {
  it.each([
    ['esp32', 0x3f400020, 'map'],
    ['esp32', 0x400d0020, 'map'],
    ['esp32', 0x3ffb0000, 'load'],
    ['esp32', 0x50000000, 'load'],
    ['esp32', 0, 'pad'],
    ['esp32p4', 0x48000020, 'map'],
    ['esp32p4', 0x30100000, 'load']
  ] as const)('of %s makes a segment at %i one to %s', (chip, loadAddress, use) => {
    expect(useOf(CHIPS[chip], { loadAddress }, PAGE)).toBe(use)
  })

  it('ends its mapped range 256 pages up on the ESP32-C6, however large a page is', () => {
    expect(isMapped(CHIPS.esp32c6, 0x42fffffc, 0x10000)).toBe(true)
    expect(isMapped(CHIPS.esp32c6, 0x42800000, 0x8000)).toBe(false)
    expect(isMapped(CHIPS.esp32c6, 0x427ffffc, 0x8000)).toBe(true)
  })

  it('takes a segment whose first and last byte are in one range', () => {
    expect(fitsInRam(CHIPS.esp32, 0x3fffff00, 0x100)).toBe(true)
    expect(fitsInRam(CHIPS.esp32, 0x3fffff00, 0x104)).toBe(false)
    expect(fitsInRam(CHIPS.esp32, 0x40000000, 4)).toBe(false)
  })

  it('runs code from RAM and mapped code, not from mapped data', () => {
    expect(isExecutable(CHIPS.esp32, 0x40080000, PAGE)).toBe(true)
    expect(isExecutable(CHIPS.esp32, 0x400d0020, PAGE)).toBe(true)
    expect(isExecutable(CHIPS.esp32, 0x3f400020, PAGE)).toBe(false)
    expect(isExecutable(CHIPS.esp32c6, 0x42000020, PAGE)).toBe(true)
    expect(isExecutable(CHIPS.esp32, 0xdeadbeef, PAGE)).toBe(false)
  })

  it('belongs to the bootloader above a mark, in both views of shared RAM', () => {
    const at = (loadAddress: number) => ({ index: 0, offset: 32, length: 16, loadAddress })
    expect(touchesBootloaderRam(CHIPS.esp32s3, at(0x403cb700), ANY_REVISION)).toBe(true)
    expect(touchesBootloaderRam(CHIPS.esp32s3, at(0x403cb700 - 0x6f0000), ANY_REVISION)).toBe(true)
    expect(touchesBootloaderRam(CHIPS.esp32s3, at(0x403cb6f0), ANY_REVISION)).toBe(false)
    expect(touchesBootloaderRam(CHIPS.esp32, at(0x3fff0000), ANY_REVISION)).toBe(true)
    expect(touchesBootloaderRam(CHIPS.esp32, at(0x3fff6000), ANY_REVISION)).toBe(false)
  })

  it('is laid out anew from revision 3 of the ESP32-P4 on', () => {
    const segment = { index: 0, offset: 32, length: 16, loadAddress: 0x4ff33ce0 }
    expect(touchesBootloaderRam(CHIPS.esp32p4, segment, { minChipRevision: 1, maxChipRevision: 199 })).toBe(true)
    expect(touchesBootloaderRam(CHIPS.esp32p4, segment, { minChipRevision: 300, maxChipRevision: 399 })).toBe(false)
  })
})
