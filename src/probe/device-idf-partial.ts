import type { Device, DeviceRun } from './device.js'
import { createIdfClient, type IdfClient, type IdfOptions, mannersOf, resumable } from './device-idf-client.js'

export interface PartialOptions extends IdfOptions {
  /** Partial download came with v4.4. */
  readonly release?: '4.4' | '5.3' | '5.5' | '6.0'
  /** 65536 when left out, as in esp_https_ota. */
  readonly maxHttpRequestSize?: number
  /** One connection for all ranges and no second try when the server dropped it; the release decides when left out. */
  readonly persistentConnection?: boolean
  /** Where the length comes from: HEAD, unless something on the way eats it and v6.0 asks for the first byte (trace F). */
  readonly lengthFrom?: 'head' | 'first-byte'
  /** With `ota_resumption` (traces E, E'): goes on behind what `device.slot` holds. */
  readonly resumes?: boolean
}

/** `esp_https_ota` with `partial_http_download` (traces D, D', E, E', F): HEAD for the length, then range by range. */
export async function partial(device: Device, options: PartialOptions = {}): Promise<DeviceRun> {
  const manners = mannersOf(options)
  const slot = options.resumes ? resumable(device.slot) : Buffer.alloc(0)
  const client = createIdfClient(device, options, { manners, slot })
  const most = options.maxHttpRequestSize ?? 65536

  const imageLength = await askLength(client, options.lengthFrom ?? 'head')
  if (imageLength === undefined) return client.end('failed')
  await client.hangUp()

  let reply = await client.connect(firstRange(client.written, imageLength, most))
  if (reply.kind === 'range-refused' && options.resumes) {
    await client.startOver()
    reply = await client.connect(imageLength > most ? `bytes=0-${most - 1}` : undefined)
  }
  if (reply.kind === 'not-modified') return client.end('not-modified')
  for (;;) {
    if (reply.kind !== 'body') {
      client.print('esp_https_ota: Failed to establish HTTP connection')
      return client.end('failed')
    }
    const before = client.written
    if (!client.write(reply.answer)) return client.end('failed')
    if (client.written === imageLength) return client.end('updated')
    if (client.written > imageLength || client.written === before) break

    if (!(options.persistentConnection ?? manners.persistentConnection)) await client.hangUp()
    reply = await client.connect(nextRange(client.written, imageLength, most))
  }
  // esp_https_ota_perform returns ESP_OK here without ever having reached SUCCESS, and nothing is booted (clients.md 5.2).
  // Only applications that ask, as advanced_https_ota does, say anything.
  client.print('advanced_https_ota_example: Complete data was not received.')
  return client.end('failed')
}

/** The length that the whole run believes in; 0 when HEAD does not say (real-client.md 6). */
async function askLength(client: IdfClient, from: 'head' | 'first-byte'): Promise<number | undefined> {
  if (from === 'first-byte') return askFirstByte(client)
  const head = await client.perform('HEAD')
  if (head === undefined) return undefined
  if (head.status === 200) return Number(head.header('content-length') ?? 0)
  if (!client.manners.headFallback) {
    client.print(`esp_https_ota: Received incorrect http status ${head.status}`)
    return undefined
  }
  return askFirstByte(client)
}

async function askFirstByte(client: IdfClient): Promise<number | undefined> {
  const probe = await client.perform('GET', 'bytes=0-0')
  if (probe === undefined) return undefined
  if (probe.status === 200) return Number(probe.header('content-length') ?? 0)
  if (probe.status !== 206) {
    client.print(`esp_https_ota: Received incorrect http status ${probe.status}`)
    return undefined
  }
  const total = /\/(\d+)$/.exec(probe.header('content-range') ?? '')?.[1]
  if (total === undefined) client.print('esp_https_ota: Failed to get image length from http response')
  return total === undefined ? undefined : Number(total)
}

/** The end is one past EOF when the rest fits in one request, and no range at all when that would be the whole image. */
function firstRange(start: number, imageLength: number, most: number): string | undefined {
  const end = imageLength > most + start ? start + most - 1 : imageLength
  return end - start < imageLength ? `bytes=${start}-${end}` : undefined
}

function nextRange(start: number, imageLength: number, most: number): string {
  return imageLength - start > most ? `bytes=${start}-${start + most - 1}` : `bytes=${start}-`
}
