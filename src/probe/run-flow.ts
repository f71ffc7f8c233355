import { verifyImage } from '../image/verify.js'
import { type Device, DeviceCrash, type FlowOptions } from './device.js'
import type { Flow, Run } from './flows.js'
import { broken, type Judgement, kept, notSeen } from './judgement.js'
import { eitherOf, LONGEST_BODY, type Scene } from './scene.js'

/** What every flow is given. */
export interface FlowScene {
  readonly scene: Scene
  /** A device of ESP-IDF before 5.0.5 reads fewer names in a certificate than one after it. */
  readonly verificationOf: (mbedtls: 'old' | 'new') => Device['verification']
  /** Aborted when the time for all flows is over. */
  readonly limit: AbortSignal | undefined
}

const OVER = notSeen('time is up, this server is slow: --long goes on')

/** Runs one flow and says whether the device would boot the image that the server has. */
export async function runFlow(flow: Flow, { scene, verificationOf, limit }: FlowScene): Promise<Judgement> {
  const { target, patience, signal } = scene
  const whyNot = flow.whyNot?.(scene)
  if (whyNot !== undefined) return notSeen(whyNot)
  if (target.authorization !== undefined && flow.sendsCredentials !== true)
    return notSeen('the stand-in of this client sends no credentials')
  if (limit?.aborted) return OVER
  const device: Device = { url: target.url.href, verification: verificationOf(flow.mbedtls ?? 'new') }
  const options: FlowOptions = {
    bodyTimeoutMs: scene.silenceMs,
    wholeMs: patience.wholeMs,
    stopAfter: LONGEST_BODY,
    signal: eitherOf(signal, limit)
  }
  try {
    const run = await flow.run(device, scene, options)
    return limit?.aborted ? OVER : judgeRun(run, scene)
  } catch (error) {
    if (error instanceof DeviceCrash) return broken(`the device restarts: ${error.message}`)
    throw error
  }
}

function judgeRun({ outcome, image, log }: Run, scene: Scene): Judgement {
  const last = log.at(-1) ?? ''
  if (outcome !== 'updated') return broken(last === '' ? outcome : last)
  if (scene.image !== undefined && !image.equals(scene.image))
    return broken(`the slot holds ${image.length} bytes that are not the image: ${explainSlot(image)}`)
  const { verdict } = verifyImage(image)
  if (verdict === 'reject') return broken(explainSlot(image))
  const isRestarted = log.some(line => line.includes('restarting download from beginning'))
  return kept(isRestarted ? 'the slot holds the image, fetched from its beginning again' : 'the slot holds the image')
}

/** What the device says of a slot that it would not boot. */
function explainSlot(image: Buffer): string {
  const { device, problems } = verifyImage(image)
  const [line] = device
  if (line !== undefined) return `${line.tag === '' ? '' : `${line.tag}: `}${line.text}`
  return problems[0]?.code ?? 'a sound image, and another one'
}
