import { readFileSync } from 'node:fs'
import { Value } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { settingsSchema } from '../../src/config/schema.js'

const read = (file: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../config/${file}`, import.meta.url), 'utf8'))

describe('the files in config/', () => {
  it('have the schema that the options table makes', () => {
    expect(read('otad.schema.json')).toEqual(settingsSchema())
  })

  it('have an example that follows the schema', () => {
    expect(Value.Check(settingsSchema(), read('otad.example.json'))).toBe(true)
  })
})
