import type { X509Certificate } from 'node:crypto'
import { type Anchors, judgeChain, matchName } from './device-trust.js'
import { FLOWS, type Flow } from './flows.js'
import { publicRoots, readable, readTls, shownBy, type TlsFacts } from './handshake.js'
import { type Judgement, notSeen } from './judgement.js'
import { findObstacle, type Obstacle } from './obstacle.js'
import type { Verification } from './raw-http.js'
import { RULES, type Rule } from './rules.js'
import { runFlow } from './run-flow.js'
import { LONG_PATIENCE, openScene, PATIENCE, type Patience, type Scene, timeLimit } from './scene.js'
import type { Target } from './target.js'

/** An authority that a device might hold. */
export interface Candidate {
  readonly file: string
  readonly certificate: string
}

export interface ProbeOptions {
  readonly target: Target
  /** The likeliest first; the public roots, as in ESP-IDF's bundle, where there is none. */
  readonly candidates: readonly Candidate[]
  /** Whether it goes on where a device would refuse the certificate. */
  readonly isInsecure: boolean
  readonly isLong: boolean
  readonly patience?: Patience
  /** Told what is looked at next. */
  readonly progress?: (text: string) => void
  /** Ends it, and every connection that it has open. */
  readonly signal?: AbortSignal
}

export interface RuleFinding extends Judgement {
  readonly rule: Rule
}

export interface FlowFinding extends Judgement {
  readonly flow: Flow
}

/** Everything that was found out about a server. */
export interface ProbeResult {
  readonly target: Target
  /** File of the authority that the device holds; undefined for the public roots, and without TLS. */
  readonly caFile: string | undefined
  readonly image: Buffer | undefined
  /** The one thing because of which all the rest was not looked at; undefined where there is no such thing. */
  readonly obstacle: Obstacle | undefined
  /** In the order of RULES. */
  readonly rules: readonly RuleFinding[]
  readonly flows: readonly FlowFinding[]
}

/**
 * Behaves towards a server as devices do: each rule of RULES, then each flow of FLOWS. It never throws for what a server does; when it is
 * ended, with the reason of the signal.
 */
export async function probe(options: ProbeOptions): Promise<ProbeResult> {
  const { target, candidates, isInsecure, progress = () => {}, signal } = options
  progress('the handshake')
  const tls = target.isSecure ? await readTls(target, { signal }) : undefined
  signal?.throwIfAborted()
  const chosen = tls === undefined ? undefined : chooseAnchors(tls, candidates)
  const anchors = chosen?.anchors ?? { certificates: [], isBundle: true }
  const found = new Map<Rule, Judgement>()
  for (const rule of RULES) {
    if (rule.look.when === 'handshake') found.set(rule, rule.look.check({ tls, anchors, host: target.host }))
    if (rule.look.when === 'never') found.set(rule, notSeen(`not visible from here: ${rule.look.why}`))
  }
  const verificationOf = (mbedtls: 'old' | 'new'): Verification | undefined =>
    isInsecure ? () => undefined : verifyAsDevice(anchors, target.host, mbedtls)
  const isRefused = tls !== undefined && refusal(tls.chain, anchors, target.host, 'new') !== undefined
  const end = (more: Pick<ProbeResult, 'image' | 'flows' | 'obstacle'>, rest = UNASKED): ProbeResult => ({
    target,
    caFile: chosen?.file,
    rules: RULES.map(rule => ({ rule, ...(found.get(rule) ?? rest) })),
    ...more
  })
  const endBefore = (why: Judgement, obstacle?: Obstacle): ProbeResult =>
    end({ image: undefined, flows: FLOWS.map(flow => ({ flow, ...why })), obstacle }, why)
  const inTheWay = tls === undefined ? undefined : findObstacle(tls)
  if (inTheWay !== undefined) return endBefore(notSeen(inTheWay.seen), inTheWay)
  if (isRefused && !isInsecure) return endBefore(BEHIND_THE_HANDSHAKE)

  const { isLong, patience = isLong ? LONG_PATIENCE : PATIENCE } = options
  progress(`the image: GET ${target.path}`)
  const scene = await openScene({ target, verification: verificationOf('new'), patience, isLong, signal })
  signal?.throwIfAborted()
  const silence = findSilence(scene)
  for (const [rule, judgement] of await checkRules(scene, progress, silence)) found.set(rule, judgement)
  if (silence !== undefined) return endBefore(notSeen(silence.seen), silence)
  const limit = timeLimit(patience.flowsMs)
  const flows: FlowFinding[] = []
  for (const flow of FLOWS) {
    progress(`${flow.client}: ${flow.way}`)
    flows.push({ flow, ...(await runFlow(flow, { scene, verificationOf, limit })) })
    signal?.throwIfAborted()
  }
  return end({ image: scene.image, flows, obstacle: undefined })
}

