/**
 * What a failed handshake means, by the code that Node gives it: the alert a device sends names its complaint exactly,
 * while the device itself prints a number (clients.md 15.6).
 */
const CAUSES: Readonly<Record<string, string>> = {
  ALERT_BAD_CERTIFICATE: 'the host in its URL is not in our certificate. Add it with --names',
  ALERT_UNKNOWN_CA: 'it trusts another CA. Rebuild it with certs/ca_cert.pem',
  ALERT_ACCESS_DENIED: 'it uses the certificate bundle, and our CA is not in it. Add certs/ca_cert.pem to the bundle',
  ALERT_UNSUPPORTED_CERTIFICATE: 'it cannot use a certificate of our kind. Try --key-type rsa with a new CA',
  ALERT_CERTIFICATE_EXPIRED: 'it takes our certificate for expired. Set its clock',
  ALERT_CERTIFICATE_UNKNOWN: 'it does not like our certificate. Rebuild it with certs/ca_cert.pem',
  ERR_SSL_NO_SHARED_CIPHER: 'it knows none of our ciphers. Try --key-type rsa with a new CA',
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: 'it cannot verify signatures of our kind. Try --key-type rsa with a new CA',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it speaks TLS 1.1 or older. Enable TLS 1.2 in its firmware',
  ERR_SSL_HTTP_REQUEST: 'it spoke plain HTTP. Its URL has to begin with https://',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'it did not finish within 10 s',
  ECONNRESET: 'it hung up in the middle: out of memory, restarted, or only looking whether the port is open'
}

/** OpenSSL 3.0 and 3.5 (Node 20 and 24) put another version before the name of the same alert. */
const ALERT = /^ERR_SSL_(SSLV3|TLSV1|TLSV13|SSL\/TLS)_(?=ALERT_)/

/** The cause in words, with the one thing to do. */
export function explainHandshake(code: string): string {
  return CAUSES[code.replace(ALERT, '')] ?? `TLS failed (${code})`
}
