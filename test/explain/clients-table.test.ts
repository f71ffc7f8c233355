import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { explainLog } from '../../src/explain/explain-log.js'

const TABLE = fileURLToPath(new URL('../../../shared/specs/clients.md', import.meta.url))

/** The device lines of the error catalogue, with numbers where it has placeholders. */
function quotes(): readonly (readonly [quote: string])[] {
  if (!existsSync(TABLE)) return []
  const text = readFileSync(TABLE, 'utf8')
  const rows = text.slice(text.indexOf('## 18.'), text.indexOf('## 19.')).split('\n')
  return rows
    .filter(row => row.startsWith('| ') && !row.startsWith('| Device log'))
    .map(row => row.split('|')[1] ?? '')
    .flatMap(cell => {
      const code = [...cell.matchAll(/`([^`]+)`/g)].map(([, quote = '']) => quote)
      const numbers = [...cell.replace(/`[^`]+`/g, ' ').matchAll(/(?<![\w.])(?:-?0x[0-9A-Fa-f]{4}|-1\d\d)\b/g)].map(
        ([number]) => (number.startsWith('-1') ? `HTTP_UPDATE_FAILED Error (${number})` : `(${number})`)
      )
      return [...code, ...numbers]
    })
    .map(quote => [quote.replace(/\bn\b/g, '409').replaceAll('0x..', '0x3c').replace('vX.Y', 'v3.0')] as const)
}

/** They stand in the catalogue and mean something only beside the line before them. */
const PARTS: ReadonlySet<string> = new Set(['(403)'])

describe.skipIf(!existsSync(TABLE))('the error catalogue of clients.md 18', () => {
  it('has its rows where they are looked for', () => {
    expect(quotes().length).toBeGreaterThan(60)
  })

  it.each(quotes().filter(([quote]) => !PARTS.has(quote)))('%s has a cause and a next step', quote => {
    const { code, cause, next } = explainLog(quote)
    expect(code).not.toBeNull()
    expect(cause).toBeTruthy()
    expect(next).toBeTruthy()
  })
})
