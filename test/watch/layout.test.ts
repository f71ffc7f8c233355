import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { isCandidateFile, isWorthEntering, nameOf, whyUnaskable } from '../../src/watch/candidates.js'
import { PLAIN_LAYOUT, readEspIdfLayout } from '../../src/watch/layout.js'

const DESCRIPTION = JSON.stringify({ project_name: 'hello_world', target: 'esp32s3', app_bin: 'hello_world.bin' })
const FLASHER_ARGS = JSON.stringify({
  flash_files: {
    '0x0': 'bootloader/bootloader.bin',
    '0x8000': 'partition_table/partition-table.bin',
    '0x10000': 'hello_world.bin',
    '0x310000': 'www.bin'
  },
  bootloader: { offset: '0x0', file: 'bootloader/bootloader.bin' },
  'partition-table': { offset: '0x8000', file: 'partition_table/partition-table.bin' },
  app: { offset: '0x10000', file: 'hello_world.bin' }
})

describe('the layout of an ESP-IDF build folder', () => {
  it('names the project, the chip, the app and the partition table', () => {
    expect(readEspIdfLayout(DESCRIPTION, FLASHER_ARGS)).toMatchObject({
      system: 'esp-idf',
      description: 'ESP-IDF project hello_world, esp32s3',
      chip: 'esp32s3',
      app: 'hello_world.bin',
      partitionTable: 'partition_table/partition-table.bin'
    })
  })

  it('leaves out what is flashed by cable', () => {
    expect([...readEspIdfLayout(DESCRIPTION, FLASHER_ARGS).notForOta.keys()].sort()).toEqual([
      'bootloader/bootloader.bin',
      'partition_table/partition-table.bin',
      'www.bin'
    ])
  })

  it.each([
    ['half written', DESCRIPTION.slice(0, 20)],
    ['empty', ''],
    ['of another kind', '[]']
  ])('is that of a plain folder while the description is %s', (_how, text) => {
    expect(readEspIdfLayout(text, FLASHER_ARGS)).toBe(PLAIN_LAYOUT)
  })

  it('takes no path that leads out of the folder', () => {
    const climbing = JSON.stringify({ 'partition-table': { file: '../../etc/passwd' } })
    expect(readEspIdfLayout(DESCRIPTION, climbing).partitionTable).toBe('partition_table/partition-table.bin')
    expect(readEspIdfLayout(JSON.stringify({ app_bin: '/etc/passwd' }), undefined).app).toBeUndefined()
  })
})

describe('a candidate', () => {
  it('ends in .bin and is no dot file', () => {
    expect(['a.bin', '.a.bin', 'a.bin.tmp', 'a.BIN', '.bin', 'bin'].filter(isCandidateFile)).toEqual(['a.bin'])
  })

  it('lies in no folder that builds fill with other things', () => {
    expect(['esp32s3', '.git', 'CMakeFiles', 'esp-idf'].filter(isWorthEntering)).toEqual(['esp32s3'])
  })

  it('is called by its path in the folder, behind the label if there is one', () => {
    expect(nameOf(['esp32s3', 'app.bin'].join(path.sep), undefined)).toBe('esp32s3/app.bin')
    expect(nameOf('app.bin', 'left')).toBe('left/app.bin')
  })

  it('has a name that fits the request buffer of a device', () => {
    expect(whyUnaskable(`${'a'.repeat(196)}.bin`)).toBeUndefined()
    expect(whyUnaskable(`${'a'.repeat(197)}.bin`)).toContain('too long')
    expect(whyUnaskable(`${'ä'.repeat(40)}.bin`)).toContain('too long')
  })

  it('does not stand before an artifact', () => {
    expect(whyUnaskable(`artifacts/${'0'.repeat(64)}.bin`)).toContain('address of otad')
    expect(whyUnaskable('artifacts/app.bin')).toBeUndefined()
  })
})
