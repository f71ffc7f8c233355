/**
 * A device with ota_demo of st-device-sdk-c-ref (clients.md 6; apps/esp32/ota_demo/main/ota_util.c and main.c): looks for a version, takes the
 * image that it is offered, checks the signature behind it, and boots what it wrote. It looks at no status, as the demo does not.
 */
import { constants, createHash, createPublicKey, verify } from 'node:crypto'
import { createWire, type Device, explainUnreachable } from '../../src/probe/device.js'
import { idfRequest, mannersOf } from '../../src/probe/device-idf-client.js'
import type { Answer } from '../../src/probe/raw-http.js'
import { anImage, type ImageOptions, resealed, withBytes } from './image-builder.js'

export interface DemoDevice extends Pick<Device, 'localAddress'> {
  /** `CONFIG_OTA_SERVER_URL`, with its final slash. */
  readonly serverUrl: string
  /** `root.pem` and `public_key.pem` in its firmware. */
  readonly root: string
  readonly publicKey: string
  /** What it runs; its version is in it. */
  readonly running: Buffer
  /** The file of `CONFIG_FIRMWARE_UPGRADE_URL`: `signed_ota_demo.bin` when left out. */
  readonly file?: string
}

/** What the app of SmartThings is told. */
export interface Offer {
  /** The version that is shown as available; undefined where there is nothing new. */
  readonly available: string | undefined
  readonly log: readonly string[]
}

export interface DemoUpdate {
  /** What it boots from now on: the new image, or what it ran. */
  readonly running: Buffer
  readonly log: readonly string[]
}

const INFO_BUFFER = 2048
const SIGNATURE = { length: 256, opening: 6, whole: 6 + 256 + 6 }

/** `ota_check_for_update`. @throws where the demo would crash */
export async function lookForUpdate(device: DemoDevice): Promise<Offer> {
  const log: string[] = []
  const answer = await get(device, 'version_info.json', log)
  if (answer === undefined) return { available: undefined, log }
  if (answer.body.length >= INFO_BUFFER)
    return { available: undefined, log: [...log, 'Max length of data is exceeded. '] }
  if (answer.body.length === 0) return { available: undefined, log: [...log, 'read error'] }
  const info = readInfo(answer.body)
  if (info === undefined) return { available: undefined, log: [...log, 'Cannot find new version: -1'] }
  if (typeof info.polling !== 'string') throw new Error('the demo crashes: atoi(NULL)')
  const upgrade = Array.isArray(info.upgrade) ? info.upgrade : []
  const own = versionOf(device.running)
  for (const version of upgrade) {
    if (typeof version !== 'string') throw new Error('the demo crashes: strcmp(NULL, …)')
    if (version !== own) continue
    if (typeof info.latest !== 'string') throw new Error('the demo crashes: strlen(NULL)')
    return { available: info.latest, log: [...log, 'isNewVersion : 1 '] }
  }
  return { available: undefined, log: [...log, 'isNewVersion : 0 '] }
}

/** `_update_device`, once: the demo itself tries again after ten minutes. */
export async function update(device: DemoDevice): Promise<DemoUpdate> {
  const log: string[] = []
  const failed = (...lines: string[]): DemoUpdate => ({ running: device.running, log: [...log, ...lines] })
  const answer = await get(device, device.file ?? 'signed_ota_demo.bin', log)
  if (answer === undefined) return failed()
  // esp_http_client_fetch_headers: 0 where no length was sent.
  const length = Number(answer.header('content-length') ?? 0)
  if (length <= SIGNATURE.whole) return failed('content size error ')
  const written = answer.body.subarray(0, length - SIGNATURE.whole)
  const signature = answer.body.subarray(length - SIGNATURE.whole)
  if (signature.length < SIGNATURE.whole) return failed(`invalid sig len : ${signature.length}`, NOT_SIGNED)
  if (!isFilled(signature.subarray(0, 4))) return failed('invalid signature header ', NOT_SIGNED)
  if (!isFilled(signature.subarray(-4))) return failed('Invalid footer ', NOT_SIGNED)
  if (
    !isVerified(device.publicKey, written, signature.subarray(SIGNATURE.opening, SIGNATURE.opening + SIGNATURE.length))
  )
    return failed('_pk_verify is failed ', NOT_SIGNED)
  return { running: Buffer.from(written), log: [...log, 'esp_ota_set_boot_partition succeeded'] }
}

const NOT_SIGNED = 'Signature verified NOK'

/** `ota_api_get_firmware_version_load` on the device_info.json that is embedded in the image. */
export function versionOf(image: Buffer): string {
  const start = image.lastIndexOf('{', image.indexOf('"deviceInfo"'))
  return JSON.parse(image.toString('utf8', start, image.indexOf(0, start))).deviceInfo.firmwareVersion
}

export interface DemoImageOptions extends ImageOptions {
  readonly firmwareVersion: string
}

/** An image of the demo, with the device_info.json that stdk-keygen.py writes in its constants. */
export function aDemoImage({ firmwareVersion, ...options }: DemoImageOptions): Buffer {
  const deviceInfo = { firmwareVersion, privateKey: 'cGxhaW4=', publicKey: 'dGV4dA==', serialNumber: 'STDKotad0001' }
  const text = `${JSON.stringify({ deviceInfo }, undefined, 2)}\n\0`
  const image = anImage({ project: 'ota_demo', version: firmwareVersion, ...options })
  return resealed(withBytes(image, DEVICE_INFO_AT, Buffer.from(text)))
}

/** Behind the app descriptor, inside the constants. */
const DEVICE_INFO_AT = 0x400

/** One esp_http_client for each file: the demo keeps no connection. */
async function get(device: DemoDevice, file: string, log: string[]): Promise<Answer | undefined> {
  const url = `${device.serverUrl}${file}`
  const wire = createWire({ ...device, url, ca: device.root }, {})
  const manners = mannersOf({ release: '4.4' })
  const text = idfRequest(manners, { method: 'GET', target: wire.target })
  const reply = await wire.ask({ method: 'GET', text, timeoutMs: 5000, chunked: 'decode', written: 0 })
  await wire.hangUp()
  if (reply.kind === 'answer') return reply.answer
  if (reply.kind === 'unreachable') log.push(explainUnreachable(reply.code))
  log.push('Failed to open HTTP connection: 28674 ')
  return undefined
}

function readInfo(body: Buffer): Record<string, unknown> | undefined {
  try {
    return JSON.parse(body.toString('utf8')).versioninfo
  } catch {
    return undefined
  }
}

const isFilled = (bytes: Uint8Array): boolean => bytes.every(byte => byte === 0xff)

/** `_crypto_sha256` of the SHA-256 of what was written, and `mbedtls_pk_verify`, which never pads otherwise. */
function isVerified(publicKey: string, written: Uint8Array, signature: Uint8Array): boolean {
  const once = createHash('sha256').update(written).digest()
  const key = createPublicKey(publicKey)
  if (key.asymmetricKeyType !== 'rsa' || key.asymmetricKeyDetails?.modulusLength !== 8 * SIGNATURE.length) return false
  return verify('sha256', once, { key, padding: constants.RSA_PKCS1_PADDING }, signature)
}
