import { fetchWithHttpClient, sizeOf } from './client-arduino-http.js'
import { type PullingDevice, type PullRun, versionIn } from './client-image.js'

/** DynamicJsonDocument doc(6000). */
const JSON_POOL = 6000

export interface OtaPullOptions {
  /** ARDUINO_BOARD, or what OverrideBoard was given. */
  readonly board?: string
  readonly mac?: string
  readonly config?: string
  readonly allowsDowngrades?: boolean
}

interface Configuration {
  readonly Board?: string | null
  readonly Device?: string | null
  readonly Config?: string | null
  readonly Version?: string | null
  readonly URL?: string
}

/** `ota.CheckForOTAUpdate(url, version)` of ESP32-OTA-Pull (clients.md 9.2), the version being that of the running image. */
export async function otaPull(device: PullingDevice, options: OtaPullOptions = {}): Promise<PullRun> {
  const { board = 'ESP32_DEV', mac = '24:6F:28:AA:BB:CC', config = '', allowsDowngrades = false } = options
  const { running, url } = device
  const version = versionIn(running)
  const asked: string[] = []
  const end = (outcome: PullRun['outcome'], line: string, image = running): PullRun => ({
    outcome,
    image,
    asked,
    log: [line]
  })
  const answer = await fetchWithHttpClient(url, device)
  asked.push(`${url} ${answer?.status}`)
  if (answer?.status !== 200) return end('failed', `${answer?.status ?? 'HTTP_FAILED'}`)
  const configurations = parseConfigurations(answer.body)
  if (configurations === undefined) return end('failed', 'JSON_PROBLEM')
  let hasProfile = false
  for (const { Board, Device, Config, Version, URL } of configurations) {
    const matches = (wanted: string | null | undefined, own: string): boolean => !wanted || wanted === own
    if (!matches(Board, board) || !matches(Device, mac) || !matches(Config, config)) continue
    hasProfile = true
    // String::operator> compares byte by byte.
    const isDue = !Version || Version > version || (allowsDowngrades && Version !== version)
    if (!isDue) continue
    const firmware = await fetchWithHttpClient(URL ?? '', device)
    asked.push(`${URL} ${firmware?.status}`)
    if (firmware?.status !== 200) return end('failed', `${firmware?.status ?? 'HTTP_FAILED'}`)
    if (firmware.body.length !== sizeOf(firmware)) return end('failed', 'WRITE_ERROR')
    return end('updated', 'UPDATE_OK', firmware.body)
  }
  return end('no-update', hasProfile ? 'NO_UPDATE_AVAILABLE' : 'NO_UPDATE_PROFILE_FOUND')
}

function parseConfigurations(body: Buffer): readonly Configuration[] | undefined {
  if (body.length > JSON_POOL) return undefined
  try {
    const { Configurations } = JSON.parse(body.toString('utf8')) as { Configurations?: unknown }
    if (!Array.isArray(Configurations)) return undefined
    return Configurations.filter(one => typeof one === 'object' && one !== null) as readonly Configuration[]
  } catch {
    return undefined
  }
}
