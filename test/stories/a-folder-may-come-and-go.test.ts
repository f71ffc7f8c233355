// `idf.py fullclean` empties build/, people delete it, branches are switched: a server that has to be started again after
// that is a server that serves yesterday's build (reliability.md 1.9).
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { atRate, onceAfter } from '../../src/probe/pause.js'
import { truncateAndWrite } from '../support/build-folder.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { becomesServed, becomesTrue, createLine, getOnce, statusesOf } from './line.js'

const NAME = 'hello_world.bin'
/** From the return of a folder to its builds being served. */
const RETURN_MS = 5000
/** A name outlives its file by 5 s; a scan later it has to be gone. */
const AWAY_MS = 5000
const GONE_MS = AWAY_MS + 4000

const OLD = anImage({ length: 128 * 1024, seed: 10, version: '1.0.0' })
const NEW = anImage({ length: 128 * 1024, seed: 20, version: '2.0.0' })

/** A folder inside a temporary one, so that it can be moved and removed; it holds the old build. */
async function aFolder(): Promise<string> {
  const folder = path.join(await temporaryFolder(), 'project', 'build')
  await mkdir(folder, { recursive: true })
  await truncateAndWrite(path.join(folder, NAME), OLD)
  return folder
}

async function watching(folder: string): Promise<RunningDaemon> {
  const daemon = await startDaemon({ folders: [folder] })
  await becomesServed(daemon, NAME, OLD, RETURN_MS)
  return daemon
}

/** Asks for the name all the time while something is done; the statuses that were seen, in the order of their change. */
async function statusesDuring(daemon: RunningDaemon, act: () => Promise<unknown>): Promise<readonly number[]> {
  const line = createLine(daemon)
  const seen: number[] = []
  let acting = true
  const acted = act().finally(() => {
    acting = false
  })
  while (acting) {
    const { status } = await line.head(NAME)
    if (seen.at(-1) !== status) seen.push(status)
    await elapse(10)
  }
  await line.close()
  await acted
  return seen
}

async function becomesMissing(daemon: RunningDaemon, name = NAME): Promise<number> {
  return becomesTrue(`${name} is 404`, GONE_MS, async () => (await statusesOf(daemon, [name]))[0] === 404)
}

/** A way for a folder to be gone, and the way back; the build that is there then. */
interface Absence {
  leave(folder: string): Promise<unknown>
  comeBack(folder: string): Promise<Buffer>
}

async function makeAnew(folder: string): Promise<Buffer> {
  await mkdir(folder, { recursive: true })
  await truncateAndWrite(path.join(folder, NAME), NEW)
  return NEW
}

const absences: Readonly<Record<string, Absence>> = {
  deleted: { leave: folder => rm(folder, { recursive: true }), comeBack: makeAnew },
  moved: {
    leave: folder => rename(folder, `${folder}.away`),
    comeBack: async folder => {
      await rename(`${folder}.away`, folder)
      return OLD
    }
  },
  'a file': {
    leave: async folder => {
      await rm(folder, { recursive: true })
      await writeFile(folder, 'this is no folder')
    },
    comeBack: async folder => {
      await rm(folder)
      return makeAnew(folder)
    }
  },
  'deleted with the folder above it': {
    leave: folder => rm(path.dirname(folder), { recursive: true }),
    comeBack: makeAnew
  }
}

async function survive(what: string, { leave, comeBack }: Absence): Promise<void> {
  const folder = await aFolder()
  const daemon = await watching(folder)
  await leave(folder)
  const goneMs = await becomesMissing(daemon)
  expect(goneMs, `${what}: it stays for 5 s`).toBeGreaterThan(AWAY_MS - 500)
  await daemon.event('release.withdrawn', ({ name }) => name === NAME)
  await becomesServed(daemon, NAME, await comeBack(folder), RETURN_MS)
  // The folder that came back is watched as the first one was.
  const later = anImage({ length: 128 * 1024, seed: 40, version: '3.0.0' })
  await truncateAndWrite(path.join(folder, NAME), later)
  await becomesServed(daemon, NAME, later, RETURN_MS)
  expect(await daemon.stop(), what).toBe(0)
}

