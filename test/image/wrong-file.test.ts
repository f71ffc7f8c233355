import { describe, expect, it } from 'vitest'
import { explainWrongFile } from '../../src/image/wrong-file.js'

describe('explainWrongFile', () => {
  it('names the app of an ESP-IDF build beside bootloader, partition table and merged image', () => {
    const build = [
      'bootloader/bootloader.bin',
      'partition_table/partition-table.bin',
      'ota_data_initial.bin',
      'merged-binary.bin',
      'hello_world.elf',
      'hello_world.bin'
    ]
    expect(explainWrongFile('merged-flash', build)).toBe(
      'this is the merged image for the factory; serve hello_world.bin'
    )
    expect(explainWrongFile('bootloader', build)).toBe('this is a bootloader; serve hello_world.bin')
    expect(explainWrongFile('elf', build)).toBe(
      'this is an ELF file, from which the image is made; serve hello_world.bin'
    )
    expect(explainWrongFile('ram-app', build)).toBe('this is a program that runs from RAM only; serve hello_world.bin')
    expect(explainWrongFile('gzip', build)).toBe('this is a gzip-compressed file; serve hello_world.bin')
  })

  it.each([
    ['ESPHome', ['firmware.factory.bin', 'firmware.ota.bin', 'firmware.bin'], 'firmware.ota.bin'],
    [
      'Arduino',
      ['blink.ino.merged.bin', 'blink.ino.bootloader.bin', 'blink.ino.partitions.bin', 'blink.ino.bin'],
      'blink.ino.bin'
    ],
    [
      'PlatformIO',
      ['bootloader.bin', 'partitions.bin', 'boot_app0.bin', 'littlefs.bin', 'firmware.bin'],
      'firmware.bin'
    ],
    ['signing', ['app.bin', 'app-signed.bin'], 'app-signed.bin'],
    ['Windows', ['build\\bootloader\\bootloader.bin', 'build\\app.bin'], 'build\\app.bin']
  ])('knows the names of %s', (_who, neighbours, app) => {
    expect(explainWrongFile('merged-flash', neighbours)).toBe(`this is the merged image for the factory; serve ${app}`)
  })

  it('offers several where the names do not tell, and not too many', () => {
    expect(explainWrongFile('bootloader', ['a.bin', 'b.bin'])).toBe('this is a bootloader; serve a.bin or b.bin')
    expect(explainWrongFile('bootloader', ['a.bin', 'b.bin', 'c.bin', 'd.bin', 'e.bin'])).toBe(
      'this is a bootloader; serve a.bin or b.bin or c.bin or one of 2 more'
    )
  })

  it('says where to look when there is no neighbour that could be it', () => {
    expect(explainWrongFile('bootloader', ['partition-table.bin', 'notes.txt'])).toBe(
      'this is a bootloader; the app that an update needs is build/<project>.bin'
    )
  })
})
