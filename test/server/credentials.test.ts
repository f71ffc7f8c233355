// The file of credentials, and who is let in by it. Nothing of a password may show in what is said of the file.
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { challengeOf, judgeAuthorization } from '../../src/server/authorization.js'
import { type AuthScheme, type Credentials, readCredentials, SHORTEST_SECRET } from '../../src/server/credentials.js'
import { NONCE_MS, Nonces, responseOf, secretOf } from '../../src/server/digest.js'

const PASSWORD = '0123456789abcdef'
const OTHER = 'fedcba9876543210'
const TOKEN = 'AbCdEf-._~+/0123456789=='

function credentialsOf(scheme: AuthScheme, text: string): Credentials {
  const read = readCredentials(scheme, text)
  if (!read.ok) throw new Error(read.complaint)
  return read.credentials
}

function complaintOf(scheme: AuthScheme, text: string): string {
  const read = readCredentials(scheme, text)
  return read.ok ? 'none' : read.complaint
}

const nonces = new Nonces(randomBytes(32))
const NOW = 1_000_000

function judge(credentials: Credentials, authorization: string | undefined, more = {}) {
  return judgeAuthorization(credentials, nonces, { authorization, method: 'GET', target: '/a.bin', ...more }, NOW)
}

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`
const LET_IN = { is: 'let-in' }

describe('a file of credentials', () => {
  it('holds user:password a line, between comments and blank lines, whatever the line ends are', () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const text = ['\uFEFF# the fleet', '', `device:${PASSWORD}`, '  # others', `  other : ${OTHER}  `, ''].join(end)
      const credentials = credentialsOf('basic', text)
      expect(judge(credentials, basic(`device:${PASSWORD}`))).toEqual(LET_IN)
      expect(judge(credentials, basic(`other:${OTHER}`))).toEqual(LET_IN)
      expect(judge(credentials, basic(`device:${OTHER}`))).toEqual({ is: 'refused', reason: 'wrong password' })
    }
  })

  it('may have a password with colons and hashes, and two passwords of one user while they are changed', () => {
    const credentials = credentialsOf('basic', `a:b:c#d e:${PASSWORD}\na:${OTHER}`)
    expect(judge(credentials, basic(`a:b:c#d e:${PASSWORD}`))).toEqual(LET_IN)
    expect(judge(credentials, basic(`a:${OTHER}`))).toEqual(LET_IN)
    expect(judge(credentials, basic(`a:${PASSWORD}`))).toMatchObject({ reason: 'wrong password' })
  })

  it('holds a token a line for bearer', () => {
    const credentials = credentialsOf('bearer', `# tokens\n${TOKEN}\n${OTHER}\n`)
    expect(judge(credentials, `Bearer ${TOKEN}`)).toEqual(LET_IN)
    expect(judge(credentials, `bearer  ${OTHER}`)).toEqual(LET_IN)
    expect(judge(credentials, `Bearer ${PASSWORD}`)).toEqual({ is: 'refused', reason: 'unknown token' })
    expect(judge(credentials, 'Bearer ')).toEqual({ is: 'refused', reason: 'unknown token' })
  })

  it.each([
    ['', 'holds no credentials'],
    ['# nothing\n\n', 'holds no credentials'],
    [`device ${PASSWORD}`, 'line 1 has no colon'],
    [`a:${PASSWORD}\n\n:${PASSWORD}`, 'line 3 has no user'],
    ['a:', 'line 1 has a password of 0 characters, and 16 are the least'],
    ['a:secret', 'line 1 has a password of 6 characters'],
    [`a:${PASSWORD}\u0007`, 'line 1 holds a control character']
  ])('is refused as %j, for it %s', (text, complaint) => {
    expect(complaintOf('basic', text)).toContain(complaint)
    expect(complaintOf('digest', text)).toContain(complaint)
  })

  it('is refused with a token that is short, or no token', () => {
    expect(complaintOf('bearer', 'short')).toContain('line 1 has a token of 5 characters')
    expect(complaintOf('bearer', `${TOKEN}\nuser:${PASSWORD}`)).toContain(
      'line 2 holds a character that no token may have'
    )
  })

  // esp_http_client writes the name between quotes as it is.
  it('is refused for digest with a user that cannot stand between quotes', () => {
    expect(complaintOf('digest', `a"b:${PASSWORD}`)).toContain('line 1 has a user with a quote')
    expect(complaintOf('basic', `a"b:${PASSWORD}`)).toBe('none')
  })

  it('is never quoted in what is said of it', () => {
    const secret = fc
      .string({ minLength: 6, maxLength: 12 })
      .filter(text => /^\w+$/.test(text) && !/^[a-z]+$/.test(text))
    fc.assert(
      fc.property(secret, fc.constantFrom<AuthScheme>('basic', 'digest', 'bearer'), (text, scheme) => {
        for (const file of [text, `${text}:${text}`, `:${text}`, `${text} ${text}`])
          expect(complaintOf(scheme, file)).not.toContain(text)
      })
    )
  })

  it('is kept as proofs that nobody can read a secret from', () => {
    for (const scheme of ['basic', 'digest', 'bearer'] as const) {
      const { proofs } = credentialsOf(scheme, scheme === 'bearer' ? PASSWORD : `device:${PASSWORD}`)
      const kept = Buffer.concat([...proofs.values()].flat())
      expect(kept.includes(PASSWORD)).toBe(false)
    }
  })

  it('never throws, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom<AuthScheme>('basic', 'digest', 'bearer'),
        (text, scheme) => {
          readCredentials(scheme, text)
        }
      )
    )
  })
})

