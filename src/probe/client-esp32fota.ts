import { fetchWithHttpClient, sizeOf } from './client-arduino-http.js'
import { type PullingDevice, type PullRun, versionIn } from './client-image.js'
import { compareSemver, parseSemver, type Semver } from './semver.js'

/** JSON_FW_BUFF_SIZE: the pool of the document. What it holds of texts and slots is never less than the text itself. */
const JSON_POOL = 2048
/** Stream timeout while the firmware is written (esp32FOTA.cpp, execOTA). */
const STREAM_TIMEOUT_MS = 10_000
/** HTTPC_ERROR_CONNECTION_REFUSED. */
const CONNECTION_REFUSED = -1

export interface Esp32FotaOptions {
  /** First argument of `esp32FOTA fota(type, version, …)`; the version is that of the running image. */
  readonly type: string
  /** `use_device_id`: the efuse MAC as a decimal number. */
  readonly deviceId?: string
}

/** `if (fota.execHTTPcheck()) fota.execOTA()` of esp32FOTA (clients.md 9.1). */
export async function esp32fota(device: PullingDevice, { type, deviceId }: Esp32FotaOptions): Promise<PullRun> {
  const { running } = device
  const asked: string[] = []
  const end = (outcome: PullRun['outcome'], line: string, image = running): PullRun => ({
    outcome,
    image,
    asked,
    log: [line]
  })
  const url = deviceId === undefined ? device.url : `${device.url}?id=${deviceId}`
  const manifest = await fetchWithHttpClient(url, device)
  asked.push(`${url} ${manifest?.status}`)
  if (manifest === undefined || ![200, 301].includes(manifest.status))
    return end('failed', `Error on HTTP request (httpCode=${manifest?.status ?? CONNECTION_REFUSED})`)
  const parsed = parseManifest(manifest.body)
  if (parsed === undefined) return end('failed', 'JSON Parsing failed')
  const own = parseSemver(versionIn(running))
  const entry = parsed.find(one => one.type === type && isNewer(one.version, own))
  if (entry === undefined) return end('no-update', 'no hit in the manifest')
  if (typeof entry.url !== 'string') return end('failed', 'JSON manifest was missing one of the required keys :(')

  const firmware = await fetchWithHttpClient(entry.url, device, STREAM_TIMEOUT_MS)
  asked.push(`${entry.url} ${firmware?.status}`)
  if (firmware === undefined || ![200, 301].includes(firmware.status))
    return end('failed', `Status: ${firmware?.status ?? CONNECTION_REFUSED}`)
  if (sizeOf(firmware) <= 0) return end('failed', 'There was no content in the http response')
  if (firmware.body.length !== sizeOf(firmware)) return end('failed', 'Premature end of stream?')
  if (firmware.body[0] !== 0xe9) return end('failed', 'Malformed firmware')
  return end('updated', 'Update successfully completed.', firmware.body)
}

interface Entry {
  readonly type?: unknown
  readonly version?: unknown
  readonly url?: unknown
}

/** deserializeJson from the stream: what chunked coding puts between is no JSON, nor is a byte order mark. */
function parseManifest(body: Buffer): readonly Entry[] | undefined {
  if (body.length > JSON_POOL) return undefined
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    const entries = Array.isArray(value) ? value : [value]
    return entries.filter(one => typeof one === 'object' && one !== null) as readonly Entry[]
  } catch {
    return undefined
  }
}

/** `is<uint16_t>()`, else `is<const char *>()`, else 0. */
function isNewer(version: unknown, own: Semver | undefined): boolean {
  const isNumber = Number.isInteger(version) && Number(version) >= 0 && Number(version) <= 0xffff
  const text = isNumber ? String(version) : typeof version === 'string' ? version : '0'
  const theirs = parseSemver(text)
  return theirs !== undefined && own !== undefined && compareSemver(theirs, own) === 1
}
