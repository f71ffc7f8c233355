import { createHash } from 'node:crypto'
import { type Asking, type PullingDevice, type PullRun, versionIn } from './client-image.js'
import { createWire } from './device.js'
import type { Answer } from './raw-http.js'

/** CONF_TIMEOUT of http_request: how long it waits for a head. */
const TIMEOUT_MS = 4500
const USER_AGENT = 'ESPHome/2026.8.1 (https://esphome.io)'

/** The bytes of a request of http_request on ESP-IDF (http_request_idf.cpp): esp_http_client with another User-Agent. */
function esphomeRequest(target: URL): string {
  const lines = [`GET ${target.pathname}${target.search} HTTP/1.1`, `User-Agent: ${USER_AGENT}`, `Host: ${target.host}`]
  return `${lines.join('\r\n')}\r\n\r\n`
}

async function get(
  url: string,
  { ca, verification, limits = {} }: Asking,
  asked: string[]
): Promise<Answer | undefined> {
  if (!URL.canParse(url)) return undefined
  const wire = createWire({ ca, verification, url }, limits)
  const text = esphomeRequest(wire.target)
  const reply = await wire.ask({ method: 'GET', text, timeoutMs: TIMEOUT_MS, chunked: 'raw', written: 0 })
  await wire.hangUp()
  const answer = reply.kind === 'answer' ? reply.answer : undefined
  asked.push(`${url} ${answer?.status}`)
  return answer
}

export interface EsphomeUpdateOptions {
  /** ESPHOME_VARIANT. */
  readonly variant: string
}

interface Build {
  readonly chipFamily?: unknown
  readonly ota?: { readonly path?: unknown; readonly md5?: unknown } | null
}

interface UpdateManifest {
  readonly name?: unknown
  readonly version?: unknown
  readonly builds?: unknown
}

/** One look of update.http_request, and its install action where there is an update (clients.md 10.2). */
export async function esphomeUpdate(device: PullingDevice, { variant }: EsphomeUpdateOptions): Promise<PullRun> {
  const { running, url } = device
  const asked: string[] = []
  const end = (outcome: PullRun['outcome'], line: string, image = running): PullRun => ({
    outcome,
    image,
    asked,
    log: [line]
  })
  const answer = await get(url, device, asked)
  // It allocates content_length bytes and reads as many.
  const length = Number(answer?.header('content-length') ?? 0)
  if (answer?.status !== 200 || length === 0) return end('failed', `Failed to fetch manifest from ${url}`)
  const manifest = parse(answer.body.subarray(0, length))
  const builds: readonly (Build | null)[] = Array.isArray(manifest?.builds) ? manifest.builds : []
  const build = builds.find(one => one?.chipFamily === variant)
  const { path, md5 } = build?.ota ?? {}
  const { name, version } = manifest ?? {}
  if (typeof name !== 'string' || typeof version !== 'string' || typeof path !== 'string' || typeof md5 !== 'string')
    return end('failed', 'Manifest does not contain required fields')
  if (version === '' || version === versionIn(running)) return end('no-update', 'NO_UPDATE')
  return flash(end, { url: resolvePath(path, url), md5, device, asked })
}

/** As update_task joins the two: text, not a URL. */
function resolvePath(path: string, source: string): string {
  if (path.includes('http')) return path
  if (path.startsWith('/')) return source.slice(0, source.indexOf('/', 8)) + path
  return source.slice(0, source.lastIndexOf('/') + 1) + path
}

/** ota.http_request.flash with `md5_url` (clients.md 10.1): whatever is served is installed, whenever somebody presses the button. */
export async function esphomeFlash(device: PullingDevice): Promise<PullRun> {
  const { running, url } = device
  const asked: string[] = []
  const end = (outcome: PullRun['outcome'], line: string, image = running): PullRun => ({
    outcome,
    image,
    asked,
    log: [line]
  })
  const sidecar = await get(`${url}.md5`, device, asked)
  // Older releases want a length of at least 32.
  if (sidecar?.status !== 200 || Number(sidecar.header('content-length') ?? 0) < MD5_LENGTH)
    return end('failed', 'MD5 file must be 32 bytes')
  return flash(end, { url, md5: sidecar.body.toString('latin1', 0, MD5_LENGTH), device, asked })
}

const MD5_LENGTH = 32

interface Flashing {
  readonly url: string
  readonly md5: string
  readonly device: Asking
  readonly asked: string[]
}

async function flash(
  end: (outcome: PullRun['outcome'], line: string, image?: Buffer) => PullRun,
  { url, md5, device, asked }: Flashing
): Promise<PullRun> {
  const firmware = await get(url, device, asked)
  if (firmware === undefined) return end('failed', 'HTTP Request failed: ESP_ERR_HTTP_CONNECT')
  if (firmware.status !== 200) return end('failed', `HTTP error ${firmware.status}`)
  if (Number(firmware.header('content-length') ?? 0) !== firmware.body.length)
    return end('failed', 'Stream closed early')
  // Compared as text: upper case would be another one.
  if (createHash('md5').update(firmware.body).digest('hex') !== md5) return end('failed', 'MD5 mismatch')
  return end('updated', 'Update complete', firmware.body)
}

function parse(body: Buffer): UpdateManifest | undefined {
  try {
    return JSON.parse(body.toString('utf8')) as UpdateManifest
  } catch {
    return undefined
  }
}
