import { type PullingDevice, type PullRun, projectIn, versionIn } from './client-image.js'
import { createWire, explainUnreachable, type Reply } from './device.js'
import { idfRequest } from './device-idf-client.js'
import { IDF } from './device-idf-releases.js'
import { explainNoAnswer, judgeStart, judgeStatus } from './device-idf-verdicts.js'
import type { Answer } from './raw-http.js'

const MANNERS = IDF['5.5']

/** What esp_https_ota_get_img_desc needs: both headers and the descriptor. */
const FIRST_READ = 1024

/**
 * RainMaker's OTA by URL (esp_rmaker_ota.c, validate_image_header): esp_https_ota of a URL that came with the job. It goes no further than the
 * descriptor where the version is the one that runs, or the project is another.
 */
export async function rainmakerJob(device: PullingDevice): Promise<PullRun> {
  const { ca, verification, url, running, limits = {} } = device
  const wire = createWire({ ca, verification, url }, limits)
  const text = idfRequest(MANNERS, { method: 'GET', target: wire.target })
  let refusal: string | undefined
  const accepts = (start: Buffer): boolean => {
    // What is no start of an image has no descriptor to be compared.
    if (judgeStart(start, {}, MANNERS).length > 0) return false
    if (projectIn(start) !== projectIn(running)) refusal = 'OTA Image built for Project Name different from current'
    else if (versionIn(start) === versionIn(running)) refusal = 'Current running version is same as the new.'
    return refusal === undefined
  }
  const inspect = { length: FIRST_READ, accepts }
  const reply = await wire.ask({ method: 'GET', text, timeoutMs: 5000, chunked: 'decode', written: 0, inspect })
  await wire.hangUp()
  const status = reply.kind === 'answer' ? reply.answer.status : undefined
  const end = (outcome: PullRun['outcome'], log: readonly string[], image = running): PullRun => ({
    outcome,
    image,
    asked: [`${url} ${status}`],
    log
  })
  if (reply.kind !== 'answer' || status !== 200) return end('failed', [...explainBegin(reply), NOT_BEGUN])
  const { body, bodyEnd } = reply.answer
  const faults = judgeStart(body.subarray(0, FIRST_READ), {}, MANNERS)
  if (faults.length > 0) return end('failed', faults)
  if (refusal !== undefined) return end('no-update', [refusal])
  const line = explainEnd(bodyEnd)
  return line === undefined ? end('updated', ['OTA successful'], body) : end('failed', [line])
}

/** esp_https_ota_begin prints it, whatever the cause. */
const NOT_BEGUN = 'esp_https_ota: Failed to establish HTTP connection'

function explainBegin(reply: Reply): readonly string[] {
  switch (reply.kind) {
    case 'unreachable':
      return [explainUnreachable(reply.code)]
    case 'no-answer':
      return explainNoAnswer(reply.reason)
    case 'answer':
      return judgeStatus(reply.answer.status, MANNERS, false).lines
  }
}

/** What esp_https_ota_perform says of a body that is not whole; undefined of one that is, without a length too (real-client.md 2). */
function explainEnd(bodyEnd: Answer['bodyEnd']): string | undefined {
  switch (bodyEnd) {
    case 'complete':
    case 'to-fin':
      return undefined
    case 'cut':
      return MANNERS.shortBody ?? undefined
    case 'stalled':
      return '(the device waits for ever)'
    case 'slow':
      return '(the device goes on for longer than the stand-in)'
    case 'stopped':
      return '(the plug was pulled)'
  }
}
