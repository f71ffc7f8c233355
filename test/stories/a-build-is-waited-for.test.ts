// A test bench flashes over the air and then talks to the board: it has to know when the board runs what was just built, and not before. It waits for
// what the board says, whatever happens on the way: a build that overtakes, a restart of otad, a board that goes back.
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { DeviceFacts } from '../../src/devices/device-facts.js'
import { arduinoHttpUpdate, tellOf } from '../../src/probe/device-arduino.js'
import { oneShot } from '../../src/probe/device-idf.js'
import { atRate } from '../../src/probe/pause.js'
import { renameOver } from '../support/build-folder.js'
import { type RunningCommand, startCommand } from '../support/command.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { digestOf, getOnce } from './line.js'

const NAME = 'app.bin'
const ADDRESS = '127.0.0.1'
const MAC = '24:6f:28:aa:bb:cc'
const build = (number: number): Buffer =>
  anImage({ length: 200 * 1024, seed: 10 * number, version: `1.${number}.0`, project: 'app' })
/** More than the buffers of two sockets hold, so that a download goes on for as long as it is read. */
const LARGE = anImage({ length: 12 * 1024 * 1024, seed: 3, version: '2.0.0', project: 'app', chip: 'esp32s3' })
const shortOf = (image: Uint8Array): string => digestOf(image).slice(0, 8)

interface Bench {
  readonly daemon: RunningDaemon
  readonly folder: string
  build(image: Uint8Array): Promise<void>
  /** The board downloads what there is, and starts anew. */
  update(bytesPerSecond?: number): Promise<void>
}

async function benchOf(daemon: RunningDaemon, folder: string): Promise<Bench> {
  return {
    daemon,
    folder,
    build: async image => {
      await renameOver(path.join(folder, NAME), image)
      await daemon.event('release.published', ({ digest }) => digest === digestOf(image))
    },
    update: async bytesPerSecond => {
      const pace = bytesPerSecond === undefined ? {} : { pause: atRate(bytesPerSecond) }
      expect((await oneShot({ ca: daemon.ca, url: daemon.url(NAME) }, pace)).outcome).toBe('updated')
    }
  }
}

async function aBench(args: readonly string[] = []): Promise<Bench> {
  const folder = await temporaryFolder()
  const bench = await benchOf(await startDaemon({ folders: [folder], args }), folder)
  await bench.build(build(1))
  return bench
}

/** As `esp_app_get_description()->app_elf_sha256` has it: behind 32 bytes of headers and 144 of the descriptor. */
const elfOf = (image: Buffer): string => image.subarray(32 + 144, 32 + 144 + 32).toString('hex')

async function confirm({ daemon }: Pick<Bench, 'daemon'>, image: Buffer): Promise<number> {
  return (await getOnce(daemon, `${NAME}/ok?sha=${elfOf(image)}`)).status
}

const waitAt = ({ daemon }: Bench, ...args: readonly string[]): RunningCommand =>
  startCommand(['wait', NAME, '--home', daemon.home, ...args])

