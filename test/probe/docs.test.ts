import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { RULES } from '../../src/probe/rules.js'
import { type } from '../support/desk.js'

const PAGE = readFileSync(new URL('../../docs/probe.md', import.meta.url), 'utf8')

describe('docs/probe.md', () => {
  it('has the table of rules that the code has', () => {
    const [, table = ''] = /<!-- rules -->\n([\s\S]*?)\n<!-- \/rules -->/.exec(PAGE) ?? []
    const rows = RULES.map(({ id, promise, consequence }) => `| ${id} | ${promise} | ${consequence} |`)
    expect(table.split('\n').slice(2)).toEqual(rows)
  })

  it('names each option of the command, and no other', async () => {
    const { stdout } = await type(['probe', '--help'])
    const named = new Set([...PAGE.matchAll(/`(--[a-z]+)/g)].map(([, flag]) => flag))
    for (const flag of named) expect(stdout).toContain(flag)
    for (const flag of ['--ca', '--insecure', '--long', '--json']) expect(named).toContain(flag)
  })

  it('goes through R1 to R40 without a gap', () => {
    const numbered = RULES.map(({ id }) => id).filter(id => /^R\d/.test(id))
    expect(numbered).toEqual(Array.from({ length: 40 }, (_, index) => `R${index + 1}`))
  })
})
