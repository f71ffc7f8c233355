import { parseArgs } from 'node:util'

/** What one run of the bench is asked to do. */
export interface Options {
  readonly rounds: number
  /** Rounds of the workloads with slow readers, which take far longer than the others. */
  readonly readerRounds: number
  readonly seconds: number
  /** Names of workloads, or their beginnings; none means all. */
  readonly only: readonly string[]
  readonly quick: boolean
  /** The daemon's main file; another one may be given to measure an older build or a prototype with the same flags. */
  readonly daemon: string
}

export const usage = `npm run bench -- [options]      (after npm run build; needs Linux)

  --rounds N     rounds, every second one in reverse order (5; 1 with --quick)
  --seconds S    seconds of load per measurement (2; 0.5 with --quick)
  --only NAME    only this workload, or all whose name begins so; may be repeated
  --quick        one short round of everything: shows that all works, not what it costs
  --daemon FILE  the daemon to measure (dist/cli/main.js)
  --help         this text and the names of the workloads

EXIT STATUS
  0 all bytes right, 1 a wrong byte, a failed request or a server that does not start, 2 wrong usage`

/** Reads the command line; anything unknown or out of bounds throws a TypeError that says what is wrong. */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      quick: { type: 'boolean', default: false },
      daemon: { type: 'string', default: 'dist/cli/main.js' },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) return 'help'
  const rounds = readNumber('--rounds', values.rounds ?? (values.quick ? '1' : '5'), 1, 100)
  return {
    rounds: Math.round(rounds),
    readerRounds: Math.min(Math.round(rounds), 3),
    seconds: readNumber('--seconds', values.seconds ?? (values.quick ? '0.5' : '2'), 0.1, 60),
    only: values.only,
    quick: values.quick,
    daemon: values.daemon
  }
}

function readNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= least && value <= most) return value
  throw new TypeError(`${name} is '${text}', expected a number from ${least} to ${most}`)
}
