import { execFileSync } from 'node:child_process'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ChipName } from '../../src/image/chips.js'
import type { ImageContext } from '../../src/image/verdict.js'
import { BuildFolder } from '../../src/watch/build-folder.js'
import { resolveFolders } from '../../src/watch/folders.js'
import { temporaryFolder } from '../support/daemon.js'
import {
  aBootloader,
  aPartitionTable,
  TWO_OTA_PARTITIONS,
  truncatedTo,
  withByteFlipped
} from '../support/image-builder.js'

const SLOT = 0x100000

function aTable(slotSize: number, md5 = true): Buffer {
  return aPartitionTable({
    md5,
    entries: TWO_OTA_PARTITIONS.map(entry => (entry.label === 'ota_1' ? { ...entry, size: slotSize } : entry))
  })
}

async function write(folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name)
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, content)
  }
}

function espIdf(chip: ChipName, slotSize = SLOT): Record<string, string | Uint8Array> {
  return {
    'project_description.json': JSON.stringify({ project_name: 'app', target: chip, app_bin: 'app.bin' }),
    'flasher_args.json': JSON.stringify({ bootloader: { file: 'bootloader/bootloader.bin' } }),
    'partition_table/partition-table.bin': aTable(slotSize)
  }
}

function platformio(chip: ChipName, slotSize = SLOT): Record<string, string | Uint8Array> {
  return { 'bootloader.bin': aBootloader({ chip }), 'partitions.bin': aTable(slotSize), 'firmware.elf': 'ELF' }
}

function arduino(sketch: string, chip: ChipName, slotSize = SLOT): Record<string, string | Uint8Array> {
  return {
    [`${sketch}.bootloader.bin`]: aBootloader({ chip }),
    [`${sketch}.partitions.bin`]: aTable(slotSize)
  }
}

function under(folder: string, files: Readonly<Record<string, string | Uint8Array>>): typeof files {
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [`${folder}/${name}`, content]))
}

async function watching(folder: string, asked: ImageContext = {}, label?: string): Promise<BuildFolder> {
  const watched = new BuildFolder({ path: folder, label }, asked)
  await watched.refresh()
  return watched
}

async function contextIn(folder: string, name: string): Promise<ImageContext> {
  const watched = await watching(folder)
  await watched.refresh(name)
  return watched.contextOf(name)
}

