/** R1 to R10: how answers are framed (clients.md 4.1). Each check asks for itself; those of the last group look at every answer there was. */
import { type Judgement, judgeFaults, notSeen } from './judgement.js'
import {
  A_LITTLE,
  answerOf,
  closesWithin,
  faultOfImage,
  noAnswer,
  noImage,
  onConnection,
  present,
  unfinished
} from './looking.js'
import type { Answer } from './raw-http.js'
import type { Question, Scene } from './scene.js'

/** R1, over every answer that came. */
export function checkLengths(scene: Scene): Judgement {
  const { visits } = scene
  const faults = visits.flatMap(({ what, answer }) => {
    if (answer === undefined || answer.status === 304 || answer.status === 204) return []
    const coding = answer.header('transfer-encoding')
    if (coding !== undefined) return [`${what}: Transfer-Encoding: ${coding}`]
    const lengths = answer.headers.filter(([name]) => name.toLowerCase() === 'content-length')
    if (lengths.length === 0) return [`${what}: ${answer.status} without Content-Length`]
    const isNumber = lengths.length === 1 && /^\d+$/.test(lengths[0]?.[1] ?? '')
    return isNumber ? [] : [`${what}: Content-Length: ${lengths.map(([, value]) => value).join(', ')}`]
  })
  return noAnswer(scene) ?? judgeFaults(faults, 'each answer has its Content-Length')
}

/** R2. */
export async function checkCoding(scene: Scene): Promise<Judgement> {
  const offers = [
    ['Accept-Encoding: gzip, deflate, br, zstd'],
    ['Accept-Encoding: identity;q=1,chunked;q=0.1,*;q=0'],
    ['Accept-Encoding: *']
  ]
  for (const fields of offers) await scene.ask({ fields, take: A_LITTLE })
  await scene.ask({ path: `${scene.target.url.pathname}.json`, fields: offers[0] ?? [], take: A_LITTLE })
  const faults = scene.visits.flatMap(({ what, answer }) => {
    const coding = answer?.header('content-encoding')
    return coding === undefined || coding.toLowerCase() === 'identity' ? [] : [`${what}: Content-Encoding: ${coding}`]
  })
  return noAnswer(scene) ?? judgeFaults(faults, 'no Content-Encoding, whatever Accept-Encoding offers')
}

/** The names that some client compares byte by byte (clients.md 7.4). */
const COMPARED_NAMES = ['Content-Length', 'Content-Type', 'Content-Range', 'Location']

/** R3, over every answer that came. */
export function checkNames(scene: Scene): Judgement {
  const faults = new Set<string>()
  for (const { answer } of scene.visits) {
    const lines = answer?.rawHead.toString('latin1').split('\r\n').slice(1) ?? []
    for (const line of lines) {
      const name = COMPARED_NAMES.find(one => line.toLowerCase().startsWith(`${one.toLowerCase()}:`))
      if (name === undefined || new RegExp(`^${name}: [^ ]`).test(line)) continue
      faults.add(`"${line.slice(0, 60)}" instead of "${name}: …"`)
    }
  }
  return (
    noAnswer(scene) ??
    judgeFaults([...faults], 'Content-Length, Content-Type, Content-Range and Location as sketches compare them')
  )
}

/** R4. */
export function checkType({ visits, target, firmware }: Scene): Judgement {
  if (firmware.answer?.status !== 200) return notSeen('no firmware came')
  const faults = visits.flatMap(({ what, path, answer }) => {
    if (path !== target.path || answer === undefined || ![200, 206].includes(answer.status)) return []
    if (answer.header('content-length') === '0') return []
    const type = answer.header('content-type')
    // A body of several ranges is not firmware as any device takes it; R21 has something to say of it.
    if (type === 'application/octet-stream' || type?.startsWith('multipart/byteranges')) return []
    return [`${what}: ${type === undefined ? 'no Content-Type' : `Content-Type: ${type}`}`]
  })
  return judgeFaults(faults, 'Content-Type: application/octet-stream')
}

/** R5, over every answer that came. */
export function checkStatusLines(scene: Scene): Judgement {
  const faults = scene.visits.flatMap(({ what, answer }) => {
    const line = answer?.rawHead.toString('latin1').split('\r\n')[0]
    return line === undefined || /^HTTP\/1\.1 \d{3} \S/.test(line) ? [] : [`${what}: ${line}`]
  })
  return noAnswer(scene) ?? judgeFaults(faults, 'HTTP/1.1 and a reason, to HTTP/1.0 too')
}

/** R6. */
export async function checkOldHttp(scene: Scene): Promise<Judgement> {
  const whyNot = unfinished(scene)
  if (whyNot !== undefined) return whyNot
  const old: Question = { version: '1.0' }
  const faults = [
    ...(await faultsOfConnection(scene, old, 'closes')),
    ...(await faultsOfConnection(scene, { ...old, fields: ['Connection: close'] }, 'closes')),
    ...(await faultsOfConnection(scene, { ...old, fields: ['Connection: keep-alive'] }, 'keeps')),
    ...(await faultsOfConnection(scene, { fields: ['Connection: close'] }, 'closes'))
  ]
  return judgeFaults(faults, 'no chunks, closes and keeps the connection as it is told')
}

