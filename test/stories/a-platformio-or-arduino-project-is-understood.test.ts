// `otad serve ~/weather`: PlatformIO and Arduino leave no word on the chip but the bootloader beside the app, and that is enough.
import { cp, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { ChipName } from '../../src/image/chips.js'
import { aProject, truncateAndWrite } from '../support/build-folder.js'
import { type LoggedEvent, type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { aBootloader, aMergedImage, anImage, aPartitionTable, TWO_OTA_PARTITIONS } from '../support/image-builder.js'
import { becomesServed, getOnce, statusesOf } from './line.js'

const SLOT = 0x40000
const LENGTH = 100 * 1024

/** The smallest OTA slot counts, wherever it stands. */
const TABLE = aPartitionTable({
  entries: TWO_OTA_PARTITIONS.map(entry => (entry.label === 'ota_1' ? { ...entry, size: SLOT } : entry))
})

function refusalsOf({ log }: RunningDaemon): LoggedEvent<'candidate.rejected'>[] {
  return log.filter(({ event }) => event === 'candidate.rejected') as LoggedEvent<'candidate.rejected'>[]
}

function refusal(daemon: RunningDaemon, reason: string, refused: string): Promise<LoggedEvent<'candidate.rejected'>> {
  return daemon.event('candidate.rejected', event => event.name === refused && event.reason === reason)
}

/** Everything that a build leaves but the app. */
interface Build {
  readonly folder: string
  readonly app: string
  /** The files beside the app, which nobody should be sent. */
  readonly parts: readonly string[]
  /** Writes them, in the order of the alphabet. */
  configure(chip?: ChipName): Promise<void>
}

async function writeParts(folder: string, parts: Readonly<Record<string, Uint8Array>>): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const [name, bytes] of Object.entries(parts)) await writeFile(path.join(folder, name), bytes)
}

/** `.pio/build/<environment>` as `pio run` and `pio run -t buildfs` leave it. */
function anEnvironment(project: string, environment: string, ofChip: ChipName): Build {
  const folder = path.join(project, '.pio', 'build', environment)
  return {
    folder,
    app: path.join(folder, 'firmware.bin'),
    parts: ['bootloader.bin', 'firmware.factory.bin', 'littlefs.bin', 'partitions.bin'],
    configure: async (chip = ofChip) => {
      await writeParts(folder, {
        'bootloader.bin': aBootloader({ chip }),
        'firmware.elf': Buffer.from('\u007fELF'),
        'firmware.factory.bin': aMergedImage({ chip }),
        'littlefs.bin': Buffer.concat([Buffer.alloc(8), Buffer.from('littlefs'), Buffer.alloc(0x4000, 0xff)]),
        'partitions.bin': TABLE
      })
      await writeFile(path.join(folder, '..', 'project.checksum'), 'f3b1c0de')
    }
  }
}

/** A project of PlatformIO whose environments are two boards, of two chips. */
async function aPlatformioProject() {
  const folder = await temporaryFolder()
  const environment = (name: string, board: string) =>
    `[env:${name}]\nplatform = espressif32\nframework = arduino\nboard = ${board}\n\n`
  const ini = `${environment('indoor', 'esp32dev')}${environment('outdoor', 'lolin_s3')}`
  await writeFile(path.join(folder, 'platformio.ini'), ini)
  return {
    folder,
    indoor: anEnvironment(folder, 'indoor', 'esp32'),
    outdoor: anEnvironment(folder, 'outdoor', 'esp32s3')
  }
}

/** `build/<board>` as `arduino-cli compile --export-binaries` leaves it. */
async function aSketch(sketch: string, board: string, ofChip: ChipName): Promise<Build> {
  const folder = path.join(await temporaryFolder(), 'build', board)
  return {
    folder,
    app: path.join(folder, `${sketch}.ino.bin`),
    parts: ['bootloader', 'merged', 'partitions'].map(part => `${sketch}.ino.${part}.bin`),
    configure: (chip = ofChip) =>
      writeParts(folder, {
        [`${sketch}.ino.bootloader.bin`]: aBootloader({ chip }),
        [`${sketch}.ino.elf`]: Buffer.from('\u007fELF'),
        [`${sketch}.ino.merged.bin`]: aMergedImage({ chip }),
        [`${sketch}.ino.partitions.bin`]: TABLE
      })
  }
}

/** What holds for every build whose bootloader and table lie beside its app. */
async function isJudgedByItsNeighbours(daemon: RunningDaemon, { app }: Build, name: string, chip: ChipName) {
  const right = anImage({ length: LENGTH, seed: 11, chip })
  await truncateAndWrite(app, right)
  await becomesServed(daemon, name, right, 5000)

  const tooLarge = anImage({ length: SLOT + 4096, seed: 12, chip })
  await truncateAndWrite(app, tooLarge)
  const { sentence } = await refusal(daemon, 'too-large-for-partition', name)
  expect(sentence).toContain(`${tooLarge.length} bytes`)
  expect(sentence).toContain(`${SLOT}`)
  expect(sentence).toContain(`${tooLarge.length - SLOT} too many`)

  await truncateAndWrite(app, anImage({ length: LENGTH, seed: 13, chip: 'esp32c6' }))
  const mismatch = await refusal(daemon, 'chip-mismatch', name)
  expect(mismatch.sentence).toMatch(/esp32-?c6/i)
  expect((await getOnce(daemon, name)).body.equals(right)).toBe(true)

  const fitting = anImage({ length: SLOT, seed: 14, chip, version: '2.0.0' })
  await truncateAndWrite(app, fitting)
  await becomesServed(daemon, name, fitting, 5000)
}

