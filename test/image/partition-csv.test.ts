import { describe, expect, it } from 'vitest'
import { readPartitionCsv } from '../../src/image/partition-csv.js'
import { smallestOtaSlot } from '../../src/image/partition-table.js'
import { TWO_OTA_PARTITIONS } from '../support/image-builder.js'

/** components/partition_table/partitions_two_ota.csv of ESP-IDF. */
const TWO_OTA = `# Name,   Type, SubType, Offset,  Size, Flags
# Note: if you have increased the bootloader size, make sure to update the offsets to avoid overlap
nvs,      data, nvs,     ,        0x4000,
otadata,  data, ota,     ,        0x2000,
phy_init, data, phy,     ,        0x1000,
factory,  app,  factory, ,        1M,
ota_0,    app,  ota_0,   ,        1M,
ota_1,    app,  ota_1,   ,        1M,
`

/** tools/partitions/min_spiffs.csv of arduino-esp32. */
const MIN_SPIFFS = `# Name,   Type, SubType, Offset,  Size, Flags
nvs,      data, nvs,     0x9000,  0x5000,
otadata,  data, ota,     0xe000,  0x2000,
app0,     app,  ota_0,   0x10000, 0x1E0000,
app1,     app,  ota_1,   0x1F0000,0x1E0000,
spiffs,   data, spiffs,  0x3D0000,0x20000,
coredump, data, coredump,0x3F0000,0x10000,
`

const read = (...lines: readonly string[]) => readPartitionCsv(lines.join('\n'))

