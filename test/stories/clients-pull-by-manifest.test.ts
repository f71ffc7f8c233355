// Libraries that read a manifest of their own and follow it: each gets what it understands, updates once when there is a new build, and is quiet
// when there is none. The clients are written from their sources (clients.md 9 to 12), not from what otad says.
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { esp32fota } from '../../src/probe/client-esp32fota.js'
import { esphomeFlash, esphomeUpdate } from '../../src/probe/client-esphome.js'
import type { PullingDevice, PullRun } from '../../src/probe/client-image.js'
import { otaPull } from '../../src/probe/client-ota-pull.js'
import { rainmakerJob } from '../../src/probe/client-rainmaker.js'
import { aProject, type Project, truncateAndWrite } from '../support/build-folder.js'
import { closeBrowsers, findChromium } from '../support/chromium.js'
import { ghota } from '../support/client-ghota.js'
import { installFromPage, servePage } from '../support/client-web-tools.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { aBootloader, anImage, aPartitionTable, TWO_OTA_PARTITIONS } from '../support/image-builder.js'
import { isRequired } from '../support/real-clients.js'
import { becomesServed, becomesTrue, getOnce, statusesOf } from './line.js'

const NAME = 'hello_world.bin'

const build = (version: string, seed: number): Buffer =>
  anImage({ project: 'hello_world', version, seed, length: 150_000 })

interface Client {
  readonly what: string
  readonly urlOf: (daemon: RunningDaemon) => string
  readonly look: (device: PullingDevice) => Promise<PullRun>
}

const CLIENTS: readonly Client[] = [
  {
    what: 'esp32FOTA',
    urlOf: daemon => daemon.url(`${NAME}.esp32fota.json`),
    look: device => esp32fota(device, { type: 'hello_world' })
  },
  {
    what: 'esp32FOTA that sends its device id',
    urlOf: daemon => daemon.url(`${NAME}.esp32fota.json`),
    look: device => esp32fota(device, { type: 'hello_world', deviceId: '224256873504548' })
  },
  { what: 'ESP32-OTA-Pull', urlOf: daemon => daemon.url(`${NAME}.otapull.json`), look: device => otaPull(device) },
  {
    what: 'esp_ghota',
    urlOf: daemon => `127.0.0.1:${daemon.port}`,
    look: device => ghota(device, { organisation: 'me', repository: 'hello_world', fileNameMatch: 'hello_*.bin' })
  },
  {
    what: 'ESPHome, update.http_request',
    urlOf: daemon => daemon.url(`${NAME}.esphome.json`),
    look: device => esphomeUpdate(device, { variant: 'ESP32' })
  },
  { what: 'RainMaker, by the URL of a job', urlOf: daemon => daemon.url(NAME), look: rainmakerJob }
]

/** A device asks again and again, as it does after each restart. */
async function looksAgain(
  client: Client,
  device: PullingDevice,
  times: number
): Promise<readonly PullRun['outcome'][]> {
  const outcomes: PullRun['outcome'][] = []
  let { running } = device
  for (let time = 0; time < times; time++) {
    const { outcome, image } = await client.look({ ...device, running })
    outcomes.push(outcome)
    running = image
  }
  return outcomes
}

async function serving(
  app: Buffer,
  args: readonly string[] = []
): Promise<{ project: Project; daemon: RunningDaemon }> {
  const project = await aProject()
  await truncateAndWrite(project.app, app)
  return { project, daemon: await startDaemon({ folders: [project.folder], args }) }
}

describe.each(CLIENTS)('$what', client => {
  it('updates once for each new build, byte for byte, and is quiet in between', async () => {
    const [first, second] = [build('1.2.0', 1), build('1.3.0', 2)]
    const { project, daemon } = await serving(first)
    const device = { ca: daemon.ca, url: client.urlOf(daemon), running: build('1.1.0', 9) }
    const updated = await client.look(device)
    expect(updated).toMatchObject({ outcome: 'updated' })
    expect(updated.image.equals(first)).toBe(true)
    expect(await looksAgain(client, { ...device, running: updated.image }, 2)).toEqual(['no-update', 'no-update'])
    await truncateAndWrite(project.app, second)
    await becomesServed(daemon, NAME, second, 5000)
    expect(await looksAgain(client, { ...device, running: updated.image }, 3)).toEqual([
      'updated',
      'no-update',
      'no-update'
    ])
  })
})

