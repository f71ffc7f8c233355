import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createIssuer, issueCa, makeKey } from '../../src/certs/issue.js'
import {
  certificateNames,
  covers,
  isCertifiable,
  isLocalName,
  missingNames,
  namesAskedFor,
  namesOfHost,
  normalName
} from '../../src/certs/names.js'

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

describe('a name of this network alone', () => {
  it.each([
    ['RFC 1918', ['10.0.0.0', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255']],
    ['link-local', ['169.254.0.1', '169.254.255.255', 'fe80::1', 'febf:ffff::1']],
    ['unique-local', ['fc00::1', 'fd00::2', 'fdff:ffff::1']],
    ['loopback', ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1']],
    [
      'IPv4-mapped',
      ['::ffff:10.0.0.1', '::ffff:a00:1', '::FFFF:192.168.1.8', '0:0:0:0:0:ffff:172.16.0.1', '::ffff:127.0.0.1']
    ],
    ['in brackets, as a URL has it', ['[fe80::1]', '[FD00::2]']],
    ['with a zone', ['fe80::1%eth0', 'fe80::1%3']],
    ['mDNS', ['bench.local', 'Bench.LOCAL', 'a.b.local', 'bench.local.']],
    ['of a router at home', ['bench.lan', 'bench.home.arpa', 'a.b.lan']],
    ['this machine', ['localhost', 'x.localhost']],
    ['a single label', ['bench', 'my_host', 'a', 'a'.repeat(63), 'esp-build-01']]
  ])('is one that is %s', (_kind, those) => {
    expect(those.filter(name => !isLocalName(name))).toEqual([])
  })

  it.each([
    ['a public address', ['8.8.8.8', '2001:db8::1', '2606:4700::1111', '::ffff:8.8.8.8', '::ffff:808:808']],
    ['just outside of 172.16/12', ['172.15.255.255', '172.32.0.1', '::ffff:172.32.0.1']],
    [
      'just outside of the others',
      ['9.255.255.255', '11.0.0.1', '192.167.0.1', '192.169.0.1', '126.0.0.1', '128.0.0.1']
    ],
    ['just outside of link-local', ['169.253.0.1', '169.255.0.1', 'fec0::1', 'fe7f::1']],
    ['just outside of unique-local', ['fbff::1', 'fe00::1']],
    ['shared address space, which providers own', ['100.64.0.1', '100.127.255.255']],
    ['no address of anybody', ['0.0.0.0', '::', '255.255.255.255', '224.0.0.251', 'ff02::fb']],
    ['one that a gateway translates', ['64:ff9b::10.0.0.1', '::10.0.0.1', '2002:a00:1::1']],
    ['a public name', ['example.com', 'ota.example.com', 'example.com.']],
    [
      'a public name with a local one in it',
      ['evil.local.example.com', 'lan.example.com', 'local.com', 'home.arpa.com']
    ],
    ['a zone that only ends alike', ['evil-local.com', 'a.notlocal', 'a.xlan', 'x.ahome.arpa', 'x.arpa']],
    ['a wildcard', ['*.lan', '*.local', '*', '*.bench.local']],
    [
      'nonsense',
      ['', '.', '..', '.lan', 'a..lan', '-a.lan', 'a-.lan', 'a.lan..', 'a/b', 'bench:8070', '10.0.0.1:8070']
    ],
    ['an address that nobody writes like that', ['010.0.0.1', '10.1', '10.0.0.256', '10.0.0', 'fe80:::1']],
    ['with spaces', ['a b', 'a b.lan', 'bench .local', 'bench\t.lan']],
    ['with a NUL', ['bench\0', 'bench\0.lan', 'bench.lan\0.example.com', 'evil.example.com\0.lan']],
    ['with line ends', ['a\n.lan', 'bench\nbench.lan', 'evil.com\r\n.local']],
    [
      'with a public name before a percent sign',
      ['evil.com%.lan', 'evil.com%bench', '8.8.8.8%.local', '8.8.8.8%10.0.0.1']
    ],
    ['of other letters than DNS has', ['ä.lan', 'bücher', 'a,b.lan', 'CN=a', 'a;b', 'a"b.local']],
    ['with a label over 63', ['a'.repeat(64), `${'a'.repeat(64)}.lan`, `x.${'a'.repeat(64)}.local`]],
    ['over 253 in all', [`${'abcdefgh.'.repeat(28)}local`]]
  ])('is not one that is %s', (_kind, those) => {
    expect(those.filter(isLocalName)).toEqual([])
  })
})

describe('the names for what a client asked for', () => {
  it.each(['2001:0DB8:0::1', '[2001:0DB8:0::1]'])(
    'are an IPv6 address as it is written and as it is written best, and the 16 bytes once: %s',
    asked => {
      expect(namesAskedFor(asked)).toEqual({
        commonName: '2001:db8::1',
        dnsNames: ['2001:0db8:0::1', '2001:db8::1'],
        ipAddresses: ['2001:db8::1']
      })
    }
  )

  it.each(['fd00::2', '192.168.1.8'])('are an address that is written best already, once as text: %s', asked => {
    expect(namesAskedFor(asked)).toEqual({ commonName: asked, dnsNames: [asked], ipAddresses: [asked] })
  })

  it('are an IPv4-mapped address both ways', () => {
    expect(namesAskedFor('::ffff:192.168.1.8')).toEqual({
      commonName: '::ffff:c0a8:108',
      dnsNames: ['::ffff:192.168.1.8', '::ffff:c0a8:108'],
      ipAddresses: ['::ffff:c0a8:108']
    })
  })

  it('are a name in lower case, and no address', () => {
    expect(namesAskedFor('Bench.Local')).toEqual({
      commonName: 'bench.local',
      dnsNames: ['bench.local'],
      ipAddresses: []
    })
  })

  it.each(['2001:0DB8:0::1', 'FE80::0001', 'Bench.Local', 'bench.local.', '10.0.0.1'])(
    'are good for just that: %s',
    asked => {
      expect(covers(namesAskedFor(asked), asked)).toBe(true)
    }
  )
})

describe('a machine with sixty addresses', () => {
  const lanAddresses = Array.from(
    { length: 57 },
    (_, at) => `2001:db8:aaaa:bbbb:cccc:dddd:eeee:${(at + 0x1000).toString(16)}`
  )
  const addresses = ['192.168.1.8', ...lanAddresses, '127.0.0.1', '::1']
  const longName = 'a-very-long-name-for-a-build-machine-'.padEnd(63, 'x')

  it.each(['bench', longName])('has a leaf under 1.2 KB all the same: %s', async hostName => {
    const now = new Date('2026-11-21T12:00:00Z')
    const caKey = await makeKey('ec')
    const issuer = await createIssuer({ key: caKey, certificate: await issueCa(caKey, now) })
    const names = certificateNames('192.168.1.8', namesOfHost(hostName, addresses))
    const leaf = new X509Certificate(await issuer.issueLeaf(await makeKey('ec'), names, now))
    expect(leaf.raw.length).toBeLessThan(1200)
    expect(names.ipAddresses.length).toBeGreaterThan(5)
  })

  it.each([
    ['last', addresses],
    ['first', addresses.toReversed()],
    ['in another spelling', [...lanAddresses, '127.0.0.1', '0:0:0:0:0:0:0:1']],
    ['of another kind', [...lanAddresses, '127.0.0.53', '127.0.1.1']]
  ])('never loses a loopback address, %s or not', (_where, those) => {
    const loopback = those.map(normalName).filter(name => name === '::1' || name.startsWith('127.'))
    expect(namesOfHost(longName, those)).toEqual(expect.arrayContaining([...loopback, 'localhost']))
  })

  it('keeps the likeliest, in their order', () => {
    const kept = namesOfHost('bench', addresses)
    expect(kept.slice(0, 3)).toEqual(addresses.slice(0, 3))
    expect(kept.slice(-3)).toEqual(['bench', 'bench.local', 'localhost'])
    expect(new Set(kept).size).toBe(kept.length)
  })
})

describe('a certificate', () => {
  const names = certificateNames('bench.lan', ['*.example.lan', '10.0.0.1', 'fd00::2'])

  it.each([
    'bench.lan',
    'BENCH.LAN',
    'bench.lan.',
    'Bench.Lan.',
    'a.example.lan',
    'A.Example.LAN.',
    '10.0.0.1',
    'fd00::2'
  ])('is good for a name that it has, however it is written: %s', asked => {
    expect(covers(names, asked)).toBe(true)
  })

  it.each([
    ['a name below', 'x.bench.lan'],
    ['a name above', 'lan'],
    ['two labels for one star', 'a.b.example.lan'],
    ['no label for the star', 'example.lan'],
    ['an empty label for the star', '.example.lan'],
    ['a name that ends alike', 'aexample.lan'],
    ['another address', '10.0.0.2'],
    // mbedTLS compares the text of the URL (clients.md 15.3): this one gets a leaf of its own.
    ['an address in another spelling', 'FD00:0::2'],
    ['nothing', '']
  ])('is not good for %s: %s', (_what, asked) => {
    expect(covers(names, asked)).toBe(false)
  })
})
