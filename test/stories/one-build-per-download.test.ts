// ESP-IDF asks for a build piece by piece and never says of which: a rebuild in between writes two builds into one slot, unless the server
// remembers (clients.md 17). Each story of it, with devices as they are.
import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Device, DeviceRun, FlowOptions } from '../../src/probe/device.js'
import { oneShot, resume } from '../../src/probe/device-idf.js'
import { type PartialOptions, partial } from '../../src/probe/device-idf-partial.js'
import { onceAfter } from '../../src/probe/pause.js'
import { renameOver } from '../support/build-folder.js'
import { buildDevice, cDeviceIsRequired, DEVICE_EXIT, runDevice } from '../support/c-device.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { becomesServed, becomesTrue, createLine, etagOf } from './line.js'

const NAME = 'hello_world.bin'
const FIRST = anImage({ length: 500_000, seed: 1, version: '1.0.0' })
/** A rebuild of the same length: any mixture of the two has the right length too. */
const SECOND = anImage({ length: 500_000, seed: 2, version: '2.0.0' })
const SHORTER = anImage({ length: 300_000, seed: 3, version: '3.0.0' })
const LONGER = anImage({ length: 700_000, seed: 4, version: '4.0.0' })
const OTHERS = { 'of the same length': SECOND, shorter: SHORTER, longer: LONGER }

interface Desk {
  readonly daemon: RunningDaemon
  readonly device: Device
  /** Resolves when a device that begins now gets this one. */
  build(image: Buffer): Promise<void>
}

async function aDesk(args: readonly string[] = []): Promise<Desk> {
  const folder = await temporaryFolder()
  const file = path.join(folder, NAME)
  const daemon = await startDaemon({ folders: [folder], args })
  const build = async (image: Buffer): Promise<void> => {
    await renameOver(file, image)
    await becomesServed(daemon, NAME, image, 5000)
  }
  await build(FIRST)
  return { daemon, device: { ca: daemon.ca, url: daemon.url(NAME) }, build }
}

/** Lets something happen after the n-th request of a device. */
function afterRequests(count: number, act: () => Promise<unknown>): Pick<FlowOptions, 'afterRequest'> {
  let seen = 0
  return {
    afterRequest: async () => {
      if (++seen === count) await act()
    }
  }
}

function expectWhole({ outcome, slot, log }: DeviceRun, image: Buffer): void {
  expect({ outcome, log }).toMatchObject({ outcome: 'updated' })
  expect(slot.equals(image)).toBe(true)
}

const RELEASES = ['4.4', '5.3', '5.5', '6.0'] as const
const CONNECTIONS = { 'one connection': true, 'a connection for each range': false }

describe('a device that downloads in ranges', () => {
  for (const release of RELEASES)
    for (const [how, persistentConnection] of Object.entries(CONNECTIONS))
      for (const [which, other] of Object.entries(OTHERS)) {
        const options: PartialOptions = { release, persistentConnection }

        it(`of IDF ${release} over ${how} keeps its build though one that is ${which} comes between its ranges`, async () => {
          const { device, build } = await aDesk()
          expectWhole(await partial(device, { ...options, ...afterRequests(4, () => build(other)) }), FIRST)
          expectWhole(await partial(device, options), other)
        })
      }

  for (const release of ['4.4', '6.0'] as const)
    for (const [which, other] of Object.entries(OTHERS))
      it(`of IDF ${release} keeps its build though one that is ${which} comes after its HEAD`, async () => {
        const { device, build } = await aDesk()
        expectWhole(await partial(device, { release, ...afterRequests(1, () => build(other)) }), FIRST)
        expectWhole(await partial(device, { release }), other)
      })

  it('keeps its build through three others', async () => {
    const { device, build } = await aDesk()
    const builds = [SECOND, SHORTER, LONGER]
    const afterRequest = async (): Promise<void> => {
      const next = builds.shift()
      if (next !== undefined) await build(next)
    }
    expectWhole(await partial(device, { afterRequest }), FIRST)
    expectWhole(await partial(device), LONGER)
  })

  for (const signal of ['SIGTERM', 'SIGKILL'] as const)
    it(`keeps its build though the daemon ends by ${signal} between its ranges and another build comes meanwhile`, async () => {
      const { daemon, device, build } = await aDesk()
      const restart = async (): Promise<void> => {
        await build(SECOND)
        await daemon.stop(signal)
        const again = await startDaemon({
          folders: [daemon.folder],
          home: daemon.home,
          args: ['--port', String(daemon.port)]
        })
        await becomesServed(again, NAME, SECOND, 5000)
      }
      expectWhole(await partial(device, { persistentConnection: false, ...afterRequests(3, restart) }), FIRST)
      expectWhole(await partial(device), SECOND)
    })

  it('is sent back to the first byte when nobody knows any more which build it has begun, and then gets a whole one', async () => {
    const { daemon, device, build } = await aDesk()
    const first = await partial(device, { resumes: true, release: '5.5', stopAfter: 200_000 })
    await build(SECOND)
    await daemon.stop()
    await rm(path.join(daemon.home, 'state', 'runs.jsonl'))
    const again = await startDaemon({ folders: [daemon.folder], home: daemon.home, args: ['--port', `${daemon.port}`] })
    expectWhole(await partial({ ...device, slot: first.slot }, { resumes: true, release: '5.5' }), SECOND)
    const refused = await again.event('download.refused')
    expect(refused).toMatchObject({ device: '127.0.0.1', name: NAME, count: 1 })
    expect(refused.reason).toContain('which build')
  })
})

