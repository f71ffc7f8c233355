import { describe, expect, it } from 'vitest'
import { inOrder, matching } from '../../src/page/device-list.js'
import { deviceEvent, deviceFacts } from '../support/desk-feed.js'

const idsOf = (devices: readonly { readonly id: string }[]): readonly string[] => devices.map(({ id }) => id)

describe('devices', () => {
  it('stand with those first that download, then those seen last', () => {
    const devices = [
      deviceFacts('old', { lastSeen: '2026-11-20T10:00:00.000Z' }),
      deviceFacts('new', { lastSeen: '2026-11-20T12:00:00.000Z' }),
      deviceFacts('live', { lastSeen: '2026-11-20T09:00:00.000Z' })
    ]
    expect(idsOf(inOrder(devices, id => id === 'live'))).toEqual(['live', 'new', 'old'])
  })

  it('keep their places within a minute, by what they are called', () => {
    const b = deviceFacts('b', { lastSeen: '2026-11-20T12:00:59.000Z' })
    const a = deviceFacts('z', { label: 'a', lastSeen: '2026-11-20T12:00:01.000Z' })
    expect(idsOf(inOrder([b, a], () => false))).toEqual(['z', 'b'])
  })

  it.each([
    ['name', 'KITCH'],
    ['address', '1.50'],
    ['MAC', '24:6f:28'],
    ['vendor', 'espressif'],
    ['version', '1.4.2'],
    ['what happened', 'another ca'],
    ['several words, in any order', 'ca kitchen']
  ])('are found by their %s', (_by, typed) => {
    const kitchen = deviceFacts('192.168.1.50', {
      label: 'kitchen',
      mac: '24:6f:28:aa:bb:cc',
      vendor: 'Espressif',
      asked: { name: 'a.bin', digest: null, version: '1.4.2', at: '' },
      verdict: deviceEvent('handshake-failed', 'it trusts another CA')
    })
    expect(matching([kitchen, deviceFacts('10.0.0.1')], typed)).toEqual([kitchen])
  })

  it('are all there as long as nothing is typed', () => {
    const devices = [deviceFacts('a'), deviceFacts('b')]
    expect(matching(devices, '  ')).toBe(devices)
    expect(matching(devices, 'a b')).toEqual([])
  })
})
