import { describeKind } from '../image/kinds.js'
import { verifyImage } from '../image/verify.js'
import type { Judgement } from '../probe/judgement.js'
import type { Obstacle } from '../probe/obstacle.js'
import type { FlowFinding, ProbeResult, RuleFinding } from '../probe/probe.js'
import { counted, fileSize, printable } from '../words.js'

/** The object that `otad probe --json` prints. */
export function probeToJson(result: ProbeResult): object {
  const { target, caFile, image, obstacle, rules, flows } = result
  return {
    url: shownUrl(result),
    ca: caFile ?? null,
    obstacle: obstacle ?? null,
    image: image === undefined ? null : { size: image.length, verdict: verifyImage(image).verdict },
    rules: rules.map(({ rule, outcome, seen }) => ({
      rule: rule.id,
      promise: rule.promise,
      outcome,
      seen,
      consequence: rule.consequence,
      clients: rule.clients
    })),
    flows: flows.map(({ flow, outcome, seen }) => ({ client: flow.client, way: flow.way, outcome, seen })),
    summary: {
      secure: target.isSecure,
      rules: countsOf(rules),
      flows: countsOf(flows)
    }
  }
}

/** Whether anything does not hold that devices rely on. */
export function hasFailed({ rules, flows }: ProbeResult): boolean {
  return [...rules, ...flows].some(({ outcome }) => outcome === 'fail')
}

/** What was found out about a server, as a page for people. */
export function writeProbe(result: ProbeResult): string {
  const lines = [
    `${printable(shownUrl(result))}   ${describeImage(result)}`,
    `  ${describeCa(result)}`,
    '',
    ...(result.obstacle === undefined ? describeAll(result) : describeObstacle(result.obstacle, result)),
    '',
    `  ${summaryOf(result)}`
  ]
  return `${lines.join('\n')}\n`
}

function describeAll({ rules, flows }: ProbeResult): readonly string[] {
  return [...rules.flatMap(describeRule), '', '  Would the slot hold the image?', ...flows.map(describeFlow)]
}

/** The cause first; of the rest, what was looked at. */
function describeObstacle({ seen, fix }: Obstacle, { rules }: ProbeResult): readonly string[] {
  const looked = rules.filter(({ outcome }) => outcome !== 'not-seen')
  return [
    `  ${printable(seen)}`,
    `  what to do: ${fix}`,
    '',
    ...looked.flatMap(describeRule),
    '  -     all other rules, and every way to an update',
    `${MARGIN}not looked at: ${printable(seen)}`
  ]
}

const WORDS: Readonly<Record<Judgement['outcome'], string>> = { pass: 'pass', fail: 'FAIL', 'not-seen': '-   ' }

/** Below the promises. */
const MARGIN = ' '.repeat(15)

function describeRule({ rule, outcome, seen }: RuleFinding): string[] {
  const detail = `${outcome === 'not-seen' ? 'not looked at' : 'seen'}: ${printable(seen)}`
  const lines = [`  ${WORDS[outcome]}  ${rule.id.padEnd(5)}  ${rule.promise}`, `${MARGIN}${detail}`]
  return outcome === 'fail' ? [...lines, `${MARGIN}on a device: ${rule.consequence}   (${rule.clients})`] : lines
}

function describeFlow({ flow, outcome, seen }: FlowFinding): string {
  const words = outcome === 'pass' && seen === 'the slot holds the image' ? '' : `: ${printable(seen)}`
  return `  ${WORDS[outcome]}  ${flow.client}, ${flow.way}${words}`
}

function describeImage({ image }: ProbeResult): string {
  if (image === undefined) return 'no image came'
  const { verdict, kind, fields } = verifyImage(image)
  const app = fields !== null && 'appDesc' in fields ? fields.appDesc : undefined
  return [
    fileSize(image.length),
    app === undefined ? describeKind(kind) : printable(`${app.projectName} ${app.version}`),
    ...(verdict === 'reject' ? ['which a device would refuse'] : [])
  ].join(', ')
}

function describeCa({ caFile, target }: ProbeResult): string {
  if (!target.isSecure) return 'without TLS'
  return caFile === undefined ? 'the device holds the public roots alone' : `the device holds ${printable(caFile)}`
}

function summaryOf({ rules, flows }: ProbeResult): string {
  const counts = countsOf(rules)
  const ways = countsOf(flows)
  const broken = rules.filter(({ outcome }) => outcome === 'fail').map(({ rule }) => rule.id)
  const words = [
    `${counted(counts.pass, 'rule')} kept, ${counts.fail} broken${broken.length === 0 ? '' : ` (${broken.join(' ')})`}, ${counts.notSeen} not looked at`,
    ways.pass + ways.fail === 0
      ? 'no way to an update was tried'
      : `${ways.pass} of ${counted(ways.pass + ways.fail, 'way')} to an update ${ways.pass === 1 ? 'works' : 'work'}`
  ]
  return words.join('; ')
}

function countsOf(findings: readonly Judgement[]): { pass: number; fail: number; notSeen: number } {
  const count = (wanted: Judgement['outcome']) => findings.filter(({ outcome }) => outcome === wanted).length
  return { pass: count('pass'), fail: count('fail'), notSeen: count('not-seen') }
}

/** Passwords are for the server alone. */
function shownUrl({ target }: ProbeResult): string {
  const { origin, pathname, search } = target.url
  return `${origin}${pathname}${search}`
}
