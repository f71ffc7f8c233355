// Sketches tell what they run, and ask at the plain address of the firmware: each kind of them updates when there is something new, leaves it
// at that, and is told to the person at the desk when it does not (clients.md 7, 8, 11).
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { EventName } from '../../src/events.js'
import type { Device, DeviceRun } from '../../src/probe/device.js'
import { arduinoHttpUpdate, type HttpUpdateOptions, tellOf } from '../../src/probe/device-arduino.js'
import { availableVersion, esp8266HttpUpdate } from '../../src/probe/device-esp8266.js'
import { oneShot } from '../../src/probe/device-idf.js'
import { partial } from '../../src/probe/device-idf-partial.js'
import { rtosNativeOta, sketchDownload, sketchSocket } from '../../src/probe/device-sketch.js'
import { tasmotaUpgrade } from '../../src/probe/device-tasmota.js'
import { exchange, openConnection } from '../../src/probe/raw-http.js'
import { renameOver } from '../support/build-folder.js'
import { PROGRAM, plainEnvironment, type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage, filled, withBytes, withTrailer } from '../support/image-builder.js'
import { becomesServed } from './line.js'

const NAME = 'app.bin'
const MAC = '24:6f:28:aa:bb:cc'
const OLD = anImage({ length: 300_000, seed: 1, version: '1.0.0' })
const NEW = anImage({ length: 320_000, seed: 2, version: '2.0.0' })
const OLD_8266 = aSketchOf8266(60_000, 3)
const NEW_8266 = aSketchOf8266(64_000, 4)
const LITTLEFS = withBytes(filled(8192, 9), 8, Buffer.from('littlefs'))
const OTHER_LITTLEFS = withBytes(filled(8192, 10), 8, Buffer.from('littlefs'))

/** As elf2bin.py of the ESP8266 core writes it: eboot, filled up to a sector, and the sketch behind it. */
function aSketchOf8266(length: number, seed: number): Buffer {
  const image = (...segments: readonly (readonly [loadAddress: number, length: number])[]) =>
    anImage({
      chip: 'esp8266',
      hash: false,
      segments: segments.map(([loadAddress, size]) => ({ loadAddress, data: filled(size, seed) }))
    })
  const eboot = image([0x4010f000, 2048])
  const sketch = image([0x40201010, length], [0x40100000, 1024], [0x3ffe8000, 512])
  return Buffer.concat([eboot, Buffer.alloc(4096 - eboot.length, 0xaa), sketch])
}

interface Desk {
  readonly daemon: RunningDaemon
  readonly device: Device
  build(image: Uint8Array, name?: string): Promise<void>
  /** How often something was told. */
  told(event: EventName): number
}

async function aDesk(image: Buffer, args: readonly string[] = []): Promise<Desk> {
  const folder = await temporaryFolder()
  const daemon = await startDaemon({ folders: [folder], args })
  const build = async (built: Uint8Array, name = NAME): Promise<void> => {
    await renameOver(path.join(folder, name), built)
    await becomesServed(daemon, name, built, 5000)
  }
  await build(image)
  return {
    daemon,
    device: { ca: daemon.ca, url: daemon.url(NAME) },
    build,
    told: event => daemon.log.filter(line => line.event === event).length
  }
}

/** An update by a sketch that runs an image. */
type Sketch = (device: Device, running: Buffer) => Promise<DeviceRun>

const SKETCHES: readonly (readonly [name: string, images: readonly [Buffer, Buffer], update: Sketch])[] = [
  ['HTTPUpdate of arduino-esp32', [OLD, NEW], (device, running) => arduinoHttpUpdate(device, tellOf(running))],
  [
    'HTTPUpdate of arduino-esp32 that checks SHA-256 and SHA-512',
    [OLD, NEW],
    (device, running) => arduinoHttpUpdate(device, { ...tellOf(running), checksSha: true })
  ],
  [
    'HTTPUpdate of an older core, which tells the SHA-256 alone',
    [OLD, NEW],
    (device, running) => arduinoHttpUpdate(device, { sketchSha256: tellOf(running).sketchSha256 })
  ],
  [
    'HTTPUpdate of a signed sketch, whose MD5 is not that of the file',
    [withTrailer(OLD, filled(512, 1)), withTrailer(NEW, filled(512, 2))],
    (device, running) => arduinoHttpUpdate(device, tellOf(running.subarray(0, -512)))
  ],
  [
    'ESP8266httpUpdate',
    [OLD_8266, NEW_8266],
    (device, running) => esp8266HttpUpdate(device, { sketchMd5: tellOf(running).sketchMd5 })
  ],
  [
    'Tasmota on the ESP32',
    [OLD, NEW],
    (device, running) => tasmotaUpgrade(device, { ...tellOf(running), family: 'esp32' })
  ],
  [
    'Tasmota on the ESP8266',
    [OLD_8266, NEW_8266],
    (device, running) => tasmotaUpgrade(device, { ...tellOf(running), family: 'esp8266' })
  ]
]

