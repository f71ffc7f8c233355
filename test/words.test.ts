import { describe, expect, it } from 'vitest'
import { dateAndTime, spokenAge, timeLeft } from '../src/words.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

describe('spokenAge', () => {
  it.each([
    [-HOUR, 'just now'],
    [59_999, 'just now'],
    [MINUTE, '1 minute ago'],
    [HOUR - 1, '59 minutes ago'],
    [HOUR, '1 hour ago'],
    [47 * HOUR, '47 hours ago'],
    [48 * HOUR, '2 days ago'],
    [400 * 24 * HOUR, '400 days ago']
  ])('says of %i ms: %s', (ageMs, words) => {
    expect(spokenAge(ageMs)).toBe(words)
  })
})

describe('timeLeft', () => {
  it.each([
    [0, '0 s'],
    [2.1, '3 s'],
    [59.5, '1 min 0 s'],
    [185, '3 min 5 s'],
    [12_000, '3 h 20 min']
  ])('says of %d s: %s', (seconds, words) => {
    expect(timeLeft(seconds)).toBe(words)
  })
})

describe('dateAndTime', () => {
  it('is in the time of this machine, each part with two digits', () => {
    expect(dateAndTime(new Date(2026, 2, 4, 5, 6, 7).getTime())).toBe('2026-03-04 05:06:07')
  })
})
