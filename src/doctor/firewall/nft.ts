import { isIP } from 'node:net'
import { type NftChain, type NftTable, readNftRuleset } from './nft-text.js'
import {
  both,
  type Decision,
  decide,
  decideAll,
  isAddressIn,
  isInterface,
  isPortIn,
  type Match,
  matchIf,
  negated,
  type Packet,
  type Verdict,
  type WalkedRule,
  walk
} from './packet.js'

/** What a ruleset of nftables does with a packet, and the rule that lets it in. */
export interface NftDecision extends Decision {
  readonly fix: string
}

/**
 * Reads what `nft list ruleset` prints (nftables: man nft) and follows a packet through every chain at the hooks of what comes in.
 * Undefined where no chain is there.
 */
export function decideByNft(ruleset: string, packet: Packet): NftDecision | undefined {
  const decisions = readNftRuleset(ruleset).flatMap(table =>
    isOfFamily(table, packet)
      ? [...table.chains.values()].flatMap(chain => {
          const decision = decideInChain(table, chain, packet)
          return decision === undefined ? [] : [{ ...decision, fix: fixFor(table, chain, packet) }]
        })
      : []
  )
  return decideAll(decisions) as NftDecision | undefined
}

function isOfFamily({ family }: NftTable, { source }: Packet): boolean {
  return family === 'inet' || family === (isIP(source) === 6 ? 'ip6' : 'ip')
}

function decideInChain(table: NftTable, chain: NftChain, packet: Packet): Decision | undefined {
  const { base, name } = chain
  if (base === undefined || base.type === 'nat' || !/^(input|prerouting)$/.test(base.hook)) return undefined
  const rulesOf = (called: string): readonly WalkedRule[] | undefined =>
    table.chains.get(called)?.rules.map(rule => readRule(rule, table, packet))
  const where = `table ${table.family} ${table.name}, chain ${name}`
  const { decision, reason } = decide(walk(name, rulesOf), base.policy, `policy ${base.policy}`)
  return { decision, reason: `${where}: ${reason}` }
}

/** Tables that iptables keeps in nftables are its own: a rule of nft's there would be lost. */
function fixFor({ family, name }: NftTable, chain: NftChain, { port }: Packet): string {
  if (family !== 'inet' && chain.name === 'INPUT')
    return `${family === 'ip6' ? 'ip6tables' : 'iptables'} -I INPUT -p tcp --dport ${port} -j ACCEPT`
  return `nft insert rule ${family} ${name} ${chain.name} tcp dport ${port} accept`
}

/** Reads a rule from left to right: every expression narrows it, the verdict ends it. */
function readRule(tokens: readonly string[], table: NftTable, packet: Packet): WalkedRule {
  const text = tokens.join(' ').replaceAll(' ,', ',')
  let match: Match = 'yes'
  for (let at = 0; at < tokens.length; ) {
    const verdict = verdictAt(tokens, at)
    if (verdict !== undefined) return { text, match, verdict }
    const length = silentLength(tokens, at)
    if (length > 0) {
      at += length
      continue
    }
    const key = keyAt(tokens, at)
    if (key === undefined) {
      match = both(match, 'maybe')
      at++
      continue
    }
    const values = valuesAt(tokens, at + key.length, table)
    at = values.end
    if (values.verdicts !== undefined) {
      const chosen = values.verdicts.find(([value]) => key.matches(value, packet) === 'yes')
      if (chosen === undefined) match = 'no'
      else return { text, match, verdict: verdictAt(chosen[1], 0) }
      continue
    }
    const found = values.list.map(value => key.matches(value, packet))
    const any: Match = found.includes('yes') ? 'yes' : found.includes('maybe') ? 'maybe' : 'no'
    match = both(match, negated(values.isKnown ? any : 'maybe', values.isNegated))
  }
  return { text, match, verdict: undefined }
}

function verdictAt(tokens: readonly string[], at: number): Verdict | undefined {
  const [word, chain = ''] = tokens.slice(at, at + 2)
  if (word === 'accept' || word === 'drop' || word === 'return') return { is: word }
  if (word === 'reject') return { is: 'drop' }
  return word === 'jump' || word === 'goto' ? { is: word, chain } : undefined
}

