import { CHIPS } from '../image/chips.js'
import { APP_DESCRIPTOR } from '../image/layout.js'
import { verifyImage } from '../image/verify.js'
import { isManifest } from './check-metadata.js'
import { esp32fota } from './client-esp32fota.js'
import { esphomeFlash, esphomeUpdate } from './client-esphome.js'
import { type Asking, type PullRun, projectIn } from './client-image.js'
import { otaPull } from './client-ota-pull.js'
import { rainmakerJob } from './client-rainmaker.js'
import type { Device, DeviceRun, FlowOptions } from './device.js'
import { arduinoHttpUpdate } from './device-arduino.js'
import { esp8266HttpUpdate } from './device-esp8266.js'
import { native, oneShot, resume } from './device-idf.js'
import { partial } from './device-idf-partial.js'
import { rtosNativeOta, sketchDownload, sketchSocket } from './device-sketch.js'
import { tasmotaUpgrade } from './device-tasmota.js'
import { LONGEST_BODY, type Scene } from './scene.js'

/** One client's way to an update, run from its first request to its last. */
export interface Flow {
  readonly client: string
  /** What it does, in the words of its project. */
  readonly way: string
  /** Generation of mbedTLS, which decides how it reads the certificate. */
  readonly mbedtls?: 'old'
  /** Whether the stand-in sends the credentials of the URL. */
  readonly sendsCredentials?: boolean
  /** Why it cannot be run here; undefined when it can. */
  readonly whyNot?: (scene: Scene) => string | undefined
  readonly run: (device: Device, scene: Scene, options: FlowOptions) => Promise<Run>
}

/** What is left of a run: the image that it would boot, and its last words. */
export interface Run {
  readonly outcome: 'updated' | 'not-modified' | 'no-update' | 'failed'
  readonly image: Buffer
  readonly log: readonly string[]
}

const ofDevice = ({ outcome, slot, log }: DeviceRun): Run => ({ outcome, image: slot, log })
const ofPull = ({ outcome, image, log }: PullRun): Run => ({ outcome, image, log })

const needsImage = ({ image }: Scene): string | undefined =>
  image === undefined ? 'no image came that could have been broken off' : undefined
/** With openssl s_server it waits for ever for an end that only the server could make (real-client.md 2); Node hides which end it was. */
const needsLength = ({ firmware, target }: Scene): string | undefined =>
  target.isSecure && firmware.answer?.bodyEnd === 'to-fin'
    ? 'a body without a length may hang this release for ever, and the probe cannot tell whether this one does'
    : undefined
const onlyPlain = ({ target }: Scene): string | undefined =>
  target.isSecure ? 'it speaks no TLS; the URL is https' : undefined
const onlyBasic = ({ target, firmware: { answer } }: Scene): string | undefined =>
  target.authorization !== undefined && /^Digest /i.test(answer?.header('www-authenticate') ?? '')
    ? 'it sends credentials as Basic alone, and the server asks for Digest'
    : undefined
const needsManifest =
  (suffix: string) =>
  ({ visits, target }: Scene): string | undefined =>
    visits.some(visit => visit.path === `${target.url.pathname}${suffix}` && isManifest(visit))
      ? undefined
      : `there is no ${target.url.pathname}${suffix}`

/** Half of the image lies in the slot when the power comes back. */
function brokenOff(device: Device, { image = Buffer.alloc(0) }: Scene): Device {
  return { ...device, slot: image.subarray(0, image.length >> 1) }
}

/** A device that runs the image's project in an older version, and pulls by a manifest at `suffix`. */
function pulling(device: Device, scene: Scene, options: FlowOptions, suffix = '') {
  const url = new URL(device.url)
  const asking: Asking = { verification: device.verification, limits: options }
  return { ...asking, url: `${url.origin}${url.pathname}${suffix}`, running: olderThan(imageBegun(scene)) }
}

/** The image, or what came of it: its project is told at its beginning. */
function imageBegun({ image, firmware }: Scene): Buffer | undefined {
  return image ?? (firmware.answer?.status === 200 ? firmware.answer.body : undefined)
}

function olderThan(image: Buffer | undefined): Buffer {
  const running = Buffer.alloc(Math.max(1024, image?.length ?? 0))
  image?.copy(running)
  const version = APP_DESCRIPTOR.fileOffset + APP_DESCRIPTOR.version
  running.fill(0, version, version + APP_DESCRIPTOR.versionLength)
  running.write('0.0.0', version)
  return running
}

function credentialsOf({ target }: Scene): { authorization?: readonly [string, string] } {
  const { username, password } = target.url
  return username === '' ? {} : { authorization: [decodeURIComponent(username), decodeURIComponent(password)] }
}

/** The chip as ESPHome spells it; what is no image of the ESP32 family is for the ESP32. */
function familyOf({ image }: Scene): string {
  const chip = image === undefined ? null : verifyImage(image).chip
  return CHIPS[chip ?? 'esp32'].label
}

