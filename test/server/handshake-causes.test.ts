import { describe, expect, it } from 'vitest'
import { explainHandshake } from '../../src/server/handshake-causes.js'

describe('a failed handshake', () => {
  it.each([
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'not in our certificate'],
    ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', 'not in our certificate'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'trusts another CA'],
    ['ERR_SSL_HTTP_REQUEST', 'plain HTTP'],
    ['ECONNRESET', 'hung up in the middle'],
    ['ERR_SSL_SOMETHING_NEW', 'ERR_SSL_SOMETHING_NEW']
  ])('with %s says "%s"', (code, words) => {
    expect(explainHandshake(code)).toContain(words)
  })
})
