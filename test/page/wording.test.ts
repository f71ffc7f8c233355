import { describe, expect, it } from 'vitest'
import { chosenOf, hrefOf, inAlphabet } from '../../src/page/name-list.js'
import { describeRollback, foreign, progressOf } from '../../src/page/wording.js'
import { deskName, liveDownload, releaseFacts } from '../support/desk-feed.js'

describe('text from outside', () => {
  it('stands on one line, in the order in which it is written', () => {
    expect(foreign('a\nb\u202ec')).toBe('a\\u000ab\\u202ec')
  })

  it('does not fill the page', () => {
    expect(foreign('x'.repeat(10_000))).toBe(`${'x'.repeat(200)}…`)
    expect(foreign('x'.repeat(200))).toBe('x'.repeat(200))
  })
})

describe('the way to a name', () => {
  it.each(['a.bin', '//evil.example/a.bin', 'javascript:alert(1).bin', 'https://evil.example/a.bin', '?a#b.bin'])(
    '%s stays at this server',
    name => {
      const url = new URL(hrefOf(name), 'https://192.168.1.8:8070/')
      expect([url.origin, url.search, url.hash]).toEqual(['https://192.168.1.8:8070', '', ''])
    }
  )
})

describe('a download', () => {
  it('says how much, how fast, and how long still', () => {
    const download = liveDownload(1, 'a', { size: 862_208, reached: 525_946, rate: 122_880, secondsLeft: 2.7 })
    expect(progressOf(download)).toBe('60 % of 842 KiB, 120 KiB/s, 3 s left')
    expect(progressOf({ ...download, secondsLeft: null })).toBe('60 % of 842 KiB, 120 KiB/s')
    expect(progressOf({ ...download, isStalled: true })).toBe('60 % of 842 KiB, takes nothing right now')
  })
})

describe('a name that was rolled back', () => {
  const digest = '4c1d9e02'.repeat(8)
  const setAside = { digest, release: releaseFacts({ version: '2.0.1' }) }

  it('says what is set aside, and until when', () => {
    expect(describeRollback({ setAside, hold: false }, 'a.bin')).toBe(
      'Rolled back: 2.0.1 (4c1d9e02) is set aside until the next new build.'
    )
    expect(describeRollback({ setAside: { digest, release: null }, hold: true }, 'a.bin')).toBe(
      'Rolled back and held: 4c1d9e02 is set aside, and every build to come is kept back, until otad unpin a.bin.'
    )
    expect(describeRollback({ setAside: null, hold: true }, 'a.bin')).toBe(
      'Held: builds to come are kept back until otad unpin a.bin.'
    )
  })
})

describe('the URL at the top', () => {
  const older = deskName('a.bin')
  const newer = deskName('b.bin', { current: releaseFacts({ publishedAt: '2026-11-21T00:00:00.000Z' }) })
  const refused = deskName('c.bin', { current: null })
  const names = inAlphabet(new Map([refused, newer, older].map(name => [name.name, name])))

  it('is that of the newest release, until another one is chosen', () => {
    expect(names).toEqual([older, newer, refused])
    expect(chosenOf(names, undefined)).toBe(newer)
    expect(chosenOf(names, 'a.bin')).toBe(older)
    expect(chosenOf(names, 'gone.bin')).toBe(newer)
  })

  it('is that of a name without a release where there is no other', () => {
    expect(chosenOf([refused], undefined)).toBe(refused)
    expect(chosenOf([], undefined)).toBeUndefined()
  })
})
