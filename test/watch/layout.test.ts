import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { isCandidateFile, isWorthEntering, nameOf, whyUnaskable } from '../../src/watch/candidates.js'
import { describeLayouts, PLAIN_LAYOUT } from '../../src/watch/layout.js'
import { arduinoFiles, readArduinoLayout, sketchOf } from '../../src/watch/layout-arduino.js'
import { readEspIdfLayout } from '../../src/watch/layout-esp-idf.js'
import {
  isPlatformioBuild,
  isPlatformioEnvironment,
  platformioBuildLayout,
  readPlatformioBuildDir,
  readPlatformioLayout
} from '../../src/watch/layout-platformio.js'
import { readIni, readSdkconfig } from '../../src/watch/layout-text.js'
import { aBootloader, truncatedTo, withBytes, withChipId } from '../support/image-builder.js'

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

const espIdf = (description: string, flasherArgs?: string, sdkconfig?: string) =>
  readEspIdfLayout({ description, flasherArgs, sdkconfig })

describe('the layout of an ESP-IDF build folder', () => {
  it('names the project, the chip, the app and the partition table', () => {
    expect(espIdf(DESCRIPTION, FLASHER_ARGS)).toMatchObject({
      system: 'esp-idf',
      description: 'ESP-IDF project hello_world, esp32s3',
      chip: 'esp32s3',
      app: 'hello_world.bin',
      partitionTable: 'partition_table/partition-table.bin'
    })
  })

  it('leaves out what is flashed by cable', () => {
    expect([...espIdf(DESCRIPTION, FLASHER_ARGS).notForOta.keys()].sort()).toEqual([
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
    expect(espIdf(text, FLASHER_ARGS)).toBe(PLAIN_LAYOUT)
  })

  it('takes no path that leads out of the folder', () => {
    const climbing = JSON.stringify({ 'partition-table': { file: '../../etc/passwd' }, otadata: { file: '..' } })
    expect(espIdf(DESCRIPTION, climbing).partitionTable).toBe('partition_table/partition-table.bin')
    expect([...espIdf(DESCRIPTION, climbing).notForOta]).toEqual([])
    expect(espIdf(JSON.stringify({ app_bin: '/etc/passwd' })).app).toBeUndefined()
  })

  const ownTable = (file: string, more = '') =>
    `CONFIG_PARTITION_TABLE_CUSTOM=y\nCONFIG_PARTITION_TABLE_CUSTOM_FILENAME="${file}"\n${more}`

  it('knows the text of the table that the project has of its own, and where the table lies', () => {
    const moved = ownTable('tables/ota.csv', 'CONFIG_PARTITION_TABLE_OFFSET=0x10000\n')
    expect(espIdf(DESCRIPTION, FLASHER_ARGS, moved)).toMatchObject({
      partitionCsv: '../tables/ota.csv',
      tableOffset: 0x10000
    })
  })

  it.each([
    [
      'is one of ESP-IDF',
      '# CONFIG_PARTITION_TABLE_CUSTOM is not set\nCONFIG_PARTITION_TABLE_FILENAME="partitions_two_ota.csv"'
    ],
    ['is not named', 'CONFIG_PARTITION_TABLE_CUSTOM=y\nCONFIG_PARTITION_TABLE_CUSTOM_FILENAME=""'],
    ['lies outside of the project', ownTable('../../etc/passwd')],
    ['has an absolute path', ownTable('/etc/passwd')],
    ['has a path that no system takes', ownTable('a\0b.csv')],
    ['is named in a line that was cut', ownTable('partitions.csv').slice(0, -3)]
  ])('knows no text of a table that %s', (_how, sdkconfig) => {
    expect(espIdf(DESCRIPTION, FLASHER_ARGS, sdkconfig).partitionCsv).toBeUndefined()
  })
})

describe('the layout of an environment of PlatformIO', () => {
  const S3 = aBootloader({ chip: 'esp32s3' })

  it('has the chip of the bootloader beside the app, whatever else there is', () => {
    const idedata = JSON.stringify({ defines: ['CONFIG_IDF_TARGET_ESP32'] })
    const layout = readPlatformioLayout({ environment: 'lolin_s3', bootloader: S3, idedata })
    expect(layout).toMatchObject({
      system: 'platformio',
      description: 'PlatformIO environment lolin_s3, esp32s3',
      chip: 'esp32s3',
      app: 'firmware.bin',
      partitionTable: 'partitions.bin'
    })
    expect([...layout.notForOta.keys()]).toEqual(
      expect.arrayContaining(['bootloader.bin', 'partitions.bin', 'littlefs.bin', 'spiffs.bin', 'firmware.factory.bin'])
    )
    expect(layout.notForOta.has('firmware.bin')).toBe(false)
  })

  it.each([
    ['not there', undefined],
    ['empty', Buffer.alloc(0)],
    ['half written, in the header', truncatedTo(S3, 20)],
    ['erased flash', Buffer.alloc(4096, 0xff)],
    ['of no chip', withChipId(S3, 999)],
    ['no image', withBytes(S3, 0, [0])]
  ])('has no chip while the bootloader is %s and nothing else says one', (_how, bootloader) => {
    expect(readPlatformioLayout({ environment: 'a', bootloader }).chip).toBeUndefined()
  })

  it.each([
    ['the target among the defines', { idedata: '{"defines":["ESP32","CONFIG_IDF_TARGET_ESP32C3"]}' }, 'esp32c3'],
    ['the target as a value', { idedata: '{"defines":["CONFIG_IDF_TARGET=\\"esp32c6\\""]}' }, 'esp32c6'],
    ['the variant', { idedata: '{"defines":["ARDUINO_VARIANT=\\"esp32s2\\""]}' }, 'esp32s2'],
    ['the older family', { idedata: '{"defines":["PLATFORMIO=60111","ESP8266","ARDUINO=10805"]}' }, 'esp8266'],
    ['a board with a name of its own', { idedata: '{"defines":["ARDUINO_VARIANT=\\"m5stack_core\\""]}' }, undefined],
    ['defines that are none', { idedata: '{"defines":{"0":"ESP8266"}}' }, undefined],
    ['half a file', { idedata: '{"defines":["CONFIG_IDF_TARGET_ESP32C3"' }, undefined],
    ['CMake', { description: DESCRIPTION }, 'esp32s3'],
    ['sdkconfig', { sdkconfig: 'CONFIG_IDF_TARGET_ARCH_RISCV=y\nCONFIG_IDF_TARGET="esp32h2"\r\n' }, 'esp32h2']
  ])('takes the chip from %s where there is no bootloader', (_what, texts, chip) => {
    expect(readPlatformioLayout({ environment: 'a', ...texts }).chip).toBe(chip)
  })

  it.each([
    [
      'of the environment',
      '[env]\nboard_build.partitions = other.csv\n[env:a]\nboard_build.partitions = own.csv',
      'own.csv'
    ],
    ['of all environments', '[env]\nboard_build.partitions = all.csv ; for OTA\n[env:a]\nboard = esp32dev', 'all.csv'],
    ['of what it extends', '[env:a]\nextends = env:b\n[env:b]\nboard_build.partitions: t/b.csv', 't/b.csv'],
    [
      'of the last that it extends',
      '[env:a]\nextends =\n  x\n  y\n[x]\nboard_build.partitions=x\n[y]\nboard_build.partitions=y',
      'y'
    ]
  ])('knows the text of the table %s', (_whose, ini, file) => {
    expect(readPlatformioLayout({ environment: 'a', ini }).partitionCsv).toBe(`../../../${file}`)
  })

  it.each([
    ['outside of the project', '[env:a]\nboard_build.partitions = ../../../etc/passwd'],
    ['at an absolute path', '[env:a]\nboard_build.partitions = /etc/passwd'],
    ['of another environment', '[env:b]\nboard_build.partitions = b.csv'],
    ['of a circle', '[env:a]\nextends = env:b\n[env:b]\nextends = env:a'],
    ['in a file without sections', 'board_build.partitions = a.csv'],
    ['in no text at all', '\0\u0001[[[\n=\n]']
  ])('knows no text of a table %s', (_whose, ini) => {
    expect(readPlatformioLayout({ environment: 'a', ini }).partitionCsv).toBeUndefined()
  })

  it('is told by where the folder lies', () => {
    const at = (...parts: readonly string[]) => ['', 'home', 'me', ...parts].join(path.sep)
    expect(isPlatformioEnvironment(at('.pio', 'build', 'esp32dev'))).toBe(true)
    expect(isPlatformioEnvironment(at('.pio', 'build', 'esp32dev', 'src'))).toBe(false)
    expect(isPlatformioEnvironment(at('.pio', 'build'))).toBe(false)
    expect(isPlatformioBuild(at('weather', '.pio', 'build'))).toBe(true)
    expect(isPlatformioBuild(at('not.pio', 'build'))).toBe(false)
    expect(platformioBuildLayout(at('weather', '.pio', 'build')).description).toBe('PlatformIO project weather')
  })

  it.each([
    ['nothing', '[platformio]\ndefault_envs = a\n', '.pio/build'],
    ['a folder', '[platformio]\nbuild_dir = out\n', 'out'],
    ['a workspace', '[platformio]\nworkspace_dir = work', 'work/build'],
    ['what only PlatformIO can fill in', '[platformio]\nbuild_dir = $PROJECT_DIR/out', '.pio/build']
  ])('is built in the folder that platformio.ini names: %s', (_what, ini, folder) => {
    expect(readPlatformioBuildDir(ini)).toBe(folder)
  })
})

describe('the layout of a sketch of Arduino', () => {
  it('has the chip of the bootloader beside it, and leaves out its neighbours', () => {
    const layout = readArduinoLayout({
      sketch: 'Blink.ino',
      folderName: 'esp32.esp32.esp32',
      bootloader: aBootloader({ chip: 'esp32c3' })
    })
    expect(layout).toMatchObject({
      system: 'arduino',
      description: 'Arduino sketch Blink, esp32c3',
      chip: 'esp32c3',
      app: 'Blink.ino.bin',
      partitionTable: 'Blink.ino.partitions.bin'
    })
    expect([...layout.notForOta.keys()]).toEqual(
      expect.arrayContaining(['Blink.ino.bootloader.bin', 'Blink.ino.partitions.bin', 'Blink.ino.merged.bin'])
    )
  })

  it.each([
    ['the options of the build', '{"fqbn":"esp32:esp32:esp32s3:CDCOnBoot=cdc"}', 'build', 'esp32s3'],
    ['the name of the folder', undefined, 'esp32.esp32.esp32c6', 'esp32c6'],
    ['the older family', '{"fqbn":"esp8266:esp8266:nodemcuv2"}', 'build', 'esp8266'],
    ['a board with a name of its own', '{"fqbn":"esp32:esp32:m5stack_core"}', 'esp32.esp32.m5stack_core', undefined],
    ['a board of another maker', '{"fqbn":"arduino:avr:uno"}', 'arduino.avr.uno', undefined],
    ['options that were cut', '{"fqbn":"esp32:esp32:esp', 'build', undefined],
    ['options of another kind', '{"fqbn":7}', 'build', undefined]
  ])('takes the chip from %s where there is no bootloader', (_what, buildOptions, folderName, chip) => {
    expect(readArduinoLayout({ sketch: 'a.ino', folderName, buildOptions }).chip).toBe(chip)
  })

  it.each([
    ['Blink.ino.bin', 'Blink.ino'],
    ['Blink.ino.bootloader.bin', 'Blink.ino'],
    ['my.first.ino.merged.bin', 'my.first.ino'],
    ['Blink.ino.elf', undefined],
    ['Blink.bin', undefined],
    ['.ino.bin', undefined]
  ])('knows by its name whose file %s is', (file, sketch) => {
    expect(sketchOf(file)).toBe(sketch)
    if (sketch !== undefined) expect(arduinoFiles(sketch).bootloader).toBe(`${sketch}.bootloader.bin`)
  })
})

describe('a watched folder in words', () => {
  const environment = (name: string) => readPlatformioLayout({ environment: name })
  const sketch = readArduinoLayout({ sketch: 'Blink.ino', folderName: 'esp32.esp32.esp32' })

  it('names what was found in it', () => {
    const project = platformioBuildLayout(['', 'weather', '.pio', 'build'].join(path.sep))
    expect(describeLayouts(PLAIN_LAYOUT, [])).toBe('plain folder')
    expect(describeLayouts(PLAIN_LAYOUT, [PLAIN_LAYOUT, sketch])).toBe('Arduino sketch Blink, esp32')
    expect(describeLayouts(project, ['a', 'b'].map(environment))).toBe('PlatformIO project weather (a; b)')
    expect(describeLayouts(project, [...'abcdef'].map(environment))).toBe(
      'PlatformIO project weather (a; b; c; d; 2 more)'
    )
  })
})

describe('the text of a build system', () => {
  it('is read as Kconfig writes it', () => {
    const text = '# CONFIG_A is not set\nCONFIG_B=y\nCONFIG_C="a b"\r\nCONFIG_D=0x10\n CONFIG_E=y\nCONFIG_F="'
    expect([...readSdkconfig(text)]).toEqual([
      ['CONFIG_B', 'y'],
      ['CONFIG_C', 'a b'],
      ['CONFIG_D', '0x10']
    ])
  })

  it('is read as configparser does', () => {
    const text = '; first\n[a]\nKey = 1 # one\nlist =\n  x\n  y ; two\n[b]\nurl: http://host/#top\n[a]\nother=2'
    const sections = readIni(text)
    expect([...(sections.get('a') ?? [])]).toEqual([
      ['key', '1'],
      ['list', 'x, y'],
      ['other', '2']
    ])
    expect(sections.get('b')?.get('url')).toBe('http://host/#top')
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
