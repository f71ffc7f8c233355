import { createWire, type Device, type DeviceRun, explainUnreachable, type Reply } from './device.js'
import { createIdfAuth } from './device-idf-auth.js'
import {
  type Connect,
  createIdfClient,
  type IdfClient,
  type IdfOptions,
  idfRequest,
  mannersOf,
  resumable
} from './device-idf-client.js'
import { explainMagic, explainNoAnswer } from './device-idf-verdicts.js'
import type { Answer } from './raw-http.js'

/** The one-shot `esp_https_ota()` (trace A): one GET, and everything that comes is the image. */
export async function oneShot(device: Device, options: IdfOptions = {}): Promise<DeviceRun> {
  const client = createIdfClient(device, options, { manners: mannersOf(options) })
  return finish(client, await client.connect())
}

export interface ResumeOptions extends IdfOptions {
  /** Resumption came with v5.5. */
  readonly release?: '5.5' | '6.0'
  /** False is v5.5 to v5.5.3: a 200 to `bytes=F-` is appended. The release decides when left out. */
  readonly requires206?: boolean
}

/** `esp_https_ota` with `ota_resumption` (traces B, C, C'): goes on behind what `device.slot` holds. */
export async function resume(device: Device, options: ResumeOptions = {}): Promise<DeviceRun> {
  const manners = mannersOf(options)
  const client = createIdfClient(device, options, {
    manners,
    slot: resumable(device.slot),
    requires206: options.requires206 ?? manners.requires206
  })
  let reply = await client.connect(`bytes=${client.written}-`)
  if (reply.kind === 'range-refused') {
    await client.startOver()
    reply = await client.connect()
  }
  return finish(client, reply)
}

/** native_ota_example (clients.md 5.9): looks at no status, and wants the app descriptor in its first read. */
export async function native(device: Device, options: IdfOptions = {}): Promise<DeviceRun> {
  const manners = mannersOf(options)
  const wire = createWire(device, options)
  const reply = await wire.ask({
    method: 'GET',
    text: idfRequest(manners, {
      method: 'GET',
      target: wire.target,
      headers: options.headers,
      authorization: createIdfAuth(wire.target, manners, options.credentials).prepare(wire.target)
    }),
    timeoutMs: 5000,
    chunked: 'decode',
    written: 0,
    inspect: { length: 1, accepts: start => start[0] === 0xe9 }
  })
  await wire.hangUp()
  const log = reply.kind === 'answer' ? judgeNative(reply.answer, device, manners.shortBody === null) : unopened(reply)
  // esp_ota_write refuses a wrong first byte before anything reaches the flash.
  const written = reply.kind === 'answer' && reply.answer.body[0] === 0xe9 ? reply.answer.body : Buffer.alloc(0)
  const slot = written.subarray(0, device.slotLength)
  return { outcome: log.length === 0 ? 'updated' : 'failed', slot, requests: wire.requests, log }
}

async function finish(client: IdfClient, reply: Connect): Promise<DeviceRun> {
  if (reply.kind === 'not-modified') return client.end('not-modified')
  if (reply.kind === 'body') return client.end(client.write(reply.answer) ? 'updated' : 'failed')
  client.print('esp_https_ota: Failed to establish HTTP connection')
  return client.end('failed')
}

/** Header (24), segment header (8) and app descriptor (256) have to come at once. */
const FIRST_READ = 24 + 8 + 256

function judgeNative(answer: Answer, device: Device, takesShortBody: boolean): string[] {
  if (firstBodyRead(answer) <= FIRST_READ) return ['native_ota_example: received package is not fit len']
  if (answer.body[0] !== 0xe9) return [explainMagic(answer.body)]
  if (answer.body.length > (device.slotLength ?? Number.POSITIVE_INFINITY)) {
    return ['esp_ota_ops: esp_ota_write failed! err=0x104']
  }
  if (answer.bodyEnd === 'stopped') return ['(the plug was pulled)']
  if (answer.bodyEnd === 'stalled') return ['(the device waits for ever)']
  if (answer.bodyEnd === 'slow') return ['(the device goes on for longer than the stand-in)']
  if (answer.bodyEnd === 'cut' && !takesShortBody) return ['native_ota_example: Error in receiving complete file']
  // This flow looks at the chip only in esp_ota_end, through the bootloader's image check.
  const chip = answer.body.readUInt16LE(12)
  if (device.chipId === undefined || chip === device.chipId) return []
  return [
    `esp_image: mismatch chip ID, expected ${device.chipId}, found ${chip}`,
    'native_ota_example: Image validation failed, image is corrupted'
  ]
}

/** What the first read of the body gives: the bytes behind the head in the same record, else the next record. */
function firstBodyRead({ reads, rawHead, body }: Answer): number {
  let behindHead = -rawHead.length
  for (const length of reads) {
    behindHead += length
    if (behindHead > 0) return Math.min(behindHead, body.length)
  }
  return 0
}

function unopened(reply: Exclude<Reply, { kind: 'answer' }>): string[] {
  if (reply.kind === 'no-answer') return explainNoAnswer(reply.reason)
  return [explainUnreachable(reply.code), 'native_ota_example: Failed to open HTTP connection: ESP_ERR_HTTP_CONNECT']
}
