// Digest as RFC 7616 has it, as far as otad speaks it: one algorithm, qop=auth, nonces that nobody has to keep.
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NONCE_MS, Nonces, readDigest, readParameters, responseOf, secretOf } from '../../src/server/digest.js'

/** RFC 7616, 3.9.1. */
const EXAMPLE = {
  method: 'GET',
  uri: '/dir/index.html',
  nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
  nc: '00000001',
  cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ'
}
const USER = ['Mufasa', 'http-auth@example.org', 'Circle of Life'] as const

describe('the response', () => {
  it('to the MD5 challenge of RFC 7616 is the one printed there', () => {
    expect(responseOf(secretOf(...USER), EXAMPLE)).toBe('8ca523f5e9506fed4657c9700eebdbec')
  })

  it('to the SHA-256 challenge of RFC 7616 is the one printed there', () => {
    expect(responseOf(secretOf(...USER, 'sha256'), EXAMPLE, 'sha256')).toBe(
      '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'
    )
  })

  // RFC 2617, 3.5.
  it('to the challenge of RFC 2617 is the one printed there', () => {
    const secret = secretOf('Mufasa', 'testrealm@host.com', 'Circle Of Life')
    const nonce = 'dcd98b7102dd2f0e8b11d0f600bfb0c093'
    expect(responseOf(secret, { ...EXAMPLE, nonce, cnonce: '0a4f113b' })).toBe('6629fae49393a05397450978507c4ef1')
  })

  it('is another one for another method, address, nonce, count or client nonce', () => {
    const own = responseOf(secretOf(...USER), EXAMPLE)
    for (const field of Object.keys(EXAMPLE))
      expect(responseOf(secretOf(...USER), { ...EXAMPLE, [field]: 'another' }), field).not.toBe(own)
  })
})

const PARAMETERS = [
  'username="Mufasa"',
  'realm="http-auth@example.org"',
  'uri="/dir/index.html"',
  'algorithm=MD5',
  `nonce="${EXAMPLE.nonce}"`,
  'nc=00000001',
  `cnonce="${EXAMPLE.cnonce}"`,
  'qop=auth',
  'response="8ca523f5e9506fed4657c9700eebdbec"',
  'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
]
const with_ = (name: string, parameter: string): string =>
  PARAMETERS.map(own => (own.startsWith(`${name}=`) ? parameter : own)).join(', ')
const without = (name: string): string => PARAMETERS.filter(own => !own.startsWith(`${name}=`)).join(', ')

