import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareVersions } from '../../src/releases/version-order.js'

/** In each list every version is newer than all before it. */
const ASCENDING: readonly (readonly string[])[] = [
  [
    '0.9',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc1',
    'v1.0.0',
    '1.0.1',
    '1.9',
    '1.10',
    '2.0.0'
  ],
  ['v1.4.1', 'v1.4.2', 'v1.4.2-1-gabc1234', 'v1.4.2-3-gabc1234-dirty', 'v1.4.2-12-g0123456', 'v1.4.3'],
  ['2024-07-25', '20240726', '2024-07-26T10:00', '2025.01.01', '2026-11-21'],
  ['2025.12.4', '2026.8.0b1', '2026.8.0', '2026.8.1', '2026.10.0'],
  ['1', '2', '10']
]

describe('the order of versions', () => {
  it.each(ASCENDING)('is %s < %s < …', (...versions) => {
    for (const [index, version] of versions.entries())
      for (const [other, than] of versions.entries()) {
        const expected = index === other ? 'same' : index < other ? 'older' : 'newer'
        expect(compareVersions(version, than), `${version} and ${than}`).toBe(expected)
      }
  })

  it.each([
    ['1.0', '1.0.0'],
    ['v1.2.3', '1.2.3'],
    [' 1.2.3', '1.2.3 '],
    ['my build', 'my build'],
    ['20261121', '2026-11-21']
  ])('takes %j and %j for the same', (a, b) => {
    expect(compareVersions(a, b)).toBe('same')
  })

  it.each([
    ['abc1234', 'def5678'],
    ['1.0.0', 'nightly build'],
    ['', '1.0.0'],
    ['v1.4.2-3-gabc1234', 'v1.4.2-3-gdef5678'],
    ['v1.4.2', 'v1.4.2-dirty'],
    ['v1.4.2-3-gabc1234', 'v1.4.2-3-gabc1234-dirty'],
    ['1.0.0+build.1', '1.0.0+build.2'],
    ['main-3-gabc1234', 'main-4-gabc1234']
  ])('cannot tell %j from %j', (a, b) => {
    expect(compareVersions(a, b)).toBe('unknown')
    expect(compareVersions(b, a)).toBe('unknown')
  })

  it('never contradicts itself, whatever is written', () => {
    const inverse = { older: 'newer', newer: 'older', same: 'same', unknown: 'unknown' } as const
    const number = fc.nat({ max: 12 })
    const version = fc.oneof(
      fc.string({ maxLength: 32 }),
      fc.tuple(number, number, number).map(parts => parts.join('.')),
      fc
        .tuple(number, number, fc.constantFrom('alpha', 'rc', 'dev'), number)
        .map(([a, b, word, c]) => `v${a}.${b}-${word}.${c}`),
      fc.tuple(number, number, number).map(([a, b, commits]) => `v${a}.${b}-${commits}-gabc1234`)
    )
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(compareVersions(a, b)).toBe(inverse[compareVersions(b, a)])
        expect(compareVersions(a, a)).toBe('same')
        if (compareVersions(a, b) === 'newer' && compareVersions(b, c) === 'newer')
          expect(compareVersions(a, c)).toBe('newer')
      }),
      { numRuns: 5000 }
    )
  })
})