const BEHIND_THE_HANDSHAKE = notSeen('the device hangs up in the handshake; --insecure goes on all the same')
const UNASKED = notSeen('nothing was asked')
const OVER = notSeen('time is up, this server is slow: --long goes on')

/** A server that leaves the first request unanswered, or takes very long over it, is not waited for with every rule again. */
function findSilence({ firmware, patience }: Scene): Obstacle | undefined {
  if (firmware.answer?.bodyEnd === 'slow')
    return { seen: `the image takes more than ${patience.wholeMs / 1000} s`, fix: '--long waits for it' }
  if (firmware.answer !== undefined) return undefined
  return { seen: `${firmware.what}: ${firmware.failure}`, fix: 'let the server answer a plain GET first (R11)' }
}

/** What waits for minutes waits together; what looks at every answer comes last. */
async function checkRules(
  scene: Scene,
  progress: (text: string) => void,
  silence: Obstacle | undefined
): Promise<readonly (readonly [Rule, Judgement])[]> {
  const found: (readonly [Rule, Judgement])[] = []
  const check = async (rule: Rule): Promise<void> => {
    if (rule.look.when === 'handshake' || rule.look.when === 'never') return
    if (rule.look.when !== 'end' && (scene.isOver || silence !== undefined)) {
      found.push([rule, silence === undefined ? OVER : notSeen(silence.seen)])
      return
    }
    progress(`${rule.id}: ${rule.promise}`)
    const judgement = await rule.look.check(scene)
    // What was on its way when the time was over says nothing of the server.
    found.push([rule, rule.look.when !== 'end' && scene.isOver ? OVER : judgement])
    scene.signal?.throwIfAborted()
  }
  for (const rule of RULES) if (rule.look.when === 'asking') await check(rule)
  await Promise.all(RULES.filter(({ look }) => look.when === 'waiting').map(check))
  for (const rule of RULES) if (rule.look.when === 'end') await check(rule)
  return found
}

interface Choice {
  readonly file: string | undefined
  readonly anchors: Anchors
}

/** The first that the server's certificate is under, else the last: the one of the folder that was worked in. */
function chooseAnchors({ chain }: TlsFacts, candidates: readonly Candidate[]): Choice {
  const choices = candidates.map(({ file, certificate }) => ({
    file,
    anchors: { certificates: certificatesIn(certificate), isBundle: false }
  }))
  const fitting = choices.find(({ anchors }) => judgeChain(chain, anchors) === undefined)
  return fitting ?? choices.at(-1) ?? { file: undefined, anchors: { certificates: publicRoots(), isBundle: true } }
}

/** A device may hold several authorities in one file. */
function certificatesIn(pem: string): readonly X509Certificate[] {
  return readable(pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [])
}

function verifyAsDevice(anchors: Anchors, host: string, mbedtls: 'old' | 'new'): Verification {
  return socket => {
    const why = refusal(shownBy(socket), anchors, host, mbedtls)
    return why === undefined ? undefined : Object.assign(new Error(why), { code: 'CERT_REFUSED' })
  }
}

/** Why a device of that age ends the handshake. */
function refusal(
  chain: readonly X509Certificate[],
  anchors: Anchors,
  host: string,
  mbedtls: 'old' | 'new'
): string | undefined {
  const trust = judgeChain(chain, anchors)
  const [leaf] = chain
  if (trust !== undefined || leaf === undefined) return trust?.seen ?? 'no certificate'
  const match = matchName(host, leaf)
  const isNamed = match === 'all' || (match === 'new' && mbedtls === 'new')
  return isNamed ? undefined : 'another name'
}
