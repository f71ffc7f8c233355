import type { X509Certificate } from 'node:crypto'
import { type Anchors, judgeChain, matchName } from './device-trust.js'
import { FLOWS, type Flow } from './flows.js'
import { publicRoots, readable, readTls, shownBy, type TlsFacts } from './handshake.js'
import { type Judgement, notSeen } from './judgement.js'
import type { Verification } from './raw-http.js'
import { RULES, type Rule } from './rules.js'
import { runFlow } from './run-flow.js'
import { openScene, PATIENCE, type Patience, type Scene } from './scene.js'
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
  const end = (image: Buffer | undefined, flows: readonly FlowFinding[]): ProbeResult => ({
    target,
    caFile: chosen?.file,
    image,
    rules: RULES.map(rule => ({ rule, ...(found.get(rule) ?? BEHIND_THE_HANDSHAKE) })),
    flows
  })
  if (isRefused && !isInsecure)
    return end(
      undefined,
      FLOWS.map(flow => ({ flow, ...BEHIND_THE_HANDSHAKE }))
    )

  const { patience = PATIENCE, isLong } = options
  const scene = await openScene({ target, verification: verificationOf('new'), patience, isLong, signal })
  for (const [rule, judgement] of await checkRules(scene, progress)) found.set(rule, judgement)
  const flows: FlowFinding[] = []
  for (const flow of FLOWS) {
    progress(`${flow.client}: ${flow.way}`)
    flows.push({ flow, ...(await runFlow(flow, { scene, verificationOf })) })
    signal?.throwIfAborted()
  }
  return end(scene.image, flows)
}

const BEHIND_THE_HANDSHAKE = notSeen('the device hangs up in the handshake; --insecure goes on all the same')

/** What waits for minutes waits together; what looks at every answer comes last. */
async function checkRules(
  scene: Scene,
  progress: (text: string) => void
): Promise<readonly (readonly [Rule, Judgement])[]> {
  const found: (readonly [Rule, Judgement])[] = []
  const check = async (rule: Rule): Promise<void> => {
    if (rule.look.when === 'handshake' || rule.look.when === 'never') return
    progress(`${rule.id}: ${rule.promise}`)
    found.push([rule, await rule.look.check(scene)])
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
