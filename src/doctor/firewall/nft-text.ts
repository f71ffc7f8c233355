/** What `nft list ruleset` prints, taken apart: nothing is understood here but its braces. */
export interface NftTable {
  readonly family: string
  readonly name: string
  readonly chains: ReadonlyMap<string, NftChain>
  readonly sets: ReadonlyMap<string, readonly string[]>
}

export interface NftChain {
  readonly name: string
  /** Undefined for one that is only jumped to. */
  readonly base: NftBase | undefined
  readonly rules: readonly (readonly string[])[]
}

export interface NftBase {
  readonly type: string
  readonly hook: string
  readonly policy: 'accept' | 'drop'
}

/** Reads a ruleset; what is not one has no tables. */
export function readNftRuleset(text: string): readonly NftTable[] {
  const tables: NftTable[] = []
  const tokens = tokensOf(text)
  for (let at = 0; at < tokens.length; ) {
    if (tokens[at] !== 'table') {
      at++
      continue
    }
    const open = tokens.indexOf('{', at)
    if (open === -1) break
    const [family = 'ip', name = family] = tokens.slice(at + 1, open)
    const end = closing(tokens, open)
    tables.push({ family, name, ...readTable(tokens.slice(open + 1, end)) })
    at = end + 1
  }
  return tables
}

const LINE_END = '\n'

function tokensOf(text: string): readonly string[] {
  const bare = text.replace(/("[^"\n]*")|#.*$/gm, (_, quoted: string | undefined) => quoted ?? '')
  return bare.match(/"[^"\n]*"|[{},;\n]|[^\s{},;"]+/g) ?? []
}

/** The place of the brace that closes the one at `open`. */
function closing(tokens: readonly string[], open: number): number {
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    if (tokens[at] === '{') depth++
    else if (tokens[at] === '}' && --depth === 0) return at
  }
  return tokens.length
}

function readTable(tokens: readonly string[]): Pick<NftTable, 'chains' | 'sets'> {
  const chains = new Map<string, NftChain>()
  const sets = new Map<string, readonly string[]>()
  for (let at = 0; at < tokens.length; at++) {
    const [kind, name = ''] = tokens.slice(at, at + 2)
    if (kind === undefined || !/^(chain|set|map|flowtable|counter|quota|limit|synproxy|secmark)$/.test(kind)) continue
    const open = tokens.indexOf('{', at)
    if (open === -1) break
    const end = closing(tokens, open)
    const statements = statementsOf(tokens.slice(open + 1, end))
    if (kind === 'chain') chains.set(name, readChain(name, statements))
    if (kind === 'set') sets.set(name, elementsOf(statements))
    at = end
  }
  return { chains, sets }
}

/** Statements end with a line or a semicolon, but not inside braces. */
function statementsOf(tokens: readonly string[]): readonly (readonly string[])[] {
  const statements: string[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    if (token === '{') depth++
    if (token === '}') depth--
    if (depth === 0 && (token === ';' || token === LINE_END)) statements.push([])
    else if (token !== LINE_END) statements.at(-1)?.push(token)
  }
  return statements.filter(statement => statement.length > 0)
}

function readChain(name: string, statements: readonly (readonly string[])[]): NftChain {
  const header = statements.find(([first]) => first === 'type')
  const policy = statements.find(([first]) => first === 'policy')?.[1]
  const rules = statements.filter(([first]) => !/^(type|policy|comment|flags|devices?)$/.test(first ?? ''))
  if (header === undefined) return { name, base: undefined, rules }
  const hook = header[header.indexOf('hook') + 1] ?? ''
  return { name, base: { type: header[1] ?? '', hook, policy: policy === 'drop' ? 'drop' : 'accept' }, rules }
}

function elementsOf(statements: readonly (readonly string[])[]): readonly string[] {
  const [elements] = statements.filter(([first]) => first === 'elements')
  return (elements ?? []).slice(2).filter(token => !/^[{},]$/.test(token))
}