describe('readPartitionCsv', () => {
  it('reads the table that ESP-IDF makes of its own text', () => {
    expect(readPartitionCsv(TWO_OTA)).toEqual(TWO_OTA_PARTITIONS.map(partition => ({ flags: 0, ...partition })))
  })

  it('finds the slot in a table of arduino-esp32, with the line ends of Windows too', () => {
    expect(smallestOtaSlot(readPartitionCsv(MIN_SPIFFS) ?? [])).toBe(0x1e0000)
    expect(readPartitionCsv(MIN_SPIFFS.replaceAll('\n', '\r\n'))).toEqual(readPartitionCsv(MIN_SPIFFS))
  })

  it.each([
    ['hexadecimal', 'a, data, nvs, 0x9000, 0x6000', 0x6000],
    ['decimal', 'a, data, nvs, 36864, 4096', 4096],
    ['in KiB', 'a, data, nvs, 0x9000, 24K', 24 * 1024],
    ['in MiB, small letters', 'a, data, fat, 0x9000, 1m', 1024 * 1024],
    ['in KiB, hexadecimal', 'a, data, nvs, 0x9000, 0x10k', 16 * 1024],
    ['where the partition ends, below zero', 'a, data, fat, 0x10000, -1M', 0x100000 - 0x10000]
  ])('takes a size %s', (_how, line, size) => {
    expect(read(line)).toMatchObject([{ size }])
  })

  it.each([
    ['names', 'a, app, ota_3, 0x10000, 1M', [0, 0x13]],
    ['names in capitals', 'a, APP, OTA_15, 0x10000, 1M', [0, 0x1f]],
    ['numbers', 'a, 0x40, 7, 0x9000, 4K', [0x40, 7]],
    ['an empty subtype', 'a, data, , 0x9000, 4K', [1, 6]],
    ['a trusted environment', 'a, app, tee_1, 0x10000, 1M', [0, 0x31]],
    ['a file system', 'a, data, littlefs, 0x9000, 4K', [1, 0x83]]
  ])('takes type and subtype as %s', (_how, line, [type, subtype]) => {
    expect(read(line)).toMatchObject([{ type, subtype }])
  })

  it('puts a partition without an offset behind the one before it: apps at 64 KiB, others at 4 KiB', () => {
    const table = read('a, data, nvs, , 0x1800', 'b, data, phy, , 4K', 'c, app, ota_0, , 1M', 'd, data, fat, , 1M')
    expect(table?.map(({ offset }) => offset)).toEqual([0x9000, 0xb000, 0x10000, 0x110000])
  })

  it('begins behind the table, wherever that is', () => {
    expect(readPartitionCsv('a, data, nvs, , 4K', { tableOffset: 0x10000 })).toMatchObject([{ offset: 0x11000 }])
    expect(readPartitionCsv('a, data, nvs, 0x9000, 4K', { tableOffset: 0x10000 })).toBeUndefined()
  })

  it('knows where bootloader and table lie, whatever the text says', () => {
    const table = readPartitionCsv('b, bootloader, primary, ,\nt, partition_table, primary, ,\na, data, nvs, , 4K', {
      bootloaderOffset: 0x1000
    })
    expect(table?.map(({ offset, size }) => [offset, size])).toEqual([
      [0x1000, 0x7000],
      [0x8000, 0x1000],
      [0x9000, 0x1000]
    ])
  })

  it('reads flags', () => {
    expect(read('a, data, nvs, 0x9000, 12K, encrypted:readonly', 'b, app, ota_0, , 1M, encrypted')).toMatchObject([
      { flags: 3 },
      { flags: 1 }
    ])
  })

  it.each([
    ['nothing', ''],
    ['nothing but comments', '# Name, Type, SubType, Offset, Size, Flags\n\n   # end'],
    ['no type', 'a'],
    ['a type that nobody knows', 'a, firmware, ota_0, 0x10000, 1M'],
    ['a subtype of another type', 'a, data, ota_0, 0x9000, 1M'],
    ['an app without a subtype', 'a, app, , 0x10000, 1M'],
    ['a type above a byte', 'a, 0x100, 0, 0x9000, 4K'],
    ['no size', 'a, app, ota_0, 0x10000,'],
    ['a line that was cut', 'a, app, ota_0, 0x10000, 0x'],
    ['a size that is a word', 'a, app, ota_0, 0x10000, all'],
    ['a size with a fraction', 'a, app, ota_0, 0x10000, 1.5M'],
    ['an octal number of old', 'a, data, nvs, 0x9000, 010000'],
    ['a flag that nobody knows', 'a, app, ota_0, 0x10000, 1M, secret'],
    ['a comment behind the fields', 'a, app, ota_0, 0x10000, 1M, # the first'],
    ['an app that is not at 64 KiB', 'a, app, ota_0, 0x11000, 1M'],
    ['an app that is not a number of sectors', 'a, app, ota_0, 0x10000, 1000'],
    ['a partition on the table', 'a, data, nvs, 0x8000, 4K'],
    ['an end that comes before the start', 'a, data, fat, 0x20000, -64K'],
    ['more than flash can hold', 'a, app, ota_0, 0x10000, 4096M'],
    ['a number beyond all numbers', `a, app, ota_0, 0x10000, 1${'m'.repeat(400)}`],
    ['HTML', '<!doctype html><html><body>404</body></html>'],
    ['bytes', '\u0000\uFFFD\u0001,\u0002,\u0003']
  ])('refuses a table with %s', (_what, text) => {
    expect(readPartitionCsv(text)).toBeUndefined()
  })

  it('refuses partitions that overlap, share a name, or are one OTA data too many', () => {
    expect(read('a, app, ota_0, 0x10000, 1M', 'b, app, ota_1, 0x100000, 1M')).toBeUndefined()
    expect(read('a, app, ota_0, 0x10000, 1M', 'a, app, ota_1, , 1M')).toBeUndefined()
    expect(read('a, data, ota, , 8K', 'b, data, ota, , 8K')).toBeUndefined()
    expect(read('a, data, ota, , 4K')).toBeUndefined()
  })

  it('refuses more partitions than a table holds', () => {
    const lines = Array.from({ length: 95 }, (_, index) => `p${index}, data, 0x40, , 4K`)
    expect(read(...lines.slice(1))).toHaveLength(94)
    expect(read(...lines)).toBeUndefined()
  })

  it('gives a table or nothing for every beginning of one, and never throws', () => {
    for (let length = 0; length < TWO_OTA.length; length++) {
      const table = readPartitionCsv(TWO_OTA.slice(0, length))
      expect(table === undefined || table.length > 0).toBe(true)
    }
  })
})
