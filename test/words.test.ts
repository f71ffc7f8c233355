import { describe, expect, it } from 'vitest'
import { dateAndTime, jsonLine, jsonText, spokenAge, timeLeft } from '../src/words.js'

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

describe('JSON for a terminal', () => {
  // JSON.stringify escapes what lies below a space, and nothing else: a project named "\u009b2J" cleared the screen of who typed --json.
  const HOSTILE = 'a\u0000\u001b\u007f\u0080\u009b2J\u009f\u2028\u2029\u202a\u202e\u2066\u2069\\\u0085"ü€\u{1f600}z'
  const UNPRINTABLE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

  it.each([
    ['jsonText', jsonText],
    ['jsonLine', jsonLine]
  ])('has no character raw that a terminal would obey, and is the same value: %s', (_name, write) => {
    const value = { [HOSTILE]: [HOSTILE, { deep: HOSTILE }] }
    expect(write(value)).not.toMatch(UNPRINTABLE)
    expect(write(value)).toContain('ü€\u{1f600}z')
    expect(JSON.parse(write(value))).toEqual(value)
  })

  it('is indented for people, or one line for programs', () => {
    expect(jsonText({ a: [1] })).toBe('{\n  "a": [\n    1\n  ]\n}\n')
    expect(jsonLine({ a: [1] })).toBe('{"a":[1]}')
  })
})