describe('a device that lost power', () => {
  for (const release of ['5.5', '6.0'] as const) {
    it(`of IDF ${release} goes on with the build that it had begun, without a HEAD, through a restart`, async () => {
      const { daemon, device, build } = await aDesk()
      for (const stopAfter of [70_000, 333_333, FIRST.length - 1]) {
        const first = await resume(device, { release, stopAfter })
        await build(SECOND)
        expectWhole(await resume({ ...device, slot: first.slot }, { release }), FIRST)
        await build(FIRST)
      }
      const first = await resume(device, { release, stopAfter: 200_000 })
      await build(SECOND)
      await daemon.stop('SIGKILL')
      await startDaemon({ folders: [daemon.folder], home: daemon.home, args: ['--port', `${daemon.port}`] })
      expectWhole(await resume({ ...device, slot: first.slot }, { release }), FIRST)
    })

    it(`of IDF ${release} in ranges begins anew when its HEAD has told it of another build, and ends with that one whole`, async () => {
      for (const other of Object.values(OTHERS)) {
        const { device, build } = await aDesk()
        // In the middle of a range, and between two.
        for (const stopAfter of [200_000, 131_072]) {
          await build(FIRST)
          const first = await partial(device, { release, resumes: true, stopAfter })
          await build(other)
          const second = await partial({ ...device, slot: first.slot }, { release, resumes: true })
          expect(second.requests.map(({ status }) => status)).toContain(416)
          expectWhole(second, other)
        }
      }
    })
  }
})

describe('several devices behind one address', () => {
  it('each keep their build, told apart by their connections and by where they are', async () => {
    const { device, build } = await aDesk()
    const early = partial(device, {
      maxHttpRequestSize: 40_000,
      persistentConnection: false,
      ...afterRequests(5, async () => {
        await build(SECOND)
        late.push(await partial(device, { maxHttpRequestSize: 33_333, persistentConnection: false }))
      })
    })
    const late: DeviceRun[] = []
    expectWhole(await early, FIRST)
    expectWhole(late[0] ?? expect.fail('there was no second device'), SECOND)
  })

  it('never get a mixture where they cannot be told apart, and whole builds when they begin again', async () => {
    const { device, build } = await aDesk()
    const isWhole = ({ slot }: DeviceRun): boolean => [FIRST, SECOND].some(image => slot.equals(image))
    const runs: DeviceRun[] = []
    // Both stand at the same byte of two builds when they ask for the next.
    const options: PartialOptions = { release: '4.4', persistentConnection: false }
    runs.push(
      await partial(device, {
        ...options,
        ...afterRequests(3, async () => {
          await build(SECOND)
          runs.push(await partial(device, { ...options, stopAfter: 2 * 65_536 }))
        })
      })
    )
    for (const run of runs) if (run.outcome === 'updated') expect(isWhole(run)).toBe(true)
    // As soon as it is clear that neither of the two is still about to ask for what comes next.
    await becomesTrue('it is updated', 20_000, async () => {
      const { outcome, slot } = await partial(device, options)
      return outcome === 'updated' && slot.equals(SECOND)
    })
  })
})

describe('a device that downloads in one piece', () => {
  it('ends with the build that it began, though others come meanwhile and are pruned', async () => {
    const { device, build } = await aDesk(['--keep-releases', '0'])
    const pause = onceAfter(100_000, async () => {
      for (const image of [SECOND, SHORTER, LONGER]) await build(image)
    })
    expectWhole(await oneShot(device, { pause }), FIRST)
  })

  it('is known again when it has more than the server knows to have been taken', async () => {
    const first = anImage({ length: 12 << 20, seed: 5, version: '1.0.0' })
    const { daemon, device, build } = await aDesk()
    await build(first)
    // Stopped in the middle of a piece, the server cannot see that the device still reads what lies in the kernel.
    let isStopped = false
    const pause = (received: number): undefined => {
      if (!isStopped && received > 1 << 20) isStopped = daemon.child.kill('SIGSTOP')
    }
    const begun = await resume(device, { pause, bodyTimeoutMs: 500 })
    expect(begun.outcome).toBe('failed')
    expect(begun.slot.length).toBeLessThan(first.length)
    daemon.child.kill('SIGCONT')
    await build(SECOND)
    expectWhole(await resume({ ...device, slot: begun.slot }), first)
  })

  it('gets what is current, whatever others do', async () => {
    const { daemon, device, build } = await aDesk()
    await partial(device, { stopAfter: 100_000 })
    await build(SECOND)
    expectWhole(await oneShot(device), SECOND)
    expect(daemon.log.filter(({ event }) => event === 'download.refused')).toEqual([])
  })
})