describe('esp32FOTA', () => {
  it('finds the build by the name of its project too, and a whole number as a number', async () => {
    const { daemon } = await serving(anImage({ project: 'sensor', version: '7' }))
    const device = { ca: daemon.ca, url: daemon.url(`${NAME}.esp32fota.json`) }
    const running = anImage({ project: 'sensor', version: '6', seed: 2 })
    for (const type of ['sensor', 'hello_world'])
      expect(await esp32fota({ ...device, running }, { type })).toMatchObject({ outcome: 'updated' })
    expect(await esp32fota({ ...device, running }, { type: 'another' })).toMatchObject({ outcome: 'no-update' })
    const manifest = JSON.parse((await getOnce(daemon, `${NAME}.esp32fota.json`)).body.toString())
    expect(manifest.map((entry: { version: unknown }) => entry.version)).toEqual([7, 7])
  })

  it('is told why there is no manifest of a build whose version it could not compare', async () => {
    const { daemon } = await serving(build('release of friday', 1))
    const answer = await getOnce(daemon, `${NAME}.esp32fota.json`)
    expect(answer.status).toBe(404)
    expect(answer.body.toString()).toContain('release of friday')
  })
})

describe('ESP32-OTA-Pull', () => {
  it('stays with 1.9 where 1.10 is served, and the operator is told', async () => {
    const { project, daemon } = await serving(build('1.9', 1))
    await truncateAndWrite(project.app, build('1.10', 2))
    const { warnings } = await daemon.event('release.published', ({ version }) => version === '1.10')
    expect(warnings.join()).toContain('ESP32-OTA-Pull')
    const device = { ca: daemon.ca, url: daemon.url(`${NAME}.otapull.json`), running: build('1.9', 1) }
    expect(await otaPull(device)).toMatchObject({ outcome: 'no-update' })
    expect(await otaPull(device, { allowsDowngrades: true })).toMatchObject({ outcome: 'updated' })
  })
})

describe('ESPHome, ota.http_request', () => {
  it('flashes the URL with the MD5 of its sidecar', async () => {
    const app = build('1.2.0', 1)
    const { daemon } = await serving(app)
    const run = await esphomeFlash({ ca: daemon.ca, url: daemon.url(NAME), running: build('1.1.0', 9) })
    expect(run).toMatchObject({ outcome: 'updated' })
    expect(run.image.equals(app)).toBe(true)
  })
})

describe('a manifest', () => {
  it('is told to be what it was by its ETag, and another after a new build', async () => {
    const { project, daemon } = await serving(build('1.2.0', 1))
    const asked = [`${NAME}.esphome.json`, 'repos/me/hello_world/releases/latest', `${NAME}.json`]
    const second = build('1.3.0', 2)
    const etags = await Promise.all(asked.map(async name => (await getOnce(daemon, name)).header('etag') ?? ''))
    const revalidate = (name: string, index: number) =>
      getOnce(daemon, name, { headers: [['If-None-Match', etags[index] ?? '']] })
    for (const [index, name] of asked.entries()) expect((await revalidate(name, index)).status).toBe(304)
    await truncateAndWrite(project.app, second)
    await becomesServed(daemon, NAME, second, 5000)
    for (const [index, name] of asked.entries()) expect((await revalidate(name, index)).status).toBe(200)
  })

  it('is one of the release that a pinned device gets', async () => {
    const { project, daemon } = await serving(build('1.2.0', 1))
    const second = build('1.3.0', 2)
    await truncateAndWrite(project.app, second)
    await becomesServed(daemon, NAME, second, 5000)
    const { type } = await import('../support/desk.js')
    const said = await type(['pin', '127.0.0.1', '1.2.0', '--home', daemon.home])
    expect(said.code, said.stderr).toBe(0)
    const manifest = JSON.parse((await getOnce(daemon, `${NAME}.esphome.json`)).body.toString())
    expect(manifest.version).toBe('1.2.0')
  })
})

