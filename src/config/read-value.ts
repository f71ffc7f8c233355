import type { OptionKind } from './options.js'

/** A value that passed its option's check, or what is wrong with it in words that follow the option's name. */
export type ReadValue =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly complaint: string }

const UNITS: Readonly<Record<string, number>> = { '': 1, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 }

const accept = (value: unknown): ReadValue => ({ ok: true, value })
const refuse = (complaint: string): ReadValue => ({ ok: false, complaint })

/** The value of a flag or a variable, both of which are text. */
export function readText(kind: OptionKind, text: string): ReadValue {
  switch (kind.type) {
    case 'text':
    case 'path':
    case 'choice':
      return checkValue(kind, text)
    case 'list':
      return accept(
        text
          .split(',')
          .map(part => part.trim())
          .filter(part => part !== '')
      )
    case 'switch':
      if (/^(1|true|on|yes)$/i.test(text)) return accept(true)
      if (/^(0|false|off|no)$/i.test(text)) return accept(false)
      return refuse(`takes true or false, not "${text}"`)
    case 'number':
      return checkValue(kind, /^\d+$/.test(text.trim()) ? Number(text) : text)
    case 'bytes': {
      const [, digits, unit] = /^\s*(\d+)\s*(|kib|mib|gib)\s*$/i.exec(text) ?? []
      const factor = UNITS[(unit ?? '').toLowerCase()]
      return checkValue(kind, digits === undefined || factor === undefined ? text : Number(digits) * factor)
    }
  }
}

/** The value of a key of the settings file, which already has a JSON type. */
export function checkValue(kind: OptionKind, value: unknown): ReadValue {
  const shown = JSON.stringify(value)
  switch (kind.type) {
    case 'text':
    case 'path':
      return typeof value === 'string' ? accept(value) : refuse(`takes text, not ${shown}`)
    case 'list':
      return Array.isArray(value) && value.every(item => typeof item === 'string')
        ? accept(value)
        : refuse(`takes a list of texts, not ${shown}`)
    case 'switch':
      return typeof value === 'boolean' ? accept(value) : refuse(`takes true or false, not ${shown}`)
    case 'choice':
      return typeof value === 'string' && kind.choices.includes(value)
        ? accept(value)
        : refuse(`takes ${kind.choices.join(', ')}, not ${shown}`)
    case 'number':
    case 'bytes':
      return typeof value === 'number' && Number.isInteger(value) && value >= kind.minimum && value <= kind.maximum
        ? accept(value)
        : refuse(
            `takes a whole number${kind.type === 'bytes' ? ' of bytes' : ''} from ${kind.minimum} to ${kind.maximum}, not ${shown}`
          )
  }
}
