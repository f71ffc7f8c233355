/** R16 to R23: ranges of the image (clients.md 4.2). */

import { type Judgement, judgeFaults, notSeen } from './judgement.js'
import { answerOf, noImage } from './looking.js'
import type { Question, Scene } from './scene.js'

/** R16. */
export async function checkAcceptRanges(scene: Scene): Promise<Judgement> {
  if (scene.firmware.answer?.status !== 200) return noImage(scene)
  const head = scene.visits.find(({ method, answer }) => method === 'HEAD' && answer?.status === 200)
  const part = await scene.ask({ fields: ['Range: bytes=0-9'], take: 64 })
  const looked = [scene.firmware, ...(head === undefined ? [] : [head]), ...(part.answer?.status === 206 ? [part] : [])]
  const faults = looked.flatMap(({ what, answer }) => {
    const said = answer?.header('accept-ranges')
    return said === 'bytes' ? [] : [`${what}: ${said === undefined ? 'no Accept-Ranges' : `Accept-Ranges: ${said}`}`]
  })
  return judgeFaults(faults, 'Accept-Ranges: bytes on 200, 206 and HEAD')
}

/** R17: the end may lie behind the image. */
export function checkClamping(scene: Scene): Promise<Judgement> {
  return checkParts(scene, length => [
    [`bytes=0-${length}`, 0, length],
    [`bytes=${length - 1}-${length + 1_000_000}`, length - 1, length]
  ])
}

/** R18. */
export function checkWholeRange(scene: Scene): Promise<Judgement> {
  return checkParts(scene, length => [['bytes=0-', 0, length]])
}

/** R19. */
export function checkFirstByte(scene: Scene): Promise<Judgement> {
  return checkParts(scene, () => [['bytes=0-0', 0, 1]])
}

/** R20. */
export async function checkUnsatisfiable(scene: Scene): Promise<Judgement> {
  const { image } = scene
  if (image === undefined) return noImage(scene)
  const last = image.length - 1
  const ranges = [
    `bytes=${image.length}-`,
    `bytes=${image.length + 1000}-${image.length + 2000}`,
    `bytes=${last}-${Math.floor(last / 2)}`
  ]
  const faults: string[] = []
  for (const range of ranges) {
    const answer = answerOf(await scene.ask({ fields: [`Range: ${range}`], take: 64 }))
    if (typeof answer === 'string') faults.push(answer)
    else if (answer.status !== 416) faults.push(`${range}: ${answer.status} instead of 416`)
    else if (answer.header('content-range') !== `bytes */${image.length}`)
      faults.push(`${range}: ${saidRange(answer.header('content-range'))} instead of bytes */${image.length}`)
    else if (Number(answer.header('content-length')) > 1024)
      faults.push(`${range}: a body of ${answer.header('content-length')} bytes`)
  }
  return judgeFaults(faults, '416 with the length of the image, for a start behind it and for an inverted range')
}

/** R21. */
export async function checkOtherRanges(scene: Scene): Promise<Judgement> {
  const { image } = scene
  if (image === undefined) return noImage(scene)
  const suffix = Math.min(16, image.length)
  const faults = await faultsOfParts(scene, [[`bytes=-${suffix}`, image.length - suffix, image.length]])
  for (const range of ['bytes=0-0,2-2', 'items=0-5']) {
    const answer = answerOf(await scene.ask({ fields: [`Range: ${range}`], take: 64 }))
    if (typeof answer === 'string') faults.push(answer)
    else if (answer.status !== 200) faults.push(`${range}: ${answer.status} instead of 200 with the whole`)
  }
  return judgeFaults(faults, 'a suffix is 206; several ranges and other units are as if there were none')
}

/** R22. */
export async function checkHeadRange(scene: Scene): Promise<Judgement> {
  if (scene.image === undefined) return noImage(scene)
  const plain = scene.visits.find(({ method, answer }) => method === 'HEAD' && answer !== undefined)
  if (plain === undefined) return notSeen('HEAD is not answered at all (R7)')
  const answer = answerOf(await scene.ask({ method: 'HEAD', fields: ['Range: bytes=0-9'] }))
  if (typeof answer === 'string') return judgeFaults([answer], '')
  const { length } = scene.image
  const told = answer.header('content-length')
  return judgeFaults(
    answer.status === 200 && told === String(length)
      ? []
      : [`${answer.status}, Content-Length ${told ?? 'missing'}, instead of 200 and ${length}`],
    '200 with the full length'
  )
}

/** R23. */
export async function checkIfRange(scene: Scene): Promise<Judgement> {
  const { image, firmware } = scene
  const part = await scene.ask({ fields: ['Range: bytes=0-9'], take: 64 })
  if (image === undefined || firmware.answer === undefined) return noImage(scene)
  if (part.answer?.status !== 206) return notSeen('a range is not answered with 206 in the first place (R18, R19)')
  const tag = firmware.answer.header('etag')
  const date = firmware.answer.header('last-modified')
  const dateMs = Date.parse(date ?? '')
  const expected: (readonly [ifRange: string, status: 200 | 206])[] = [['"otad-probe-other"', 200]]
  // A weak tag never matches here (RFC 9110, section 13.1.5).
  if (tag !== undefined) expected.push([tag, tag.startsWith('W/') ? 200 : 206])
  if (date !== undefined && !Number.isNaN(dateMs))
    expected.push(
      [date, 206],
      [new Date(dateMs - DAY_MS).toUTCString(), 200],
      [new Date(dateMs + DAY_MS).toUTCString(), 200]
    )
  const faults: string[] = []
  for (const [ifRange, status] of expected) {
    const answer = answerOf(await scene.ask({ fields: ['Range: bytes=0-9', `If-Range: ${ifRange}`], take: 64 }))
    if (typeof answer === 'string') faults.push(answer)
    else if (answer.status !== status) faults.push(`If-Range: ${ifRange}: ${answer.status} instead of ${status}`)
  }
  return judgeFaults(
    faults,
    `206 for ${[tag, date].filter(Boolean).join(' and ') || 'nothing, for there is no validator'}, 200 for any other`
  )
}

const DAY_MS = 86_400_000

/** A Range, and what of the image it asks for. */
type Part = readonly [range: string, start: number, end: number]

async function checkParts(scene: Scene, parts: (length: number) => readonly Part[]): Promise<Judgement> {
  if (scene.image === undefined) return noImage(scene)
  const asked = parts(scene.image.length)
  return judgeFaults(await faultsOfParts(scene, asked), `206 for ${asked.map(([range]) => range).join(' and ')}`)
}

async function faultsOfParts(scene: Scene, parts: readonly Part[]): Promise<string[]> {
  const image = scene.image ?? Buffer.alloc(0)
  const faults: string[] = []
  for (const [range, start, end] of parts) {
    const question: Question = { fields: [`Range: ${range}`], take: end - start + 1 }
    const answer = answerOf(await scene.ask(question))
    const wanted = `bytes ${start}-${end - 1}/${image.length}`
    if (typeof answer === 'string') faults.push(answer)
    else if (answer.status !== 206) faults.push(`${range}: ${answer.status} instead of 206`)
    else if (answer.header('content-range') !== wanted)
      faults.push(`${range}: ${saidRange(answer.header('content-range'))} instead of ${wanted}`)
    else if (!answer.body.equals(image.subarray(start, end)))
      faults.push(`${range}: other bytes than those of the image`)
  }
  return faults
}

function saidRange(field: string | undefined): string {
  return field === undefined ? 'no Content-Range' : `Content-Range ${field}`
}
