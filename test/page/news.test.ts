import { describe, expect, it } from 'vitest'
import { afterEvent, type Desk, type DeskEvent } from '../../src/page/desk.js'
import { newsOf } from '../../src/page/news.js'
import { deskFacts, deskName, deviceEvent, deviceFacts, liveDownload, releaseFacts } from '../support/desk-feed.js'

const refusal = { reason: 'x', sentence: 'it is cut short', device: null, at: '2026-11-20T12:00:00.000Z' }
const failed = deviceEvent('handshake-failed', 'it trusts another CA', { fix: 'Rebuild it' })
const before = afterEvent(undefined, {
  is: 'desk',
  data: deskFacts({ names: [deskName('a.bin')], devices: [deviceFacts('kitchen', { verdict: failed })] })
})

const heard = (desk: Desk | undefined, ...events: readonly DeskEvent[]): string => newsOf(desk, events)
const names = (...changed: ReturnType<typeof deskName>[]): DeskEvent => ({ is: 'names', data: { changed, gone: [] } })
const devices = (...changed: ReturnType<typeof deviceFacts>[]): DeskEvent => ({
  is: 'devices',
  data: { changed, gone: [] }
})

describe('who listens to the page', () => {
  it('hears of a new release and of a refused build', () => {
    const current = releaseFacts({ version: '1.5.0', digest: 'ab'.repeat(32) })
    expect(heard(before, names(deskName('a.bin', { current })))).toBe('a.bin 1.5.0 is served.')
    expect(heard(before, names(deskName('a.bin', { refusal })))).toBe('a.bin was refused: it is cut short.')
  })

  it('hears of a device that needs somebody, and not again when it tries again', () => {
    const other = deviceFacts('hall', { verdict: failed })
    expect(heard(before, devices(other))).toBe('hall: handshake failed: it trusts another CA.')
    expect(heard(before, devices(deviceFacts('kitchen', { verdict: { ...failed, count: 2 } })))).toBe('')
  })

  it('hears nothing of progress, of what goes well, and of what was there before', () => {
    expect(heard(before, { is: 'downloads', data: [liveDownload(1, 'kitchen')] })).toBe('')
    expect(heard(before, devices(deviceFacts('hall', { verdict: deviceEvent('complete', 'received') })))).toBe('')
    expect(heard(before, names(deskName('a.bin')))).toBe('')
    expect(heard(undefined, names(deskName('b.bin')))).toBe('')
  })

  it('hears three sentences at most at a time', () => {
    const many = ['b.bin', 'c.bin', 'd.bin', 'e.bin', 'f.bin'].map(name => deskName(name))
    expect(heard(before, names(...many))).toBe(
      'b.bin 1.4.2 is served. c.bin 1.4.2 is served. d.bin 1.4.2 is served. And 2 more changes.'
    )
  })

  it('hears no control characters of an image', () => {
    expect(heard(before, names(deskName('\u202egnp.bin')))).toBe('\\u202egnp.bin 1.4.2 is served.')
  })
})
