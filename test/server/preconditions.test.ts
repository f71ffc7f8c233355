import { describe, expect, it } from 'vitest'
import { checkPreconditions, rangeCounts } from '../../src/server/preconditions.js'

const validators = { etag: '"abc"', lastModified: Date.UTC(2026, 10, 21, 12, 0, 0) }
const SAME = 'Sat, 21 Nov 2026 12:00:00 GMT'
const BEFORE = 'Sat, 21 Nov 2026 11:59:59 GMT'
const AFTER = 'Sat, 21 Nov 2026 12:00:01 GMT'

/** RFC 9110, 13.2.2, row by row. */
describe('checkPreconditions', () => {
  it.each([
    [{}, 'proceed'],
    [{ 'if-match': '"abc"' }, 'proceed'],
    [{ 'if-match': '*' }, 'proceed'],
    [{ 'if-match': '"x", "abc"' }, 'proceed'],
    [{ 'if-match': '"x"' }, 412],
    [{ 'if-match': 'W/"abc"' }, 412],
    [{ 'if-unmodified-since': SAME }, 'proceed'],
    [{ 'if-unmodified-since': BEFORE }, 412],
    [{ 'if-unmodified-since': 'yesterday' }, 'proceed'],
    [{ 'if-match': '"abc"', 'if-unmodified-since': BEFORE }, 'proceed'],
    [{ 'if-none-match': '"abc"' }, 304],
    [{ 'if-none-match': 'W/"abc"' }, 304],
    [{ 'if-none-match': '"x",\t"abc"' }, 304],
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-none-match': '"x"' }, 'proceed'],
    [{ 'if-none-match': 'abc' }, 'proceed'],
    [{ 'if-modified-since': SAME }, 304],
    [{ 'if-modified-since': AFTER }, 304],
    [{ 'if-modified-since': BEFORE }, 'proceed'],
    [{ 'if-none-match': '"x"', 'if-modified-since': AFTER }, 'proceed'],
    [{ 'if-match': '"x"', 'if-none-match': '"abc"' }, 412]
  ] as const)('answers %j with %s', (headers, outcome) => {
    expect(checkPreconditions(headers, validators)).toBe(outcome)
  })

  it('comes to an end with a list that goes on for ever', () => {
    expect(checkPreconditions({ 'if-none-match': '"x",'.repeat(4000) }, validators)).toBe('proceed')
    expect(checkPreconditions({ 'if-none-match': `${', '.repeat(8000)}x` }, validators)).toBe('proceed')
  })
})

/** RFC 9110, 13.1.5: the strong tag, or the exact date. */
describe('rangeCounts', () => {
  it.each([
    [undefined, true],
    ['"abc"', true],
    ['"abcd"', false],
    ['W/"abc"', false],
    ['"x", "abc"', false],
    [SAME, true],
    [BEFORE, false],
    [AFTER, false],
    ['nonsense', false]
  ])('with If-Range: %s is %s', (header, counts) => {
    expect(rangeCounts(header, validators)).toBe(counts)
  })
})