describe('the context of a candidate', () => {
  it('is that of the nearest folder with a layout', async () => {
    const folder = await temporaryFolder()
    await write(folder, {
      ...under('left/build', espIdf('esp32')),
      ...under('right/build', espIdf('esp32s3', 0x40000)),
      ...under('envs/c3', platformio('esp32c3', 0x20000))
    })
    expect(await contextIn(folder, 'left/build/app.bin')).toEqual({ chip: 'esp32', slotSize: SLOT })
    expect(await contextIn(folder, 'right/build/app.bin')).toEqual({ chip: 'esp32s3', slotSize: 0x40000 })
    expect(await contextIn(folder, 'right/build/deep/er/app.bin')).toEqual({ chip: 'esp32s3', slotSize: 0x40000 })
    expect(await contextIn(folder, 'envs/c3/firmware.bin')).toEqual({ chip: 'esp32c3', slotSize: 0x20000 })
    expect(await contextIn(folder, 'left/app.bin')).toEqual({})
    expect(await contextIn(folder, 'app.bin')).toEqual({})
  })

  it('is that of its sketch, where several are built into one folder', async () => {
    const folder = await temporaryFolder()
    await write(folder, { ...arduino('One.ino', 'esp32', 0x30000), ...arduino('Two.ino', 'esp32c6') })
    expect(await contextIn(folder, 'One.ino.bin')).toEqual({ chip: 'esp32', slotSize: 0x30000 })
    expect(await contextIn(folder, 'Two.ino.bin')).toEqual({ chip: 'esp32c6', slotSize: SLOT })
    expect(await contextIn(folder, 'other.bin')).toEqual({})
  })

  it('is what the settings ask for, above all', async () => {
    const folder = await temporaryFolder()
    await write(folder, platformio('esp32'))
    const watched = await watching(folder, { chip: 'esp32s3' })
    expect(watched.contextOf('firmware.bin')).toEqual({ chip: 'esp32s3', slotSize: SLOT })
  })

  it('is found behind the label of the folder', async () => {
    const folder = await temporaryFolder()
    await write(folder, under('a', platformio('esp32h2')))
    const watched = await watching(folder, {}, 'left')
    await watched.refresh('left/a/firmware.bin')
    expect(watched.contextOf('left/a/firmware.bin').chip).toBe('esp32h2')
    expect(watched.contextOf('a/firmware.bin')).toEqual({})
  })

  it('is read before the first judgement of a folder that came later', async () => {
    const folder = await temporaryFolder()
    const watched = await watching(folder)
    await write(folder, under('esp32dev', platformio('esp32')))
    expect(watched.candidateAt(path.join('esp32dev', 'firmware.bin'))?.name).toBe('esp32dev/firmware.bin')
    await watched.refresh('esp32dev/firmware.bin')
    expect(watched.contextOf('esp32dev/firmware.bin')).toEqual({ chip: 'esp32', slotSize: SLOT })
    expect(watched.revision).toBe(0)
  })

  it('is that of a build, not of one that has the same names by chance', async () => {
    const folder = await temporaryFolder()
    await write(folder, { 'bootloader.bin': aBootloader({ chip: 'esp32' }), 'partitions.bin': aTable(SLOT) })
    expect(await contextIn(folder, 'anything.bin')).toEqual({})
    await write(folder, under('out', { ...platformio('esp32c3'), '../project.checksum': '' }))
    await rm(path.join(folder, 'out/firmware.elf'))
    expect((await contextIn(folder, 'out/firmware.bin')).chip).toBe('esp32c3')
  })
})

describe('the slot', () => {
  it.each([
    ['is damaged', withByteFlipped(aTable(SLOT), 8)],
    ['is half written', truncatedTo(aTable(SLOT, false), 64)],
    ['is empty', Buffer.alloc(0)],
    ['is erased flash', Buffer.alloc(0xc00, 0xff)]
  ])('is not known from a table that %s, nor from its text then', async (_how, table) => {
    const folder = await temporaryFolder()
    await write(folder, {
      ...under('build', { ...espIdf('esp32'), 'partition_table/partition-table.bin': table }),
      sdkconfig: 'CONFIG_PARTITION_TABLE_CUSTOM=y\nCONFIG_PARTITION_TABLE_CUSTOM_FILENAME="partitions.csv"\n',
      'partitions.csv': 'a, app, ota_0, , 256K\n'
    })
    expect(await contextIn(folder, 'build/app.bin')).toEqual({ chip: 'esp32' })
  })

  it('is read from the text of the project while there is no table', async () => {
    const project = await temporaryFolder()
    await write(project, {
      'build/project_description.json': JSON.stringify({ project_name: 'app', target: 'esp32', app_bin: 'app.bin' }),
      sdkconfig: 'CONFIG_PARTITION_TABLE_CUSTOM=y\nCONFIG_PARTITION_TABLE_CUSTOM_FILENAME="partitions.csv"\n',
      'partitions.csv': 'otadata, data, ota, , 8K\na, app, ota_0, , 1M\nb, app, ota_1, , 512K\n'
    })
    const build = path.join(project, 'build')
    expect(await contextIn(build, 'app.bin')).toEqual({ chip: 'esp32', slotSize: 512 * 1024 })
    await write(build, { 'partition_table/partition-table.bin': aTable(0x40000) })
    expect((await contextIn(build, 'app.bin')).slotSize).toBe(0x40000)
  })

  it('is read from the text that platformio.ini names', async () => {
    const project = await temporaryFolder()
    await write(project, {
      'platformio.ini': '[env:mini]\nboard = esp32dev\nboard_build.partitions = tables/mini.csv\n',
      'tables/mini.csv': 'otadata, data, ota, , 8K\na, app, ota_0, , 256K\n',
      'sdkconfig.mini': 'CONFIG_IDF_TARGET="esp32c3"\n',
      '.pio/build/mini/firmware.elf': 'ELF'
    })
    expect(await contextIn(path.join(project, '.pio/build'), 'mini/firmware.bin')).toEqual({
      chip: 'esp32c3',
      slotSize: 256 * 1024
    })
  })

  it('is read from the copy of the text that an Arduino build begins with', async () => {
    const folder = await temporaryFolder()
    await write(folder, { 'partitions.csv': 'a, app, ota_0, , 256K\n' })
    expect(await contextIn(folder, 'Blink.ino.bin')).toEqual({ slotSize: 256 * 1024 })
  })

  it.skipIf(process.platform === 'win32')('waits for no pipe, and reads no folder', { timeout: 5000 }, async () => {
    const folder = await temporaryFolder()
    await write(folder, under('a', espIdf('esp32')))
    await rm(path.join(folder, 'a/partition_table/partition-table.bin'))
    execFileSync('mkfifo', [path.join(folder, 'a/partition_table/partition-table.bin'), path.join(folder, 'a/x')])
    expect(await contextIn(folder, 'a/app.bin')).toEqual({ chip: 'esp32' })
    await rm(path.join(folder, 'a/flasher_args.json'))
    await symlink('x', path.join(folder, 'a/flasher_args.json'))
    await rm(path.join(folder, 'a/partition_table/partition-table.bin'))
    await mkdir(path.join(folder, 'a/partition_table/partition-table.bin'))
    expect(await contextIn(folder, 'a/app.bin')).toEqual({ chip: 'esp32' })
  })
})

