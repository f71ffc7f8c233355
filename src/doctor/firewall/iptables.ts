import { isIP } from 'node:net'
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

interface Table {
  readonly policies: ReadonlyMap<string, string>
  readonly rules: ReadonlyMap<string, readonly string[]>
}

/**
 * Reads what `iptables-save` (or `iptables -S`) prints and follows a packet through what comes in: PREROUTING of raw and mangle, INPUT of mangle and
 * filter (netfilter: iptables-extensions(8)). Undefined where there is no chain.
 */
export function decideByIptables(text: string, packet: Packet): Decision | undefined {
  const tables = readTables(text)
  const decisions = HOOKS.flatMap(([name, chain]) => {
    const table = tables.get(name)
    if (table?.policies.has(chain) !== true) return []
    const rulesOf = (called: string): readonly WalkedRule[] | undefined =>
      table.rules.get(called)?.map(rule => readRule(rule, packet))
    const policy = table.policies.get(chain) === 'DROP' ? 'drop' : 'accept'
    const decision = decide(walk(chain, rulesOf), policy, `policy of ${chain} is ${table.policies.get(chain)}`)
    return [{ ...decision, reason: `table ${name}: ${decision.reason}` }]
  })
  return decideAll(decisions)
}

const HOOKS = [
  ['raw', 'PREROUTING'],
  ['mangle', 'PREROUTING'],
  ['mangle', 'INPUT'],
  ['filter', 'INPUT']
] as const

function readTables(text: string): ReadonlyMap<string, Table> {
  const tables = new Map<string, { policies: Map<string, string>; rules: Map<string, string[]> }>()
  // `iptables -S` prints one table, and does not say which.
  let name = 'filter'
  for (const line of text.split('\n').map(each => each.trim())) {
    if (line.startsWith('*')) name = line.slice(1)
    const table = tables.get(name) ?? { policies: new Map(), rules: new Map() }
    tables.set(name, table)
    const [, chain = '', policy = ''] = /^(?::|-P )(\S+) (\S+)/.exec(line) ?? []
    if (chain !== '' && policy !== '-') table.policies.set(chain, policy)
    const own = chain || /^-N (\S+)/.exec(line)?.[1]
    if (own !== undefined && !table.rules.has(own)) table.rules.set(own, [])
    const [, to = '', rule = ''] = /^(?:\[\d+:\d+\] )?-A (\S+)\s*(.*)$/.exec(line) ?? []
    if (to !== '') table.rules.set(to, [...(table.rules.get(to) ?? []), rule])
  }
  return tables
}

/** Options that neither narrow a rule nor end it, with how many words they take. */
const SILENT: Readonly<Record<string, number>> = {
  '-m': 1,
  '--match': 1,
  '--comment': 1,
  '-c': 2,
  '--reject-with': 1,
  '--log-prefix': 1,
  '--log-level': 1,
  '--nflog-prefix': 1,
  '--nflog-group': 1
}

function readRule(text: string, packet: Packet): WalkedRule {
  const words = text.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? []
  let match: Match = 'yes'
  let verdict: Verdict | undefined
  for (let at = 0; at < words.length; ) {
    const isNegated = words[at] === '!'
    if (isNegated) at++
    const option = words[at++] ?? ''
    if (option === '-j' || option === '-g' || option === '--jump' || option === '--goto') {
      verdict = verdictOf(words[at++] ?? '', option.includes('g'))
      continue
    }
    const silent = SILENT[option]
    if (silent !== undefined) {
      at += silent
      continue
    }
    const matches = OPTIONS[option]
    const value = words[at] ?? ''
    if (matches === undefined) {
      match = both(match, 'maybe')
      continue
    }
    at++
    match = both(match, negated(matches(value, packet), isNegated))
  }
  return { text: `-A ${text}`.replace('-A ', ''), match, verdict }
}

const OPTIONS: Readonly<Record<string, (value: string, packet: Packet) => Match>> = {
  '-p': value => matchIf(/^(tcp|6|all|0)$/.test(value)),
  '--protocol': value => matchIf(/^(tcp|6|all|0)$/.test(value)),
  '-i': (value, { interfaceName }) => matchIf(isInterface(value, interfaceName)),
  '--in-interface': (value, { interfaceName }) => matchIf(isInterface(value, interfaceName)),
  '-s': (value, { source }) => addressIn(value, source),
  '--source': (value, { source }) => addressIn(value, source),
  '-d': (value, { destination }) => addressIn(value, destination),
  '--destination': (value, { destination }) => addressIn(value, destination),
  '--src-range': (value, { source }) => addressIn(value, source),
  '--dst-range': (value, { destination }) => addressIn(value, destination),
  '--dport': (value, { port }) => matchIf(isPortIn(value, port)),
  '--destination-port': (value, { port }) => matchIf(isPortIn(value, port)),
  '--dports': (value, { port }) => matchIf(value.split(',').some(one => isPortIn(one, port))),
  '--destination-ports': (value, { port }) => matchIf(value.split(',').some(one => isPortIn(one, port))),
  '--ctstate': value => matchIf(value.split(',').includes('NEW')),
  '--state': value => matchIf(value.split(',').includes('NEW')),
  '--dst-type': value => matchIf(value.split(',').includes('LOCAL')),
  '--pkt-type': value => matchIf(value === 'unicast'),
  '--icmp-type': () => 'no',
  '--icmpv6-type': () => 'no'
}

function addressIn(value: string, address: string): Match {
  const [first = ''] = value.split(/[/-]/)
  return isIP(first) === 0 ? 'maybe' : matchIf(value.split(',').some(one => isAddressIn(one, address)))
}

function verdictOf(target: string, isGoto: boolean): Verdict | undefined {
  if (target === 'ACCEPT') return { is: 'accept' }
  if (target === 'DROP' || target === 'REJECT') return { is: 'drop' }
  if (target === 'RETURN') return { is: 'return' }
  // Targets of extensions let the packet go on.
  if (/^(LOG|NFLOG|ULOG|MARK|CONNMARK|TCPMSS|CT|NOTRACK|AUDIT|SET|TRACE|CHECKSUM|CLASSIFY)$/.test(target))
    return undefined
  return { is: isGoto ? 'goto' : 'jump', chain: target }
}
