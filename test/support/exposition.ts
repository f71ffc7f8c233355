/** Reads what `/metrics` says, by https://prometheus.io/docs/instrumenting/exposition_formats, and throws at what Prometheus would not take. */

export interface ReadSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A metric with everything that is said of it. */
export interface Family {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly samples: readonly ReadSample[]
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (N[aA][nN]|[+-]?Inf|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/
const PAIR = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y

export function readExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const families = new Map<string, Family & { samples: ReadSample[] }>()
  let help: readonly [name: string, text: string] | undefined
  let family: (Family & { samples: ReadSample[] }) | undefined
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (keyword === 'HELP') help = [name, rest]
    else if (keyword === 'TYPE') {
      if (help?.[0] !== name) throw new Error(`${name} has no help before its type`)
      if (families.has(name)) throw new Error(`${name} is there twice`)
      family = { name, help: help[1], type: rest, samples: [] }
      families.set(name, family)
    } else family?.samples.push(readSample(line, family))
  }
  return families
}

function readSample(line: string, { name: of, type }: Family): ReadSample {
  const [, name = '', pairs = '', value = ''] = SAMPLE.exec(line) ?? []
  const own = type === 'histogram' || type === 'summary' ? [of, `${of}_bucket`, `${of}_sum`, `${of}_count`] : [of]
  if (!own.includes(name)) throw new Error(`${line} is no value of ${of}`)
  return { name, labels: readLabels(pairs), value: Number(value.replace('Inf', 'Infinity')) }
}

function readLabels(pairs: string): Record<string, string> {
  const labels: Record<string, string> = {}
  PAIR.lastIndex = 0
  while (PAIR.lastIndex < pairs.length) {
    const [, label = '', value = ''] = PAIR.exec(pairs) ?? []
    if (label === '') throw new Error(`${pairs} are no labels`)
    labels[label] = value
  }
  return labels
}
