import { describe, expect, it } from 'vitest'
import { vendorOf } from '../../src/devices/vendors.js'

/** Out of the registry of the IEEE, MA-L: Espressif Inc. */
const ESPRESSIF =
  `18:FE:34 24:0A:C4 24:6F:28 2C:F4:32 30:AE:A4 3C:71:BF 40:91:51 48:3F:DA 54:5A:A6 5C:CF:7F 60:01:94 68:C6:3A
  7C:9E:BD 7C:DF:A1 80:7D:3A 84:0D:8E 84:CC:A8 8C:AA:B5 90:97:D5 94:B9:7E A0:20:A6 A4:CF:12 AC:67:B2 B4:E6:2D BC:DD:C2 C4:4F:33
  C8:2B:96 CC:50:E3 D8:A0:1D DC:4F:22 E8:DB:84 EC:FA:BC F4:CF:A2 FC:F5:C4 34:85:18 48:27:E2 68:B6:B3 70:04:1D A0:76:4E DC:54:75
  EC:DA:3B F4:12:FA 40:4C:CA 64:E8:33 54:32:04`.split(/\s+/)

describe('the vendor of a MAC', () => {
  it.each(ESPRESSIF)('is Espressif for %s', prefix => {
    expect(vendorOf(`${prefix}:01:02:03`.toLowerCase())).toBe('Espressif')
  })

  it('does not depend on how the MAC is written', () => {
    expect(vendorOf('24:6F:28:AA:BB:CC')).toBe('Espressif')
  })

  it.each([
    ['made up by the device itself', '26:6f:28:aa:bb:cc'],
    ['of everybody', 'ff:ff:ff:ff:ff:ff'],
    ['of nobody', '00:00:00:00:00:00'],
    ['empty', ''],
    ['no MAC', 'x'],
    ['a word of the language', '__proto__'],
    ['10 MB long', 'z'.repeat(10 * 1024 * 1024)]
  ])('is unknown where the MAC is %s', (_what, mac) => {
    expect(vendorOf(mac)).toBeNull()
  })
})
