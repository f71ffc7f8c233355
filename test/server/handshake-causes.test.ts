// Each failure in the words of the one who has to mend it. Codes are those that Node gives (clients.md 15.6); which fault really ends in which
// code is shown with real clients in test/stories/a-failed-handshake-says-why.test.ts.
import { describe, expect, it } from 'vitest'
import type { ClientHello } from '../../src/server/client-hello.js'
import {
  explainHandshake,
  type FailedHandshake,
  OWN_CODES,
  type ShownCertificate
} from '../../src/server/handshake-causes.js'

const NOW = new Date('2026-06-15T12:00:00Z')
const HELLO: ClientHello = {
  maxVersion: 0x0303,
  cipherSuites: [0xc02b, 0xc02f],
  servername: '192.168.1.8',
  maxFragmentLength: undefined,
  groups: [23]
}
const SHOWN: ShownCertificate = {
  source: 'ca',
  coversName: true,
  coversAddress: false,
  validFrom: new Date('2026-06-01T00:00:00Z'),
  validTo: new Date('2027-06-01T00:00:00Z'),
  keyType: 'ec',
  anchorFile: 'certs/ca_cert.pem'
}
const OWN: ShownCertificate = { ...SHOWN, source: 'own', anchorFile: undefined }
const EXPIRED = { validFrom: new Date('2025-01-01T00:00:00Z'), validTo: new Date('2026-01-01T00:00:00Z') }
const EARLY = { validFrom: new Date('2026-07-01T00:00:00Z'), validTo: new Date('2027-07-01T00:00:00Z') }

interface Circumstances {
  readonly shown?: Partial<ShownCertificate>
  readonly hello?: Partial<ClientHello> | undefined
  readonly servername?: string | undefined
}

function explain(code: string, { shown = {}, ...failed }: Circumstances = {}) {
  const all: FailedHandshake = {
    device: '192.168.1.77',
    servername: 'servername' in failed ? failed.servername : HELLO.servername,
    code,
    hello: 'hello' in failed && failed.hello === undefined ? undefined : { ...HELLO, ...failed.hello }
  }
  return explainHandshake(all, { ...SHOWN, ...shown }, NOW)
}

const BAD_CERTIFICATE = 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE'
const UNKNOWN_CA = 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'
const EXPIRED_ALERT = 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED'
const UNKNOWN = 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN'
const NO_CIPHER = 'ERR_SSL_NO_SHARED_CIPHER'
const PROTOCOL = 'ERR_SSL_UNSUPPORTED_PROTOCOL'

