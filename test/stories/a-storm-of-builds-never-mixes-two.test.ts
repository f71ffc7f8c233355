// A build tool writes the file that is being served, in place and in any state. nginx and @fastify/static gave a third of
// their devices bytes that never were a build, each as a clean 200 (reliability.md 1.1).
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { renameOver, truncateAndWrite, unlinkAndWrite, writeInPlace, writeSlowly } from '../support/build-folder.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import type { Device } from '../support/device.js'
import { oneShot } from '../support/device-idf.js'
import { anImage } from '../support/image-builder.js'
import { becomesServed, createChance, createLine, digestOf } from './line.js'

const STORM_SECONDS = Number(process.env.STORM_SECONDS ?? 12)
const SEED = Number(process.env.STORM_SEED ?? Date.now() % 1_000_000)
const NAME = 'storm.bin'
const CLIENTS = 8

/** Some of one length, as rebuilds mostly are: in place, any mixture of these has the right length too. */
const LENGTHS = [256 * 1024, 256 * 1024, 256 * 1024, 192 * 1024, 320 * 1024]

/** Builds that are written to their end, and builds that never are. */
const BUILDS = Array.from({ length: 30 }, (_, index) => aBuild(index))
const STOPPED_BUILDS = Array.from({ length: 10 }, (_, index) => aBuild(1000 + index))
/** Without a hash a mixture may have a right checksum by chance, so these are never written over other bytes. */
const BUILDS_WITHOUT_HASH = Array.from({ length: 5 }, (_, index) =>
  anImage({ length: 200 * 1024, seed: 9000 + index * 10, version: `2.${index}.0`, hash: false })
)

function aBuild(index: number): Buffer {
  return anImage({ length: LENGTHS[index % LENGTHS.length] ?? 0, seed: 10 + index * 10, version: `1.${index}.0` })
}

interface Storm {
  readonly file: string
  readonly chance: () => number
  readonly pick: <T>(from: readonly T[]) => T
}

/** One thing that a build tool, a copy or a person does to the file, and what it is called. */
type Gust = readonly [name: string, blow: (storm: Storm) => Promise<void>]

const GUSTS: readonly Gust[] = [
  ['in place', ({ file, pick }) => writeInPlace(file, pick(BUILDS))],
  ['in place, in pieces', ({ file, pick }) => writeInPlace(file, pick(BUILDS), { pieceLength: 10_000, pauseMs: 1 })],
  ['truncate and write', ({ file, pick }) => truncateAndWrite(file, pick(BUILDS), { pieceLength: 65_536 })],
  ['slowly', ({ file, pick }) => writeSlowly(file, pick(BUILDS), 400)],
  ['rename over', ({ file, pick }) => renameOver(file, pick(BUILDS))],
  ['unlink and write', ({ file, pick }) => unlinkAndWrite(file, pick(BUILDS), { pieceLength: 50_000 })],
  ['without a hash', ({ file, pick }) => truncateAndWrite(file, pick(BUILDS_WITHOUT_HASH), { pieceLength: 65_536 })],
  ['without a hash, rename over', ({ file, pick }) => renameOver(file, pick(BUILDS_WITHOUT_HASH))],
  [
    'in place, stops half way',
    async ({ file, pick, chance }) => {
      const build = pick(STOPPED_BUILDS)
      await writeInPlace(file, build, { stopAfter: Math.floor(build.length * (0.05 + 0.9 * chance())) })
      // Longer than the file has to hold still: the torn bytes are looked at, not only passed by.
      await elapse(100 + 600 * chance())
    }
  ],
  [
    'truncate and write, stops half way',
    async ({ file, pick, chance }) => {
      const build = pick(STOPPED_BUILDS)
      await truncateAndWrite(file, build, { stopAfter: Math.floor(build.length * 0.95 * chance()) })
      await elapse(100 + 600 * chance())
    }
  ]
]

async function blow(file: string, until: number): Promise<ReadonlyMap<string, number>> {
  const chance = createChance(SEED)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(chance() * from.length)] as T
  const counts = new Map<string, number>()
  while (performance.now() < until) {
    const [name, gust] = pick(GUSTS)
    await gust({ file, chance, pick })
    counts.set(name, (counts.get(name) ?? 0) + 1)
    await elapse(chance() < 0.3 ? 350 * chance() : 60 * chance())
  }
  return counts
}

interface Download {
  readonly outcome: string
  readonly status: number | undefined
  readonly digest: string
}

async function downloadAllTheTime(daemon: RunningDaemon, client: number, until: number): Promise<Download[]> {
  const device: Device = { ca: daemon.ca, url: daemon.url(NAME) }
  const downloads: Download[] = []
  while (performance.now() < until) {
    const { outcome, slot, requests } = await oneShot(device, { release: client % 2 === 0 ? '5.5' : '4.4' })
    downloads.push({ outcome, status: requests[0]?.status, digest: digestOf(slot) })
    await elapse(20)
  }
  return downloads
}

async function askAllTheTime(daemon: RunningDaemon, until: number): Promise<Set<number>> {
  const line = createLine(daemon)
  const statuses = new Set<number>()
  while (performance.now() < until) {
    statuses.add((await line.head(NAME)).status)
    await elapse(5)
  }
  await line.close()
  return statuses
}

describe(`in ${STORM_SECONDS} s of builds written in every way (STORM_SEED=${SEED})`, () => {
  it('gives every device one whole build, and always gives one', {
    timeout: STORM_SECONDS * 1000 + 40_000
  }, async () => {
    const folder = await temporaryFolder()
    const file = path.join(folder, NAME)
    await truncateAndWrite(file, BUILDS[0] as Buffer)
    const daemon = await startDaemon({ folders: [folder] })
    await becomesServed(daemon, NAME, BUILDS[0] as Buffer, 5000)

    const until = performance.now() + STORM_SECONDS * 1000
    const clients = Array.from({ length: CLIENTS }, (_, client) => downloadAllTheTime(daemon, client, until))
    const [gusts, statuses, ...downloads] = await Promise.all([
      blow(file, until),
      askAllTheTime(daemon, until),
      ...clients
    ])
    const all = downloads.flat()
    console.log(
      `seed ${SEED}: ${all.length} downloads of ${new Set(all.map(({ digest }) => digest)).size} builds`,
      gusts
    )

    expect([...statuses], 'the name is never missing').toEqual([200])
    expect(all.filter(({ status }) => status !== 200)).toEqual([])
    expect(all.filter(({ outcome }) => outcome !== 'updated')).toEqual([])
    const whole = new Set([...BUILDS, ...BUILDS_WITHOUT_HASH].map(digestOf))
    expect(all.filter(({ digest }) => !whole.has(digest))).toEqual([])
    const published = daemon.log.filter(({ event }) => event === 'release.published') as { digest: string }[]
    expect(published.filter(({ digest }) => !whole.has(digest))).toEqual([])
    expect(all.length, 'the storm was downloaded through').toBeGreaterThan(CLIENTS * STORM_SECONDS)
    expect(new Set(all.map(({ digest }) => digest)).size, 'builds came through').toBeGreaterThan(STORM_SECONDS / 3)

    const inPlace = anImage({ length: 256 * 1024, seed: 77_000, version: '3.0.0' })
    await writeInPlace(file, inPlace, { pieceLength: 10_000 })
    await becomesServed(daemon, NAME, inPlace, 3000)
    const renamed = anImage({ length: 256 * 1024, seed: 78_000, version: '4.0.0' })
    await renameOver(file, renamed)
    await becomesServed(daemon, NAME, renamed, 1000)
    expect(await daemon.stop()).toBe(0)
  })
})