describe('an answer with firmware', () => {
  it('says in its head which release it is of, the earlier one included', async () => {
    const { daemon, build } = await aDesk()
    const line = createLine(daemon)
    const before = await line.get(NAME, { stopAfter: 1000 })
    await line.close()
    await build(SECOND)
    const rest = await line.get(NAME, { headers: [['Range', 'bytes=1000-']] })
    await line.close()
    const now = await line.get(NAME)
    await line.close()
    expect(now.header('x-otad-release')).toBe(`2.0.0 ${etagOf(SECOND).slice(1, 9)}`)
    expect(now.header('etag')).toBe(etagOf(SECOND))
    for (const answer of [before, rest]) {
      expect(answer.header('x-otad-release')).toBe(`1.0.0 ${etagOf(FIRST).slice(1, 9)}`)
      expect(answer.header('etag')).toBe(etagOf(FIRST))
    }
    expect(rest.header('last-modified')).toBe(before.header('last-modified'))
    expect(Date.parse(now.header('last-modified') ?? '')).toBeGreaterThanOrEqual(
      Date.parse(before.header('last-modified') ?? '')
    )
  })

  it('leaves the choice to a client that names the build itself', async () => {
    const { daemon, build } = await aDesk()
    const line = createLine(daemon)
    await line.get(NAME, { stopAfter: 1000 })
    await line.close()
    await build(SECOND)
    const range = ['Range', 'bytes=1000-'] as const
    const stale = await line.get(NAME, { headers: [range, ['If-Range', etagOf(FIRST)]] })
    expect([stale.status, stale.body.equals(SECOND)]).toEqual([200, true])
    const fresh = await line.get(NAME, { headers: [range, ['If-Range', etagOf(SECOND)]] })
    expect([fresh.status, fresh.body.equals(SECOND.subarray(1000))]).toEqual([206, true])
    await line.close()
  })
})

const program = await buildDevice()

describe.skipIf(program === undefined && !cDeviceIsRequired())(
  'an old device on mbedTLS 2.28 (needs cc, libmbedtls-dev)',
  () => {
    async function resumeOnDevice(desk: Desk, slot: Buffer) {
      if (program === undefined) throw new Error('the C device is required: install a C compiler and libmbedtls-dev')
      const folder = await temporaryFolder()
      const [ca, have, out] = ['ca_cert.pem', 'have.bin', 'slot.bin'].map(name => path.join(folder, name)) as [
        string,
        string,
        string
      ]
      await writeFile(ca, desk.daemon.ca)
      await writeFile(have, slot)
      const args = ['--ca', ca, '--out', out, '--flow', 'resume', '--offset', String(slot.length), '--have', have]
      const run = await runDevice(program, [desk.device.url, ...args])
      return { run, slot: await readFile(out).catch(() => Buffer.alloc(0)) }
    }

    it('goes on with the build that it had begun', async () => {
      const desk = await aDesk()
      const first = await resume(desk.device, { stopAfter: 200_000 })
      await desk.build(SECOND)
      const { run, slot } = await resumeOnDevice(desk, first.slot)
      expect(run).toMatchObject({ code: DEVICE_EXIT.done, report: { error: null } })
      expect(slot.equals(FIRST)).toBe(true)
    })

    it('is sent back when nobody knows which build it had begun, and gets a whole one', async () => {
      const desk = await aDesk()
      await desk.build(SECOND)
      const { run, slot } = await resumeOnDevice(desk, FIRST.subarray(0, 200_000))
      expect(run).toMatchObject({ code: DEVICE_EXIT.done, report: { error: null } })
      expect(slot.equals(SECOND)).toBe(true)
      await desk.daemon.event('download.refused')
    })

    for (const args of [[], ['--new-connection-per-range']])
      it(`never mixes builds that come all the time ${args.length > 0 ? 'with a connection for each range' : ''}`, async () => {
        if (program === undefined) throw new Error('the C device is required')
        const { daemon, device, build } = await aDesk()
        const folder = await temporaryFolder()
        const ca = path.join(folder, 'ca_cert.pem')
        await writeFile(ca, daemon.ca)
        let isOver = false
        const building = (async () => {
          for (let round = 0; !isOver; round++) await build([SECOND, SHORTER, LONGER, FIRST][round % 4] as Buffer)
        })()
        for (let round = 0; round < 5; round++) {
          const out = path.join(folder, `slot-${round}.bin`)
          const flow = ['--flow', 'partial', '--chunk', '32768', '--out', out, ...args]
          const run = await runDevice(program, [device.url, '--ca', ca, ...flow])
          expect(run).toMatchObject({ code: DEVICE_EXIT.done, report: { error: null } })
          const slot = await readFile(out)
          expect([FIRST, SECOND, SHORTER, LONGER].some(image => slot.equals(image))).toBe(true)
        }
        isOver = true
        await building
      })
  }
)
