import { createHash } from 'node:crypto'
import { createWire, type Device, type DeviceRun, type FlowOptions } from './device.js'
import { declaredLength, type Fault, type HttpUpdateOptions, runHttpUpdate } from './device-arduino.js'
import type { Answer } from './raw-http.js'

export interface Esp8266Options extends Omit<HttpUpdateOptions, 'sketchSha256' | 'checksSha'> {
  /** Real size of the flash chip, which the header of an image must not exceed. */
  readonly chipSize?: number
}

/** ESP8266httpUpdate (clients.md 8), its checks in the order of ESP8266httpUpdate.cpp. An image in gzip is for eboot to unpack. */
export function esp8266HttpUpdate(device: Device, options: Esp8266Options = {}): Promise<DeviceRun> {
  const freeSpace = options.freeSpace ?? device.slotLength ?? 1310720
  const mode = options.mode ?? 'sketch'
  const chipSize = options.chipSize ?? 4194304
  return runHttpUpdate(device, options, {
    request: target => esp8266Request(target, { ...options, freeSpace, mode, chipSize }),
    freeSpace,
    mode,
    firstBytes: [0xe9, 0x1f],
    judge: answer => judge(answer, { freeSpace, mode, chipSize })
  })
}

/** The bytes of one request, header by header in the order of the library. */
export function esp8266Request(
  target: URL,
  options: Omit<Esp8266Options, 'mode'> & {
    readonly freeSpace: number
    readonly mode: string
    readonly chipSize: number
  }
): string {
  const lines = [
    `GET ${target.pathname}${target.search} HTTP/1.0`,
    `Host: ${target.host}`,
    'User-Agent: ESP8266-http-Update',
    `Connection: ${options.keepAlive ? 'keep-alive' : 'close'}`,
    'x-ESP8266-Chip-ID: 3964125',
    `x-ESP8266-STA-MAC: ${options.staMac ?? '60:01:94:3C:85:3D'}`,
    'x-ESP8266-AP-MAC: 62:01:94:3C:85:3D',
    `x-ESP8266-free-space: ${options.freeSpace}`,
    'x-ESP8266-sketch-size: 342224',
    `x-ESP8266-sketch-md5: ${options.sketchMd5 ?? '0'.repeat(32)}`,
    `x-ESP8266-chip-size: ${options.chipSize}`,
    'x-ESP8266-sdk-version: 2.2.1(cfd48f3)',
    `x-ESP8266-mode: ${options.mode}`,
    ...(options.version === undefined ? [] : [`x-ESP8266-version: ${options.version}`])
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** ESPhttpUpdate.getAvailableVersion(): the version that the server would give; undefined where it does not say. */
export async function availableVersion(device: Device, options: FlowOptions = {}): Promise<string | undefined> {
  const wire = createWire(device, options)
  const text = esp8266Request(wire.target, { freeSpace: 1310720, mode: 'version', chipSize: 4194304, version: '1' })
  const reply = await wire.ask({ method: 'GET', text, timeoutMs: 8000, chunked: 'raw', written: 0 })
  await wire.hangUp()
  if (reply.kind !== 'answer' || reply.answer.status !== 200) return undefined
  return reply.answer.header('x-version')
}

interface Limits {
  readonly freeSpace: number
  readonly mode: string
  readonly chipSize: number
}

function judge(answer: Answer, { freeSpace, mode, chipSize }: Limits): Fault | undefined {
  if (answer.status === 404) return [-102, 'File Not Found (404)']
  if (answer.status === 403) return [-103, 'Forbidden (403)']
  if (answer.status === 401) return [-108, 'Unauthorized (401)']
  if (answer.status !== 200) return [-104, 'Wrong HTTP Code']
  const length = declaredLength(answer)
  if (!(length > 0)) return [-101, 'Server Did Not Report Size']
  if (length > freeSpace) return [-100, 'Not Enough space']
  if (mode === 'sketch' && answer.body[0] !== 0xe9 && answer.body[0] !== 0x1f) return [-106, 'Verify Bin Header Failed']
  if (mode === 'sketch' && answer.body[0] === 0xe9 && flashSizeOf(answer.body) > chipSize)
    return [-107, 'New Binary Does Not Fit Flash Size']
  if (answer.body.length < length) return [6, 'Stream Read Timeout']
  const md5 = answer.header('x-md5')
  if (md5 !== undefined && md5 !== createHash('md5').update(answer.body).digest('hex')) return [7, 'MD5 Check Failed']
  return undefined
}

/** ESP.magicFlashChipSize(): the upper half of the fourth byte, in steps that are not in order. */
function flashSizeOf(image: Buffer): number {
  const KIB = 1024
  const sizes = [512, 256, 1024, 2048, 4096, 2048, 4096, 4096, 8192, 16384].map(size => size * KIB)
  return sizes[(image[3] ?? 0) >> 4] ?? 0
}
