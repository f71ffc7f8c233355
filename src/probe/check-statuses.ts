/** R25 to R29: what a status says (clients.md 4.3). */
import { createHash } from 'node:crypto'
import { httpUpdateRequest } from './device-arduino.js'
import { type Judgement, judgeFaults, kept, notSeen } from './judgement.js'
import { A_LITTLE, answerOf, noImage, nowhereBeside } from './looking.js'
import type { Question, Scene } from './scene.js'

/** R25. */
export async function checkMissing(scene: Scene): Promise<Judgement> {
  const path = nowhereBeside(scene.target.url.pathname)
  const answer = answerOf(await scene.ask({ path, take: A_LITTLE }))
  if (typeof answer === 'string') return judgeFaults([answer], '')
  if (answer.status === 401) return notSeen('credentials are asked for before that is told')
  const isRefused = answer.status === 404 || answer.status === 403
  return judgeFaults(isRefused ? [] : [`${path}: ${answer.status}`], `${answer.status} where there is nothing`)
}

const DAY_MS = 86_400_000

/** R26: 304 is an answer to those who tell what they have, and to nobody else. */
export async function checkNotModified(scene: Scene): Promise<Judgement> {
  const { image, firmware } = scene
  if (firmware.answer?.status === 304) return judgeFaults(['304 to a plain GET'], '')
  if (image === undefined || firmware.answer === undefined) return noImage(scene)
  const tag = firmware.answer.header('etag')
  const dateMs = Date.parse(firmware.answer.header('last-modified') ?? '')
  const md5 = createHash('md5').update(image).digest('hex')
  const conditions: (readonly [question: Question, whom: string, mayBe304: boolean])[] = [
    [{ fields: ['If-None-Match: "otad-probe-other"'] }, 'a tag of something else', false],
    [asSketch(scene, md5, 'sketch'), 'a sketch with this MD5', true],
    [asSketch(scene, OTHER_MD5, 'sketch'), 'a sketch with another MD5', false],
    [asSketch(scene, md5, 'spiffs'), 'a sketch that asks for its file system', false]
  ]
  if (tag !== undefined) conditions.push([{ fields: [`If-None-Match: ${tag}`] }, 'its ETag', true])
  if (!Number.isNaN(dateMs))
    conditions.push(
      [{ fields: [`If-Modified-Since: ${new Date(dateMs).toUTCString()}`] }, 'its date', true],
      [{ fields: [`If-Modified-Since: ${new Date(dateMs - DAY_MS).toUTCString()}`] }, 'an earlier date', false]
    )
  const faults: string[] = []
  const known: string[] = []
  for (const [question, whom, mayBe304] of conditions) {
    const answer = answerOf(await scene.ask({ ...question, take: A_LITTLE }))
    if (typeof answer === 'string') faults.push(answer)
    else if (answer.status === 304) (mayBe304 ? known : faults).push(mayBe304 ? whom : `304 to ${whom}`)
  }
  return judgeFaults(faults, known.length === 0 ? 'never 304' : `304 to ${known.join(', ')}, and to nothing else`)
}

/** Of no image. */
export const OTHER_MD5 = 'f'.repeat(32)

/** A request with the fields of HTTPUpdate, as the stand-in sends them. */
export function asSketch({ target }: Scene, sketchMd5: string, mode: 'sketch' | 'spiffs'): Question {
  const text = httpUpdateRequest(target.url, { sketchMd5, mode, freeSpace: 1310720 })
  const fields = text.split('\r\n').filter(line => /^x-ESP32-/.test(line))
  return { version: '1.0', fields: [fieldOf(fields, 'sketch-md5'), ...fields.filter(line => !/sketch-md5/.test(line))] }
}

/** First, since that is the one that is told of. */
function fieldOf(fields: readonly string[], name: string): string {
  return fields.find(line => line.startsWith(`x-ESP32-${name}`)) ?? ''
}

/** R27. */
export async function checkChallenge(scene: Scene): Promise<Judgement> {
  const visit =
    scene.target.authorization === undefined ? scene.firmware : await scene.ask({ authorized: false, take: A_LITTLE })
  const answer = answerOf(visit)
  if (typeof answer === 'string') return notSeen(answer)
  if (answer.status !== 401) return notSeen('nothing asks for credentials here')
  const challenges = answer.headers.filter(([name]) => name.toLowerCase() === 'www-authenticate')
  const faults: string[] = []
  if (challenges.length !== 1) faults.push(`${challenges.length} fields WWW-Authenticate`)
  for (const [, value] of challenges) {
    if (!/^(Basic|Digest) /.test(value) || /,\s*(Basic|Digest|Bearer|Negotiate|NTLM)\b/i.test(value))
      faults.push(`WWW-Authenticate: ${value}`)
  }
  if (answer.header('content-length') === undefined) faults.push('401 without Content-Length')
  if (answer.header('connection')?.toLowerCase() === 'close') faults.push('401 closes the connection')
  return judgeFaults(faults, `one challenge: ${challenges[0]?.[1]}`)
}

/** Bytes of a path that fit the 512 of esp_http_client with its fields (clients.md 5.1). */
const LONGEST_PATH = 200

/** R28. */
export function checkRedirect({ firmware, target }: Scene): Judgement {
  const { answer } = firmware
  if (answer === undefined) return notSeen(`${firmware.what}: ${firmware.failure}`)
  if (answer.status < 300 || answer.status > 399 || answer.status === 304) return kept('the image is not redirected')
  const location = answer.header('location') ?? ''
  const faults: string[] = []
  if (answer.status !== 302) faults.push(`${answer.status} instead of 302`)
  const next = URL.canParse(location) ? new URL(location) : undefined
  if (next === undefined) faults.push(`Location: ${location || 'missing'} is not absolute`)
  else if (next.host !== target.url.host || next.protocol !== target.url.protocol)
    faults.push(`Location: ${location} is another server`)
  if (next !== undefined && next.pathname.length > LONGEST_PATH) faults.push(`a path of ${next.pathname.length} bytes`)
  if (answer.header('content-length') !== '0')
    faults.push(`Content-Length: ${answer.header('content-length') ?? 'missing'} instead of 0`)
  if (!answer.keepsOpen) faults.push('it closes the connection')
  return judgeFaults(faults, `302 to ${location}`)
}

/** What fits a log line or two. */
const LONGEST_REASON = 1024

/** R29, over every error that came. */
export function checkErrors({ visits }: Scene): Judgement {
  const errors = visits.filter(({ answer, method }) => (answer?.status ?? 0) >= 400 && method === 'GET')
  if (errors.length === 0) return notSeen('no error came: this server answers everything')
  const faults = new Set<string>()
  for (const { answer, what } of errors) {
    if (answer === undefined) continue
    const { status, body } = answer
    const type = answer.header('content-type')
    const length = Number(answer.header('content-length') ?? body.length)
    if (body[0] === 0xe9 || body[0] === 0x1f) faults.add(`${status}: the body begins with 0x${body[0].toString(16)}`)
    if (length > LONGEST_REASON) faults.add(`${status}: a body of ${length} bytes`)
    // 416 is understood by its field alone (R20).
    if (length === 0 && status !== 416) faults.add(`${what}: ${status} without a reason`)
    if (length > 0 && !/^text\/plain\b/i.test(type ?? '')) faults.add(`${status}: Content-Type: ${type ?? 'missing'}`)
  }
  return judgeFaults([...faults], 'errors say why in a short text')
}
