import { describe, expect, it } from 'vitest'
import { matching } from '../../src/page/device-list.js'
import { deviceEvent, deviceFacts } from '../support/desk-feed.js'

describe('devices', () => {
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
