import { createHash } from 'node:crypto'
import { createWire, type Device, type DeviceRun, type FlowOptions, type Reply } from './device.js'
import type { Answer } from './raw-http.js'

export interface HttpUpdateOptions extends FlowOptions {
  /** `x-ESP32-sketch-md5`: MD5 of the firmware that runs. */
  readonly sketchMd5?: string
  /** `x-ESP32-sketch-sha256`: the digest appended to the running image, in upper case. */
  readonly sketchSha256?: string
  /** Sent as `x-ESP32-version` when the application passes one. */
  readonly version?: string
  readonly mode?: 'sketch' | 'spiffs'
  readonly freeSpace?: number
  readonly staMac?: string
  readonly keepAlive?: boolean
}

/** arduino-esp32's HTTPUpdate (clients.md 7.1). Its checks come in the order of HTTPUpdate.cpp. */
export async function arduinoHttpUpdate(device: Device, options: HttpUpdateOptions = {}): Promise<DeviceRun> {
  const wire = createWire(device, options)
  const freeSpace = options.freeSpace ?? device.slotLength ?? 1310720
  const mode = options.mode ?? 'sketch'
  const text = httpUpdateRequest(wire.target, { ...options, freeSpace, mode })
  const flashes = (answer: Pick<Answer, 'status' | 'header'>) =>
    answer.status === 200 && declaredLength(answer) > 0 && declaredLength(answer) <= freeSpace
  const reply = await wire.ask({
    method: 'GET',
    text,
    timeoutMs: 8000,
    chunked: 'raw',
    written: 0,
    readsBody: flashes,
    inspect: mode === 'sketch' ? { length: 1, accepts: start => start[0] === 0xe9 } : undefined
  })
  await wire.hangUp()

  const end = (outcome: DeviceRun['outcome'], line: string): DeviceRun => {
    const body = reply.kind === 'answer' && flashes(reply.answer) ? reply.answer.body : Buffer.alloc(0)
    const slot = mode === 'sketch' && body[0] !== 0xe9 ? Buffer.alloc(0) : body
    return { outcome, slot, requests: wire.requests, log: [line] }
  }
  if (reply.kind !== 'answer') return end('failed', explainClient(reply))
  if (reply.answer.status === 304) return end('not-modified', 'HTTP_UPDATE_NO_UPDATES')
  const fault = judgeUpdate(reply.answer, { device, freeSpace, mode })
  if (fault === undefined) return end('updated', 'HTTP_UPDATE_OK')
  return end('failed', `HTTP_UPDATE_FAILED Error (${fault[0]}): ${fault[1]}`)
}

/** The bytes of one HTTPUpdate request, header by header in the order of the library. */
export function httpUpdateRequest(
  target: URL,
  options: HttpUpdateOptions & { readonly freeSpace: number; readonly mode: string }
): string {
  const lines = [
    `GET ${target.pathname}${target.search} HTTP/1.0`,
    `Host: ${target.host}`,
    'User-Agent: ESP32-http-Update',
    `Connection: ${options.keepAlive ? 'keep-alive' : 'close'}`,
    'Cache-Control: no-cache',
    `x-ESP32-STA-MAC: ${options.staMac ?? '24:6F:28:AA:BB:CC'}`,
    'x-ESP32-AP-MAC: 24:6F:28:AA:BB:CD',
    `x-ESP32-free-space: ${options.freeSpace}`,
    'x-ESP32-sketch-size: 1000000',
    `x-ESP32-sketch-md5: ${options.sketchMd5 ?? '0'.repeat(32)}`,
    `x-ESP32-sketch-sha256: ${options.sketchSha256 ?? '0'.repeat(64)}`,
    'x-ESP32-chip-size: 4194304',
    'x-ESP32-sdk-version: v5.5.1-710-g8410210c9a',
    `x-ESP32-mode: ${options.mode}`,
    ...(options.version === undefined ? [] : [`x-ESP32-version: ${options.version}`])
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

type Fault = readonly [code: number, text: string]

interface UpdateLimits {
  readonly device: Device
  readonly freeSpace: number
  readonly mode: string
}

function judgeUpdate(answer: Answer, { device, freeSpace, mode }: UpdateLimits): Fault | undefined {
  if (answer.status === 404) return [-102, 'File Not Found (404)']
  if (answer.status === 403) return [-103, 'Forbidden (403)']
  if (answer.status !== 200) return [-104, 'Wrong HTTP Code']
  const length = declaredLength(answer)
  if (!(length > 0)) return [-101, 'Server Did Not Report Size']
  if (length > freeSpace) return [-100, 'Not Enough space']
  if (mode === 'sketch' && answer.body[0] !== 0xe9) return [-106, 'Verify Bin Header Failed']
  const md5 = answer.header('x-md5')
  if (md5 !== undefined && md5.length !== 32) return [-105, 'Faulty MD5']
  if (answer.body.length < length) return [6, 'Stream Read Timeout']
  // Older cores compare text, so upper case is a mismatch (clients.md R31).
  if (md5 !== undefined && md5 !== createHash('md5').update(answer.body).digest('hex')) return [7, 'MD5 Check Failed']
  if (mode === 'sketch' && isForOtherChip(answer.body, device)) return [9, 'Could Not Activate The Firmware']
  return undefined
}

/** Update.end() hands the image to the bootloader's check, which knows the chip (esp_ota_set_boot_partition). */
export function isForOtherChip(image: Buffer, { chipId }: Device): boolean {
  return chipId !== undefined && (image.length < 14 || image.readUInt16LE(12) !== chipId)
}

function declaredLength(head: Pick<Answer, 'header'>): number {
  return Number(head.header('content-length') ?? -1)
}

function explainClient(reply: Exclude<Reply, { kind: 'answer' }>): string {
  if (reply.kind === 'unreachable') return 'HTTP_UPDATE_FAILED Error (-1): HTTP error: connection refused'
  if (reply.reason === 'timeout') return 'HTTP_UPDATE_FAILED Error (-11): HTTP error: read Timeout'
  return 'HTTP_UPDATE_FAILED Error (-5): HTTP error: connection lost'
}
