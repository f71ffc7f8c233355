import type { FirewallDecision } from '../facts.js'
import { isInSubnet } from '../subnet.js'

/** The first packet of a device: TCP, a new connection, from the LAN. Firewalls are asked what they do with it. */
export interface Packet {
  readonly source: string
  readonly destination: string
  readonly interfaceName: string
  readonly port: number
}

/** What a firewall does with a packet, and the rule or policy that decides. */
export interface Decision {
  readonly decision: FirewallDecision
  readonly reason: string
}

/** Whether a rule is about a packet; `maybe` where it depends on what nobody can see from outside: rates, marks, sets that change. */
export type Match = 'yes' | 'no' | 'maybe'

/** Where a packet may end, each with the rule that leads there. `end` is the end of the chain. */
export type Outcomes = ReadonlyMap<'accept' | 'drop' | 'end', string>

/** A rule, as far as a walk through a chain goes. */
export interface WalkedRule {
  readonly text: string
  readonly match: Match
  readonly verdict: Verdict | undefined
}

/** `goto` does not come back; a rule without a verdict only counts or logs. */
export type Verdict =
  | { readonly is: 'accept' | 'drop' | 'return' }
  | { readonly is: 'jump' | 'goto'; readonly chain: string }

/** Chains that call each other no deeper than the kernel allows (NFT_JUMP_STACK_SIZE). */
const DEEPEST = 16

/** Follows a packet through a chain and those that it jumps to. */
export function walk(
  chain: string,
  rulesOf: (chain: string) => readonly WalkedRule[] | undefined,
  depth = 0
): Outcomes {
  const rules = rulesOf(chain)
  if (rules === undefined || depth > DEEPEST) return new Map([['end', chain]])
  const outcomes = new Map<'accept' | 'drop' | 'end', string>()
  const add = (outcome: 'accept' | 'drop' | 'end', reason: string): void => {
    if (!outcomes.has(outcome)) outcomes.set(outcome, reason)
  }
  for (const { text, match, verdict } of rules) {
    if (match === 'no' || verdict === undefined) continue
    const led = verdict.is === 'jump' || verdict.is === 'goto' ? walk(verdict.chain, rulesOf, depth + 1) : undefined
    if (led === undefined) add(verdict.is === 'return' ? 'end' : (verdict.is as 'accept' | 'drop'), text)
    for (const [outcome, reason] of led ?? [])
      if (outcome !== 'end') add(outcome, reason)
      else if (verdict.is === 'goto') add('end', reason)
    const goesOn = match === 'maybe' || (verdict.is === 'jump' && led?.has('end') === true)
    if (!goesOn) return outcomes
  }
  add('end', chain)
  return outcomes
}

/** What outcomes come to where a policy waits at the end. */
export function decide(outcomes: Outcomes, policy: 'accept' | 'drop', policyText: string): Decision {
  const drops = outcomes.get('drop') ?? (outcomes.has('end') && policy === 'drop' ? policyText : undefined)
  const accepts = outcomes.get('accept') ?? (outcomes.has('end') && policy === 'accept' ? policyText : undefined)
  if (drops === undefined) return { decision: 'accepts', reason: accepts ?? policyText }
  return { decision: accepts === undefined ? 'drops' : 'unknown', reason: drops }
}

/** All of these have to let a packet in. */
export function decideAll(decisions: readonly Decision[]): Decision | undefined {
  return (
    decisions.find(({ decision }) => decision === 'drops') ??
    decisions.find(({ decision }) => decision === 'unknown') ??
    decisions.at(-1)
  )
}

export const both = (a: Match, b: Match): Match =>
  a === 'no' || b === 'no' ? 'no' : a === 'maybe' || b === 'maybe' ? 'maybe' : 'yes'

export const negated = (match: Match, isNegated: boolean): Match =>
  !isNegated || match === 'maybe' ? match : match === 'yes' ? 'no' : 'yes'

export const matchIf = (holds: boolean): Match => (holds ? 'yes' : 'no')

/** Ports as firewalls write them: `8070`, `8000-8100`, `8000:8100`, `https`. */
export function isPortIn(text: string, port: number): boolean {
  const [, from = '', to = from] = /^(\d+)(?:[-:](\d+))?$/.exec(text) ?? []
  return from === '' ? SERVICES[text] === port : port >= Number(from) && port <= Number(to)
}

/** Names that tools print in place of numbers (/etc/services). */
const SERVICES: Readonly<Record<string, number>> = {
  ssh: 22,
  http: 80,
  https: 443,
  'http-alt': 8080,
  'https-alt': 8443
}

/** Addresses as firewalls write them: one, a network, a range; `undefined` for what is neither. */
export function isAddressIn(text: string, address: string): boolean {
  const [from = '', to] = text.split('-')
  if (to === undefined) return isInSubnet(address, text)
  const number = (value: string): number => value.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  return number(address) >= number(from) && number(address) <= number(to)
}

/** `eth0`, `"eth0"`, `eth*`, `eth+`. */
export function isInterface(pattern: string, name: string): boolean {
  const plain = pattern.replaceAll('"', '')
  return /[*+]$/.test(plain) ? name.startsWith(plain.slice(0, -1)) : plain === name
}
