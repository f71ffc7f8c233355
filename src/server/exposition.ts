import type { DurationCounts } from './durations.js'

/** The text format of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats). Values in, text out. */

/** A value with its labels. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

export interface Metric<Measured> {
  /** With its unit, as https://prometheus.io/docs/practices/naming has it. */
  readonly name: string
  readonly type: 'gauge' | 'counter' | 'histogram'
  /** On one line. */
  readonly help: string
  readonly read: (measured: Measured) => number | readonly Sample[] | DurationCounts
}

/** A metric with its help and type, though there be no value yet. */
export function writeMetric<Measured>({ name, type, help, read }: Metric<Measured>, measured: Measured): string {
  const samples = writeSamples(name, read(measured))
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples.join('')}`
}

function writeSamples(name: string, value: number | readonly Sample[] | DurationCounts): readonly string[] {
  if (typeof value === 'number') return [writeSample(name, [{}, value])]
  return 'bounds' in value ? writeBuckets(name, value) : value.map(sample => writeSample(name, sample))
}

/** Each bucket counts what is in the smaller ones too. */
function writeBuckets(name: string, { bounds, counts, sumSeconds }: DurationCounts): readonly string[] {
  let count = 0
  const buckets = [...bounds, '+Inf'].map((bound, index) => {
    count += counts[index] ?? 0
    return writeSample(`${name}_bucket`, [{ le: String(bound) }, count])
  })
  return [...buckets, writeSample(`${name}_sum`, [{}, sumSeconds]), writeSample(`${name}_count`, [{}, count])]
}

function writeSample(name: string, [labels, value]: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text.replaceAll(/["\\\n]/g, '_')}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`
}
