import { describe, expect, it } from 'vitest'
import { Catalog } from '../../src/releases/catalog.js'
import { chooseOfAll, chooseRelease } from '../../src/releases/choose-release.js'
import type { Release } from '../../src/releases/release.js'
import { aRelease } from '../support/asked-daemon.js'

const withDigest = (name: string, start: string, number: number, version: string): Release =>
  aRelease(name, version, { digest: start.padEnd(64, '0'), number, version })

const releases = [
  withDigest('app.bin', 'abcd1', 4, '2.0'),
  withDigest('app.bin', 'abcd2', 3, '1.1'),
  withDigest('app.bin', '12345', 2, '1.0'),
  withDigest('app.bin', '77777', 1, '1.0')
]

describe('chooseRelease', () => {
  it.each([
    ['#3', 3],
    ['2.0', 4],
    ['abcd2', 3],
    ['ABCD1', 4],
    ['1234', 2],
    ['abcd1'.padEnd(64, '0'), 4]
  ])('takes %s for build %i', (asked, number) => {
    expect(chooseRelease(asked, releases, 'app.bin').number).toBe(number)
  })

  it.each([
    ['abcd', ['2.0 (abcd1000, #4)', '1.1 (abcd2000, #3)']],
    ['1.0', ['1.0 (12345000, #2)', '1.0 (77777000, #1)']]
  ])('names the candidates where %s is more than one', (asked, named) => {
    const choose = () => chooseRelease(asked, releases, 'app.bin')
    expect(choose).toThrow(
      expect.objectContaining({
        code: 'OTAD_ERR_NO_SUCH_RELEASE',
        exitCode: 2,
        message: expect.stringContaining(named.join(', '))
      })
    )
  })

  it.each(['#9', '#', '3', 'abc', '2', '2.0.0', '', 'abcd1'.padEnd(65, '0')])(
    'names what there is where "%s" is none',
    asked => {
      expect(() => chooseRelease(asked, releases, 'app.bin')).toThrow(/no release of app\.bin is .*there are 2\.0/)
    }
  )

  it('does not take a release without a version for one that was asked for by nothing', () => {
    expect(() => chooseRelease('', [withDigest('app.bin', 'abcd', 1, '')], 'app.bin')).toThrow('no release')
  })
})

describe('chooseOfAll', () => {
  const catalog = Catalog.empty.after(
    [
      ...[...releases].reverse(),
      withDigest('left/app.bin', 'eeee1', 1, '2.0'),
      withDigest('odd@name.bin', 'ffff1', 1, 'v1@main')
    ].map(release => ({ type: 'publish', release })),
    10
  )

  it.each([
    ['app.bin@2.0', 'app.bin', 4],
    ['/app.bin@2.0', 'app.bin', 4],
    ['left/app.bin@#1', 'left/app.bin', 1],
    ['1.1', 'app.bin', 3],
    ['eeee1', 'left/app.bin', 1],
    ['odd@name.bin@v1@main', 'odd@name.bin', 1],
    ['v1@main', 'odd@name.bin', 1]
  ])('takes %s for one of %s', (asked, name, number) => {
    expect(chooseOfAll(catalog, asked)).toMatchObject({ name, number })
  })

  it('says of which names a release is that several have', () => {
    expect(() => chooseOfAll(catalog, '2.0')).toThrow('app.bin@abcd1000, left/app.bin@eeee1000')
  })

  it('names the nearest name where there is none such', () => {
    expect(() => chooseOfAll(catalog, 'lft/app.bin@2.0')).toThrow(
      expect.objectContaining({ message: 'there is no name "lft/app.bin"', hint: 'did you mean left/app.bin?' })
    )
  })
})
