import { describe, expect, it } from 'vitest'
import { readDuration } from '../../src/cli/read-duration.js'

describe('readDuration', () => {
  it.each([
    ['90', 90_000],
    ['90s', 90_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    ['300ms', 300],
    ['5M', 300_000],
    ['0', 0]
  ])('reads %s', (text, milliseconds) => {
    expect(readDuration(text, '--timeout')).toBe(milliseconds)
  })

  it.each(['', 'soon', '-1', '5 min', '1d', '1e3', 'm'])('refuses "%s"', text => {
    expect(() => readDuration(text, '--timeout')).toThrow(expect.objectContaining({ code: 'OTAD_ERR_USAGE' }))
  })
})
