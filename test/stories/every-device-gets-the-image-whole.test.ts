// The daemon is judged by what lies in the slot of a device: each kind of client that is out there, against a real daemon.
import { readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Device, DeviceRun } from '../../src/probe/device.js'
import { arduinoHttpUpdate } from '../../src/probe/device-arduino.js'
import { native, oneShot, resume } from '../../src/probe/device-idf.js'
import { partial } from '../../src/probe/device-idf-partial.js'
import { sketchSocket } from '../../src/probe/device-sketch.js'
import { truncateAndWrite } from '../support/build-folder.js'
import { buildDevice, type DeviceRun as CRun, cDeviceIsRequired, DEVICE_EXIT, runDevice } from '../support/c-device.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage, truncatedTo } from '../support/image-builder.js'
import { becomesServed, digestOf } from './line.js'

const NAME = 'hello_world.bin'
/** ESP32-S3: a chip number that is not zero, so that it is really compared. */
const CHIP_ID = 9
const IMAGE = anImage({ length: 900_001, seed: 5, chip: 'esp32s3' })
const NEXT = anImage({ length: 700_000, seed: 6, chip: 'esp32s3', version: '2.0.0' })

async function serving(): Promise<RunningDaemon> {
  const folder = await temporaryFolder()
  await truncateAndWrite(path.join(folder, NAME), IMAGE)
  const daemon = await startDaemon({ folders: [folder] })
  await becomesServed(daemon, NAME, IMAGE, 5000)
  return daemon
}

async function aDevice(more: Partial<Device> = {}): Promise<{ daemon: RunningDaemon; device: Device }> {
  const daemon = await serving()
  return { daemon, device: { ca: daemon.ca, url: daemon.url(NAME), chipId: CHIP_ID, ...more } }
}

function expectUpdated({ outcome, slot, log }: DeviceRun, image = IMAGE): void {
  expect({ outcome, log }).toMatchObject({ outcome: 'updated' })
  expect(slot.equals(image)).toBe(true)
}

type Flow = (device: Device) => Promise<DeviceRun>
const flows: readonly (readonly [name: string, flow: Flow])[] = [
  ...(['3.x', '4.4', '5.3', '5.5', '6.0'] as const).flatMap((release): [string, Flow][] => [
    [`esp_https_ota of IDF ${release}`, device => oneShot(device, { release })],
    [`native_ota_example of IDF ${release}`, device => native(device, { release })]
  ]),
  ...(['4.4', '5.3', '5.5', '6.0'] as const).flatMap((release): [string, Flow][] => [
    [`partial download of IDF ${release}`, device => partial(device, { release })],
    [`partial download of IDF ${release} in 4 KiB`, device => partial(device, { release, maxHttpRequestSize: 4096 })],
    [
      `partial download of IDF ${release} in one request`,
      device => partial(device, { release, maxHttpRequestSize: 1 << 20 })
    ]
  ]),
  ['partial download with a connection for each range', device => partial(device, { persistentConnection: false })],
  ['HTTPUpdate of Arduino', device => arduinoHttpUpdate(device)],
  ['HTTPUpdate of Arduino that keeps alive', device => arduinoHttpUpdate(device, { keepAlive: true })],
  ['a sketch that reads the socket', device => sketchSocket(device)],
  ['esp_https_ota over TLS 1.3', device => oneShot({ ...device, maxVersion: 'TLSv1.3' })]
]

