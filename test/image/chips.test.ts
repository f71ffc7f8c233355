import { describe, expect, it } from 'vitest'
import { CHIP_NAMES, CHIPS, chipWithId, isChipName, retiredChipWithId } from '../../src/image/chips.js'

describe('the chips', () => {
  it('have an id each that no other has', () => {
    const ids = CHIP_NAMES.map(name => CHIPS[name].id).filter(id => id !== null)
    expect(new Set(ids).size).toBe(CHIP_NAMES.length - 1)
  })

  it('are found by the ids of esp_chip_id_t', () => {
    const known = [
      [0, 'esp32'],
      [2, 'esp32s2'],
      [5, 'esp32c3'],
      [9, 'esp32s3'],
      [13, 'esp32c6'],
      [18, 'esp32p4']
    ] as const
    for (const [id, name] of known) expect(chipWithId(id)).toBe(name)
  })

  it('are not found by the low byte of an id alone', () => {
    expect(chipWithId(0x0105)).toBeUndefined()
    expect(chipWithId(0xffff)).toBeUndefined()
  })

  it('that were withdrawn are known by name and are no chips', () => {
    expect(chipWithId(14)).toBeUndefined()
    expect(retiredChipWithId(14)).toContain('ESP32-H2 beta 2')
    expect(retiredChipWithId(5)).toBeUndefined()
  })

  it('are named as ESP-IDF names its targets', () => {
    expect(isChipName('esp32s3')).toBe(true)
    expect(isChipName('ESP32-S3')).toBe(false)
    expect(isChipName('toString')).toBe(false)
  })

  it.each(CHIP_NAMES)('%s has ranges that are not empty', name => {
    for (const [low, high] of [...Object.values(CHIPS[name].mapped), ...Object.values(CHIPS[name].ram)]) {
      expect(low).toBeLessThan(high)
    }
  })
})
