import { describe, expect, it } from 'vitest'
import { isPlainText, readText, textIsAt } from '../../src/image/text.js'

describe('readText', () => {
  it.each([
    ['ends at the first NUL', '61620063', 'ab'],
    ['ends with the field where there is no NUL', '616263646566', 'abcd'],
    ['is empty in erased-to-zero fields', '00000000', ''],
    ['replaces what is no UTF-8', '61ff6200', 'a\ufffdb'],
    ['drops what would move a terminal', '1b5b610a', '[a'],
    ['drops what would turn the line around', 'e280ae61', 'a']
  ])('%s', (_name, hex, expected) => {
    expect(readText(Buffer.from(hex, 'hex'), 0, 4)).toBe(expected)
  })

  it('reads nothing behind the end', () => {
    expect(readText(Buffer.from('abc'), 2, 32)).toBe('c')
    expect(readText(Buffer.from('abc'), 9, 32)).toBe('')
  })
})

it('isPlainText wants printable ASCII up to the first NUL', () => {
  expect(isPlainText(Buffer.from('ab\0\u0001'), 0, 4)).toBe(true)
  expect(isPlainText(Buffer.from('a\u0001bc'), 0, 4)).toBe(false)
})

it('textIsAt does not look behind the end', () => {
  expect(textIsAt(Buffer.from('UF2'), 0, 'UF2\n')).toBe(false)
  expect(textIsAt(Buffer.from('xUF2\n'), 1, 'UF2\n')).toBe(true)
})
