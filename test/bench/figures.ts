import type { ServerKind } from './servers.js'

/** All figures of a run, by row of the table, server and round. */
export interface Figures {
  record(row: string, server: ServerKind, values: readonly number[]): void
  of(row: string): RowFigures
}

/** The figures of one row. What was not measured reads as undefined. */
export interface RowFigures {
  median(server: ServerKind): number | undefined
  max(server: ServerKind): number | undefined
  /** Median of the ratios that otad has to a server in the same round: neighbours on the machine weigh on both alike. */
  ratio(server: ServerKind): number | undefined
  /** Least and greatest of these ratios. */
  spread(server: ServerKind): readonly [number, number] | undefined
}

export function createFigures(): Figures {
  const rounds = new Map<string, number[][]>()
  const read = (row: string, server: ServerKind): number[][] => rounds.get(`${row} ${server}`) ?? []

  return {
    record: (row, server, values) => {
      rounds.set(`${row} ${server}`, [...read(row, server), [...values]])
    },
    of: row => {
      const ratios = (server: ServerKind): number[] => {
        const peer = read(row, server)
        return read(row, 'otad').flatMap((values, round) => {
          const ratio = (median(values) ?? Number.NaN) / (median(peer[round] ?? []) ?? Number.NaN)
          return Number.isFinite(ratio) ? [ratio] : []
        })
      }
      return {
        median: server => median(read(row, server).flat()),
        max: server => {
          const values = read(row, server).flat()
          return values.length > 0 ? Math.max(...values) : undefined
        },
        ratio: server => median(ratios(server)),
        spread: server => {
          const all = ratios(server)
          return all.length > 0 ? [Math.min(...all), Math.max(...all)] : undefined
        }
      }
    }
  }
}

export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle]
  if (upper === undefined || sorted.length % 2 === 1) return upper
  return ((sorted[middle - 1] as number) + upper) / 2
}

/** The smallest value that at least this share of all values does not pass. */
export function quantile(values: readonly number[], share: number): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)]
}
