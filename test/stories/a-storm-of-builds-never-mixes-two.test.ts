// A build tool writes the file that is being served, in place and in any state. nginx and @fastify/static gave a third of
// their devices bytes that never were a build, each as a clean 200 (reliability.md 1.1).
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Device, DeviceRun } from '../../src/probe/device.js'
import { oneShot, resume } from '../../src/probe/device-idf.js'
import { partial } from '../../src/probe/device-idf-partial.js'
import { renameOver, truncateAndWrite, writeInPlace } from '../support/build-folder.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { becomesServed, becomesTrue, createChance, createLine, digestOf } from './line.js'
import { BUILDS, blow, STORM_SECONDS, STORM_SEED, WHOLE } from './storm.js'

const NAME = 'storm.bin'
/** Those that ask for the whole image, as most do. */
const WHOLE_CLIENTS = 8
type AddressOf = (index: number) => Partial<Device>
/** On Linux every address of 127/8 is this machine's: some of the devices have their own, as on a LAN, and some share one. */
const PLACES: readonly (readonly [place: string, addressOf: AddressOf])[] =
  process.platform === 'linux'
    ? [
        ['alone', index => ({ localAddress: `127.0.1.${index + 1}` })],
        ['behind one address', () => ({ localAddress: '127.0.2.1' })]
      ]
    : [['behind one address', () => ({})]]

interface Download {
  readonly outcome: string
  readonly digest: string
  readonly statuses: readonly (number | undefined)[]
}

const digestIn = ({ digest }: Download): string => digest

function describeDownloads(downloads: readonly Download[]): string {
  const updated = downloads.filter(({ outcome }) => outcome === 'updated')
  const sentBack = downloads.filter(({ statuses }) => statuses.includes(416))
  return `${downloads.length} downloads, ${updated.length} updated, ${sentBack.length} sent back`
}

type Flow = (device: Device, chance: () => number) => Promise<DeviceRun>

/** Loses power somewhere, and goes on when it has it again. */
const twice =
  (flow: (device: Device, stopAfter: number | undefined) => Promise<DeviceRun>): Flow =>
  async (device, chance) => {
    const first = await flow(device, Math.floor(chance() * 320 * 1024))
    await elapse(300 * chance())
    return first.outcome === 'updated' ? first : flow({ ...device, slot: first.slot }, undefined)
  }

const RANGED: Readonly<Record<string, Flow>> = {
  'in ranges, IDF 5.5': device => partial(device, { release: '5.5', maxHttpRequestSize: 32_768 }),
  'in ranges, IDF 4.4': device => partial(device, { release: '4.4', maxHttpRequestSize: 32_768 }),
  'resuming, IDF 5.5': twice((device, stopAfter) =>
    resume(device, { release: '5.5', ...(stopAfter && { stopAfter }) })
  ),
  'resuming in ranges, IDF 6.0': twice((device, stopAfter) =>
    partial(device, { release: '6.0', resumes: true, maxHttpRequestSize: 32_768, ...(stopAfter && { stopAfter }) })
  )
}

async function downloadAllTheTime(device: Device, flow: Flow, seed: number, until: number): Promise<Download[]> {
  const chance = createChance(seed)
  const downloads: Download[] = []
  while (performance.now() < until) {
    const { outcome, slot, requests } = await flow(device, chance)
    downloads.push({ outcome, digest: digestOf(slot), statuses: requests.map(({ status }) => status) })
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

describe(`in ${STORM_SECONDS} s of builds written in every way (STORM_SEED=${STORM_SEED})`, () => {
  it('gives every device one whole build, and always gives one', {
    timeout: STORM_SECONDS * 1000 + 90_000
  }, async () => {
    const folder = await temporaryFolder()
    const file = path.join(folder, NAME)
    await truncateAndWrite(file, BUILDS[0] as Buffer)
    const daemon = await startDaemon({ folders: [folder] })
    await becomesServed(daemon, NAME, BUILDS[0] as Buffer, 5000)
    const device: Device = { ca: daemon.ca, url: daemon.url(NAME) }

    const until = performance.now() + STORM_SECONDS * 1000
    const whole = Array.from({ length: WHOLE_CLIENTS }, (_, client) =>
      downloadAllTheTime(
        device,
        device => oneShot(device, { release: client % 2 === 0 ? '5.5' : '4.4' }),
        client,
        until
      )
    )
    const ranged = PLACES.flatMap(([place, addressOf], lane) =>
      Object.entries(RANGED).map(async ([name, flow], index) => {
        const there = { ...device, ...addressOf(index) }
        const downloads = await downloadAllTheTime(there, flow, STORM_SEED + 10 * lane + index, until)
        return { place, name, flow, there, downloads }
      })
    )
    const [gusts, statuses, ones, inRanges] = await Promise.all([
      blow(file, until),
      askAllTheTime(daemon, until),
      Promise.all(whole).then(downloads => downloads.flat()),
      Promise.all(ranged)
    ])
    console.log(
      `seed ${STORM_SEED}: ${ones.length} whole downloads of ${new Set(ones.map(digestIn)).size} builds`,
      gusts
    )
    for (const { place, name, downloads } of inRanges) console.log(`${place}, ${name}: ${describeDownloads(downloads)}`)

    expect([...statuses], 'the name is never missing').toEqual([200])
    expect(ones.filter(({ statuses }) => statuses.some(status => status !== 200))).toEqual([])
    expect(ones.filter(({ outcome }) => outcome !== 'updated')).toEqual([])
    const all = [...ones, ...inRanges.flatMap(({ downloads }) => downloads)]
    expect(all.filter(download => download.outcome === 'updated' && !WHOLE.has(digestIn(download)))).toEqual([])
    expect(all.filter(({ outcome, statuses }) => outcome !== 'updated' && statuses.at(-1) !== 416)).toEqual([])
    const alone = inRanges.filter(({ place }) => place === 'alone').flatMap(({ downloads }) => downloads)
    expect(alone.filter(({ outcome }) => outcome !== 'updated')).toEqual([])
    const published = daemon.log.filter(({ event }) => event === 'release.published') as { digest: string }[]
    expect(published.filter(({ digest }) => !WHOLE.has(digest))).toEqual([])
    expect(ones.length, 'the storm was downloaded through').toBeGreaterThan(WHOLE_CLIENTS * STORM_SECONDS)
    expect(new Set(ones.map(digestIn)).size, 'builds came through').toBeGreaterThan(STORM_SECONDS / 3)

    const inPlace = anImage({ length: 256 * 1024, seed: 77_000, version: '3.0.0' })
    await writeInPlace(file, inPlace, { pieceLength: 10_000 })
    await becomesServed(daemon, NAME, inPlace, 3000)
    const renamed = anImage({ length: 256 * 1024, seed: 78_000, version: '4.0.0' })
    await renameOver(file, renamed)
    await becomesServed(daemon, NAME, renamed, 1000)
    // Whoever was sent back, and tries again as its application does, ends with a whole build: behind one address as soon as it is clear
    // that none of the others is still about to ask.
    for (const { name, there, flow } of inRanges)
      await becomesTrue(`${name} from ${there.localAddress} is updated`, 30_000, async () => {
        const { outcome, slot } = await flow(there, () => 0.3)
        return outcome === 'updated' && slot.equals(renamed)
      })
    expect(await daemon.stop()).toBe(0)
  })
})