describe('otad wait', () => {
  it('tells each step of a device that has not come yet, and ends when it says that it runs', async () => {
    const bench = await aBench()
    await bench.build(LARGE)
    const waiting = waitAt(bench, '--device', ADDRESS)
    await waiting.says(`waits for ${ADDRESS} to run app.bin 2.0.0 (${shortOf(LARGE)}, #2)`)
    await waiting.says(`${ADDRESS} has not come yet`)
    await bench.update(LARGE.length / 2)
    await waiting.says("waits for it to say that it runs: GET /app.bin/ok?sha=… or HTTPUpdate's headers")
    expect(waiting.stderr()).toMatch(/downloads app\.bin 2\.0\.0, [1-9]0 % of 12\.0 MiB/)
    expect(waiting.stderr()).toContain('complete: 12.0 MiB handed over in ')
    expect(waiting.stdout()).toBe('')
    expect(await confirm(bench, LARGE)).toBe(200)
    expect(await waiting.ended).toBe(0)
    expect(waiting.stdout()).toBe(`${ADDRESS}  runs app.bin 2.0.0 (${shortOf(LARGE)}, #2): it confirmed that\n`)
  })

  it('is content with a whole download where it is asked to be, and prints what is known as JSON', async () => {
    const bench = await aBench()
    const waiting = waitAt(bench, '--device', ADDRESS, '--downloaded', '--json')
    await waiting.says('has not come yet')
    await bench.update()
    expect(await waiting.ended).toBe(0)
    const facts = JSON.parse(waiting.stdout()) as DeviceFacts
    expect(facts).toMatchObject({ id: ADDRESS, client: 'ESP-IDF', verdict: { is: 'complete' }, running: null })
    expect(facts).not.toHaveProperty('history')
  })

  it('takes the headers of HTTPUpdate for the word of a device, which it is told in any spelling', async () => {
    const bench = await aBench()
    const waiting = waitAt(bench, '--device', MAC.toUpperCase().replaceAll(':', '-'))
    await waiting.says('has not come yet')
    const device = { ca: bench.daemon.ca, url: bench.daemon.url(NAME) }
    const told = await arduinoHttpUpdate(device, { ...tellOf(build(2)), staMac: MAC })
    expect(told.outcome).toBe('updated')
    await waiting.says('waits for it to say')
    expect((await arduinoHttpUpdate(device, { ...tellOf(build(1)), staMac: MAC })).outcome).toBe('not-modified')
    expect(await waiting.ended).toBe(0)
    expect(waiting.stdout()).toContain('its update client says so')
  })

  it('waits for a build that comes meanwhile, and says so', async () => {
    const bench = await aBench()
    await bench.update()
    const waiting = waitAt(bench, '--device', ADDRESS)
    await waiting.says('waits for it to say')
    await bench.build(build(2))
    await waiting.says(`it would get app.bin 1.2.0 (${shortOf(build(2))}, #2) now: waits for that`)
    expect(await confirm(bench, build(1))).toBe(200)
    await waiting.says('running: says that it runs 1.1.0')
    await bench.update()
    expect(await confirm(bench, build(2))).toBe(200)
    expect(await waiting.ended).toBe(0)
    expect(waiting.stdout()).toContain('runs app.bin 1.2.0')
  })

  it('knows a name whose first build was written a moment ago', async () => {
    const folder = await temporaryFolder()
    const bench = await benchOf(await startDaemon({ folders: [folder] }), folder)
    const waiting = waitAt(bench, '--device', ADDRESS)
    await waiting.says('nothing is served as app.bin: waits for a build')
    await bench.build(build(1))
    await bench.update()
    await confirm(bench, build(1))
    expect(await waiting.ended).toBe(0)
  })

  it('is not content with the build before one that was written a moment ago', async () => {
    const bench = await aBench()
    await bench.update()
    await confirm(bench, build(1))
    await renameOver(path.join(bench.folder, NAME), build(2))
    const waiting = waitAt(bench, '--device', ADDRESS)
    await waiting.says('to run app.bin 1.2.0')
    await bench.update()
    await confirm(bench, build(2))
    expect(await waiting.ended).toBe(0)
    expect(waiting.stdout()).toContain('runs app.bin 1.2.0')
  })

  it('goes on over a restart of otad', async () => {
    const bench = await aBench()
    const { daemon, folder } = bench
    const waiting = waitAt(bench, '--device', ADDRESS)
    await waiting.says('has not come yet')
    expect(await daemon.stop()).toBe(0)
    await waiting.says(`no otad is running with the home ${daemon.home}: waits for it`)
    const again = await benchOf(await startDaemon({ folders: [folder], home: daemon.home }), folder)
    await again.update()
    await waiting.says('waits for it to say')
    await confirm(again, build(1))
    expect(await waiting.ended).toBe(0)
  })

  it('says at once what a person has to do something about, and goes on waiting', async () => {
    const bench = await aBench()
    await bench.update()
    await confirm(bench, build(1))
    await bench.build(build(2))
    const waiting = waitAt(bench, '--device', ADDRESS)
    await waiting.says(`waits for ${ADDRESS} to run app.bin 1.2.0`)
    await bench.update()
    await waiting.says('waits for it to say')
    // The bootloader goes back to what ran before.
    await confirm(bench, build(1))
    await waiting.says(/rolled back: runs 1\.1\.0 \(\w{8}\), though it was handed 1\.2\.0 \(\w{8}\) whole/)
    await waiting.says('esp_ota_mark_app_valid_cancel_rollback')
    await oneShot({ url: bench.daemon.url(NAME).replace('https:', 'http:') })
    await waiting.says('handshake failed: ')
    await bench.update()
    await confirm(bench, build(2))
    expect(await waiting.ended).toBe(0)
  })

  it('gives up in time, and says what the device did last and what to do', async () => {
    const bench = await aBench()
    const never = waitAt(bench, '--device', '192.0.2.1', '--timeout', '300ms')
    expect(await never.ended).toBe(1)
    expect(never.stderr()).toMatch(/192\.0\.2\.1 does not run app\.bin 1\.1\.0 .* after 0\.3 s: it has never come\n/)
    expect(never.stderr()).toContain('(OTAD_ERR_TIMEOUT)')
    await bench.update()
    const silent = waitAt(bench, '--device', ADDRESS, '--timeout', '0')
    expect(await silent.ended).toBe(1)
    expect(silent.stderr()).toMatch(/last: complete: 200 KiB handed over in .* \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\)\n/)
    expect(silent.stderr()).toContain('/app.bin/ok?sha=…')
    expect(silent.stderr()).toContain('--downloaded')
    expect(silent.stdout()).toBe('')
  })

  it('waits for the release that the device is pinned to', async () => {
    const bench = await aBench()
    await bench.update()
    await confirm(bench, build(1))
    expect(await startCommand(['pin', ADDRESS, '1.1.0', '--home', bench.daemon.home]).ended).toBe(0)
    await bench.build(build(2))
    const waiting = waitAt(bench, '--device', ADDRESS)
    expect(await waiting.ended).toBe(0)
    expect(waiting.stdout()).toContain('runs app.bin 1.1.0')
  })

  it('knows a device by its label, and no name that is not served', async () => {
    const bench = await aBench(['--device-names', `${ADDRESS}=bench 1`])
    await bench.update()
    expect(await waitAt(bench, '--device', 'bench 1', '--downloaded').ended).toBe(0)
    const stranger = waitAt(bench, '--device', 'bench 2')
    expect(await stranger.ended).toBe(2)
    expect(stranger.stderr()).toContain('"bench 2" is no device')
    const typo = startCommand(['wait', 'ap.bin', '--device', ADDRESS, '--home', bench.daemon.home])
    expect(await typo.ended).toBe(2)
    expect(typo.stderr()).toContain('did you mean app.bin?')
  })

  it('waits for an otad that is just being started, and not for long for one that is not', async () => {
    const home = await temporaryFolder()
    const [early, lost] = ['1m', '100ms'].map(timeout =>
      startCommand(['wait', NAME, '--device', ADDRESS, '--home', home, '--timeout', timeout])
    ) as [RunningCommand, RunningCommand]
    expect(await lost.ended).toBe(1)
    expect(lost.stderr()).toContain('(OTAD_ERR_NOT_RUNNING)')
    await early.says('waits for it')
    const folder = await temporaryFolder()
    await renameOver(path.join(folder, NAME), build(1))
    const bench = await benchOf(await startDaemon({ folders: [folder], home }), folder)
    await early.says('has not come yet')
    await bench.update()
    await confirm(bench, build(1))
    expect(await early.ended).toBe(0)
  })

  it('that is stopped does not end as if the device had come', async () => {
    const bench = await aBench()
    const waiting = waitAt(bench, '--device', ADDRESS)
    await waiting.says('has not come yet')
    waiting.stop('SIGINT')
    expect(await waiting.ended).toBe(1)
    expect(waiting.stderr()).toContain('stopped waiting')
  })
})
