import { describe, expect, it } from 'vitest'
import { flashOfTable, placeFlash, readFlasherArgs } from '../../src/watch/layout-flash.js'
import { aBootloader, anImage, aPartitionTable, TWO_OTA_PARTITIONS, withByteFlipped } from '../support/image-builder.js'

const ARGS = {
  flash_files: {
    '0x1000': 'bootloader/bootloader.bin',
    '0x8000': 'partition_table/partition-table.bin',
    '0xd000': 'ota_data_initial.bin',
    '0x10000': 'app.bin',
    '0x310000': 'storage.bin',
    '0x400000': '../../etc/passwd'
  },
  bootloader: { offset: '0x1000', file: 'bootloader/bootloader.bin' },
  'partition-table': { offset: '0x8000', file: 'partition_table/partition-table.bin' },
  otadata: { offset: '0xd000', file: 'ota_data_initial.bin' },
  app: { offset: '0x10000', file: 'app.bin' }
}
const BYTES: Readonly<Record<string, Buffer>> = {
  'bootloader/bootloader.bin': aBootloader(),
  'partition_table/partition-table.bin': aPartitionTable(),
  'ota_data_initial.bin': Buffer.alloc(0x2000, 0xff)
}
const placed = (changes: Readonly<Record<string, Buffer>> = {}, chip: 'esp32' | 'esp32s3' = 'esp32') => {
  const files = readFlasherArgs(ARGS)
  if (files === undefined) throw new Error('no flash files')
  return placeFlash(files, new Map(Object.entries({ ...BYTES, ...changes })), chip)
}

describe('flasher_args.json', () => {
  it('gives every file its place, but the app, and none outside the folder', () => {
    expect(readFlasherArgs(ARGS)).toEqual({
      appOffset: 0x10000,
      files: [
        { role: 'bootloader', file: 'bootloader/bootloader.bin', offset: 0x1000 },
        { role: 'partition-table', file: 'partition_table/partition-table.bin', offset: 0x8000 },
        { role: 'otadata', file: 'ota_data_initial.bin', offset: 0xd000 },
        { role: 'data', file: 'storage.bin', offset: 0x310000 }
      ]
    })
  })

  it('says nothing where it does not say where the app goes', () => {
    for (const args of [{}, { app: { file: 'app.bin' } }, { app: { file: 'app.bin', offset: '-1' } }, { app: 7 }])
      expect(readFlasherArgs(args)).toBeUndefined()
  })
})

describe('the flash of a new device', () => {
  it('has bootloader, table and OTA data, in the order of their places', () => {
    expect(placed()?.parts.map(({ kind, offset }) => [kind, offset])).toEqual([
      ['bootloader', 0x1000],
      ['partition-table', 0x8000],
      ['otadata', 0xd000]
    ])
  })

  const broken: readonly (readonly [string, Readonly<Record<string, Buffer>>])[] = [
    ['a bootloader that is damaged', { 'bootloader/bootloader.bin': withByteFlipped(aBootloader(), 200) }],
    ['an app in the place of the bootloader', { 'bootloader/bootloader.bin': anImage() }],
    ['a table that is damaged', { 'partition_table/partition-table.bin': withByteFlipped(aPartitionTable(), 40) }],
    [
      'a key in the place of the table',
      { 'partition_table/partition-table.bin': Buffer.from('-----BEGIN PRIVATE KEY') }
    ]
  ]
  it.each(broken)('has the app alone where there is %s', (_what, changes) => {
    expect(placed(changes)).toEqual({ appOffset: 0x10000, parts: [] })
  })

  it('has the app alone where the bootloader is of another chip', () => {
    expect(placed({}, 'esp32s3')?.parts).toEqual([])
  })

  it('has erased OTA data where those of the build are something else', () => {
    for (const other of [Buffer.alloc(0x1000, 0xff), Buffer.from('secret')]) {
      const [, , otadata] = placed({ 'ota_data_initial.bin': other })?.parts ?? []
      expect(otadata?.bytes.equals(Buffer.alloc(0x2000, 0xff))).toBe(true)
    }
  })

  it('leaves out what is no data partition that it knows', () => {
    const offsets = placed({ 'storage.bin': Buffer.from('-----BEGIN PRIVATE KEY') })?.parts.map(({ offset }) => offset)
    expect(offsets).not.toContain(0x310000)
  })

  it('without the word of ESP-IDF begins where the bootloader would: the factory app, else the first slot', () => {
    const files = flashOfTable('b.bin', 't.bin')
    const appAt = (entries: typeof TWO_OTA_PARTITIONS): number | undefined => {
      const bytes = new Map([
        ['b.bin', aBootloader({ chip: 'esp32c3' })],
        ['t.bin', aPartitionTable({ entries })]
      ])
      return placeFlash(files, bytes, undefined)?.appOffset
    }
    expect(appAt(TWO_OTA_PARTITIONS)).toBe(0x10000)
    expect(appAt(TWO_OTA_PARTITIONS.filter(({ label }) => label !== 'factory'))).toBe(0x110000)
    expect(placeFlash(files, new Map(), undefined)).toBeUndefined()
    const bytes = new Map([
      ['b.bin', aBootloader({ chip: 'esp32c3' })],
      ['t.bin', aPartitionTable()]
    ])
    expect(placeFlash(files, bytes, undefined)?.parts[0]).toMatchObject({ kind: 'bootloader', offset: 0 })
  })
})