describe('a watched folder', () => {
  it('may be deleted, moved, replaced by a file or lost with its parent: 404 after 5 s, served on its return', () =>
    Promise.all(Object.entries(absences).map(([what, absence]) => survive(what, absence))))

  it('is never seen as a gap when it is deleted and made again at once', async () => {
    const folder = await aFolder()
    const daemon = await watching(folder)
    const statuses = await statusesDuring(daemon, async () => {
      for (let round = 0; round < 3; round++) {
        await rm(folder, { recursive: true })
        await elapse(300 * round)
        await mkdir(folder)
        await elapse(700)
        const build = round % 2 === 0 ? NEW : OLD
        await truncateAndWrite(path.join(folder, NAME), build)
        await becomesServed(daemon, NAME, build, RETURN_MS)
      }
    })
    expect(statuses).toEqual([200])
  })

  it('is never seen as a gap when it is moved away and comes back within 5 s', async () => {
    const folder = await aFolder()
    const daemon = await watching(folder)
    const statuses = await statusesDuring(daemon, async () => {
      await rename(folder, `${folder}.away`)
      await elapse(2500)
      await rename(`${folder}.away`, folder)
      // Longer than the name would have lived: its return was noticed.
      await elapse(AWAY_MS + 1500)
    })
    expect(statuses).toEqual([200])
    await truncateAndWrite(path.join(folder, NAME), NEW)
    await becomesServed(daemon, NAME, NEW, RETURN_MS)
  })

  it('is served again when it was emptied, and a clean rebuild within 5 s is no gap', async () => {
    const folder = await aFolder()
    const daemon = await watching(folder)
    const statuses = await statusesDuring(daemon, async () => {
      await rm(path.join(folder, NAME))
      await elapse(1500)
      await truncateAndWrite(path.join(folder, NAME), NEW)
      await becomesServed(daemon, NAME, NEW, RETURN_MS)
    })
    expect(statuses).toEqual([200])
    await rm(path.join(folder, NAME))
    await becomesMissing(daemon)
    await truncateAndWrite(path.join(folder, NAME), NEW)
    await becomesServed(daemon, NAME, NEW, RETURN_MS)
  })

  it('may be missing at the start: the daemon says so, serves, and takes it up when it is there', async () => {
    const folder = path.join(await temporaryFolder(), 'not', 'yet', 'build')
    const daemon = await startDaemon({ folders: [folder] })
    await daemon.event('folder.missing')
    expect((await getOnce(daemon, NAME)).status).toBe(404)
    await mkdir(folder, { recursive: true })
    await truncateAndWrite(path.join(folder, NAME), NEW)
    await becomesServed(daemon, NAME, NEW, RETURN_MS)
  })

  it('may be replaced by another folder through a rename: the builds of the new one are served', async () => {
    const folder = await aFolder()
    const daemon = await watching(folder)
    await mkdir(`${folder}.next`)
    await truncateAndWrite(path.join(`${folder}.next`, NAME), NEW)
    await truncateAndWrite(path.join(`${folder}.next`, 'other.bin'), OLD)
    const statuses = await statusesDuring(daemon, async () => {
      await rename(folder, `${folder}.before`)
      await rename(`${folder}.next`, folder)
      await becomesServed(daemon, NAME, NEW, RETURN_MS)
    })
    expect(statuses).toEqual([200])
    await becomesServed(daemon, 'other.bin', OLD, RETURN_MS)
    // It is the new one that is watched from now on, and not the old one under its new name.
    await truncateAndWrite(path.join(folder, NAME), OLD)
    await becomesServed(daemon, NAME, OLD, RETURN_MS)
    await truncateAndWrite(path.join(`${folder}.before`, 'stray.bin'), NEW)
    await elapse(2500)
    expect(await statusesOf(daemon, ['stray.bin'])).toEqual([404])
  })

  it('may go while a device downloads: the device still gets the whole old build', async () => {
    const folder = await aFolder()
    const image = anImage({ length: 3 * 1024 * 1024, seed: 30 })
    await truncateAndWrite(path.join(folder, 'large.bin'), image)
    const daemon = await watching(folder)
    await becomesServed(daemon, 'large.bin', image, RETURN_MS)
    const isWithdrawn = onceAfter(200_000, async () => {
      await rm(folder, { recursive: true })
      await becomesMissing(daemon, 'large.bin')
    })
    const slowly = atRate(2 * 1024 * 1024)
    const answer = await getOnce(daemon, 'large.bin', {
      pause: async length => {
        await isWithdrawn(length)
        await slowly(length)
      }
    })
    expect(answer.bodyEnd).toBe('complete')
    expect(answer.body.equals(image)).toBe(true)
  })
})

describe('one file', () => {
  it('is never missing while it is renamed over, or removed and made again, within 5 s', async () => {
    const folder = await aFolder()
    const file = path.join(folder, NAME)
    const daemon = await watching(folder)
    const statuses = await statusesDuring(daemon, async () => {
      await rename(file, `${file}.away`)
      await elapse(3000)
      await rename(`${file}.away`, file)
      await elapse(2500)
      await rm(file)
      await elapse(3000)
      await truncateAndWrite(file, NEW)
      await becomesServed(daemon, NAME, NEW, RETURN_MS)
      await elapse(2500)
    })
    expect(statuses).toEqual([200])
  })
})