describe('what is not for OTA', () => {
  it('is no candidate, wherever its build lies', async () => {
    const folder = await temporaryFolder()
    await write(folder, {
      ...under('idf', espIdf('esp32')),
      // The bootloader is a project of its own to CMake.
      ...under('idf/bootloader', espIdf('esp32')),
      ...under('pio', platformio('esp32'))
    })
    const watched = await watching(folder)
    const all = [
      'idf/app.bin',
      'idf/bootloader/bootloader.bin',
      'pio/firmware.bin',
      'pio/bootloader.bin',
      'pio/partitions.bin',
      'pio/littlefs.bin',
      'out/Blink.ino.bin',
      'out/Blink.ino.bootloader.bin',
      'out/Blink.ino.partitions.bin',
      'out/Blink.ino.merged.bin'
    ]
    for (const name of all) await watched.refresh(name)
    expect(all.filter(name => watched.candidateAt(name.split('/').join(path.sep)) !== undefined)).toEqual([
      'idf/app.bin',
      'pio/firmware.bin',
      'out/Blink.ino.bin'
    ])
    expect(watched.leavesOut('pio/bootloader.bin')).toBe(true)
  })

  it('has no file systems in it when the settings ask for those', async () => {
    const folder = await temporaryFolder()
    await write(folder, under('pio', platformio('esp32')))
    const watched = new BuildFolder({ path: folder, label: undefined }, { kinds: ['littlefs'] })
    for (const name of ['pio/littlefs.bin', 'pio/bootloader.bin']) await watched.refresh(name)
    expect(watched.leavesOut('pio/littlefs.bin')).toBe(false)
    expect(watched.leavesOut('pio/bootloader.bin')).toBe(true)
  })

  it('is known by name before anything has been read', () => {
    const watched = new BuildFolder({ path: path.join('weather', '.pio', 'build'), label: undefined }, {})
    expect(watched.leavesOut('esp32dev/partitions.bin')).toBe(true)
    expect(watched.leavesOut('esp32dev/firmware.bin')).toBe(false)
    expect(watched.leavesOut('Blink.ino.merged.bin')).toBe(true)
  })
})

