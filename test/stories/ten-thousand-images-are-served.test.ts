// A folder of artifacts of a whole company, and a script that rewrites all of it at once.
import { rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { askDaemon } from '../../src/control/control-client.js'
import type { ManifestOfAll } from '../../src/releases/manifest.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { becomesServed, becomesTrue, createChance, createLine, digestOf, etagOf, getOnce } from './line.js'
import { HAS_PROC, peakBytes } from './process-figures.js'

const MIB = 1024 * 1024
const LENGTH = 1024
/** What takes longer has missed its bar by far and is not waited for. */
const GIVE_UP_MS = 30_000

const small = (seed: number): Buffer => anImage({ length: LENGTH, seed, version: `1.${seed}.0` })

async function writeAll(folder: string, images: ReadonlyMap<string, Buffer>): Promise<void> {
  const left = [...images]
  const write = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      await writeFile(path.join(folder, next[0]), next[1])
    }
  }
  await Promise.all(Array.from({ length: 8 }, write))
}

/** The names whose answer is not the one expected; undefined expects 404. */
async function wrongNames(daemon: RunningDaemon, expected: ReadonlyMap<string, string | undefined>): Promise<string[]> {
  const left = [...expected]
  const wrong: string[] = []
  const ask = async () => {
    const line = createLine(daemon)
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const { status, header } = await line.head(next[0])
      const isRight = next[1] === undefined ? status === 404 : status === 200 && header('etag') === next[1]
      if (!isRight) wrong.push(next[0])
    }
    await line.close()
  }
  await Promise.all(Array.from({ length: 4 }, ask))
  return wrong
}

async function within<T>(limitMs: number, promise: Promise<T>): Promise<T> {
  const limit = new AbortController()
  const late = elapse(limitMs, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`it does not listen within ${limitMs} ms`)
  })
  late.catch(() => {})
  return Promise.race([promise, late]).finally(() => limit.abort())
}

describe('10,000 images of 1 KiB', () => {
  it('are served within 10 s after the start, a new one within 5 s, in 512 MiB', { timeout: 120_000 }, async () => {
    const folder = await temporaryFolder()
    const images = new Map(Array.from({ length: 10_000 }, (_, index) => [`fleet-${index}.bin`, small(index + 1)]))
    expect(Math.min(...[...images.values()].map(image => image.length))).toBeGreaterThanOrEqual(LENGTH)
    await writeAll(folder, images)
    const startedAt = performance.now()
    const daemon = await within(GIVE_UP_MS, startDaemon({ folders: [folder] }))
    const servesMs = performance.now() - startedAt
    const published = () => daemon.log.filter(({ event }) => event === 'release.published').length
    await becomesTrue('all are published', GIVE_UP_MS, () => published() >= images.size, 50)
    const allMs = performance.now() - startedAt
    console.log(`10,000 images: listens after ${Math.round(servesMs)} ms, all after ${Math.round(allMs)} ms`)
    const expected = new Map([...images].map(([name, image]) => [name, etagOf(image)]))
    expect(await wrongNames(daemon, expected)).toEqual([])

    const image = small(20_000)
    await writeFile(path.join(folder, 'new.bin'), image)
    await becomesServed(daemon, 'new.bin', image, 5000)
    const changed = small(20_001)
    await writeFile(path.join(folder, 'fleet-77.bin'), changed)
    await becomesServed(daemon, 'fleet-77.bin', changed, 5000)
    if (HAS_PROC) {
      console.log(`10,000 images: peak ${Math.round(peakBytes(daemon) / MIB)} MiB`)
      expect(peakBytes(daemon) / MIB).toBeLessThanOrEqual(512)
    }
    expect(servesMs, 'serves after').toBeLessThanOrEqual(10_000)
    expect(allMs, 'serves all of them after').toBeLessThanOrEqual(10_000)
    expect(await daemon.stop()).toBe(0)

    const againAt = performance.now()
    const again = await startDaemon({ folders: [folder], home: daemon.home })
    const againMs = performance.now() - againAt
    console.log(`10,000 images: listens again after ${Math.round(againMs)} ms`)
    expected.set('new.bin', etagOf(image)).set('fleet-77.bin', etagOf(changed))
    expect(await wrongNames(again, expected)).toEqual([])
    expect(againMs).toBeLessThanOrEqual(10_000)
  })
})

/** The numbers of the builds that the manifest lists for each name, the current one first. */
async function listedBuilds(daemon: RunningDaemon): Promise<ReadonlyMap<string, readonly string[]>> {
  const { status, body } = await getOnce(daemon, 'manifest.json', { timeoutMs: 30_000 })
  expect(status).toBe(200)
  const { releases } = JSON.parse(body.toString()) as ManifestOfAll
  return new Map(
    releases.map(({ name, current, earlier }) => [
      name,
      [current, ...earlier].map(release => release?.version ?? 'none')
    ])
  )
}