async function faultsOfConnection(scene: Scene, question: Question, wish: 'closes' | 'keeps'): Promise<string[]> {
  return onConnection(scene, async connection => {
    const visit = await scene.askOver(connection, question)
    const answer = answerOf(visit)
    if (typeof answer === 'string') return [answer]
    if (answer.header('transfer-encoding') !== undefined && question.version === '1.0')
      return [`${visit.what}: chunked, which HTTP/1.0 does not know`]
    if (answer.header('content-length') === undefined)
      return [`${visit.what}: ends with the connection, without a length`]
    if (wish === 'closes')
      return (await closesWithin(connection, scene.patience.closeMs))
        ? []
        : [`${visit.what}: the connection stays open`]
    const said = answer.header('connection')?.toLowerCase()
    if (said !== 'keep-alive') return [`${visit.what}: the connection is not kept (Connection: ${said ?? 'not said'})`]
    const again = await scene.askOver(connection, { ...question, take: A_LITTLE })
    return again.answer === undefined ? [`${again.what}, once more: ${again.failure}`] : []
  })
}

/** R7. */
export async function checkHead(scene: Scene): Promise<Judgement> {
  const get = scene.firmware.answer
  const faults = await onConnection(scene, async connection => {
    const visit = await scene.askOver(connection, { method: 'HEAD' })
    const head = answerOf(visit)
    if (typeof head === 'string') return [head]
    const faults: string[] = []
    if (get !== undefined && head.status !== get.status) faults.push(`HEAD gives ${head.status}, GET ${get.status}`)
    else if (get !== undefined) faults.push(...differences(head, get))
    // A body would come in front of the next answer.
    const next = await scene.askOver(connection, { take: A_LITTLE })
    if (next.answer === undefined) faults.push(`GET behind HEAD on one connection: ${next.failure}`)
    return faults
  })
  return judgeFaults(
    faults,
    `HEAD says what GET says${get === undefined ? '' : ` (${get.status})`}, and the connection goes on`
  )
}

/** The fields that describe what is there, as opposed to the message. */
const DESCRIBING = /^(content-|etag$|last-modified$|accept-ranges$|x-md5$|x-sha)/

function differences(head: Answer, get: Answer): string[] {
  const names = new Set([...head.headers, ...get.headers].map(([name]) => name.toLowerCase()))
  return [...names]
    .filter(name => DESCRIBING.test(name) && head.header(name) !== get.header(name))
    .map(name => `HEAD: ${name} ${head.header(name) ?? 'missing'}; GET: ${get.header(name) ?? 'missing'}`)
}

/** R8. */
export async function checkEmptyLength(scene: Scene): Promise<Judgement> {
  if (scene.firmware.answer?.status !== 200) return noImage(scene)
  const fields = ['Content-Length: 0']
  const visit = await scene.ask({ fields, take: A_LITTLE })
  const faults = [faultOfImage(visit, scene)]
  // Where HEAD is not answered at all, that is R7.
  const plainHead = scene.visits.find(({ method, answer }) => method === 'HEAD' && answer !== undefined)
  if (plainHead !== undefined) {
    const head = await scene.ask({ method: 'HEAD', fields })
    if (head.answer?.status !== plainHead.answer?.status)
      faults.push(`${head.what}: ${head.answer?.status ?? head.failure} instead of ${plainHead.answer?.status}`)
  }
  return judgeFaults(present(faults), 'a GET with Content-Length: 0 is one like any other')
}

/** R9. */
export async function checkHost(scene: Scene): Promise<Judgement> {
  if (scene.firmware.answer?.status !== 200) return noImage(scene)
  const { target } = scene
  const visits = [
    await scene.ask({ host: target.url.hostname, take: A_LITTLE }),
    await scene.ask({ host: null, version: '1.0', take: A_LITTLE })
  ]
  const faults = visits.map(visit => faultOfImage(visit, scene))
  if (target.isSecure) {
    const nameless = await scene.ask({ take: A_LITTLE }, { servername: '' })
    const fault = faultOfImage(nameless, scene)
    if (fault !== undefined) faults.push(`without SNI: ${fault}`)
  }
  return judgeFaults(present(faults), 'a Host without port, no Host at all and no SNI are answered alike')
}

/** Above every folder that a server may serve from; what is there is nobody's secret. */
const OUTSIDE = 'etc/hosts'

/** R10. */
export async function checkPaths(scene: Scene): Promise<Judgement> {
  if (scene.firmware.answer?.status !== 200) return noImage(scene)
  const { pathname } = scene.target.url
  const faults = [faultOfImage(await scene.ask({ path: `${pathname}?id=1`, take: A_LITTLE }), scene)]
  const once = encodeLetter(pathname, '%')
  if (once !== undefined) faults.push(faultOfImage(await scene.ask({ path: once, take: A_LITTLE }), scene))
  const twice = encodeLetter(pathname, '%25')
  const refused = [
    ...(twice === undefined ? [] : [twice]),
    `/${'../'.repeat(12)}${OUTSIDE}`,
    `/${'%2e%2e%2f'.repeat(12)}${OUTSIDE}`
  ]
  for (const path of refused) {
    const { answer, what } = await scene.ask({ path, take: A_LITTLE })
    if (answer !== undefined && answer.status < 400) faults.push(`${what}: ${answer.status} instead of 404`)
  }
  return judgeFaults(present(faults), 'queries are ignored, % is decoded once, nothing above the folder is given')
}

/** A path whose last segment has one letter written as its code; undefined where it has none. */
function encodeLetter(pathname: string, mark: '%' | '%25'): string | undefined {
  const at = pathname.lastIndexOf('/') + 1
  const letter = pathname[at]
  if (letter === undefined || !/[a-z\d]/i.test(letter)) return undefined
  return `${pathname.slice(0, at)}${mark}${letter.charCodeAt(0).toString(16)}${pathname.slice(at + 1)}`
}
