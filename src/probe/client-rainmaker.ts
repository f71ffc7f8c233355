import { type PullingDevice, type PullRun, projectIn, versionIn } from './client-image.js'
import { createWire } from './device.js'
import { idfRequest } from './device-idf-client.js'
import { IDF } from './device-idf-releases.js'

/** What esp_https_ota_get_img_desc needs: both headers and the descriptor. */
const FIRST_READ = 1024

/**
 * RainMaker's OTA by URL (esp_rmaker_ota.c, validate_image_header): esp_https_ota of a URL that came with the job. It goes no further than the
 * descriptor where the version is the one that runs, or the project is another.
 */
export async function rainmakerJob(device: PullingDevice): Promise<PullRun> {
  const { ca, verification, url, running, limits = {} } = device
  const wire = createWire({ ca, verification, url }, limits)
  const text = idfRequest(IDF['5.5'], { method: 'GET', target: wire.target })
  let refusal: string | undefined
  const accepts = (start: Buffer): boolean => {
    if (projectIn(start) !== projectIn(running)) refusal = 'OTA Image built for Project Name different from current'
    else if (versionIn(start) === versionIn(running)) refusal = 'Current running version is same as the new.'
    return refusal === undefined
  }
  const inspect = { length: FIRST_READ, accepts }
  const reply = await wire.ask({ method: 'GET', text, timeoutMs: 5000, chunked: 'decode', written: 0, inspect })
  await wire.hangUp()
  const answer = reply.kind === 'answer' ? reply.answer : undefined
  const asked = [`${url} ${answer?.status}`]
  if (answer?.status !== 200) return { outcome: 'failed', image: running, asked, log: [`status ${answer?.status}`] }
  if (refusal !== undefined) return { outcome: 'no-update', image: running, asked, log: [refusal] }
  if (answer.bodyEnd !== 'complete') return { outcome: 'failed', image: running, asked, log: [answer.bodyEnd] }
  return { outcome: 'updated', image: answer.body, asked, log: ['OTA successful'] }
}