/** Every flow, the commonest clients first (clients.md 3). */
export const FLOWS: readonly Flow[] = [
  {
    client: 'ESP-IDF 5.5',
    way: 'esp_https_ota, one request',
    sendsCredentials: true,
    run: async (device, _scene, options) => ofDevice(await oneShot(device, { ...options, release: '5.5' }))
  },
  {
    client: 'ESP-IDF 4.4',
    way: 'esp_https_ota, one request',
    mbedtls: 'old',
    sendsCredentials: true,
    whyNot: needsLength,
    run: async (device, _scene, options) => ofDevice(await oneShot(device, { ...options, release: '4.4' }))
  },
  {
    client: 'ESP-IDF 3.2',
    way: 'esp_https_ota, one request',
    mbedtls: 'old',
    run: async (device, _scene, options) => ofDevice(await oneShot(device, { ...options, release: '3.x' }))
  },
  {
    client: 'ESP-IDF 5.5',
    way: 'partial_http_download: HEAD, ranges on one connection',
    sendsCredentials: true,
    run: async (device, _scene, options) => ofDevice(await partial(device, { ...options, release: '5.5' }))
  },
  {
    client: 'ESP-IDF 4.4',
    way: 'partial_http_download: HEAD, a connection for each range',
    mbedtls: 'old',
    sendsCredentials: true,
    run: async (device, _scene, options) => ofDevice(await partial(device, { ...options, release: '4.4' }))
  },
  {
    client: 'ESP-IDF 6.0',
    way: 'partial_http_download: bytes=0-0 for the length, ranges',
    sendsCredentials: true,
    run: async (device, _scene, options) =>
      ofDevice(await partial(device, { ...options, release: '6.0', lengthFrom: 'first-byte' }))
  },
  {
    client: 'ESP-IDF 5.5.5',
    way: 'ota_resumption, broken off in the middle',
    sendsCredentials: true,
    whyNot: needsImage,
    run: async (device, scene, options) => ofDevice(await resume(brokenOff(device, scene), options))
  },
  {
    client: 'ESP-IDF 5.5.3',
    way: 'ota_resumption, broken off in the middle',
    sendsCredentials: true,
    whyNot: needsImage,
    run: async (device, scene, options) =>
      ofDevice(await resume(brokenOff(device, scene), { ...options, requires206: false }))
  },
  {
    client: 'ESP-IDF 5.5',
    way: 'partial_http_download with ota_resumption, broken off in the middle',
    sendsCredentials: true,
    whyNot: needsImage,
    run: async (device, scene, options) =>
      ofDevice(await partial(brokenOff(device, scene), { ...options, release: '5.5', resumes: true }))
  },
  {
    client: 'ESP-IDF 5.5',
    way: 'native_ota_example',
    run: async (device, _scene, options) => ofDevice(await native(device, { ...options, release: '5.5' }))
  },
  {
    client: 'ESP-IDF 3.2',
    way: 'native_ota_example',
    mbedtls: 'old',
    run: async (device, _scene, options) => ofDevice(await native(device, { ...options, release: '3.x' }))
  },
  {
    client: 'arduino-esp32',
    way: 'HTTPUpdate, by HTTP/1.0',
    sendsCredentials: true,
    whyNot: onlyBasic,
    run: async (device, scene, options) =>
      ofDevice(
        await arduinoHttpUpdate(device, {
          ...options,
          ...credentialsOf(scene),
          freeSpace: LONGEST_BODY,
          checksSha: true
        })
      )
  },
  {
    client: 'arduino-esp32',
    way: 'a sketch that parses the socket (AWS_S3_OTA_Update)',
    run: async (device, _scene, options) => ofDevice(await sketchSocket(device, options))
  },
  {
    client: 'ArduinoHttpClient',
    way: 'OTASketchDownload of ArduinoOTA',
    run: async (device, _scene, options) => ofDevice(await sketchDownload(device, options))
  },
  {
    client: 'ESP8266',
    way: 'ESPhttpUpdate, by HTTP/1.0',
    run: async (device, _scene, options) =>
      ofDevice(await esp8266HttpUpdate(device, { ...options, freeSpace: LONGEST_BODY, chipSize: LARGEST_CHIP }))
  },
  {
    client: 'ESP8266_RTOS_SDK',
    way: 'native_ota, by HTTP/1.0',
    whyNot: onlyPlain,
    run: async (device, _scene, options) => ofDevice(await rtosNativeOta(device, options))
  },
  {
    client: 'Tasmota',
    way: 'Upgrade 1 on an ESP32',
    run: async (device, _scene, options) =>
      ofDevice(await tasmotaUpgrade(device, { ...options, family: 'esp32', freeSpace: LONGEST_BODY }))
  },
  {
    client: 'RainMaker',
    way: 'OTA by URL',
    run: async (device, scene, options) => ofPull(await rainmakerJob(pulling(device, scene, options)))
  },
  {
    client: 'ESPHome',
    way: 'ota.http_request with md5_url',
    run: async (device, scene, options) => ofPull(await esphomeFlash(pulling(device, scene, options)))
  },
  {
    client: 'ESPHome',
    way: 'update.http_request by its manifest',
    whyNot: needsManifest('.esphome.json'),
    run: async (device, scene, options) =>
      ofPull(await esphomeUpdate(pulling(device, scene, options, '.esphome.json'), { variant: familyOf(scene) }))
  },
  {
    client: 'esp32FOTA',
    way: 'by its manifest',
    whyNot: needsManifest('.esp32fota.json'),
    run: async (device, scene, options) =>
      ofPull(
        await esp32fota(pulling(device, scene, options, '.esp32fota.json'), {
          type: projectIn(scene.image ?? Buffer.alloc(0))
        })
      )
  },
  {
    client: 'ESP32-OTA-Pull',
    way: 'by its manifest',
    whyNot: needsManifest('.otapull.json'),
    run: async (device, scene, options) => ofPull(await otaPull(pulling(device, scene, options, '.otapull.json')))
  }
]

const LARGEST_CHIP = 16 * 1024 * 1024