describe('10,000 names with three releases each', () => {
  const COUNT = 10_000
  const nameOf = (index: number): string => `fleet-${index}.bin`
  const imageOf = (index: number, build: number): Buffer => small(100_000 * build + index)
  const allOf = (build: number): Map<string, Buffer> =>
    new Map(Array.from({ length: COUNT }, (_, index) => [nameOf(index), imageOf(index, build)]))

  it('are served within 5 s after a start, in 256 MiB, and a new build within 2 s', { timeout: 240_000 }, async () => {
    const folder = await temporaryFolder()
    const daemon = await startDaemon({ folders: [folder] })
    const published = () => daemon.log.reduce((count, { event }) => count + (event === 'release.published' ? 1 : 0), 0)
    for (const build of [1, 2, 3]) {
      const startedAt = performance.now()
      await writeAll(folder, allOf(build))
      await becomesTrue(`all builds ${build} are published`, 60_000, () => published() >= build * COUNT, 100)
      console.log(`10,000 names: build ${build} of all served after ${Math.round(performance.now() - startedAt)} ms`)
    }
    if (HAS_PROC) console.log(`10,000 names, three releases: peak ${Math.round(peakBytes(daemon) / MIB)} MiB`)
    expect(await daemon.stop()).toBe(0)

    const startedAt = performance.now()
    const again = await within(GIVE_UP_MS, startDaemon({ folders: [folder], home: daemon.home }))
    const listensMs = performance.now() - startedAt
    const image = imageOf(77, 4)
    const writtenAt = performance.now()
    await writeFile(path.join(folder, nameOf(77)), image)
    await again.event('release.published', ({ digest }) => `"${digest}"` === etagOf(image))
    const publishMs = performance.now() - writtenAt
    // Asked for by one name after the other: a list of all thirty thousand takes tens of megabytes by itself.
    const isListed = async (): Promise<boolean> => {
      for (let index = 0; index < COUNT; index += 500) {
        const [found] = await askDaemon(path.join(again.home, 'state'), { command: 'releases', name: nameOf(index) })
        if ((found?.releases.length ?? 0) < 3) return false
      }
      return true
    }
    const listedMs = await becomesTrue('all three of each are listed', 10_000, isListed, 200)
    const peak = HAS_PROC ? peakBytes(again) / MIB : 0
    const expected = new Map([...allOf(3).set(nameOf(77), image)].map(([name, bytes]) => [name, etagOf(bytes)]))
    expect(await wrongNames(again, expected)).toEqual([])
    const version = (build: number, index: number): string => `1.${100_000 * build + index}.0`
    const listed = await listedBuilds(again)
    expect([...listed.values()].filter(builds => builds.length < 3)).toEqual([])
    expect(listed.size).toBe(COUNT)
    expect(listed.get(nameOf(77))).toEqual([4, 3, 2, 1].map(build => version(build, 77)))
    expect(listed.get(nameOf(9_999))).toEqual([3, 2, 1].map(build => version(build, 9_999)))
    for (const index of [0, 5_000, 9_999])
      for (const build of [1, 2, 3]) {
        const { status, body } = await getOnce(again, `artifacts/${digestOf(imageOf(index, build))}.bin`)
        expect({ status, isWhole: body.equals(imageOf(index, build)) }).toEqual({ status: 200, isWhole: true })
      }
    const figures = [
      `listens after ${Math.round(listensMs)} ms`,
      `a new build after ${Math.round(publishMs)} ms`,
      `all listed ${Math.round(listedMs)} ms later`,
      `peak ${Math.round(peak)} MiB`,
      `and after a HEAD of every name and the manifest of all ${HAS_PROC ? Math.round(peakBytes(again) / MIB) : 0} MiB`
    ]
    console.log(`10,000 names, three releases, started again: ${figures.join(', ')}`)
    expect(listensMs, 'listens after').toBeLessThan(5_000)
    expect(publishMs, 'publishes after').toBeLessThan(2_000)
    expect(peak, 'MiB at most').toBeLessThanOrEqual(256)
    expect(again.log.filter(({ event }) => event === 'bug' || event === 'artifact.damaged')).toEqual([])
  })
})

describe('1,200 changes in a burst', () => {
  it('leave every name right 5 s later', { timeout: 90_000 }, async () => {
    const folder = await temporaryFolder()
    const file = (index: number) => path.join(folder, `unit-${index}.bin`)
    const first = new Map(Array.from({ length: 600 }, (_, index) => [`unit-${index}.bin`, small(index + 1)]))
    await writeAll(folder, first)
    const daemon = await startDaemon({ folders: [folder] })
    const expected = new Map<string, string | undefined>([...first].map(([name, image]) => [name, etagOf(image)]))
    const isRight = async () => (await wrongNames(daemon, expected)).length === 0
    await becomesTrue('the first 600 are served', 10_000, isRight)

    const chance = createChance(1200)
    const removed: string[] = []
    for (let change = 0; change < 1200; change++) {
      const image = small(10_000 + change)
      const index = Math.floor(chance() * 500)
      if (change % 12 === 11) {
        // Names from 500 on are only ever removed.
        const name = `unit-${500 + (change - 11) / 12}.bin`
        await rm(path.join(folder, name))
        removed.push(name)
      } else if (change % 3 === 0) {
        await writeFile(path.join(folder, 'beside.part'), image)
        await rename(path.join(folder, 'beside.part'), file(index))
        expected.set(`unit-${index}.bin`, etagOf(image))
      } else {
        const name = change % 5 === 0 ? 600 + change : index
        await writeFile(file(name), image)
        expected.set(`unit-${name}.bin`, etagOf(image))
      }
    }
    for (const name of removed) expected.delete(name)
    const tookMs = await becomesTrue('every name that is there is right', 15_000, isRight, 50)
    console.log(`1,200 changes: all right after ${Math.round(tookMs)} ms`)
    expect(tookMs).toBeLessThanOrEqual(5000)
    // What is gone lives on for its 5 s.
    for (const name of removed) expected.set(name, undefined)
    await becomesTrue('every removed name is 404', 8000, isRight, 50)
  })
})
