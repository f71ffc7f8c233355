// `otad serve ~/esp/hello_world`: the project tells what it is, and nobody has to write it down again.
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { aProject, type Project, truncateAndWrite } from '../support/build-folder.js'
import { type LoggedEvent, type RunningDaemon, startDaemon } from '../support/daemon.js'
import { aMergedImage, anImage, TWO_OTA_PARTITIONS } from '../support/image-builder.js'
import { becomesServed, getOnce, statusesOf } from './line.js'

const NAME = 'hello_world.bin'
const APP = anImage({ length: 200 * 1024, seed: 1 })
const SLOT = 0x100000
const PARTS = ['bootloader/bootloader.bin', 'partition_table/partition-table.bin', 'ota_data_initial.bin']

function refusalsOf({ log }: RunningDaemon): LoggedEvent<'candidate.rejected'>[] {
  return log.filter(({ event }) => event === 'candidate.rejected') as LoggedEvent<'candidate.rejected'>[]
}

function refusedTime(daemon: RunningDaemon, count: number, refused = NAME): Promise<LoggedEvent<'candidate.rejected'>> {
  let seen = 0
  return daemon.event('candidate.rejected', ({ name }) => name === refused && ++seen === count)
}

/** The smallest OTA slot counts, wherever it stands. */
const UNEVEN = TWO_OTA_PARTITIONS.map(entry => (entry.label === 'ota_1' ? { ...entry, size: 0x40000 } : entry))

const places: readonly (readonly [what: string, of: (project: Project) => string])[] = [
  ['its project folder', ({ folder }) => folder],
  ['its build folder', ({ build }) => build]
]

for (const [what, placeOf] of places) {
  describe(`an ESP-IDF project given by ${what}`, () => {
    async function serving(options: Parameters<typeof aProject>[0] = {}, app = APP) {
      const project = await aProject(options)
      await truncateAndWrite(project.app, app)
      const daemon = await startDaemon({ folders: [placeOf(project)] })
      return { project, daemon }
    }

    it('is served under the name that menuconfig expects, and leaves out silently what is not for OTA', async () => {
      const { project, daemon } = await serving()
      await becomesServed(daemon, NAME, APP, 5000)
      const { layout } = await daemon.event('folder.watched')
      expect(layout).toContain('ESP-IDF')
      expect(layout).toContain('hello_world')
      expect(layout).toContain('esp32')
      await truncateAndWrite(path.join(project.build, 'merged-binary.bin'), aMergedImage())
      await elapse(2500)
      expect(refusalsOf(daemon).filter(({ name }) => name !== 'merged-binary.bin')).toEqual([])
      expect(await statusesOf(daemon, ['merged-binary.bin', NAME])).toEqual([404, 200])
      expect(await statusesOf(daemon, [...PARTS, ...PARTS.map(part => `build/${part}`), `build/${NAME}`])).toEqual(
        [...PARTS, ...PARTS, NAME].map(() => 404)
      )
    })

    it('refuses an image of another chip than the target, and says both', async () => {
      const { daemon } = await serving({ target: 'esp32s3' })
      const { sentence } = await refusedTime(daemon, 1)
      expect(sentence).toMatch(/esp32-?s3/i)
      const answer = await getOnce(daemon, NAME)
      expect(answer.status).toBe(404)
      expect(answer.body.toString()).toContain(sentence)
    })

    it('refuses an image that is larger than the smallest OTA slot, and takes one that just fits', async () => {
      const slot = 0x40000
      const { project, daemon } = await serving({ partitions: UNEVEN }, anImage({ length: slot + 16, seed: 2 }))
      await refusedTime(daemon, 1)
      expect((await getOnce(daemon, NAME)).status).toBe(404)
      const fitting = anImage({ length: slot, seed: 3 })
      expect(fitting.length).toBe(slot)
      await truncateAndWrite(project.app, fitting)
      await becomesServed(daemon, NAME, fitting, 5000)
      await truncateAndWrite(project.app, anImage({ length: SLOT, seed: 4 }))
      await refusedTime(daemon, 2)
      const kept = await getOnce(daemon, NAME)
      expect(kept.status).toBe(200)
      expect(kept.body.equals(fitting)).toBe(true)
    })

    it('is judged anew after idf.py set-target', async () => {
      const { project, daemon } = await serving()
      await becomesServed(daemon, NAME, APP, 5000)
      const other = anImage({ length: 200 * 1024, seed: 5, chip: 'esp32c3', version: '2.0.0' })
      await project.fullclean()
      await project.configure({ target: 'esp32c3' })
      await truncateAndWrite(project.app, other)
      await becomesServed(daemon, NAME, other, 5000)
      // What was right before is wrong now.
      await truncateAndWrite(project.app, anImage({ length: 200 * 1024, seed: 6 }))
      await daemon.event('candidate.rejected', ({ name }) => name === NAME)
      expect((await getOnce(daemon, NAME)).body.equals(other)).toBe(true)
    })

    it('is judged anew when the new target is written behind the image of it', async () => {
      const { project, daemon } = await serving()
      await becomesServed(daemon, NAME, APP, 5000)
      const other = anImage({ length: 200 * 1024, seed: 7, chip: 'esp32c6', version: '2.0.0' })
      await truncateAndWrite(project.app, other)
      await refusedTime(daemon, 1)
      await project.configure({ target: 'esp32c6' })
      await becomesServed(daemon, NAME, other, 5000)
    })

    it('is judged anew when the partition table makes room', async () => {
      const large = anImage({ length: 0x60000, seed: 8 })
      const { project, daemon } = await serving({ partitions: UNEVEN }, large)
      await refusedTime(daemon, 1)
      await project.configure({ partitions: TWO_OTA_PARTITIONS })
      await becomesServed(daemon, NAME, large, 5000)
    })
  })
}

