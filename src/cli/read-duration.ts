import { OperatorError } from '../errors.js'

const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/**
 * Milliseconds of a duration as people type it: `90`, `90s`, `1.5m`, `2h`; seconds where no unit is given.
 * @throws OperatorError when it is none
 */
export function readDuration(text: string, flag: string): number {
  const [, number = '', unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/i.exec(text.trim()) ?? []
  if (number !== '') return Math.round(Number(number) * UNITS_MS[unit.toLowerCase() as keyof typeof UNITS_MS])
  throw new OperatorError(
    'OTAD_ERR_USAGE',
    `${flag}: "${text}" is no duration`,
    'give a number with its unit: 90s, 5m, 1h'
  )
}
