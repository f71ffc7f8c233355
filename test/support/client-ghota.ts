import { type PullingDevice, type PullRun, versionIn } from '../../src/probe/client-image.js'
import { createWire } from '../../src/probe/device.js'
import { oneShot } from '../../src/probe/device-idf.js'
import { idfRequest } from '../../src/probe/device-idf-client.js'
import { IDF } from '../../src/probe/device-idf-releases.js'
import { compareNumbers, compareSemver, parseSemver } from '../../src/probe/semver.js'

/** CONFIG_MAX_FILENAME_LEN and CONFIG_MAX_URL_LEN: strncpy without an end where a text fills them. */
const NAME_BUFFER = 64
const URL_BUFFER = 128

export interface GhotaOptions {
  readonly organisation: string
  readonly repository: string
  /** `filenamematch`, for fnmatch; `*` is the only wildcard here. */
  readonly fileNameMatch: string
}

/** ghota_check and ghota_update of esp_ghota (clients.md 9.3). `device.url` is the host with its port: `https://%s/repos/…` is put around it. */
export async function ghota(device: PullingDevice, options: GhotaOptions): Promise<PullRun> {
  const { ca, verification, running, limits = {} } = device
  const asked: string[] = []
  const end = (outcome: PullRun['outcome'], line: string, image = running): PullRun => ({
    outcome,
    image,
    asked,
    log: [line]
  })
  const own = parseSemver(versionIn(running))
  if (own === undefined) return end('failed', 'Failed to parse current version')
  const url = `https://${device.url}/repos/${options.organisation}/${options.repository}/releases/latest`
  if (url.length >= URL_BUFFER) return end('failed', 'the URL does not fit')
  const wire = createWire({ ca, verification, url }, limits)
  const text = idfRequest(IDF['5.5'], { method: 'GET', target: wire.target })
  const reply = await wire.ask({ method: 'GET', text, timeoutMs: 5000, chunked: 'raw', written: 0 })
  await wire.hangUp()
  const answer = reply.kind === 'answer' ? reply.answer : undefined
  asked.push(`${url} ${answer?.status}`)
  // The event handler leaves out what comes in chunks.
  if (answer?.status !== 200 || answer.header('content-length') === undefined)
    return end('failed', `Github Release API Returned: ${answer?.status}`)
  const { tag_name: tag, assets } = JSON.parse(answer.body.toString('utf8')) as Latest
  const pattern = new RegExp(`^${options.fileNameMatch.replaceAll('.', '\\.').replaceAll('*', '.*')}$`)
  const asset = assets.find(({ name }) => pattern.test(name))
  if (asset === undefined) return end('failed', 'Asset: No Valid Firmware Assets Found')
  if (asset.name.length >= NAME_BUFFER || asset.url.length >= URL_BUFFER) return end('failed', 'a text does not fit')
  const latest = parseSemver(tag)
  if (latest === undefined) return end('failed', 'Failed to parse new version')
  // The task asks with prereleases, the update once more without.
  if (compareSemver(latest, own) !== 1 || compareNumbers(latest, own) !== 1)
    return end('no-update', 'No New Version Available')
  const run = await oneShot(
    { ca, verification, url: asset.url },
    { ...limits, headers: [['Accept', 'application/octet-stream']] }
  )
  asked.push(`${asset.url} ${run.requests.at(-1)?.status}`)
  return run.outcome === 'updated'
    ? end('updated', 'ESP_HTTPS_OTA upgrade successful. Rebooting ...', run.slot)
    : end('failed', run.log.join('\n'))
}

interface Latest {
  readonly tag_name: string
  readonly assets: readonly { readonly name: string; readonly url: string }[]
}