describe('an ESP-IDF project that was not built when the daemon started', () => {
  for (const [what, placeOf] of places) {
    for (const [state, empty] of [
      ['build/ is empty', (project: Project) => project.fullclean()],
      ['there is no build/', (project: Project) => rm(project.build, { recursive: true })]
    ] as const) {
      it(`is served under the same name as ever, given by ${what} while ${state}`, async () => {
        const project = await aProject()
        await empty(project)
        const daemon = await startDaemon({ folders: [placeOf(project)] })
        expect((await getOnce(daemon, NAME)).status).toBe(404)
        await project.configure()
        await truncateAndWrite(project.app, APP)
        await becomesServed(daemon, NAME, APP, 5000)
        await elapse(2500)
        expect(refusalsOf(daemon)).toEqual([])
        expect(await statusesOf(daemon, [...PARTS, `build/${NAME}`])).toEqual([404, 404, 404, 404])
      })
    }
  }
})

describe('two projects with labels', () => {
  it('are served under their labels, each judged by its own target', async () => {
    const [left, right] = [await aProject({ target: 'esp32' }), await aProject({ target: 'esp32s3' })]
    const forRight = anImage({ length: 200 * 1024, seed: 9, chip: 'esp32s3' })
    await truncateAndWrite(left.app, APP)
    await truncateAndWrite(right.app, forRight)
    const daemon = await startDaemon({ folders: [`left=${left.folder}`, `right=${right.build}`] })
    await becomesServed(daemon, `left/${NAME}`, APP, 5000)
    await becomesServed(daemon, `right/${NAME}`, forRight, 5000)
    expect((await getOnce(daemon, NAME)).status).toBe(404)
    // The one's image in the other's folder is refused there, and nothing happens to the first.
    await truncateAndWrite(right.app, APP)
    await daemon.event('candidate.rejected', ({ name }) => name === `right/${NAME}`)
    expect((await getOnce(daemon, `right/${NAME}`)).body.equals(forRight)).toBe(true)
    expect((await getOnce(daemon, `left/${NAME}`)).body.equals(APP)).toBe(true)
    await left.fullclean()
    await left.configure()
    const next = anImage({ length: 200 * 1024, seed: 10, version: '2.0.0' })
    await truncateAndWrite(left.app, next)
    await becomesServed(daemon, `left/${NAME}`, next, 5000)
  })
})
