import { styleText } from 'node:util'
import { pino } from 'pino'
import type { Report } from './events.js'
import { type Level, TELLINGS } from './tellings.js'
import { clockTime, printable } from './words.js'

export interface LogOptions {
  readonly format: 'pretty' | 'json'
  readonly level: Level
  readonly colour: boolean
  /** Where lines go; standard output of the process when it is a number. */
  readonly destination: number
}

export interface Log {
  readonly report: Report
  /** Hands everything over to the operating system; returns when it has it. */
  readonly flush: () => void
}

/** Continuation lines stand under the sentence, past the time. */
const HANGING = `\n${' '.repeat(10)}`

/** Numbers of pino's levels from which a line is a warning, and an error. */
const WARNING = 40
const ERROR = 50

/** One entry for a terminal: the time, the sentence, and what hangs under it. */
function writeLine(epochMs: number, level: number, told: string, colour: boolean): string {
  const paint = (style: 'dim' | 'yellow' | 'red', text: string): string => (colour ? styleText(style, text) : text)
  const [sentence = '', ...hanging] = told.split(HANGING)
  const lines = [level >= ERROR ? paint('red', sentence) : level >= WARNING ? paint('yellow', sentence) : sentence]
  for (const line of hanging) lines.push(paint('dim', line))
  return `${paint('dim', clockTime(epochMs))}  ${lines.join(HANGING)}`
}

/** Opens the log. A reader that goes away (closed pipe, full disk) is no reason to stop serving. */
export async function createLog({ format, level, colour, destination }: LogOptions): Promise<Log> {
  const stream =
    format === 'json'
      ? pino.destination({ dest: destination, sync: false })
      : (await import('pino-pretty')).default({
          destination,
          sync: true,
          colorize: false,
          // pino-pretty would set some of our fields before the message by itself.
          ignore: 'time,level,pid,hostname,name,caller',
          hideObject: true,
          messageFormat: line => writeLine(Number(line.time), Number(line.level), String(line.msg), colour)
        })
  stream.on('error', () => {})
  const logger = pino(
    { level, base: null, redact: ['*.key', '*.passphrase', '*.authorization', 'key', 'passphrase', 'authorization'] },
    stream
  )
  const report: Report = (event, fields) => {
    const { level, lines } = TELLINGS[event]
    const told: string = lines(fields)
      .map(printable)
      .join(format === 'json' ? '; ' : HANGING)
    logger[level]({ event, ...fields } as object, told)
  }
  return { report, flush: () => 'flushSync' in stream && stream.flushSync() }
}