describe('a sketch that tells what it runs', () => {
  it.each(SKETCHES)('is given a new build once: %s', async (_name, [first, second], update) => {
    const { daemon, device, build, told } = await aDesk(first, ['--kinds', 'esp8266-v1'])
    expect(await update(device, first)).toMatchObject({ outcome: 'not-modified' })
    await build(second)
    const run = await update(device, first)
    expect({ ...run, slot: run.slot.equals(second) }).toMatchObject({ outcome: 'updated', slot: true })
    for (let boot = 0; boot < 4; boot++) expect((await update(device, run.slot)).outcome).toBe('not-modified')
    await daemon.event('download.complete')
    expect(['download.complete', 'device.looping', 'device.rolledback'].map(told as (event: string) => number)).toEqual(
      [1, 0, 0]
    )
  })

  it('is given nothing when its version is that of the image, whatever it runs', async () => {
    const { device } = await aDesk(NEW)
    const sketchMd5 = '0'.repeat(32)
    expect(await arduinoHttpUpdate(device, { sketchMd5, version: '2.0.0' })).toMatchObject({ outcome: 'not-modified' })
    expect(await arduinoHttpUpdate(device, { sketchMd5, version: '1.9.9' })).toMatchObject({ outcome: 'updated' })
  })

  it('is told the version that there is, and by that starts no download', async () => {
    const { device, told } = await aDesk(NEW)
    expect(await availableVersion(device)).toBe('2.0.0')
    expect(await esp8266HttpUpdate(device, { sketchMd5: '0'.repeat(32), version: '2.0.0' })).toMatchObject({
      outcome: 'not-modified'
    })
    expect(told('download.complete')).toBe(0)
  })

  it('says itself that it has no room, and is told to the desk once', async () => {
    const { daemon, device, build, told } = await aDesk(NEW)
    for (let boot = 0; boot < 3; boot++) {
      const run = await arduinoHttpUpdate(device, { ...tellOf(OLD), freeSpace: 200_000 })
      expect(run.log).toEqual(['HTTP_UPDATE_FAILED Error (-100): Not Enough space'])
    }
    const { device: who, name, size, free } = await daemon.event('device.full')
    expect({ who, name, size, free }).toEqual({ who: MAC, name: NAME, size: NEW.length, free: 200_000 })
    expect([told('device.full'), told('download.complete'), told('download.aborted')]).toEqual([1, 0, 0])
    // Nothing was begun: the next build is not kept from it.
    await build(OLD)
    const run = await arduinoHttpUpdate(device, { ...tellOf(NEW), freeSpace: 310_000 })
    expect([run.outcome, run.slot.equals(OLD)]).toEqual(['updated', true])
  })

  it('is compared with the release that it is pinned to', async () => {
    const { daemon, device, build } = await aDesk(OLD)
    await build(NEW)
    await promisify(execFile)(process.execPath, [PROGRAM, 'pin', MAC, '1.0.0', '--home', daemon.home], {
      env: plainEnvironment()
    })
    expect(await arduinoHttpUpdate(device, tellOf(OLD))).toMatchObject({ outcome: 'not-modified' })
    const back = await arduinoHttpUpdate(device, tellOf(NEW))
    expect([back.outcome, back.slot.equals(OLD)]).toEqual(['updated', true])
    const other = await arduinoHttpUpdate(device, { ...tellOf(OLD), staMac: '24:6F:28:00:00:01' })
    expect([other.outcome, other.slot.equals(NEW)]).toEqual(['updated', true])
  })
})