const chromium = await findChromium()
const isSkipped = chromium.missing !== undefined && !isRequired(chromium)

describe.skipIf(isSkipped)('ESP Web Tools, on a page of another origin', () => {
  afterAll(closeBrowsers)

  const chip = 'esp32s3'
  const app = anImage({ chip, project: 'hello_world', version: '1.2.0', length: 150_000 })

  async function servingS3(args: readonly string[]): Promise<RunningDaemon> {
    const project = await aProject({ target: chip })
    await truncateAndWrite(project.app, app)
    return startDaemon({ folders: [project.folder], args })
  }
  const askedBy = (page: string, daemon: RunningDaemon) => ({
    page,
    manifestUrl: daemon.url(`${NAME}.webtools.json`),
    chipFamily: 'ESP32-S3',
    caFile: path.join(daemon.home, 'certs', 'ca_cert.pem')
  })

  it('gets every part of the flash byte for byte, where the page is allowed to', async () => {
    const page = await servePage()
    const daemon = await servingS3(['--cors', page])
    const installed = await installFromPage(askedBy(page, daemon))
    expect(installed).toMatchObject({ failure: null, name: 'hello_world', version: '1.2.0' })
    const parts = installed.failure === null ? installed.parts : []
    const expected: readonly (readonly [number, Buffer])[] = [
      [0, aBootloader({ chip })],
      [0x8000, aPartitionTable({ entries: TWO_OTA_PARTITIONS })],
      [0xd000, Buffer.alloc(0x2000, 0xff)],
      [0x10000, app]
    ]
    expect(parts.map(({ address }) => address)).toEqual(expected.map(([address]) => address))
    for (const [index, [address, bytes]] of expected.entries())
      expect(parts[index]?.bytes.equals(bytes), `at ${address}`).toBe(true)
  })

  it('gets nothing where no page or another one is allowed to', async () => {
    const page = await servePage()
    for (const args of [[], ['--cors', 'https://flash.example.com']]) {
      const daemon = await servingS3(args)
      expect(await installFromPage(askedBy(page, daemon))).toEqual({ failure: 'TypeError: Failed to fetch' })
    }
  })
})

