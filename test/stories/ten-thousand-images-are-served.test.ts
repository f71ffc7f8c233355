// A folder of artifacts of a whole company, and a script that rewrites all of it at once.
import { rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { becomesServed, becomesTrue, createChance, createLine, etagOf } from './line.js'
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
