import { describe, expect, it } from 'vitest'
import { readHttpDate, writeHttpDate } from '../../src/server/http-date.js'

const MOMENT = Date.UTC(1994, 10, 6, 8, 49, 37)

/** The three forms of RFC 9110, 5.6.7, which gives them for one moment. */
describe('readHttpDate', () => {
  it.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    'reads %s',
    text => {
      expect(readHttpDate(text)).toBe(MOMENT)
    }
  )

  it.each([
    '',
    '1994-11-06',
    '784111777',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 31 Feb 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 25:00:00 GMT',
    'Sun, 06 Foo 1994 08:49:37 GMT'
  ])('takes "%s" for no date', text => {
    expect(readHttpDate(text)).toBeUndefined()
  })

  it('reads what writeHttpDate writes', () => {
    expect(readHttpDate(writeHttpDate(MOMENT))).toBe(MOMENT)
  })
})
