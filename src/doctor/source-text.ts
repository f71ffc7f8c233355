/** A string literal of C, C++ or a sketch, with adjacent ones joined as the compiler joins them. */
export interface Literal {
  readonly value: string
  readonly line: number
  /** The macro, variable, field or function that it is for; undefined where nothing says. */
  readonly name: string | undefined
  /** Where it begins in the text, and the first character behind it. */
  readonly start: number
  readonly end: number
  /** The macros that it was put together with. */
  readonly macros: readonly string[]
}

export interface SourceText {
  readonly literals: readonly Literal[]
  /** The code alone: comments, strings and what is not compiled are blank. Lines stay where they are. */
  readonly code: string
}

/** What is known of the configuration: `CONFIG_…` → value, `n` for what is not set. */
export type Configuration = ReadonlyMap<string, string>

/**
 * Reads a source file as far as a preprocessor would without knowing other files: comments and `#if 0` go, and so does what stands behind a `CONFIG_…`
 * that is not set. Of other conditions both sides stay.
 */
export function readSource(text: string, configuration: Configuration): SourceText {
  const bare = withoutInactive(text, configuration)
  const pieces = [...bare.matchAll(TOKENS)].flatMap(({ 0: token, index, groups: { raw, plain } = {} }): Piece[] => {
    const value = raw ?? (plain === undefined ? undefined : unescaped(plain))
    return value === undefined ? [] : [{ value, start: index, end: index + token.length }]
  })
  const code = bare.replace(TOKENS, token => token.replace(/[^\n]/g, ' '))
  return { literals: joined(pieces, bare, code), code }
}

/**
 * Comments, raw strings, strings, characters. Every one of them ends: what is not closed goes on to the end of the line, a comment and a raw string to
 * the end of the text, and no text is looked at twice.
 */
const TOKENS =
  /\/\/(?:\\\r?\n|[^\n])*|\/\*[\s\S]*?(?:\*\/|$)|\b(?:u8|[uUL])?R"(?<mark>[^\s()\\"]{0,16})\((?:(?<raw>[\s\S]*?)\)\k<mark>"|[\s\S]*)|"(?:(?<plain>(?:\\[\s\S]|[^"\\\n])*)"|(?:\\[\s\S]|[^"\\\n])*)|'(?:\\.|[^'\\\n]){1,12}'/g

interface Piece {
  readonly value: string
  readonly start: number
  readonly end: number
}

function joined(pieces: readonly Piece[], text: string, code: string): readonly Literal[] {
  const literals: Literal[] = []
  let [end, line, counted] = [-1, 1, 0]
  for (const piece of pieces) {
    const before = literals.at(-1)
    // The blanked code between two literals says whether anything but comments is there.
    if (before !== undefined && end >= 0 && /^[\s\\]*$/.test(code.slice(end, piece.start)))
      literals[literals.length - 1] = { ...before, value: before.value + piece.value, end: piece.end }
    else {
      line += lineEnds(text.slice(counted, piece.start))
      counted = piece.start
      literals.push({ ...piece, line, name: nameBefore(code, piece.start), macros: [] })
    }
    end = piece.end
  }
  return literals
}

const lineEnds = (text: string): number => text.split('\n').length - 1

/** The nearest word that a literal is given to. */
function nameBefore(code: string, offset: number): string | undefined {
  const statement = code.slice(Math.max(0, offset - 400), offset).replace(/\\\r?\n/g, ' ')
  const define = /#[ \t]*define[ \t]+(\w+)[^\n]*$/.exec(statement)?.[1]
  if (define !== undefined) return define
  const part = statement.slice(Math.max(statement.lastIndexOf(';'), statement.lastIndexOf('}')) + 1)
  const assigned = /(\w+)\s*(?:\[[^\]]*\]\s*)*(?:PROGMEM\s*)?=\s*(?:\([^()]*\)\s*)?(?:[\w:]+\s*[({]\s*)?$/.exec(
    part
  )?.[1]
  if (assigned !== undefined) return assigned
  return /([\w.:>-]+)\s*\((?:[^()]|\([^()]*\))*$/.exec(part)?.[1]?.replace(/^.*(?:\.|->|::)/, '')
}

function unescaped(text: string): string {
  const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0', '\n': '' }
  return text.replace(/\\(\r?\n|[\s\S])/g, (_, letter: string) => ESCAPES[letter.replace('\r', '')] ?? letter)
}

/** Blanks what is not compiled, line for line. */
function withoutInactive(text: string, configuration: Configuration): string {
  const stack: { isActive: boolean; wasActive: boolean; readonly isInside: boolean }[] = []
  const isCompiled = (): boolean => {
    const top = stack.at(-1)
    return top === undefined || (top.isInside && top.isActive)
  }
  return text
    .split('\n')
    .map(line => {
      const [, word = '', condition = ''] = /^\s*#\s*(if|ifdef|ifndef|elif|else|endif)\b(.*)$/.exec(line) ?? []
      const top = stack.at(-1)
      if (word.startsWith('if')) {
        const value = holds(word, condition, configuration)
        stack.push({ isActive: value !== false, wasActive: value === true, isInside: isCompiled() })
      } else if (word === 'elif' && top !== undefined) {
        const value = top.wasActive ? false : holds('if', condition, configuration)
        top.isActive = value !== false
        top.wasActive ||= value === true
      } else if (word === 'else' && top !== undefined) {
        top.isActive = !top.wasActive
      } else if (word === 'endif') stack.pop()
      return word !== '' || isCompiled() ? line : ''
    })
    .join('\n')
}

/** Conditions that this file can decide are one name; what stands behind is a comment. */
const LONGEST_CONDITION = 400

/** Whether a condition holds; undefined where this file and the configuration do not say. */
function holds(word: string, condition: string, configuration: Configuration): boolean | undefined {
  const bare = condition
    .slice(0, LONGEST_CONDITION)
    .replace(/\/\*.*?\*\/|\/\/.*$/g, '')
    .trim()
  if (word !== 'if') {
    const isSet = isConfigured(bare, configuration)
    return isSet === undefined ? undefined : isSet === (word === 'ifdef')
  }
  if (/^[01]$/.test(bare)) return bare === '1'
  const [, not, name = ''] = /^(!)?\s*(?:defined\s*\(?\s*)?(\w+)\s*\)?$/.exec(bare) ?? []
  const isSet = isConfigured(name, configuration)
  return isSet === undefined ? undefined : isSet === (not === undefined)
}

function isConfigured(name: string, configuration: Configuration): boolean | undefined {
  if (!name.startsWith('CONFIG_')) return undefined
  const value = configuration.get(name)
  return value !== undefined && value !== 'n'
}