describe('a change of the files of a build system', () => {
  it('is a new revision when it changes what is judged by, and none when a build wrote the same again', async () => {
    const folder = await temporaryFolder()
    await write(folder, under('a', platformio('esp32')))
    const watched = await watching(folder)
    await write(folder, under('a', platformio('esp32')))
    await watched.refresh()
    expect(watched.revision).toBe(0)
    await write(folder, under('a', platformio('esp32s3')))
    await watched.refresh()
    expect(watched.revision).toBe(1)
    expect(watched.contextOf('a/firmware.bin').chip).toBe('esp32s3')
    await write(folder, under('a', { 'partitions.bin': aTable(0x40000) }))
    await watched.refresh()
    expect(watched.contextOf('a/firmware.bin').slotSize).toBe(0x40000)
    expect(watched.revision).toBe(2)
  })

  it('makes a plain folder one of a project, and the other way round', async () => {
    const folder = await temporaryFolder()
    const watched = await watching(folder)
    expect(watched.layout.description).toBe('plain folder')
    await write(folder, espIdf('esp32'))
    await watched.refresh()
    expect(watched.layout.description).toBe('ESP-IDF project app, esp32')
    expect(watched.appName).toBe('app.bin')
    await rm(path.join(folder, 'project_description.json'))
    await watched.refresh()
    expect(watched.layout.description).toBe('plain folder')
    expect(watched.revision).toBe(2)
  })
})

describe('a watched folder in words', () => {
  it('names what lies right in it', async () => {
    const folder = await temporaryFolder()
    await write(folder, { 'Blink.ino.bin': '', 'build.options.json': '{"fqbn":"esp32:esp32:esp32s3"}' })
    expect((await watching(folder)).layout.description).toBe('Arduino sketch Blink, esp32s3')
  })
})

describe('the folder that is meant', () => {
  async function resolved(folder: string): Promise<string> {
    const [{ path: watched } = expect.fail()] = await resolveFolders([folder], folder)
    return path.relative(folder, watched).split(path.sep).join('/')
  }

  it.each([
    ['PlatformIO, built or not', { 'platformio.ini': '[env:a]\n' }, '.pio/build'],
    ['PlatformIO, with a folder of its own', { 'platformio.ini': '[platformio]\nbuild_dir = out\n' }, 'out'],
    [
      'ESP-IDF under PlatformIO',
      { 'platformio.ini': '[env:a]\n', 'CMakeLists.txt': 'tools/cmake/project.cmake' },
      '.pio/build'
    ],
    [
      'both, built by idf.py',
      { 'platformio.ini': '[env:a]\n', 'build/project_description.json': '{}', 'CMakeLists.txt': '' },
      'build'
    ],
    [
      'both, built by both',
      { 'platformio.ini': '[env:a]\n', 'build/project_description.json': '{}', '.pio/build/a/firmware.bin': '' },
      '.pio/build'
    ],
    ['ESP-IDF', { 'CMakeLists.txt': 'include($ENV{IDF_PATH}/tools/cmake/project.cmake)' }, 'build'],
    ['Arduino', { 'Blink.ino': '' }, '']
  ])('is the build folder of a project of %s', async (_system, files, expected) => {
    const folder = await temporaryFolder()
    await write(folder, files)
    expect(await resolved(folder)).toBe(expected)
  })

  it('is the build folder itself where that is given, although its name begins with a dot', async () => {
    const folder = await temporaryFolder()
    await write(folder, { 'platformio.ini': '[env:a]\n', '.pio/build/a/firmware.bin': '' })
    for (const given of ['.pio', '.pio/build', '.pio/build/a']) {
      const [watched] = await resolveFolders([given], folder)
      expect(watched?.path).toBe(path.join(folder, given))
    }
  })
})