describe('what a client sends', () => {
  it('is read field by field', () => {
    expect(readDigest(PARAMETERS.join(', '))).toEqual({
      username: 'Mufasa',
      realm: 'http-auth@example.org',
      nonce: EXAMPLE.nonce,
      uri: '/dir/index.html',
      response: '8ca523f5e9506fed4657c9700eebdbec',
      cnonce: EXAMPLE.cnonce,
      nc: '00000001'
    })
  })

  // components/esp_http_client/lib/http_auth.c of v4.4.
  it('may have its algorithm in quotes, as ESP-IDF 4 writes it', () => {
    expect(readDigest(with_('algorithm', 'algorithm="MD5"'))).toBeDefined()
  })

  it.each([
    ['no spaces', PARAMETERS.join(',')],
    ['tabs and empty elements', PARAMETERS.join(' ,\t, ')],
    ['another order', [...PARAMETERS].reverse().join(', ')],
    ['names in capitals', PARAMETERS.map(one => one.replace(/^\w+/, name => name.toUpperCase())).join(', ')],
    ['spaces around =', PARAMETERS.map(one => one.replace('=', ' = ')).join(', ')],
    ['no algorithm, which is MD5', without('algorithm')],
    ['qop in quotes', with_('qop', 'qop="auth"')],
    ['no opaque', without('opaque')]
  ])('may have %s', (_what, parameters) => {
    expect(readDigest(parameters)).toMatchObject({ username: 'Mufasa', nc: '00000001' })
  })

  it('has its escapes undone, and its bytes read as UTF-8', () => {
    const user = Buffer.from('Jäsøn Doe').toString('latin1')
    expect(readDigest(with_('username', `username="${user}"`))?.username).toBe('Jäsøn Doe')
    expect(readDigest(with_('username', 'username="a\\"b\\\\c"'))?.username).toBe('a"b\\c')
  })

  it.each(['username', 'realm', 'nonce', 'uri', 'response', 'cnonce', 'nc', 'qop'])(
    'is nothing without its %s',
    name => {
      expect(readDigest(without(name))).toBeUndefined()
    }
  )

  it.each([
    ['another algorithm', with_('algorithm', 'algorithm=SHA-256')],
    ['a session algorithm', with_('algorithm', 'algorithm=MD5-sess')],
    ['auth-int', with_('qop', 'qop=auth-int')],
    ['both kinds of qop', with_('qop', 'qop="auth,auth-int"')],
    ['a response that is too short', with_('response', 'response="8ca5"')],
    ['a response that is no hexadecimal', with_('response', `response="${'g'.repeat(32)}"`)],
    ['a count that is too long', with_('nc', 'nc=000000001')],
    ['a field twice', `${PARAMETERS.join(', ')}, nonce="another"`],
    ['a quote that is not closed', with_('username', 'username="Mufasa')],
    ['a name without a value', with_('username', 'username')],
    ['nothing at all', '']
  ])('is nothing with %s', (_what, parameters) => {
    expect(readDigest(parameters)).toBeUndefined()
  })

  it('never throws, and is read in no time, whatever it is', () => {
    const piece = fc.constantFrom('"', '\\', ',', '=', ' ', '\t', 'a', 'nonce', 'username="', '\u00ff', '\0', '%')
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.array(piece).map(all => all.join(''))
    )
    fc.assert(
      fc.property(hostile, text => {
        readParameters(text)
        readDigest(text)
      }),
      { numRuns: 2_000 }
    )
    const startedAt = performance.now()
    for (const long of [' ', ',', '"', '\\', 'a', 'a=', 'a="', '\\"', 'a=b ']) readDigest(`a="${long.repeat(16_000)}`)
    for (const long of [' ', ',', '"', '\\', 'a', 'a=', 'a="', 'a=b ']) readDigest(long.repeat(16_000))
    expect(performance.now() - startedAt).toBeLessThan(2_000)
  })

  it('reads back whatever stands in quotes', () => {
    const value = fc.string().filter(text => !/[\r\n]/.test(text))
    fc.assert(
      fc.property(value, value => {
        expect(readParameters(`a="${value.replace(/["\\]/g, '\\$&')}", b=1`)?.get('a')).toBe(value)
      })
    )
  })
})

describe('a nonce', () => {
  const nonces = new Nonces(randomBytes(32))

  it('is good from the moment it was made, for five minutes', () => {
    for (const madeAt of [0, 0.4, 12_345.9, 1e9, 2 ** 40]) {
      const nonce = nonces.make(madeAt)
      expect(nonces.isGood(nonce, madeAt)).toBe(true)
      expect(nonces.isGood(nonce, madeAt + NONCE_MS - 1)).toBe(true)
      expect(nonces.isGood(nonce, madeAt + NONCE_MS + 1)).toBe(false)
    }
  })

  it('is not good before it was made, nor in another process', () => {
    const nonce = nonces.make(10_000)
    expect(nonces.isGood(nonce, 9_000)).toBe(false)
    expect(new Nonces(randomBytes(32)).isGood(nonce, 10_000)).toBe(false)
  })

  it('can stand between quotes as it is, and says nothing by its length', () => {
    for (const at of [0, 1e6, 1e12]) expect(nonces.make(at)).toMatch(/^[\w-]{30}$/)
  })

  it('is not good with any of its characters changed', () => {
    const nonce = nonces.make(5_000)
    for (let at = 0; at < nonce.length - 1; at++) {
      const other = nonce[at] === 'A' ? 'B' : 'A'
      expect(nonces.isGood(nonce.slice(0, at) + other + nonce.slice(at + 1), 5_000), `at ${at}`).toBe(false)
    }
  })

  it('is never good when it is made up, and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), made => {
        expect(nonces.isGood(made, 1_000)).toBe(false)
      })
    )
  })
})