describe('basic credentials', () => {
  const credentials = credentialsOf('basic', `device:${PASSWORD}\nJäsøn:пароль-пароль-пароль`)

  it('are UTF-8 (RFC 7617), composed or not', () => {
    expect(judge(credentials, basic('Jäsøn:пароль-пароль-пароль'))).toEqual(LET_IN)
    expect(judge(credentials, basic('Jäsøn:пароль-пароль-пароль'.normalize('NFD')))).toEqual(LET_IN)
  })

  it.each([
    [undefined, { is: 'asked', reason: 'no credentials', isStale: false }],
    [basic(`nobody:${PASSWORD}`), { is: 'refused', reason: 'unknown user' }],
    [basic(`:${PASSWORD}`), { is: 'refused', reason: 'unknown user' }],
    [basic('device:'), { is: 'refused', reason: 'wrong password' }],
    [basic(`device:${PASSWORD} `), { is: 'refused', reason: 'wrong password' }],
    [basic(`device:${PASSWORD}\0`), { is: 'refused', reason: 'wrong password' }],
    [basic('device'), { is: 'refused', reason: 'unreadable credentials' }],
    ['Basic', { is: 'refused', reason: 'unreadable credentials' }],
    ['Basic !!!', { is: 'refused', reason: 'unreadable credentials' }],
    ['', { is: 'refused', reason: 'unreadable credentials' }],
    ['Digest a=b', { is: 'asked', reason: 'other scheme: it sent Digest', isStale: false }],
    [`${'x'.repeat(500)} a`, { is: 'asked', reason: `other scheme: it sent ${'x'.repeat(20)}`, isStale: false }]
  ])('%j are judged %j', (authorization, judgement) => {
    expect(judge(credentials, authorization)).toEqual(judgement)
  })

  it('are asked for with one challenge that says UTF-8', () => {
    expect(challengeOf('basic', nonces, 'x', judge(credentials, undefined), NOW)).toBe(
      'Basic realm="otad", charset="UTF-8"'
    )
  })
})

interface Signing {
  readonly user?: string
  readonly password?: string
  readonly method?: string
  readonly uri?: string
  readonly nonce?: string
  readonly realm?: string
}

function signed({
  user = 'device',
  password = PASSWORD,
  method = 'GET',
  uri = '/a.bin',
  nonce = nonces.make(NOW),
  realm = 'otad'
}: Signing = {}): string {
  const response = responseOf(secretOf(user, 'otad', password), { method, uri, nonce, nc: '00000001', cnonce: 'c' })
  return `Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}", qop=auth, nc=00000001, cnonce="c"`
}

