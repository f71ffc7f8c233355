/** What checks have in common: asking for a little, comparing with the image, and connections of their own. */
import { randomBytes } from 'node:crypto'
import { setTimeout as elapse } from 'node:timers/promises'
import { type Judgement, notSeen } from './judgement.js'
import type { Answer, Connection } from './raw-http.js'
import { explainConnecting, type Scene, type Visit } from './scene.js'

/** Enough of a body to see that it comes; the rest is spared. */
export const A_LITTLE = 4096

/** The answer of a visit, or the sentence that says why there is none. */
export function answerOf({ answer, what, failure }: Visit): Answer | string {
  return answer ?? `${what}: ${failure}`
}

/** What is wrong with an answer that should be the image; undefined when it is a 200 of its length. */
export function faultOfImage(visit: Visit, { image, firmware }: Scene): string | undefined {
  const answer = answerOf(visit)
  if (typeof answer === 'string') return answer
  if (answer.status !== 200) return `${visit.what}: ${answer.status} instead of 200`
  const told = answer.header('content-length')
  const first = firmware.answer?.header('content-length')
  if (told !== first) return `${visit.what}: Content-Length ${told ?? 'missing'} instead of ${first ?? 'none'}`
  const isSame =
    visit.method === 'HEAD' || image === undefined || image.subarray(0, answer.body.length).equals(answer.body)
  return isSame ? undefined : `${visit.what}: another body than before`
}

/** A sentence for a check that needs the image when none came. */
export function noImage(scene: Scene): Judgement {
  const { answer, failure } = scene.firmware
  if (answer === undefined) return notSeen(`no image came to compare with (${failure})`)
  return unfinished(scene) ?? notSeen(`no image came to compare with (status ${answer.status})`)
}

/** The verdict of a rule that needs a body that comes to its end, where that of the image does not. */
export function unfinished({ firmware, patience }: Scene): Judgement | undefined {
  switch (firmware.answer?.bodyEnd) {
    case 'cut':
    case 'stalled':
      return notSeen('the image does not come to its end (R15)')
    case 'slow':
      return notSeen(`the image takes more than ${patience.wholeMs / 1000} s: --long waits for it`)
    default:
      return undefined
  }
}

/** The verdict of a rule that looks at every answer, where none came. */
export function noAnswer({ visits, firmware }: Scene): Judgement | undefined {
  return visits.some(({ answer }) => answer !== undefined)
    ? undefined
    : notSeen(`nothing was answered (${firmware.failure})`)
}

/** Runs a check on a connection of its own; one that cannot be had is its only fault. */
export async function onConnection(
  scene: Scene,
  check: (connection: Connection) => Promise<string[]>
): Promise<string[]> {
  let connection: Connection
  try {
    connection = await scene.connect()
  } catch (error) {
    return [explainConnecting(error)]
  }
  try {
    return await check(connection)
  } finally {
    connection.socket.destroy()
  }
}

/** Whether the server ends a connection by itself in that time, and sends nothing more on it. */
export async function closesWithin({ socket }: Connection, timeoutMs: number): Promise<boolean> {
  socket.resume()
  const until = performance.now() + timeoutMs
  while (performance.now() < until) {
    if (socket.readableEnded || socket.destroyed) return true
    await elapse(10)
  }
  return false
}

/** A name that no server has. */
export function nowhereBeside(pathname: string): string {
  return `${pathname.slice(0, pathname.lastIndexOf('/') + 1)}otad-probe-${randomBytes(4).toString('hex')}.bin`
}

export function present<T>(values: readonly (T | undefined)[]): T[] {
  return values.filter(value => value !== undefined)
}
