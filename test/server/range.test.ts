import { describe, expect, it } from 'vitest'
import { readRange } from '../../src/server/range.js'

/** Eleven bytes, as in the tests of other servers; the expected values are those of RFC 9110, 14.1 and 14.2. */
const SIZE = 11

describe('readRange', () => {
  it.each([
    ['bytes=0-', 0, 11],
    ['bytes=0-0', 0, 1],
    ['bytes=0-10', 0, 11],
    ['bytes=3-7', 3, 8],
    ['bytes=10-', 10, 11],
    ['bytes=-1', 10, 11],
    ['bytes=-11', 0, 11],
    ['BYTES=2-3', 2, 4]
  ])('gives the bytes that %s names', (header, start, end) => {
    expect(readRange(header, SIZE)).toEqual({ start, end })
  })

  it.each([
    ['bytes=5-11', 5, 'one byte past the end, which ESP-IDF asks for when the rest fits one request'],
    ['bytes=5-9999999999999999999999', 5, 'a number beyond any file'],
    ['bytes=-12', 0, 'a suffix longer than the file']
  ])('cuts %s to what there is (%3$s)', (header, start) => {
    expect(readRange(header, SIZE)).toEqual({ start, end: SIZE })
  })

  it.each(['bytes=11-', 'bytes=12-20', 'bytes=7-3', 'bytes=500000-400000', 'bytes=-0'])('cannot satisfy %s', header => {
    expect(readRange(header, SIZE)).toBe('unsatisfiable')
  })

  it.each([
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=a-b',
    'bytes=0-5abc',
    'bytes=1.5-3',
    'bytes=0x0-0x5',
    'bytes=--6',
    'bytes=0-1,3-4',
    'bytes=0-1,',
    'items=0-5',
    'bytes 0-5',
    'bytes=0 - 5',
    'bytes= 0-5',
    'bytes=+1-2'
  ])('ignores %s', header => {
    expect(readRange(header, SIZE)).toBe('whole')
  })
})