/** Tokens that neither narrow a rule nor end it: counters, log lines, comments. */
function silentLength(tokens: readonly string[], at: number): number {
  switch (tokens[at]) {
    case 'counter':
      return tokens[at + 1] === 'packets' ? 5 : tokens[at + 1] === 'name' ? 3 : 1
    case 'comment':
      return 2
    case 'continue':
      return 1
    case 'log': {
      let length = 1
      while (/^(prefix|level|group|snaplen|queue-threshold|flags)$/.test(tokens[at + length] ?? '')) length += 2
      return length
    }
    default:
      return 0
  }
}

interface Key {
  /** Tokens that it is written with. */
  readonly length: number
  readonly matches: (value: string, packet: Packet) => Match
}

const KEYS: readonly (readonly [words: RegExp, matches: Key['matches']])[] = [
  [/^ct state /, value => matchIf(value === 'new')],
  [/^ct direction /, value => matchIf(value === 'original')],
  [/^(meta )?iif(name)? /, (value, { interfaceName }) => matchIf(isInterface(value, interfaceName))],
  [/^ip6? saddr /, (value, { source }) => matchIf(isAddressIn(value, source))],
  [/^ip6? daddr /, (value, { destination }) => matchIf(isAddressIn(value, destination))],
  [/^(meta l4proto|ip protocol|ip6 nexthdr) /, value => matchIf(value === 'tcp' || value === '6')],
  [/^meta nfproto /, (value, { source }) => matchIf(/6$|^10$/.test(value) === (isIP(source) === 6))],
  [/^meta protocol /, (value, { source }) => matchIf(/6$/.test(value) === (isIP(source) === 6))],
  [/^(meta )?pkttype /, value => matchIf(value === 'unicast' || value === 'host')],
  [/^(tcp|th) dport /, (value, { port }) => matchIf(isPortIn(value, port))],
  [/^fib daddr type /, value => matchIf(value === 'local')],
  [/^fib daddr \. iif type /, value => matchIf(value === 'local')],
  [/^(udp|udplite|sctp|dccp|icmp|icmpv6|igmp|esp|ah|arp|ether) \S+ /, () => 'no'],
  [/^tcp flags /, () => 'maybe']
]

function keyAt(tokens: readonly string[], at: number): Key | undefined {
  const ahead = `${tokens.slice(at, at + 6).join(' ')} `
  for (const [words, matches] of KEYS) {
    const found = words.exec(ahead)
    if (found !== null) return { length: found[0].trimEnd().split(' ').length, matches }
  }
  return undefined
}

interface Values {
  readonly list: readonly string[]
  readonly isNegated: boolean
  /** False where they change while nobody looks. */
  readonly isKnown: boolean
  /** Of a verdict map: what is done with each value. */
  readonly verdicts: readonly (readonly [value: string, verdict: readonly string[]])[] | undefined
  /** The first token behind them. */
  readonly end: number
}

function valuesAt(tokens: readonly string[], start: number, { sets }: NftTable): Values {
  let at = start
  const isNegated = tokens[at] === '!='
  if (isNegated || tokens[at] === '==') at++
  const isMap = tokens[at] === 'vmap'
  if (isMap) at++
  if (tokens[at] === '{') {
    const end = tokens.indexOf('}', at)
    const inside = tokens.slice(at + 1, end === -1 ? tokens.length : end)
    const verdicts = isMap ? verdictsOf(inside) : undefined
    const list = inside.filter(token => token !== ',')
    return { list, isNegated, isKnown: true, verdicts, end: end === -1 ? tokens.length : end + 1 }
  }
  const first = tokens[at++] ?? ''
  if (first.startsWith('@')) {
    const elements = sets.get(first.slice(1))
    return { list: elements ?? [], isNegated, isKnown: elements !== undefined && !isMap, verdicts: undefined, end: at }
  }
  const list = [first]
  while (tokens[at] === ',') {
    list.push(tokens[at + 1] ?? '')
    at += 2
  }
  return { list, isNegated, isKnown: true, verdicts: undefined, end: at }
}

/** `established : accept, related : accept`. */
function verdictsOf(tokens: readonly string[]): readonly (readonly [string, readonly string[]])[] {
  const pairs: string[][] = [[]]
  for (const token of tokens)
    if (token === ',') pairs.push([])
    else pairs.at(-1)?.push(token)
  return pairs.map(([value = '', , ...verdict]) => [value.replace(/:$/, ''), verdict])
}
