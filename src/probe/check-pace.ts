/** R11 to R15: time, and many at once (clients.md 4.1). */
import { setTimeout as elapse } from 'node:timers/promises'
import { systemErrorCode } from '../errors.js'
import { spokenDuration } from '../words.js'
import { broken, type Judgement, judgeFaults, kept, notSeen } from './judgement.js'
import { A_LITTLE, answerOf, closesWithin, noImage, onConnection, unfinished } from './looking.js'
import type { Connection } from './raw-http.js'
import { explainConnecting, type Scene, type Visit } from './scene.js'

const HEAD_WITHIN_MS = 3000
const IDLE_SECONDS = 120

/** R11, over every answer that came. HEAD without an answer is R7's. */
export function checkPromptness({ visits, firmware }: Scene): Judgement {
  if (firmware.answer === undefined) return broken(`${firmware.what}: ${firmware.failure}`)
  const answered = visits.filter(({ answer }) => answer !== undefined)
  const slow = answered.filter(({ answer }) => (answer?.headMs ?? 0) > HEAD_WITHIN_MS)
  const slowest = Math.max(...answered.map(({ answer }) => answer?.headMs ?? 0))
  const faults = slow.map(({ what, answer }) => `${what}: head after ${spokenDuration(answer?.headMs ?? 0)}`)
  return judgeFaults(faults, `the slowest head of ${answered.length} came after ${spokenDuration(slowest)}`)
}

/** R12: nothing is read for as long as a device erases its flash. */
export async function checkStalledReader(scene: Scene): Promise<Judgement> {
  const { image, patience, isLong } = scene
  if (!isLong) return notSeen(`takes ${IDLE_SECONDS} s: --long looks at it`)
  if (image === undefined) return noImage(scene)
  const faults = await onConnection(scene, async connection => {
    connection.socket.pause()
    const visit = await scene.askOver(connection, { stallMs: patience.idleMs })
    const answer = answerOf(visit)
    if (typeof answer === 'string') return [answer]
    return answer.body.equals(image) ? [] : [`after the pause ${answer.body.length} of ${image.length} bytes came`]
  })
  return judgeFaults(faults, `the whole image, though nothing was read for ${spokenDuration(patience.idleMs)}`)
}

/** R13: two requests on one connection, and a long time between them. */
export async function checkIdle(scene: Scene): Promise<Judgement> {
  const { patience, isLong } = scene
  const whyNot = unfinished(scene)
  if (whyNot !== undefined) return whyNot
  let said: number | undefined
  const faults = await onConnection(scene, async connection => {
    const first = await scene.askOver(connection, {})
    const answer = answerOf(first)
    if (typeof answer === 'string') return [answer]
    said = announcedSeconds(answer.header('keep-alive'))
    if (!answer.keepsOpen) return ['the server closes the connection behind the answer']
    if (said !== undefined && said < IDLE_SECONDS)
      return [`the server says that it closes after ${said} s (Keep-Alive)`]
    if (!isLong) return []
    await elapse(patience.idleMs, undefined, { signal: scene.signal })
    const second = await scene.askOver(connection, { take: A_LITTLE })
    return second.answer === undefined ? [`after ${spokenDuration(patience.idleMs)} idle: ${second.failure}`] : []
  })
  if (faults.length > 0) return judgeFaults(faults, '')
  if (isLong) return kept(`a second request after ${spokenDuration(patience.idleMs)} on one connection`)
  return notSeen(
    `takes ${IDLE_SECONDS} s: --long looks at it; ${said === undefined ? 'the server does not say how long it keeps a connection' : `the server says ${said} s`}`
  )
}

function announcedSeconds(field: string | undefined): number | undefined {
  const seconds = /timeout=(\d+)/i.exec(field ?? '')?.[1]
  return seconds === undefined ? undefined : Number(seconds)
}

/** R14: a connection that says nothing and a reader that has stopped, beside a download. */
export async function checkOthers(scene: Scene): Promise<Judgement> {
  const { target } = scene
  if (scene.firmware.answer?.status !== 200) return noImage(scene)
  const whyNot = unfinished(scene)
  if (whyNot !== undefined) return whyNot
  const held: Connection[] = []
  const faults: string[] = []
  const downloadBeside = async (whom: string): Promise<void> => {
    const fault = faultOfDownload(await scene.ask({}), scene)
    if (fault !== undefined) faults.push(`beside ${whom}: ${fault}`)
  }
  try {
    held.push(await scene.connect({ tls: false }))
    await downloadBeside('a connection on which nothing is sent')
    if (faults.length === 0) {
      const stalled = await scene.connect()
      held.push(stalled)
      stalled.socket.write(`GET ${target.path} HTTP/1.1\r\nHost: ${target.url.host}\r\n\r\n`)
      await downloadBeside('a reader that has stopped')
    }
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error
    faults.push(explainConnecting(error))
  } finally {
    for (const { socket } of held) socket.destroy()
  }
  return judgeFaults(faults, 'a whole download beside a silent connection, and beside a reader that has stopped')
}

function faultOfDownload(visit: Visit, { image }: Scene): string | undefined {
  const { answer, failure } = visit
  if (answer === undefined) return failure
  if (answer.bodyEnd === 'stalled') return 'the download stalls'
  return image === undefined || answer.body.equals(image) ? undefined : 'another body than before'
}

/** R15, over every body that was read to its end, and one with the end of its connection. */
export async function checkBodies(scene: Scene): Promise<Judgement> {
  const { visits, target, firmware } = scene
  const declared = firmware.answer?.header('content-length')
  if (firmware.answer === undefined) return noImage(scene)
  if (declared === undefined) return notSeen('there is no Content-Length to hold the body against (R1)')
  const whyNot = unfinished(scene)
  const faults = whyNot === undefined && !scene.isOver ? await faultsBehind(scene, declared) : []
  for (const { what, answer } of visits) {
    if (answer?.bodyEnd === 'cut')
      faults.push(
        `${what}: ${answer.body.length} of ${answer.header('content-length') ?? '?'} bytes, then the connection ends`
      )
    if (answer?.bodyEnd === 'stalled')
      faults.push(
        `${what}: ${answer.body.length} of ${answer.header('content-length') ?? '?'} bytes, then nothing, and the connection stays open`
      )
  }
  if (faults.length === 0 && whyNot !== undefined) return whyNot
  return judgeFaults(
    [...new Set(faults)],
    `each body is as long as Content-Length says (${declared} for ${target.path})`
  )
}

/** What comes behind the end of the image, before the connection ends. */
function faultsBehind(scene: Scene, declared: string): Promise<string[]> {
  return onConnection(scene, async connection => {
    const visit = await scene.askOver(connection, { fields: ['Connection: close'] })
    if (visit.answer?.bodyEnd !== 'complete') return []
    const before = connection.rest.length
    const more = before > 0 ? before : await bytesBehind(connection, scene.patience.closeMs)
    return more === 0 || scene.isOver ? [] : [`${more} bytes more than Content-Length: ${declared}`]
  })
}

async function bytesBehind(connection: Connection, timeoutMs: number): Promise<number> {
  let more = 0
  connection.socket.on('data', (piece: Buffer) => {
    more += piece.length
  })
  await closesWithin(connection, timeoutMs)
  return more
}