describe('digest credentials', () => {
  const credentials = credentialsOf('digest', `device:${PASSWORD}\nother:${OTHER}`)
  const stale = (reason: string) => ({ is: 'asked', reason, isStale: true })

  it('let in who knows the password, for the address that was signed', () => {
    expect(judge(credentials, signed())).toEqual(LET_IN)
    expect(judge(credentials, signed({ user: 'other', password: OTHER }))).toEqual(LET_IN)
    expect(judge(credentials, signed({ uri: '/a.bin?id=1' }), { target: '/a.bin?id=1' })).toEqual(LET_IN)
    expect(judge(credentials, signed(), { target: 'https://10.0.0.5:8070/a.bin' })).toEqual(LET_IN)
  })

  // esp_http_client of ESP-IDF 4 signs connection_info.path, which has no query.
  it('may leave the query out of what they sign', () => {
    expect(judge(credentials, signed(), { target: '/a.bin?id=1' })).toEqual(LET_IN)
  })

  it('do not let in for another address', () => {
    for (const uri of ['/b.bin', '/a.bin/', '/a.bin?x', '/', ''])
      expect(judge(credentials, signed({ uri })), uri).toEqual({
        is: 'refused',
        reason: 'credentials for another address'
      })
  })

  it('are asked for anew when the nonce is old, or of a process that is gone', () => {
    const old = nonces.make(NOW - NONCE_MS - 1)
    expect(judge(credentials, signed({ nonce: old }))).toEqual(stale('stale nonce'))
    expect(judge(credentials, signed({ nonce: new Nonces(randomBytes(32)).make(NOW) }))).toEqual(stale('stale nonce'))
    expect(judge(credentials, signed({ nonce: 'made up' }))).toEqual(stale('stale nonce'))
  })

  // It goes on from HEAD to GET with the method that it was challenged for (clients.md 5.6).
  it('are asked for anew when they are signed for HEAD and sent with GET', () => {
    expect(judge(credentials, signed({ method: 'HEAD' }))).toEqual(stale('signed for another method'))
    expect(judge(credentials, signed({ method: 'POST' }))).toEqual({ is: 'refused', reason: 'wrong password' })
  })

  it('are refused with a wrong password, user or realm, be the nonce good or not', () => {
    expect(judge(credentials, signed({ password: OTHER }))).toEqual({ is: 'refused', reason: 'wrong password' })
    expect(judge(credentials, signed({ password: OTHER, nonce: 'x' }))).toEqual({
      is: 'refused',
      reason: 'wrong password'
    })
    expect(judge(credentials, signed({ user: 'nobody' }))).toEqual({ is: 'refused', reason: 'unknown user' })
    expect(judge(credentials, signed({ realm: 'other' }))).toEqual({ is: 'refused', reason: 'unreadable credentials' })
    expect(judge(credentials, 'Digest')).toEqual({ is: 'refused', reason: 'unreadable credentials' })
  })

  it('are asked for as esp_http_client reads it: the algorithm bare and before a comma, one qop, one nonce', () => {
    const challenge = challengeOf('digest', nonces, '0123', judge(credentials, undefined), NOW)
    expect(challenge).toMatch(/^Digest realm="otad", qop="auth", algorithm=MD5, nonce="[\w-]{30}", opaque="0123"$/)
    const again = challengeOf('digest', nonces, '0123', judge(credentials, signed({ nonce: 'x' })), NOW)
    expect(again).toMatch(
      /^Digest realm="otad", qop="auth", algorithm=MD5, stale=true, nonce="[\w-]{30}", opaque="0123"$/
    )
  })
})

describe('a bearer challenge', () => {
  it('says whether there was a token (RFC 6750, 3)', () => {
    const credentials = credentialsOf('bearer', TOKEN)
    expect(challengeOf('bearer', nonces, '', judge(credentials, undefined), NOW)).toBe('Bearer realm="otad"')
    expect(challengeOf('bearer', nonces, '', judge(credentials, 'Bearer x'), NOW)).toBe(
      'Bearer realm="otad", error="invalid_token"'
    )
  })
})

describe('whatever stands in Authorization', () => {
  const all = [
    credentialsOf('basic', `device:${PASSWORD}`),
    credentialsOf('digest', `device:${PASSWORD}`),
    credentialsOf('bearer', TOKEN)
  ]

  it('lets nobody in by accident, and never throws', () => {
    const field = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .tuple(fc.constantFrom('Basic ', 'Digest ', 'Bearer ', 'basic', 'DIGEST\t'), fc.string({ unit: 'binary' }))
        .map(all => all.join('')),
      fc.base64String().map(text => `Basic ${text}`),
      fc.tuple(fc.string(), fc.string()).map(([name, value]) => `Digest ${signed()}, ${name}="${value}"`)
    )
    fc.assert(
      fc.property(field, fc.string(), fc.string(), (authorization, method, target) => {
        for (const credentials of all)
          expect(judge(credentials, authorization, { method, target }).is).not.toBe('let-in')
      }),
      { numRuns: 1_000 }
    )
  })

  it('is judged in no time, however long it is', () => {
    const startedAt = performance.now()
    for (const scheme of ['Basic', 'Digest', 'Bearer'])
      for (const long of ['A', '=', ' ', ',', '"', '\\', 'a="', ':'])
        for (const credentials of all) judge(credentials, `${scheme} ${long.repeat(15_000)}`)
    expect(performance.now() - startedAt).toBeLessThan(2_000)
  })
})

it('asks for 16 characters at the least (reliability.md, Authentication and keys)', () => {
  expect(SHORTEST_SECRET).toBe(16)
})