/** Every fault that can be told from the others, with a word of its cause and of what to do. */
const FAULTS: readonly (readonly [fault: string, code: string, Circumstances, cause: RegExp, fix: RegExp])[] = [
  ['silence', OWN_CODES.silent, {}, /sent nothing for 10 s/, /Wi-Fi and firewall/],
  ['a hang-up without a word', OWN_CODES.unheard, {}, /port is open, or .*cannot read/, /ca_cert\.pem/],
  ['another protocol', OWN_CODES.notTls, {}, /neither TLS nor HTTP/, /which program/],
  ['a hang-up in the middle', OWN_CODES.closed, {}, /closed .* middle/, /serial log/],
  ['a reset in the middle', 'ECONNRESET', {}, /reset .* middle.*memory/, /40 KiB/],
  ['small records', OWN_CODES.closed, { hello: { maxFragmentLength: 512 } }, /512 bytes/, /1024/],
  ['a stop in the middle', 'ERR_TLS_HANDSHAKE_TIMEOUT', {}, /stopped answering/, /power/],
  ['plain HTTP', 'ERR_SSL_HTTP_REQUEST', {}, /plain HTTP/, /https:\/\//],
  ['TLS 1.0', PROTOCOL, { hello: { maxVersion: 0x0301 } }, /TLS 1\.0 at most/, /TLS 1\.2/],
  ['TLS 1.1', PROTOCOL, { hello: { maxVersion: 0x0302 } }, /TLS 1\.1 at most/, /TLS 1\.2/],
  ['SSL 3.0', PROTOCOL, { hello: { maxVersion: 0x0300 } }, /SSL 3\.0 at most/, /TLS 1\.2/],
  ['an old version, which', PROTOCOL, { hello: undefined }, /TLS 1\.1 or older/, /TLS 1\.2/],
  ['RSA alone', NO_CIPHER, { hello: { cipherSuites: [0xc02f] } }, /RSA keys only, ours is EC/, /--key-type rsa/],
  [
    'EC alone',
    NO_CIPHER,
    { hello: { cipherSuites: [0xc02b] }, shown: { keyType: 'rsa' } },
    /EC keys only, ours is RSA/,
    /--key-type ec/
  ],
  ['no AEAD', NO_CIPHER, { hello: { cipherSuites: [0xc023, 0x002f] } }, /none of our ciphers/, /GCM/],
  ['no curve', NO_CIPHER, { hello: { groups: [26] } }, /none of our curves/, /SECP256R1/],
  ['no signature', 'ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM', {}, /signatures of EC/, /--key-type rsa/],
  ['another name', BAD_CERTIFICATE, { shown: { coversName: false } }, /192\.168\.1\.8, is not in/, /--names 192/],
  ['a name unsaid', BAD_CERTIFICATE, { servername: undefined }, /not in .*or its clock.*no SNI/, /--names.*clock/],
  ['a slow clock', BAD_CERTIFICATE, {}, /its clock is before 2026-06-01/, /SNTP/],
  ['not valid yet', BAD_CERTIFICATE, { shown: EARLY }, /not valid before 2026-07-01/, /clock of this machine/],
  ['not valid yet, in mbedTLS', UNKNOWN, { shown: EARLY }, /begins on 2026-07-01/, /clock of this machine/],
  ['unknown', UNKNOWN, {}, /does not say why.*browser.*2026-06-01/, /browser.*SNTP/],
  ['an expired certificate', EXPIRED_ALERT, { shown: EXPIRED }, /ended on 2026-01-01/, /clock of this machine/],
  ['a fast clock', EXPIRED_ALERT, {}, /good until 2027-06-01: its clock is ahead/, /SNTP/],
  ['another CA', UNKNOWN_CA, {}, /trusts another CA/, /Rebuild .*ca_cert\.pem/],
  ['another certificate', UNKNOWN_CA, { shown: { source: 'self-signed' } }, /another certificate/, /Rebuild/],
  ['the bundle', 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED', {}, /bundle/, /embed it/],
  ['the kind', 'ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE', {}, /this kind/, /--key-type rsa/],
  ['a revocation', 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED', {}, /revoked/, /revocation list/],
  ['an internal error', 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', {}, /internal error/, /40 KiB/],
  ['a signature', 'ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR', {}, /verify our signature/, /hardware acceleration/],
  ['a message', 'ERR_SSL_TLSV1_ALERT_DECODE_ERROR', {}, /could not read a message/, /serial log/],
  ['a choice', 'ERR_SSL_SSLV3_ALERT_ILLEGAL_PARAMETER', {}, /what we chose/, /TLS 1\.3/],
  ['our version', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', {}, /version of TLS that we chose/, /TLS 1\.2/],
  ['no agreement', 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', {}, /nothing to agree on/, /GCM/],
  ['something new', 'ERR_SSL_SOMETHING_NEW', {}, /ERR_SSL_SOMETHING_NEW/, /serial log/]
]

describe('a failed handshake', () => {
  it.each(FAULTS)(
    'by %s (%s) has a cause of its own and one thing to do',
    (_fault, code, circumstances, cause, fix) => {
      const found = explain(code, circumstances)
      expect(found.cause).toMatch(cause)
      expect(found.fix).toMatch(fix)
    }
  )

  it('is never explained by the words of another', () => {
    const causes = FAULTS.map(([, code, circumstances]) => explain(code, circumstances).cause)
    expect(new Set(causes).size).toBe(FAULTS.length)
  })

  it('is told in words that follow "handshake failed:" and stand before a full stop', () => {
    for (const [fault, code, circumstances] of FAULTS) {
      const { cause, fix } = explain(code, circumstances)
      expect(cause, fault).toMatch(/^(it|the|TLS) .*[^.]$/)
      expect(fix, fault).toMatch(/^[A-Z].*[^.]$/)
    }
  })

  it.each(['SSLV3', 'TLSV1', 'TLSV13', 'SSL/TLS'])(
    'is known by its alert, whatever OpenSSL puts before it: %s',
    prefix => {
      expect(explain(`ERR_SSL_${prefix}_ALERT_UNKNOWN_CA`).cause).toBe('it trusts another CA')
    }
  )
})

describe('with a certificate of the operator', () => {
  it('the fix is not what otad does with its own', () => {
    const own = { shown: OWN }
    expect(explain(UNKNOWN_CA, own).fix).toContain('the root of your certificate')
    expect(explain(BAD_CERTIFICATE, { shown: { ...OWN, coversName: false } }).fix).not.toContain('--names')
    expect(explain(NO_CIPHER, { ...own, hello: { cipherSuites: [0xc02f] } }).fix).toBe(
      'Use a certificate with an RSA key'
    )
    expect(explain(EXPIRED_ALERT, { shown: { ...OWN, ...EXPIRED } }).fix).toContain('Renew it')
  })

  it('is named by its file where that is known', () => {
    expect(explain(UNKNOWN_CA, { shown: { ...OWN, anchorFile: '/etc/ota/root.pem' } }).fix).toContain(
      '/etc/ota/root.pem'
    )
  })
})

describe('no shared cipher', () => {
  // A client of TLS 1.3 that has RSA suites besides knows EC keys: its suites there say nothing of keys.
  it('is not laid on RSA where the client has TLS 1.3', () => {
    const hello = { maxVersion: 0x0304, cipherSuites: [0x1301, 0xc02f] }
    expect(explain(NO_CIPHER, { hello }).cause).not.toContain('RSA keys only')
  })
})
