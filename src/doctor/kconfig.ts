import { parseObject, readSdkconfig } from '../watch/layout-text.js'
import type { Configuration } from './source-text.js'

/** An sdkconfig with what it says not to be set (`# CONFIG_X is not set`), as value `n`. */
export function readConfiguration(text: string): Configuration {
  const unset = [...text.matchAll(/^# (CONFIG_\w+) is not set\r?$/gm)].map(([, name = '']) => [name, 'n'] as const)
  return new Map([...unset, ...readSdkconfig(text)])
}

/** build/config/sdkconfig.json, which the last build was made of: names without `CONFIG_`, true and false. */
export function readConfigurationJson(text: string): Configuration {
  return new Map(
    Object.entries(parseObject(text) ?? {}).map(([name, value]) => [
      `CONFIG_${name}`,
      value === true ? 'y' : value === false || value === null ? 'n' : String(value)
    ])
  )
}

/** The lines that settings stand in, each where it stands first. */
export function linesOfSettings(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>()
  for (const [index, line] of text.split('\n').entries()) {
    const name = /^(CONFIG_\w+)=/.exec(line)?.[1]
    if (name !== undefined && !lines.has(name)) lines.set(name, index + 1)
  }
  return lines
}

/** Text settings of the `default` lines of a Kconfig file, with the line of each: what a project is built with that has no sdkconfig yet. */
export function readKconfigDefaults(
  text: string
): ReadonlyMap<string, { readonly value: string; readonly line: number }> {
  const defaults = new Map<string, { value: string; line: number }>()
  let name: string | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const config = /^\s*(?:menu)?config\s+(\w+)/.exec(line)?.[1]
    if (config !== undefined) name = `CONFIG_${config}`
    const value = /^\s*default\s+"([^"]*)"/.exec(line)?.[1]
    if (name !== undefined && value !== undefined && !defaults.has(name)) defaults.set(name, { value, line: index + 1 })
  }
  return defaults
}
