import { describe, expect, it } from 'vitest'
import { inOrder } from '../../src/devices/device-order.js'
import { deviceFacts } from '../support/desk-feed.js'

const idsOf = (devices: readonly { readonly id: string }[]): readonly string[] => devices.map(({ id }) => id)

describe('devices', () => {
  it('stand with those first that download, then those seen last', () => {
    const devices = [
      deviceFacts('old', { lastSeen: '2026-11-20T10:00:00.000Z' }),
      deviceFacts('new', { lastSeen: '2026-11-20T12:00:00.000Z' }),
      deviceFacts('live', { lastSeen: '2026-11-20T09:00:00.000Z' })
    ]
    expect(idsOf(inOrder(devices, ({ id }) => id === 'live'))).toEqual(['live', 'new', 'old'])
  })

  it('keep their places within a minute, by what they are called', () => {
    const b = deviceFacts('b', { lastSeen: '2026-11-20T12:00:59.000Z' })
    const a = deviceFacts('z', { label: 'a', lastSeen: '2026-11-20T12:00:01.000Z' })
    expect(idsOf(inOrder([b, a], () => false))).toEqual(['z', 'b'])
  })
})
