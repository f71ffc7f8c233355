/** R30 to R36: digests, sidecars and manifests (clients.md 4.4). */
import { createHash } from 'node:crypto'
import { asSketch, OTHER_MD5 } from './check-statuses.js'
import { versionIn } from './client-image.js'
import { esp8266Request } from './device-esp8266.js'
import { type Judgement, judgeFaults, kept, notSeen } from './judgement.js'
import { A_LITTLE, answerOf, noImage, present } from './looking.js'
import type { Scene, Visit } from './scene.js'
import { besidePath } from './target.js'

type Algorithm = 'md5' | 'sha256' | 'sha512'

function digestOf(image: Buffer, algorithm: Algorithm): string {
  return createHash(algorithm).update(image).digest('hex')
}

/** R30. */
export function checkValidators(scene: Scene): Judgement {
  const { image, firmware } = scene
  const { answer } = firmware
  if (image === undefined || answer === undefined) return noImage(scene)
  const tag = answer.header('etag')
  const date = answer.header('last-modified')
  const faults: string[] = []
  if (tag === undefined) faults.push('no ETag')
  else if (tag.startsWith('W/')) faults.push(`ETag: ${tag} is weak`)
  else if (tag !== `"${digestOf(image, 'sha256')}"`) faults.push(`ETag: ${tag} is not the SHA-256 of the image`)
  if (date === undefined) faults.push('no Last-Modified')
  else if (Number.isNaN(Date.parse(date))) faults.push(`Last-Modified: ${date}`)
  return judgeFaults(faults, `a strong ETag, the SHA-256 of the image, and Last-Modified: ${date}`)
}

/** R31. */
export function checkMd5(scene: Scene): Promise<Judgement> {
  return checkDigestFields(scene, ['md5'])
}

/** R32. */
export function checkSha(scene: Scene): Promise<Judgement> {
  return checkDigestFields(scene, ['sha256', 'sha512'])
}

/** Asked as a sketch with other firmware asks: these fields are for nobody else. */
async function checkDigestFields(scene: Scene, algorithms: readonly Algorithm[]): Promise<Judgement> {
  const { image } = scene
  if (image === undefined) return noImage(scene)
  const answer = answerOf(await scene.ask({ ...asSketch(scene, OTHER_MD5, 'sketch'), take: A_LITTLE }))
  if (typeof answer === 'string') return judgeFaults([answer], '')
  const faults = algorithms.flatMap(algorithm => {
    const name = `x-${algorithm.toUpperCase()}`
    const told = answer.header(name)
    if (told === undefined) return [`no ${name}`]
    return told === digestOf(image, algorithm) ? [] : [`${name}: ${told} is not that of the image`]
  })
  return judgeFaults(
    faults,
    `${algorithms.map(algorithm => `x-${algorithm.toUpperCase()}`).join(' and ')}, as computed here`
  )
}

/** R33. */
export async function checkVersionMode(scene: Scene): Promise<Judgement> {
  const { image, target } = scene
  if (image === undefined) return noImage(scene)
  const own = versionIn(image)
  const text = esp8266Request(target.url, { mode: 'version', freeSpace: 1310720, chipSize: 4194304 })
  const fields = text.split('\r\n').filter(line => /^x-ESP8266-/.test(line))
  const answer = answerOf(await scene.ask({ version: '1.0', fields, take: A_LITTLE }))
  if (typeof answer === 'string') return judgeFaults([answer], '')
  const told = answer.header('x-version')
  if (answer.status !== 200) return judgeFaults([`${answer.status} instead of 200`], '')
  if (told === undefined && own === '') return notSeen('the image tells no version')
  return told === undefined ? judgeFaults(['no x-version'], '') : kept(`x-version: ${told}`)
}

/** R34. */
export async function checkSidecars(scene: Scene): Promise<Judgement> {
  const { image, target } = scene
  if (image === undefined) return noImage(scene)
  const faults: (string | undefined)[] = []
  for (const algorithm of ['md5', 'sha256', 'sha512'] as const) {
    const visit = await scene.ask({ path: besidePath(target, `.${algorithm}`), version: '1.0', take: A_LITTLE })
    faults.push(faultOfSidecar(visit, digestOf(image, algorithm)))
  }
  return judgeFaults(present(faults), 'the digest, two blanks and the name, for .md5, .sha256 and .sha512')
}

function faultOfSidecar(visit: Visit, digest: string): string | undefined {
  const answer = answerOf(visit)
  if (typeof answer === 'string') return answer
  if (answer.status !== 200) return `${visit.path}: ${answer.status}`
  const text = answer.body.toString('latin1')
  if (!text.startsWith(digest)) return `${visit.path} does not begin with the digest of the image`
  return /^[0-9a-f]+ {2}[^\n]+\n/.test(text) ? undefined : `${visit.path}: no name behind the digest`
}

/** Where manifests of one release lie: otad's own, and those of the clients that read one (docs/esphome.md and its neighbours). */
const MANIFESTS = ['.json', '.esphome.json', '.esp32fota.json', '.otapull.json', '.webtools.json', '.ghota.json']
const MANIFEST_LIMIT = 2048
/** Enough to see that one is too long, and still whole. */
const LONGEST_LOOK = 64 * 1024

/** R35. */
export async function checkManifests(scene: Scene): Promise<Judgement> {
  const found: string[] = []
  const faults: string[] = []
  for (const suffix of MANIFESTS) {
    const visit = await scene.ask({ path: besidePath(scene.target, suffix), take: LONGEST_LOOK })
    const { answer, path } = visit
    if (answer === undefined || !isManifest(visit)) continue
    found.push(path)
    if (answer.body.length >= MANIFEST_LIMIT) faults.push(`${path}: ${answer.body.length} bytes`)
    if (answer.header('content-length') === undefined) faults.push(`${path}: no Content-Length`)
    if (answer.body[0] === 0xef) faults.push(`${path}: a byte order mark`)
  }
  if (found.length === 0) return notSeen(`there is no manifest beside ${scene.target.url.pathname}`)
  return judgeFaults(faults, `${found.length} manifests, each below ${MANIFEST_LIMIT} bytes`)
}

/** Whether an object came: servers that answer everything with 200 have no manifests for that. */
export function isManifest({ answer }: Visit): boolean {
  if (answer?.status !== 200) return false
  try {
    const value: unknown = JSON.parse(answer.body.toString('utf8').replace(/^\ufeff/, ''))
    return typeof value === 'object' && value !== null
  } catch {
    return false
  }
}

/** R36: opt-in, so that nothing is wrong with a server that leaves it out. */
export async function checkCors(scene: Scene): Promise<Judgement> {
  const origin = 'https://install.example'
  const answer = answerOf(await scene.ask({ fields: [`Origin: ${origin}`], take: A_LITTLE }))
  if (typeof answer === 'string') return notSeen(answer)
  const told = answer.header('access-control-allow-origin')
  if (told === undefined) return notSeen('pages of other origins are not let in, which is a choice')
  return told === '*' || told === origin
    ? kept(`Access-Control-Allow-Origin: ${told}`)
    : notSeen(`pages of ${told} alone are let in, which is a choice`)
}
