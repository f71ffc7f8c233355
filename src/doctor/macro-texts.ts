import type { Configuration, Literal, SourceText } from './source-text.js'

/** What macros stand for: texts and numbers, as they would be put into a text. */
export type Macros = ReadonlyMap<string, string>

/** Names and gaps longer than these are nobody's. */
const LONGEST_GAP = 200
const LONGEST_ARGUMENTS = 400
const MOST_MACROS = 20
const MOST_ARGUMENTS = 20

/** The macros of a source that are a text or a number and nothing else. */
export function macrosIn({ literals, code }: SourceText): Macros {
  const texts = literals.flatMap(({ value, start, end }): readonly (readonly [string, string])[] => {
    const before = code.slice(Math.max(0, start - LONGEST_GAP), start)
    const name = /(?:^|\n)[ \t]*#[ \t]*define[ \t]+(\w+)[ \t(]+$/.exec(before)?.[1]
    return name !== undefined && /^[ \t\r)]*(?:\n|$)/.test(code.slice(end, end + LONGEST_GAP)) ? [[name, value]] : []
  })
  const numbers = [...code.matchAll(/^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+\(?(\d{1,6})\)?[ \t\r]*$/gm)]
  return new Map([...numbers.map(([, name = '', value = '']) => [name, value] as const), ...texts])
}

/** The macros that count in each source: its own, then the configuration, then those of other files that do not contradict each other. */
export function macrosOf(sources: readonly SourceText[], configuration: Configuration): (of: SourceText) => Macros {
  const own = new Map(sources.map(source => [source, macrosIn(source)]))
  const shared = new Map<string, string | undefined>()
  for (const macros of own.values())
    for (const [name, value] of macros)
      shared.set(name, shared.has(name) && shared.get(name) !== value ? undefined : value)
  const certain = [...shared].flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
  return of => new Map([...certain, ...configuration, ...(own.get(of) ?? [])])
}

/** The literals of a source as the compiler and `printf` put them together with macros, as far as these are known. */
export function withMacros({ literals, code }: SourceText, macros: Macros): readonly Literal[] {
  const found: Literal[] = []
  for (const literal of literals) {
    const before = found.at(-1)
    const between = before === undefined ? [] : namesIn(code, before.end, literal.start, macros)
    if (before === undefined || between.length === 0 || before.macros.length > MOST_MACROS)
      found.push(withLead(literal, code, macros))
    else found[found.length - 1] = joined(before, between, literal, macros)
  }
  let next = 0
  return found.map(literal => {
    while ((literals[next]?.start ?? Number.POSITIVE_INFINITY) < literal.end) next++
    const following = literals.slice(next, next + MOST_ARGUMENTS)
    return filledIn(withTail(literal, code, macros), { literals: following, code }, macros)
  })
}

/** The macros that alone stand between two places; none where anything else does. */
function namesIn(code: string, from: number, to: number, macros: Macros): readonly string[] {
  if (to - from > LONGEST_GAP) return []
  const names = code.slice(from, to).match(/[^\s\\]+/g) ?? []
  return names.every(name => macros.has(name)) ? names : []
}

function joined(before: Literal, names: readonly string[], literal: Literal, macros: Macros): Literal {
  const between = names.map(name => macros.get(name) ?? '').join('')
  return {
    ...before,
    value: `${before.value}${between}${literal.value}`,
    end: literal.end,
    macros: [...before.macros, ...names]
  }
}

/** `CONFIG_OTA_SERVER_URL "fw.bin"` */
function withLead(literal: Literal, code: string, macros: Macros): Literal {
  const before = code.slice(Math.max(0, literal.start - LONGEST_GAP), literal.start)
  const [whole = '', name = ''] = /(?<!\w)(\w+)[\s\\]*$/.exec(before) ?? []
  const value = macros.get(name)
  const isDefined = /#[ \t]*define[ \t]+$/.test(before.slice(0, before.length - whole.length))
  if (value === undefined || isDefined) return literal
  return {
    ...literal,
    value: `${value}${literal.value}`,
    start: literal.start - whole.length,
    macros: [name, ...literal.macros]
  }
}

/** `"https://" CONFIG_SERVER` */
function withTail(literal: Literal, code: string, macros: Macros): Literal {
  const [whole = '', name = ''] = /^[ \t]+(\w+)/.exec(code.slice(literal.end, literal.end + LONGEST_GAP)) ?? []
  const value = macros.get(name)
  if (value === undefined) return literal
  return {
    ...literal,
    value: `${literal.value}${value}`,
    end: literal.end + whole.length,
    macros: [...literal.macros, name]
  }
}

const CONVERSION = /%[hlz]*[sdiu]/

/** `snprintf(url, sizeof url, "https://%s:8070/fw.bin", SERVER)`: what is not known stays as it is. `literals` are those behind it. */
function filledIn(literal: Literal, { literals, code }: SourceText, macros: Macros): Literal {
  if (!/^\s*https?:\/\/[^/]*%/i.test(literal.value)) return literal
  const used: string[] = []
  let value = ''
  let rest = literal.value
  for (const { text, start } of argumentsAt(code, literal.end)) {
    const at = CONVERSION.exec(rest)
    if (at === null) break
    const own = text === '' ? literals.find(each => each.start >= start)?.value : undefined
    const known = macros.get(text) ?? own ?? (/^\d+$/.test(text) ? text : undefined)
    if (known !== undefined && macros.has(text)) used.push(text)
    value += rest.slice(0, at.index) + (known ?? at[0])
    rest = rest.slice(at.index + at[0].length)
  }
  return used.length === 0 ? literal : { ...literal, value: value + rest, macros: [...literal.macros, ...used] }
}

/** The arguments that follow one of a call, as far as they are words; what is a literal is blank. */
function argumentsAt(code: string, from: number): readonly { readonly text: string; readonly start: number }[] {
  const [list = ''] = /^(?:\s*,[^,;()]*)*/.exec(code.slice(from, from + LONGEST_ARGUMENTS)) ?? []
  let start = from
  return list
    .split(',')
    .map(text => {
      const argument = { text: text.trim(), start }
      start += text.length + 1
      return argument
    })
    .slice(1)
}