describe('a sketch that wants a file system', () => {
  const ask = (device: Device) => arduinoHttpUpdate(device, { ...tellOf(NEW), mode: 'spiffs' })

  it('is given that of the app, never the app and never a 304', async () => {
    const { device, build } = await aDesk(NEW, ['--kinds', 'littlefs'])
    expect((await ask(device)).log).toEqual(['HTTP_UPDATE_FAILED Error (-102): File Not Found (404)'])
    await build(OTHER_LITTLEFS, 'littlefs.bin')
    expect((await ask(device)).slot.equals(OTHER_LITTLEFS)).toBe(true)
    await build(LITTLEFS, 'app.littlefs.bin')
    expect((await ask(device)).slot.equals(LITTLEFS)).toBe(true)
  })

  it('is given the one whose address it asks for', async () => {
    const { device, build } = await aDesk(NEW, ['--kinds', 'littlefs'])
    await build(LITTLEFS, 'data.bin')
    const run = await ask({ ...device, url: device.url.replace(NAME, 'data.bin') })
    expect([run.outcome, run.slot.equals(LITTLEFS)]).toEqual(['updated', true])
  })

  it('is given it right after a restart, too', async () => {
    const { daemon, build } = await aDesk(NEW, ['--kinds', 'littlefs'])
    await build(LITTLEFS, 'app.littlefs.bin')
    await daemon.stop()
    const again = await startDaemon({ folders: [daemon.folder], home: daemon.home, args: ['--kinds', 'littlefs'] })
    const device = { ca: again.ca, url: again.url(NAME) }
    expect((await ask(device)).slot.equals(LITTLEFS)).toBe(true)
    expect(await arduinoHttpUpdate(device, tellOf(NEW))).toMatchObject({ outcome: 'not-modified' })
  })

  it('gets none of a kind that is not asked to be served', async () => {
    const { daemon, device } = await aDesk(NEW)
    await renameOver(path.join(daemon.folder, 'app.littlefs.bin'), LITTLEFS)
    await daemon.event('candidate.rejected')
    expect((await ask(device)).log).toEqual(['HTTP_UPDATE_FAILED Error (-102): File Not Found (404)'])
  })
})

describe('a sketch that reads the socket itself', () => {
  it.each([
    ['as AWS_S3_OTA_Update does', sketchSocket],
    ['with ArduinoHttpClient', sketchDownload],
    ['as the native_ota of ESP8266_RTOS_SDK does', rtosNativeOta]
  ])('is given the new build %s', async (_how, update) => {
    const { device, build } = await aDesk(OLD)
    expect((await update(device)).slot.equals(OLD)).toBe(true)
    await build(NEW)
    const run = await update(device)
    expect([run.outcome, run.slot.equals(NEW)]).toEqual(['updated', true])
  })

  it('takes no answer about a missing file for an image', async () => {
    const { device } = await aDesk(OLD)
    const missing = { ...device, url: device.url.replace(NAME, 'update-v7.bin') }
    expect((await sketchSocket(missing)).outcome).toBe('failed')
    expect((await sketchDownload(missing)).outcome).toBe('not-modified')
    expect((await rtosNativeOta(missing)).outcome).toBe('failed')
  })
})

