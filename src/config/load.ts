import { readFileSync } from 'node:fs'
import path from 'node:path'
import { OperatorError, systemErrorCode } from '../errors.js'
import { nearestTo } from '../nearest.js'
import { type Layer, type MergedSettings, mergeLayers } from './merge.js'
import { flagOf, OPTION_KEYS, OPTIONS, type Option, type OptionKey, variableOf } from './options.js'
import { checkValue, type ReadValue, readText } from './read-value.js'

/** What was typed: the text of each flag that was given, true or false for a switch, and the arguments of `serve`. */
export type Flags = Readonly<Partial<Record<OptionKey, string | boolean | readonly string[]>>>

export interface LoadOptions {
  readonly flags: Flags
  readonly env: NodeJS.ProcessEnv
  /** Relative paths are meant from here. */
  readonly cwd: string
  /** Where the home is when nobody says; asked only then. */
  readonly defaultHome: () => string
}

/**
 * The settings of this start: defaults, then `config/otad.json` of the home, then `OTAD_*`, then flags.
 * @throws OperatorError for an unknown key, variable or value, and for a settings file that cannot be read
 */
export function loadSettings({ flags, env, cwd, defaultHome }: LoadOptions): MergedSettings {
  const fromVariables = readVariables(env)
  const fromFlags = readFlags(flags)
  const home = path.resolve(cwd, String(fromFlags.values.home ?? fromVariables.values.home ?? defaultHome()))
  const merged = mergeLayers([readSettingsFile(home), fromVariables, fromFlags])
  return { ...merged, settings: Object.freeze({ ...merged.settings, home }) }
}

function readSettingsFile(home: string): Layer {
  const file = path.join(home, 'config', 'otad.json')
  const sourceOf = (): string => 'config/otad.json'
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return { sourceOf, values: {} }
    throw new OperatorError(
      'OTAD_ERR_BAD_SETTINGS_FILE',
      `${file} cannot be read (${code})`,
      'make it readable, or move it away',
      {
        cause: error
      }
    )
  }
  const values: Partial<Record<OptionKey, unknown>> = {}
  for (const [key, value] of Object.entries(parseSettings(file, text))) {
    if (key === '$schema') continue
    if (!isOptionKey(key) || (OPTIONS[key] as Option).notInFile)
      throw unknownSetting(`"${key}" in ${file}`, key, fileKeys())
    values[key] = valueOrThrow(`"${key}" in ${file}`, checkValue(OPTIONS[key].kind, value))
  }
  return { sourceOf, values }
}

function parseSettings(file: string, text: string): object {
  const hint = 'it holds one JSON object, such as { "port": 8070 }; config/otad.example.json shows one'
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new OperatorError('OTAD_ERR_BAD_SETTINGS_FILE', `${file} is not JSON: ${reason}`, hint, { cause: error })
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new OperatorError('OTAD_ERR_BAD_SETTINGS_FILE', `${file} does not hold a JSON object`, hint)
  return parsed
}

function readVariables(env: NodeJS.ProcessEnv): Layer {
  const keyOf = new Map(OPTION_KEYS.map(key => [variableOf(key), key]))
  const values: Partial<Record<OptionKey, unknown>> = {}
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('OTAD_') || text === undefined) continue
    const key = keyOf.get(variable)
    if (key === undefined) throw unknownSetting(`the variable ${variable}`, variable, [...keyOf.keys()])
    values[key] = valueOrThrow(variable, readText(OPTIONS[key].kind, text))
  }
  return { sourceOf: variableOf, values }
}

function readFlags(flags: Flags): Layer {
  const values: Partial<Record<OptionKey, unknown>> = {}
  for (const key of OPTION_KEYS) {
    const given = flags[key]
    if (given === undefined || (Array.isArray(given) && given.length === 0)) continue
    values[key] = typeof given === 'string' ? valueOrThrow(flagOf(key), readText(OPTIONS[key].kind, given)) : given
  }
  return { sourceOf: key => ((OPTIONS[key] as Option).isArgument ? 'argument' : flagOf(key)), values }
}

function valueOrThrow(where: string, read: ReadValue): unknown {
  if (read.ok) return read.value
  throw new OperatorError(
    'OTAD_ERR_BAD_SETTING',
    `${where} ${read.complaint}`,
    'otad serve --help lists the settings and their values'
  )
}

function unknownSetting(where: string, key: string, known: readonly string[]): OperatorError {
  const nearest = nearestTo(key, known)
  const hint = nearest === undefined ? 'otad serve --help lists them all' : `did you mean ${nearest}?`
  return new OperatorError('OTAD_ERR_UNKNOWN_SETTING', `${where} is not a setting`, hint)
}

const fileKeys = (): readonly string[] => OPTION_KEYS.filter(key => !(OPTIONS[key] as Option).notInFile)

function isOptionKey(key: string): key is OptionKey {
  return Object.hasOwn(OPTIONS, key)
}