describe('a device in the field', () => {
  it('ends with the whole image in its slot, whichever client it runs', { timeout: 60_000 }, async () => {
    const { device } = await aDevice()
    for (const [name, flow] of flows) {
      const { outcome, slot, log } = await flow(device)
      expect({ name, outcome, same: slot.equals(IMAGE), log }).toMatchObject({ name, outcome: 'updated', same: true })
    }
  })

  for (const release of ['5.5', '6.0'] as const) {
    it(`resumes where it lost power (IDF ${release})`, async () => {
      const { device } = await aDevice()
      for (const stopAfter of [500, 1024, 400_000, IMAGE.length - 1, IMAGE.length]) {
        const first = await resume(device, { release, stopAfter })
        expectUpdated(await resume({ ...device, slot: first.slot }, { release }))
      }
    })

    it(`resumes a partial download where it lost power (IDF ${release})`, async () => {
      const { device } = await aDevice()
      for (const stopAfter of [70_000, 500_000, IMAGE.length - 10]) {
        const first = await partial(device, { release, resumes: true, stopAfter })
        expectUpdated(await partial({ ...device, slot: first.slot }, { release, resumes: true }))
      }
    })
  }

  it('gets no image of another chip past its own check, and no bytes of a half-written one', async () => {
    const { daemon, device } = await aDevice({ chipId: 0 })
    expect((await oneShot(device)).outcome).toBe('failed')
    await truncateAndWrite(path.join(daemon.folder, NAME), truncatedTo(NEXT, 300_000))
    await daemon.event('candidate.rejected')
    expectUpdated(await oneShot({ ...device, chipId: CHIP_ID }))
  })
})

const program = await buildDevice()

describe.skipIf(program === undefined && !cDeviceIsRequired())(
  'an old device on mbedTLS 2.28 (needs cc, libmbedtls-dev)',
  () => {
    async function onDevice(args: readonly string[] = [], host = '127.0.0.1', more: readonly string[] = []) {
      if (program === undefined) throw new Error('the C device is required: install a C compiler and libmbedtls-dev')
      const folder = await temporaryFolder()
      const daemon = await serving()
      const ca = path.join(folder, 'ca_cert.pem')
      await writeFile(ca, daemon.ca)
      const out = path.join(folder, 'slot.bin')
      const url = `https://${host}:${daemon.port}/${NAME}`
      const run = await runDevice(program, [
        url,
        '--ca',
        ca,
        '--out',
        out,
        '--chip-id',
        String(CHIP_ID),
        ...more,
        ...args
      ])
      return { daemon, folder, ca, url, out, run }
    }

    async function expectWhole({ run, out }: { run: CRun; out: string }): Promise<void> {
      expect(run).toMatchObject({ code: DEVICE_EXIT.done, report: { error: null, tls: 'TLSv1.2' } })
      expect(run.report.sha256).toBe(digestOf(IMAGE))
      expect((await readFile(out)).equals(IMAGE)).toBe(true)
      expect(run.report.maxRecord).toBeLessThanOrEqual(4096)
    }

    it('accepts the certificate by IP address and gets the whole image in records of 4096 bytes', async () => {
      await expectWhole(await onDevice())
    })

    for (const chunk of ['4096', '16384', '65536']) {
      it(`assembles the image from ranges of ${chunk} bytes`, async () => {
        await expectWhole(await onDevice(['--flow', 'partial', '--chunk', chunk]))
      })
    }

    it('assembles the image from ranges, each on its own connection', async () => {
      await expectWhole(await onDevice(['--flow', 'partial', '--chunk', '65536', '--new-connection-per-range']))
    })

    it('resumes a session when it opens a connection for each range', async () => {
      const args = ['--flow', 'partial', '--chunk', '65536', '--new-connection-per-range', '--session-resume']
      const device = await onDevice(args)
      await expectWhole(device)
      expect(device.run.report.resumed).toBe(true)
    })

    it('resumes the image where it stopped', async () => {
      const folder = await temporaryFolder()
      const have = path.join(folder, 'have.bin')
      await writeFile(have, IMAGE.subarray(0, 400_000))
      await expectWhole(await onDevice(['--flow', 'resume', '--offset', '400000', '--have', have]))
    })

    it('accepts the certificate by the host names of this machine', async () => {
      const short = hostname().split('.')[0]?.toLowerCase() ?? ''
      for (const host of ['localhost', short, `${short}.local`]) {
        await expectWhole(await onDevice(['--resolve', '127.0.0.1'], host))
      }
    })

    it('gets records of at most 1024 bytes when it asks for them', async () => {
      const device = await onDevice(['--max-fragment', '1024'])
      await expectWhole(device)
      expect(device.run.report.maxRecord).toBeLessThanOrEqual(1024)
    })
  }
)