async function leavesOutSilently(daemon: RunningDaemon, names: readonly string[]) {
  // Longer than a look round and the time in which a refused file settles.
  await elapse(3000)
  expect(refusalsOf(daemon).filter(({ name }) => names.includes(name))).toEqual([])
  expect(await statusesOf(daemon, names)).toEqual(names.map(() => 404))
}

describe('a project of PlatformIO', () => {
  it('is served by the names of its environments, each judged by its own chip and slot', async () => {
    const { folder, indoor, outdoor } = await aPlatformioProject()
    await indoor.configure()
    await outdoor.configure()
    const daemon = await startDaemon({ folders: [folder] })
    const { layout } = await daemon.event('folder.watched')
    expect(layout).toContain('PlatformIO')
    expect(layout).toContain('indoor')
    expect(layout).toContain('outdoor')
    await isJudgedByItsNeighbours(daemon, indoor, 'indoor/firmware.bin', 'esp32')
    await isJudgedByItsNeighbours(daemon, outdoor, 'outdoor/firmware.bin', 'esp32s3')
    await leavesOutSilently(daemon, [
      ...indoor.parts.map(part => `indoor/${part}`),
      ...outdoor.parts.map(part => `outdoor/${part}`)
    ])
  })

  it('is understood when it is built for the first time while it is watched', async () => {
    const { folder, indoor, outdoor } = await aPlatformioProject()
    const daemon = await startDaemon({ folders: [folder] })
    await outdoor.configure()
    const forIndoor = anImage({ length: LENGTH, seed: 21 })
    await truncateAndWrite(outdoor.app, forIndoor)
    await refusal(daemon, 'chip-mismatch', 'outdoor/firmware.bin')
    await indoor.configure()
    await truncateAndWrite(indoor.app, forIndoor)
    await becomesServed(daemon, 'indoor/firmware.bin', forIndoor, 5000)
    await leavesOutSilently(
      daemon,
      outdoor.parts.map(part => `outdoor/${part}`)
    )
  })

  it('is judged anew when an environment becomes one of another board', async () => {
    const { folder, indoor } = await aPlatformioProject()
    await indoor.configure()
    const image = anImage({ length: LENGTH, seed: 31, chip: 'esp32c3' })
    await truncateAndWrite(indoor.app, image)
    const daemon = await startDaemon({ folders: [folder] })
    await refusal(daemon, 'chip-mismatch', 'indoor/firmware.bin')
    await indoor.configure('esp32c3')
    await becomesServed(daemon, 'indoor/firmware.bin', image, 5000)
  })

  for (const [what, given, prefix] of [
    ['its build folder', ['.pio', 'build'], 'outdoor/'],
    ['the folder of one environment', ['.pio', 'build', 'outdoor'], '']
  ] as const) {
    it(`is understood when it is given by ${what}`, async () => {
      const { folder, outdoor } = await aPlatformioProject()
      await outdoor.configure()
      const daemon = await startDaemon({ folders: [path.join(folder, ...given)] })
      await isJudgedByItsNeighbours(daemon, outdoor, `${prefix}firmware.bin`, 'esp32s3')
      await leavesOutSilently(
        daemon,
        outdoor.parts.map(part => `${prefix}${part}`)
      )
    })
  }
})

describe('a sketch of Arduino', () => {
  it('is judged by the bootloader and the table beside it', async () => {
    const sketch = await aSketch('Weather', 'esp32.esp32.lolin_s3', 'esp32s3')
    await sketch.configure()
    const daemon = await startDaemon({ folders: [sketch.folder] })
    expect((await daemon.event('folder.watched')).layout).toBe('Arduino sketch Weather, esp32s3')
    await isJudgedByItsNeighbours(daemon, sketch, 'Weather.ino.bin', 'esp32s3')
    await leavesOutSilently(daemon, sketch.parts)
  })

  it('is judged so in the folder of its project too, beside the build for another board', async () => {
    const sketch = await aSketch('Weather', 'esp32.esp32.esp32c3', 'esp32c3')
    await sketch.configure()
    const build = path.dirname(sketch.folder)
    const other = anImage({ length: LENGTH, seed: 41, chip: 'esp32h2' })
    await mkdir(path.join(build, 'esp32.esp32.esp32h2'))
    // No neighbours: the board is called by its chip.
    await truncateAndWrite(path.join(build, 'esp32.esp32.esp32h2', 'Weather.ino.bin'), other)
    const daemon = await startDaemon({ folders: [path.dirname(build)] })
    await becomesServed(daemon, 'build/esp32.esp32.esp32h2/Weather.ino.bin', other, 5000)
    await isJudgedByItsNeighbours(daemon, sketch, 'build/esp32.esp32.esp32c3/Weather.ino.bin', 'esp32c3')
  })
})

describe('a folder around several projects', () => {
  it('has each judged by its own build system', async () => {
    const left = await aProject({ target: 'esp32' })
    const right = await aProject({ target: 'esp32s3' })
    const around = await temporaryFolder()
    const copied = async (from: string, name: string) => {
      await cp(from, path.join(around, name), { recursive: true })
      return path.join(around, name, 'hello_world.bin')
    }
    const leftApp = await copied(left.build, 'left')
    const rightApp = await copied(right.build, 'right')
    const forRight = anImage({ length: LENGTH, seed: 51, chip: 'esp32s3' })
    await truncateAndWrite(leftApp, forRight)
    await truncateAndWrite(rightApp, forRight)
    const daemon = await startDaemon({ folders: [around] })
    await becomesServed(daemon, 'right/hello_world.bin', forRight, 5000)
    await refusal(daemon, 'chip-mismatch', 'left/hello_world.bin')
    await leavesOutSilently(daemon, [
      'left/bootloader/bootloader.bin',
      'right/partition_table/partition-table.bin',
      'right/ota_data_initial.bin'
    ])
  })
})