describe('the parts beside an app', () => {
  const partsOf = async (daemon: RunningDaemon, name = NAME): Promise<readonly { path: string; offset: number }[]> =>
    JSON.parse((await getOnce(daemon, `${name}.webtools.json`)).body.toString()).builds[0].parts

  it('are had by their digests alone, never by their names', async () => {
    const { daemon } = await serving(build('1.2.0', 1))
    expect(await statusesOf(daemon, ['bootloader/bootloader.bin', 'partition_table/partition-table.bin'])).toEqual([
      404, 404
    ])
    const paths = (await partsOf(daemon)).map(part => part.path.slice(1))
    expect(paths).toHaveLength(4)
    expect(await statusesOf(daemon, paths)).toEqual([200, 200, 200, 200])
  })

  it('outlast a restart, and follow the project when it is configured anew', async () => {
    const { project, daemon } = await serving(build('1.2.0', 1))
    const before = await partsOf(daemon)
    await daemon.stop()
    const again = await startDaemon({ folders: [project.folder], home: daemon.home })
    expect(await partsOf(again)).toEqual(before)
    expect(
      await statusesOf(
        again,
        before.map(part => part.path.slice(1))
      )
    ).toEqual([200, 200, 200, 200])
    const table = TWO_OTA_PARTITIONS.map(entry => (entry.label === 'nvs' ? { ...entry, label: 'settings' } : entry))
    await project.configure({ partitions: table })
    await becomesTrue('the table is another', 8000, async () => {
      const now = await partsOf(again)
      return now.length === 4 && now[1]?.path !== before[1]?.path && now[0]?.path === before[0]?.path
    })
  })

  it('that are damaged on the disk are in no manifest, and are whole again with the next build', async () => {
    const { project, daemon } = await serving(build('1.2.0', 1))
    const before = await partsOf(daemon)
    await daemon.stop()
    const file = before[0]?.path.replace('/artifacts/', '') ?? ''
    await truncateAndWrite(path.join(daemon.home, 'state', 'parts', file), Buffer.from('damaged'))
    const again = await startDaemon({ folders: [project.folder], home: daemon.home })
    expect((await partsOf(again)).map(({ offset }) => offset)).toEqual([0x10000])
    await truncateAndWrite(project.app, build('1.3.0', 2))
    await becomesTrue('all parts are there', 8000, async () => (await partsOf(again)).length === 4)
    const paths = before.map(part => part.path.slice(1)).slice(0, 3)
    expect(await statusesOf(again, paths)).toEqual([200, 200, 200])
  })

  it('are left out where the bootloader is one of another chip: then there is the app alone', async () => {
    const project = await aProject()
    await truncateAndWrite(path.join(project.build, 'bootloader', 'bootloader.bin'), aBootloader({ chip: 'esp32s3' }))
    await truncateAndWrite(project.app, build('1.2.0', 1))
    const daemon = await startDaemon({ folders: [project.folder] })
    expect((await partsOf(daemon)).map(({ offset }) => offset)).toEqual([0x10000])
  })

  it('of PlatformIO are placed by chip and partition table, with erased OTA data', async () => {
    const folder = await temporaryFolder()
    const environment = path.join(folder, '.pio', 'build', 'esp32dev')
    const { mkdir } = await import('node:fs/promises')
    await mkdir(environment, { recursive: true })
    await truncateAndWrite(path.join(environment, 'bootloader.bin'), aBootloader())
    await truncateAndWrite(path.join(environment, 'partitions.bin'), aPartitionTable())
    await truncateAndWrite(path.join(environment, 'firmware.elf'), Buffer.from('\x7fELF'))
    await truncateAndWrite(path.join(environment, 'firmware.bin'), build('1.2.0', 1))
    const daemon = await startDaemon({ folders: [environment] })
    const parts = await partsOf(daemon, 'firmware.bin')
    expect(parts.map(({ offset }) => offset)).toEqual([0x1000, 0x8000, 0xd000, 0x10000])
    const otadata = await getOnce(daemon, parts[2]?.path.slice(1) ?? '')
    expect(otadata.body.equals(Buffer.alloc(0x2000, 0xff))).toBe(true)
  })
})

describe('Tasmota', () => {
  const packed = Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), Buffer.alloc(4000, 7)])

  it('gets a packed image as bytes, where the operator serves them, and 404 at once for what is not there', async () => {
    const folder = await temporaryFolder()
    await truncateAndWrite(path.join(folder, 'tasmota32.bin'), build('14.3.0', 1))
    await truncateAndWrite(path.join(folder, 'tasmota.bin.gz'), packed)
    const daemon = await startDaemon({ folders: [folder], args: ['--kinds', 'gzip'] })
    await becomesServed(daemon, 'tasmota.bin.gz', packed, 5000)
    const answer = await getOnce(daemon, 'tasmota.bin.gz', { headers: [['Accept-Encoding', 'gzip']] })
    expect(answer.body.equals(packed)).toBe(true)
    expect(answer.header('content-type')).toBe('application/octet-stream')
    expect(answer.header('content-encoding')).toBeUndefined()
    const startedAt = performance.now()
    const absent = ['tasmota32-minimal.bin', 'tasmota32-safeboot.bin', 'tasmota32.bin.gz']
    expect(await statusesOf(daemon, absent)).toEqual([404, 404, 404])
    expect(performance.now() - startedAt).toBeLessThan(1000)
  })

  it('leaves packed images alone, without a word, where nobody asked for them', async () => {
    const folder = await temporaryFolder()
    await truncateAndWrite(path.join(folder, 'tasmota32.bin'), build('14.3.0', 1))
    await truncateAndWrite(path.join(folder, 'tasmota32.bin.gz'), packed)
    const daemon = await startDaemon({ folders: [folder] })
    expect(await statusesOf(daemon, ['tasmota32.bin', 'tasmota32.bin.gz'])).toEqual([200, 404])
    expect(daemon.log.filter(({ event }) => event === 'candidate.rejected')).toEqual([])
  })
})
