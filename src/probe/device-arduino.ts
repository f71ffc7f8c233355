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
  /** `setAuthorization(user, password)`: sent with the first request, without waiting to be asked. */
  readonly authorization?: readonly [user: string, password: string]
  readonly keepAlive?: boolean
  /** Since August 2026 the core checks `x-SHA256` and `x-SHA512` beside the MD5. */
  readonly checksSha?: boolean
}

/** What a sketch tells of the image that it runs: ESP.getSketchMD5(), and in upper case what is appended to the image. */
export function tellOf(image: Buffer): { readonly sketchMd5: string; readonly sketchSha256: string } {
  const sketchSha256 = image.subarray(-32).toString('hex').toUpperCase()
  return { sketchMd5: createHash('md5').update(image).digest('hex'), sketchSha256 }
}

/** A copy of the library with headers and words of its own. */
export interface HttpUpdateCopy {
  readonly request: (target: URL) => string
  readonly freeSpace: number
  readonly mode: 'sketch' | 'spiffs'
  /** What the first byte of a sketch may be: 0xE9, and of a gzip file for the boot loader of the ESP8266. */
  readonly firstBytes: readonly number[]
  readonly judge: (answer: Answer) => Fault | undefined
}

/** arduino-esp32's HTTPUpdate (clients.md 7.1). Its checks come in the order of HTTPUpdate.cpp. */
export async function arduinoHttpUpdate(device: Device, options: HttpUpdateOptions = {}): Promise<DeviceRun> {
  const freeSpace = options.freeSpace ?? device.slotLength ?? 1310720
  const mode = options.mode ?? 'sketch'
  return runHttpUpdate(device, options, {
    request: target => httpUpdateRequest(target, { ...options, freeSpace, mode }),
    freeSpace,
    mode,
    firstBytes: [0xe9],
    judge: answer => judgeUpdate(answer, { device, freeSpace, mode, checksSha: options.checksSha ?? false })
  })
}

/** One update by a copy of the library. */
export async function runHttpUpdate(
  device: Device,
  options: FlowOptions,
  { request, freeSpace, mode, firstBytes, judge }: HttpUpdateCopy
): Promise<DeviceRun> {
  const wire = createWire(device, options)
  const text = request(wire.target)
  const isSketch = (start: number | undefined): boolean => start !== undefined && firstBytes.includes(start)
  const flashes = (answer: Pick<Answer, 'status' | 'header'>) =>
    answer.status === 200 && declaredLength(answer) > 0 && declaredLength(answer) <= freeSpace
  const reply = await wire.ask({
    method: 'GET',
    text,
    timeoutMs: 8000,
    chunked: 'raw',
    written: 0,
    readsBody: flashes,
    inspect: mode === 'sketch' ? { length: 1, accepts: start => isSketch(start[0]) } : undefined
  })
  await wire.hangUp()

  const end = (outcome: DeviceRun['outcome'], line: string): DeviceRun => {
    const body = reply.kind === 'answer' && flashes(reply.answer) ? reply.answer.body : Buffer.alloc(0)
    const slot = mode === 'sketch' && !isSketch(body[0]) ? Buffer.alloc(0) : body
    return { outcome, slot, requests: wire.requests, log: [line] }
  }
  if (reply.kind !== 'answer') return end('failed', explainClient(reply))
  if (reply.answer.status === 304) return end('not-modified', 'HTTP_UPDATE_NO_UPDATES')
  const fault = judge(reply.answer)
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
    ...(options.authorization === undefined
      ? []
      : [`Authorization: Basic ${Buffer.from(options.authorization.join(':')).toString('base64')}`]),
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

export type Fault = readonly [code: number, text: string]

interface UpdateLimits {
  readonly device: Device
  readonly freeSpace: number
  readonly mode: string
  readonly checksSha: boolean
}

function judgeUpdate(answer: Answer, { device, freeSpace, mode, checksSha }: UpdateLimits): Fault | undefined {
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
  if (checksSha && !digestsMatch(answer)) return [-109, 'Wrong SHA']
  if (mode === 'sketch' && isForOtherChip(answer.body, device)) return [9, 'Could Not Activate The Firmware']
  return undefined
}

/** Update.end() hands the image to the bootloader's check, which knows the chip (esp_ota_set_boot_partition). */
export function isForOtherChip(image: Buffer, { chipId }: Device): boolean {
  return chipId !== undefined && (image.length < 14 || image.readUInt16LE(12) !== chipId)
}

function digestsMatch({ body, header }: Answer): boolean {
  return (['sha256', 'sha512'] as const).every(name => {
    const told = header(`x-${name}`)
    return told === undefined || told === createHash(name).update(body).digest('hex')
  })
}

export function declaredLength(head: Pick<Answer, 'header'>): number {
  return Number(head.header('content-length') ?? -1)
}

function explainClient(reply: Exclude<Reply, { kind: 'answer' }>): string {
  if (reply.kind === 'unreachable') return 'HTTP_UPDATE_FAILED Error (-1): HTTP error: connection refused'
  if (reply.reason === 'timeout') return 'HTTP_UPDATE_FAILED Error (-11): HTTP error: read Timeout'
  return 'HTTP_UPDATE_FAILED Error (-5): HTTP error: connection lost'
}
