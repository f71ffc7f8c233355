import type { Command } from 'commander'
import { type Flags, loadSettings } from '../config/load.js'
import type { MergedSettings } from '../config/merge.js'
import { describeDefault, flagOf, OPTION_KEYS, OPTIONS, type Option, type OptionKey } from '../config/options.js'
import { defaultHome } from '../host.js'
import type { Typed } from './command.js'
import type { Io } from './io.js'

/** Adds the flags of these settings to a command; their text comes from the options table. */
export function addSettingFlags(command: Command, keys: readonly OptionKey[]): void {
  for (const key of keys) {
    const option: Option = OPTIONS[key]
    if (option.isArgument) continue
    const sentence = `${option.sentence} [${describeDefault(key).replaceAll('`', '')}]`
    if (option.kind.type === 'switch') command.option(flagOf(key), sentence).option(flagOf(key).replace('--', '--no-'))
    else command.option(`${flagOf(key)} <${option.placeholder}>`, sentence)
  }
}

/** The settings that a command was started with. */
export function settingsOf({ args, options }: Typed, io: Io): MergedSettings {
  const given = Object.fromEntries(OPTION_KEYS.filter(key => key in options).map(key => [key, options[key]]))
  const flags: Flags = { ...given, folders: args }
  return loadSettings({ flags, env: io.env, cwd: io.cwd, defaultHome: () => defaultHome(io.env) })
}
