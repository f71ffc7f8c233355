import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { flagOf, OPTION_KEYS, OPTIONS, type Option } from '../src/config/options.js'
import { OPERATOR_ERROR_CODES } from '../src/errors.js'
import { type } from './support/desk.js'
import { settingsTable } from './support/settings-table.js'

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  scripts: Record<string, string>
}

async function helpOf(...args: readonly string[]): Promise<string> {
  const { code, stdout } = await type([...args, '--help'])
  expect(code).toBe(0)
  return stdout
}

describe('the README', () => {
  it('has the table of settings that the options table makes', () => {
    const [, table] = /<!-- settings -->\n+([\s\S]*?)\n+<!-- \/settings -->/.exec(README) ?? []
    expect(table).toBe(settingsTable())
  })

  it('names no npm script that does not exist', () => {
    const named = [...README.matchAll(/npm (?:run )?(start|test|[a-z]+:?[a-z]*)\b/g)].map(([, script]) => script ?? '')
    for (const script of named)
      if (script !== 'ci' && script !== 'i' && script !== 'run') expect(scripts).toHaveProperty(script)
  })

  it('names no command and no flag of otad that its help does not know', async () => {
    for (const [, command, rest] of README.matchAll(/\botad (serve|check|cert|[a-z]+)\b([^\n`]*)/g)) {
      if (command === undefined || !/--/.test(rest ?? '')) continue
      const help = await helpOf(command)
      for (const [flag] of (rest ?? '').matchAll(/--[a-z-]+/g)) expect(help).toContain(flag)
    }
  })

  it('explains every code of an operator error, and no other', () => {
    const explained = [...README.matchAll(/^\| `(OTAD_ERR_[A-Z_]+)` \|/gm)].map(([, code]) => code)
    expect(explained).toEqual([...OPERATOR_ERROR_CODES])
  })

  it('puts installing and testing into its first screen', () => {
    const firstScreen = README.split('\n').slice(0, 40).join('\n')
    expect(firstScreen).toContain('npm ci && npm start')
    expect(firstScreen).toContain('npm ci && npm test')
  })
})

describe('the help', () => {
  it('of serve lists every setting with its sentence', async () => {
    const help = (await helpOf('serve')).replace(/\s+/g, ' ')
    for (const key of OPTION_KEYS) {
      const option: Option = OPTIONS[key]
      if (option.isArgument) continue
      expect(help).toContain(flagOf(key))
      expect(help).toContain(option.sentence)
    }
  })

  it.each(['serve', 'check', 'cert'])('of %s has examples and exit codes', async command => {
    const help = await helpOf(command)
    expect(help).toContain('Examples:')
    expect(help).toContain('Exit codes:')
  })
})