describe('a device in a loop', () => {
  const again = async (times: number, update: () => Promise<DeviceRun>): Promise<void> => {
    for (let boot = 0; boot < times; boot++) expect((await update()).outcome).toBe('updated')
  }

  it('that tells the same version whatever it is given is told once, with the reason', async () => {
    const { daemon, device, told } = await aDesk(NEW)
    // An old core without digests: its version is all that it tells.
    const constant: HttpUpdateOptions = { version: '1.0.0', sketchMd5: '', sketchSha256: '' }
    await again(5, () => arduinoHttpUpdate(device, constant))
    const { device: who, version, times, reason } = await daemon.event('device.looping')
    expect({ who, version, times }).toEqual({ who: MAC, version: '2.0.0', times: 3 })
    expect(reason).toContain('it tells version 1.0.0 each time, and the image is 2.0.0')
    expect(told('device.looping')).toBe(1)
  })

  it('that goes back to its old firmware each time is told as such', async () => {
    const { daemon, device, told } = await aDesk(NEW)
    await again(3, () => arduinoHttpUpdate(device, { ...tellOf(OLD), version: '1.0.0' }))
    const { version, running, reason } = await daemon.event('device.rolledback')
    expect({ version, running }).toEqual({ version: '2.0.0', running: '1.0.0' })
    expect(reason).toContain('esp_ota_mark_app_valid_cancel_rollback')
    expect((await daemon.event('device.looping')).reason).toContain('the firmware that it had before')
    expect(told('device.rolledback')).toBe(1)
  })

  it.each([
    ['a whole image', oneShot],
    ['ranges', (device: Device) => partial(device)]
  ])('is told by its address alone where it says nothing, with the doubt: %s', async (_how, update) => {
    const { daemon, device } = await aDesk(NEW)
    await again(3, () => update(device))
    const { device: who, reason } = await daemon.event('device.looping')
    expect(who).toBe('127.0.0.1')
    expect(reason).toContain('it tells no version')
    expect(reason).toContain('may be several devices')
  })

  it('is none when many devices update once each, behind one address', async () => {
    const { daemon, device, told } = await aDesk(NEW)
    const macs = Array.from({ length: 8 }, (_, index) => `24:6F:28:00:00:0${index}`)
    for (const staMac of macs) await arduinoHttpUpdate(device, { ...tellOf(OLD), staMac })
    for (const staMac of macs)
      expect((await arduinoHttpUpdate(device, { ...tellOf(NEW), staMac })).outcome).toBe('not-modified')
    await daemon.event('download.complete', () => told('download.complete') === macs.length)
    expect([told('device.looping'), told('device.rolledback')]).toEqual([0, 0])
  })
})

describe('fields of a hostile client', () => {
  const ask = async ({ port, ca }: RunningDaemon, fields: readonly string[], version = '1.0') => {
    const connection = await openConnection({ host: '127.0.0.1', port, ca })
    const head = `GET /${NAME} HTTP/${version}\r\nHost: otad\r\n${fields.map(field => `${field}\r\n`).join('')}\r\n`
    try {
      return await exchange(connection, head, { method: 'GET' })
    } finally {
      await connection.close()
    }
  }

  it('are read in any letter case', async () => {
    const { daemon } = await aDesk(NEW)
    const md5 = createHash('md5').update(NEW).digest('hex')
    for (const spell of [String, (text: string) => text.toUpperCase(), (text: string) => text.toLowerCase()])
      for (const version of ['1.0', '1.1']) {
        const fields = [`${spell('x-ESP32-mode')}: sketch`, `${spell('x-ESP32-sketch-md5')}: ${md5.toUpperCase()}`]
        expect((await ask(daemon, fields, version)).status).toBe(304)
      }
  })

  it('change nothing, and cost nobody else anything', async () => {
    const { daemon, told } = await aDesk(NEW)
    const long = 'A'.repeat(6000)
    const hostile = [
      ['x-ESP32-mode: sketch', `x-ESP32-version: ${long}`, `x-ESP32-sdk-version: ${long}`],
      ['x-ESP32-mode: sketch', 'x-ESP32-mode: spiffs', 'x-ESP32-free-space: 1'],
      ['x-ESP32-mode: sketch', 'x-ESP32-free-space: -1', 'x-ESP32-sketch-size: NaN'],
      ['x-ESP32-mode: ../../etc/passwd', 'x-ESP8266-mode: sketch', 'x-ESP8266-sketch-md5: \u00e9\u00ff'],
      ['x-ESP32-mode: sketch', 'x-ESP32-version: %1b[31m9.9.9', 'x-ESP32-sta-mac: ; rm -rf /'],
      ['x-ESP32-sketch-sha256: 0', 'x-ESP32-__proto__: 1', 'x-ESP32-constructor: 1']
    ]
    for (const fields of hostile) {
      const { status, body } = await ask(daemon, fields)
      expect({ status, whole: body.equals(NEW) }).toEqual({ status: 200, whole: true })
    }
    expect([told('bug'), told('device.full')]).toEqual([0, 0])
  })
})
