import type { Figures } from './figures.js'
import type { ServerKind } from './servers.js'
import { alignColumns, formatNumber } from './table.js'
import type { DeviceRow, HandshakeRow } from './tls-rows.js'

/** CPU for each handshake and handshakes on a whole core, of every server; ratios are those of the CPU. */
export function formatHandshakes(
  rows: readonly HandshakeRow[],
  kinds: readonly ServerKind[],
  figures: Figures
): string {
  const headings = [
    'key',
    'protocol',
    'handshake',
    ...kinds.map(kind => `${kind} ms`),
    ...kinds.map(kind => `${kind} /s`)
  ]
  const lines = rows.map(({ id, key, protocol, session }) => {
    const medians = kinds.map(kind => figures.of(id).median(kind))
    const rates = medians.map(cpuMs => (cpuMs === undefined ? undefined : 1000 / cpuMs))
    const numbers = [...medians, ...rates].map(formatNumber)
    return [key, protocol, session, ...numbers, ...formatRatios(id, kinds, figures)]
  })
  return alignColumns([[...headings, ...nameRatios(kinds)], ...lines], new Set([0, 1, 2]))
}

/** Milliseconds on the wall that a handshake takes the C client. */
export function formatDevice(rows: readonly DeviceRow[], kinds: readonly ServerKind[], figures: Figures): string {
  const headings = ['key', 'handshake', ...kinds.map(kind => `${kind} ms`), ...nameRatios(kinds)]
  const lines = rows.map(({ id, key, session }) => [
    key,
    session,
    ...kinds.map(kind => formatNumber(figures.of(id).median(kind))),
    ...formatRatios(id, kinds, figures)
  ])
  return alignColumns([headings, ...lines], new Set([0, 1]))
}

function nameRatios(kinds: readonly ServerKind[]): string[] {
  return peersOf(kinds).flatMap(peer => [`otad/${peer}`, 'spread'])
}

function formatRatios(id: string, kinds: readonly ServerKind[], figures: Figures): string[] {
  return peersOf(kinds).flatMap(peer => [
    figures.of(id).ratio(peer)?.toFixed(2) ?? '',
    figures
      .of(id)
      .spread(peer)
      ?.map(ratio => ratio.toFixed(2))
      .join('-') ?? ''
  ])
}

function peersOf(kinds: readonly ServerKind[]): readonly ServerKind[] {
  return kinds.filter(kind => kind !== 'otad')
}
