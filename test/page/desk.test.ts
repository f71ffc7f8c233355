import { describe, expect, it } from 'vitest'
import { afterEvent, type Desk, type DeskEvent } from '../../src/page/desk.js'
import { deskFacts, deskName, deviceFacts, liveDownload } from '../support/desk-feed.js'

const A = '192.168.1.50'
const B = '192.168.1.51'

const deskAfter = (...events: readonly DeskEvent[]): Desk | undefined =>
  events.reduce<Desk | undefined>(afterEvent, undefined)
const everything: DeskEvent = {
  is: 'desk',
  data: deskFacts({
    names: [deskName('a.bin'), deskName('b.bin')],
    devices: [deviceFacts(A, { downloads: [liveDownload(1, A)] }), deviceFacts(B)]
  })
}

describe('the desk', () => {
  it('knows nothing before it was told everything', () => {
    expect(deskAfter({ is: 'names', data: { changed: [deskName('a.bin')], gone: [] } })).toBeUndefined()
    expect(deskAfter({ is: 'downloads', data: [liveDownload(1, A)] })).toBeUndefined()
  })

  it('is what it was told last, all of it', () => {
    const desk = deskAfter(everything, {
      is: 'desk',
      data: deskFacts({ version: '2.0.0', names: [deskName('c.bin')] })
    })
    expect(desk?.general.version).toBe('2.0.0')
    expect([...(desk?.names.keys() ?? [])]).toEqual(['c.bin'])
    expect([desk?.devices.size, desk?.live.size]).toEqual([0, 0])
  })

  it('takes names in, exchanges and drops them', () => {
    const changed = [deskName('b.bin', { current: null }), deskName('c.bin')]
    const desk = deskAfter(everything, { is: 'names', data: { changed, gone: ['a.bin'] } })
    expect([...(desk?.names.values() ?? [])]).toEqual(changed)
  })

  it('takes devices in, exchanges and drops them, with what they download', () => {
    const changed = [deviceFacts(B, { downloads: [liveDownload(2, B)] })]
    const desk = deskAfter(everything, { is: 'devices', data: { changed, gone: [A] } })
    expect([...(desk?.devices.values() ?? [])]).toEqual(changed)
    expect([...(desk?.live ?? [])]).toEqual([[B, [liveDownload(2, B)]]])
  })

  it('knows a download as ended that is not told any more', () => {
    expect(deskAfter(everything, { is: 'downloads', data: [] })?.live.size).toBe(0)
    const idle: DeskEvent = { is: 'devices', data: { changed: [deviceFacts(A)], gone: [] } }
    expect(deskAfter(everything, idle)?.live.size).toBe(0)
  })

  it('keeps several downloads of one device together', () => {
    const both = [liveDownload(1, A), liveDownload(2, A, { name: 'b.bin' })]
    expect(deskAfter(everything, { is: 'downloads', data: both })?.live.get(A)).toEqual(both)
  })

  it('leaves what stands as it stood the same value, so that it is not drawn again', () => {
    const before = deskAfter(everything)
    const moved = liveDownload(2, B, { reached: 10 })
    const desk = [
      { is: 'downloads', data: [liveDownload(1, A), liveDownload(2, B)] } as const,
      { is: 'downloads', data: [liveDownload(1, A), moved] } as const
    ].reduce<Desk | undefined>(afterEvent, before)
    expect(desk?.live.get(A)).toBe(before?.live.get(A))
    expect(desk?.live.get(B)).toEqual([moved])
    expect(desk?.devices).toBe(before?.devices)
    expect(desk?.names).toBe(before?.names)
  })
})
