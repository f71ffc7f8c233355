import { describe, expect, it } from 'vitest'
import { certificateNames, isCertifiable, missingNames, namesOfHost, normalName } from '../../src/certs/names.js'

describe('names of a certificate', () => {
  it.each([
    ['Bench.Local.', 'bench.local'],
    ['[FE80::1%eth0]', 'fe80::1'],
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    [' 192.168.1.8 ', '192.168.1.8']
  ])('have one spelling: %s is %s', (given, normal) => {
    expect(normalName(given)).toBe(normal)
  })

  it.each(['a, O=evil', 'https://bench', 'bench:8070', '', 'a b', 'ä.lan', `${'a'.repeat(64)}.lan`, 'a..b', '-a'])(
    'are not "%s"',
    name => {
      expect(isCertifiable(name)).toBe(false)
    }
  )

  it.each(['bench', 'my_host', 'a.b.home.arpa', '*.lan', '10.0.0.1', 'fd00::2'])('may be %s', name => {
    expect(isCertifiable(name)).toBe(true)
  })

  it('are listed once each, the advertised one first', () => {
    expect(certificateNames('b.lan', ['a.lan', 'B.LAN', '::1', '0:0:0:0:0:0:0:1'])).toEqual({
      commonName: 'b.lan',
      dnsNames: ['b.lan', 'a.lan', '::1'],
      ipAddresses: ['::1']
    })
  })

  it('of a machine are its addresses, its host name, that with .local, and localhost', () => {
    expect(namesOfHost('bench', ['192.168.1.8', 'fe80::1%eth0'])).toEqual([
      '192.168.1.8',
      'fe80::1',
      'bench',
      'bench.local',
      'localhost'
    ])
  })

  it('lack an address that stands as text only', () => {
    const wanted = certificateNames('10.0.0.1', ['bench'])
    expect(missingNames(wanted, { ...wanted, ipAddresses: [] })).toEqual(['10.0.0.1'])
    expect(missingNames(wanted, wanted)).toEqual([])
  })
})
