import type { Figures, RowFigures } from './figures.js'
import { type Row, rows } from './rows.js'

const HEADINGS = ['', 'unit', 'otad', 'otad max', 'nginx', 'nginx-4k', '/nginx', 'spread', '/nginx-4k', 'bar'] as const
/** Columns of words; all others are numbers and stand to the right. */
const WORDS = new Set([0, 1, 9])

/** The rows that were measured, as text. Figures are medians over the rounds, ratios medians of round-by-round ratios. */
export function formatTable(figures: Figures): string {
  const measured = rows.filter(row => figures.of(row.id).median('otad') !== undefined)
  const lines = [[...HEADINGS], ...measured.map(row => formatRow(row, figures.of(row.id)))]
  return alignColumns(lines, WORDS)
}

/** Pads cells to columns: those of words stand to the left, numbers to the right. The first line holds the headings. */
export function alignColumns(lines: readonly (readonly string[])[], words: ReadonlySet<number>): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map(line => (line[column] ?? '').length)))
  return lines
    .map(line => line.map((cell, column) => pad(cell, widths[column] ?? 0, words.has(column))).join('  '))
    .map(line => line.trimEnd())
    .join('\n')
}

/** How many bars were kept, and which rows are over theirs. */
export function summarizeBars(figures: Figures): string {
  const judged = rows.flatMap(row => row.bars.map(bar => ({ row, met: bar.met(figures.of(row.id)) })))
  const over = judged.filter(({ met }) => met === false).map(({ row }) => row.id)
  const passed = judged.filter(({ met }) => met === true).length
  return `${passed} of ${passed + over.length} bars passed${over.length > 0 ? `; over: ${[...new Set(over)].join(', ')}` : ''}`
}

function formatRow(row: Row, figures: RowFigures): string[] {
  const spread = figures.spread('nginx')
  return [
    row.label,
    row.unit,
    formatNumber(figures.median('otad')),
    formatNumber(figures.max('otad')),
    formatNumber(figures.median('nginx')),
    formatNumber(figures.median('nginx-4k')),
    figures.ratio('nginx')?.toFixed(2) ?? '',
    spread === undefined ? '' : spread.map(ratio => ratio.toFixed(2)).join('-'),
    figures.ratio('nginx-4k')?.toFixed(2) ?? '',
    row.bars.map(bar => `${bar.text} ${formatMet(bar.met(figures))}`).join(', ')
  ]
}

function formatMet(met: boolean | undefined): string {
  if (met === undefined) return '(not measured)'
  return met ? 'pass' : 'OVER'
}

/** Three significant digits, and all digits of what is greater. */
export function formatNumber(value: number | undefined): string {
  if (value === undefined) return ''
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

function pad(cell: string, width: number, isWord: boolean): string {
  return isWord ? cell.padEnd(width) : cell.padStart(width)
}
