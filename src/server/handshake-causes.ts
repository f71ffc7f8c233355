import type { ClientHello } from './client-hello.js'

/** A handshake that came to nothing. */
export interface FailedHandshake {
  /** Address of the other end, noted when the connection opened: it is gone when the failure is known. */
  readonly device: string
  /** The name that it asked for (SNI), or the host of a request without TLS. */
  readonly servername: string | undefined
  /** Node's code, or one of `OWN_CODES`. */
  readonly code: string
  readonly hello: ClientHello | undefined
}

/** Failures that TLS has no code for, since it never came to TLS. */
export const OWN_CODES = {
  silent: 'SILENT',
  unheard: 'CLOSED_UNHEARD',
  notTls: 'NOT_TLS',
  /** On the port that answers without it. */
  tlsOnPlain: 'TLS_ON_PLAIN',
  /** It hung up in the middle, with a FIN; a reset is Node's ECONNRESET. */
  closed: 'CLOSED'
} as const

/** What the one who failed was shown. */
export interface ShownCertificate {
  /** A leaf under otad's own CA, one certificate that is its own anchor, or the operator's. */
  readonly source: 'ca' | 'self-signed' | 'own'
  /** Whether it was good for the name that was asked for. */
  readonly coversName: boolean
  /** Whether that name is an address and stands in it as one; old devices look for its text. */
  readonly coversAddress: boolean
  readonly validFrom: Date
  readonly validTo: Date
  readonly keyType: 'ec' | 'rsa'
  /** File of the certificate to embed; undefined when only the operator knows. */
  readonly anchorFile: string | undefined
}

/** Why a handshake failed, in words that follow "handshake failed:", and the one thing to do. */
export interface HandshakeVerdict {
  readonly cause: string
  readonly fix: string
}

type Explain = (failed: FailedHandshake, shown: ShownCertificate, now: Date) => HandshakeVerdict

const verdict = (cause: string, fix: string): HandshakeVerdict => ({ cause, fix })
const always =
  (cause: string, fix: string): Explain =>
  () =>
    verdict(cause, fix)
const dayOf = (date: Date): string => date.toISOString().slice(0, 10)
const anchor = ({ anchorFile }: ShownCertificate): string => anchorFile ?? 'the root of your certificate'

/**
 * What a failure means, by the code that Node gives it: the alert a device sends names its complaint exactly, while the device itself
 * prints a number (clients.md 15.6; mbedTLS, library/ssl_tls.c: ssl_parse_certificate_verify chooses the alert).
 */
const CAUSES: Readonly<Record<string, Explain>> = {
  [OWN_CODES.silent]: always(
    'it connected and then sent nothing for 10 s',
    'Is it a TLS client at all? If it is the device, its packets do not come through: check Wi-Fi and firewall'
  ),
  [OWN_CODES.unheard]: (_failed, shown) =>
    verdict(
      'it connected and hung up without a word: somebody looked whether the port is open, or the device cannot read the certificate that is embedded in it',
      `In the second case embed ${anchor(shown)} as it is, PEM with its last line end`
    ),
  [OWN_CODES.notTls]: always(
    'it sent something that is neither TLS nor HTTP',
    'Find out which program was given this port'
  ),
  [OWN_CODES.tlsOnPlain]: always(
    'it spoke TLS to the port that answers without',
    'Its URL has to name the HTTPS port, or to begin with http://'
  ),
  [OWN_CODES.closed]: (failed, shown) =>
    smallFragment(failed, shown) ??
    verdict(
      'it closed the connection in the middle of the handshake without saying why: it gave up waiting, or ran out of memory',
      'Look at its serial log for the mbedTLS error; free heap before the update, or raise its timeout'
    ),
  ECONNRESET: always(
    'it reset the connection in the middle of the handshake: out of memory, a watchdog, or a restart',
    'Look at its serial log; free heap before the update, it needs about 40 KiB for TLS'
  ),
  ERR_TLS_HANDSHAKE_TIMEOUT: always(
    'it began the handshake and then stopped answering for 10 s',
    'Check its power and Wi-Fi, and its serial log for a crash'
  ),
  ERR_SSL_HTTP_REQUEST: always('it spoke plain HTTP to the HTTPS port', 'Its URL has to begin with https://'),
  ERR_SSL_UNSUPPORTED_PROTOCOL: ({ hello }) =>
    verdict(
      `it speaks ${nameOfVersion(hello?.maxVersion)} at most`,
      'Enable TLS 1.2 in its firmware (CONFIG_MBEDTLS_SSL_PROTO_TLS1_2)'
    ),
  ERR_SSL_NO_SHARED_CIPHER: explainCiphers,
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: (_failed, shown) =>
    verdict(`it cannot verify signatures of ${spokenKey(shown)} keys`, otherKey(shown)),
  ERR_SSL_NO_SHARED_GROUPS: () => NO_CURVE,
  ERR_SSL_NO_SUITABLE_KEY_SHARE: () => NO_CURVE,
  ALERT_BAD_CERTIFICATE: explainBadCertificate,
  ALERT_UNKNOWN_CA: (_failed, shown) =>
    shown.source === 'self-signed'
      ? verdict('it trusts another certificate', `Rebuild it with ${anchor(shown)}`)
      : verdict('it trusts another CA', `Rebuild it with ${anchor(shown)}`),
  ALERT_ACCESS_DENIED: (_failed, shown) =>
    verdict(
      'it uses the certificate bundle, and our CA is not in it',
      `Add ${anchor(shown)} to the bundle, or embed it and switch the bundle off`
    ),
  ALERT_UNSUPPORTED_CERTIFICATE: (_failed, shown) =>
    verdict(
      `it cannot use a certificate of this kind (${spokenKey(shown)} key, for a server)`,
      shown.source === 'own'
        ? 'Your certificate needs serverAuth, digitalSignature, and RSA with 2048 bits or more, or P-256'
        : otherKey(shown)
    ),
  ALERT_CERTIFICATE_EXPIRED: (_failed, shown, now) =>
    shown.validTo < now
      ? verdict(`the certificate ended on ${dayOf(shown.validTo)}`, renewal(shown))
      : verdict(
          `it takes the certificate for expired, though that is good until ${dayOf(shown.validTo)}: its clock is ahead`,
          'Set its clock (SNTP) before the update'
        ),
  ALERT_CERTIFICATE_UNKNOWN: (_failed, shown, now) =>
    shown.validFrom > now
      ? verdict(`the certificate begins on ${dayOf(shown.validFrom)} only`, renewal(shown))
      : verdict(
          `it does not accept the certificate and does not say why: a browser without our CA does that, and a device whose clock is before ${dayOf(shown.validFrom)}`,
          `Import ${anchor(shown)} into the browser; set the clock of the device (SNTP) before the update`
        ),
  ALERT_CERTIFICATE_REVOKED: always(
    'it takes the certificate for revoked',
    'Check the revocation list in its firmware'
  ),
  ALERT_INTERNAL_ERROR: always(
    'it gave up with an internal error, mostly for want of memory',
    'Look at its serial log; free heap before the update, it needs about 40 KiB for TLS'
  ),
  ALERT_DECRYPT_ERROR: always(
    'it could not verify our signature: a fault of its crypto hardware or of its memory',
    'Look at its serial log; try with hardware acceleration off (CONFIG_MBEDTLS_HARDWARE_…)'
  ),
  ALERT_DECODE_ERROR: (failed, shown) =>
    smallFragment(failed, shown) ??
    verdict('it could not read a message of ours', 'Look at its serial log for the mbedTLS error and report it'),
  ALERT_ILLEGAL_PARAMETER: (failed, shown) =>
    smallFragment(failed, shown) ??
    verdict(
      'it does not accept what we chose (under TLS 1.3 with max_fragment_length mbedTLS does that)',
      'Leave TLS 1.3 or max_fragment_length off in its firmware'
    ),
  ALERT_PROTOCOL_VERSION: always(
    'it does not accept the version of TLS that we chose',
    'Enable TLS 1.2 in its firmware (CONFIG_MBEDTLS_SSL_PROTO_TLS1_2)'
  ),
  ALERT_HANDSHAKE_FAILURE: always(
    'it found nothing to agree on: cipher, curve or signature',
    'Enable ECDHE and AES-GCM in its firmware'
  ),
  // OpenSSL leaves the word out of this one's name.
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: always('it complained of the name in the handshake', 'Check the host in its URL')
}

/** OpenSSL 3.0 and 3.5 (Node 20 and 24) put another version before the name of the same alert. */
const ALERT = /^ERR_SSL_(SSLV3|TLSV1|TLSV13|SSL\/TLS)_(?=ALERT_)/

/** `unknown_ca`, `closed_unheard`: what to count a failure under. One of a few, whatever the other end does. */
export function handshakeCauseOf(code: string): string {
  const known = code.replace(ALERT, '')
  return Object.hasOwn(CAUSES, known) ? known.toLowerCase().replace(/^(alert|err_ssl|err_tls)_/, '') : 'other'
}

/** The cause in words, and the one thing to do. */
export function explainHandshake(failed: FailedHandshake, shown: ShownCertificate, now: Date): HandshakeVerdict {
  const explain = CAUSES[failed.code.replace(ALERT, '')]
  if (explain !== undefined) return explain(failed, shown, now)
  if (failed.hello === undefined && failed.code.startsWith('ERR_SSL_')) return NO_HANDSHAKE
  return verdict(`TLS failed (${failed.code})`, 'Look at its serial log')
}

/** The name check wins over all others in mbedTLS; OpenSSL says the same of a certificate that is not valid yet. */
function explainBadCertificate({ servername }: FailedHandshake, shown: ShownCertificate, now: Date): HandshakeVerdict {
  if (shown.validFrom > now)
    return verdict(`the certificate is not valid before ${dayOf(shown.validFrom)}`, renewal(shown))
  if (servername === undefined)
    return verdict(
      'the host in its URL is not in the certificate, or its clock is behind: it did not say which host it wants (no SNI)',
      'Add the host with --names, or set the clock of the device'
    )
  if (shown.coversAddress && !shown.coversName)
    return verdict(
      `the host in its URL, ${servername}, is in the certificate as an IP address only, which mbedTLS before 3.5 (ESP-IDF before 5.1.2) cannot read`,
      `Have ${servername} put into the certificate as a DNS name too, or use a host name in the URL`
    )
  if (!shown.coversName)
    return verdict(
      `the host in its URL, ${servername}, is not in the certificate`,
      shown.source === 'ca' ? `Add it: --names ${servername}` : 'Use a host in the URL that the certificate is good for'
    )
  return verdict(
    `it refuses the certificate, which is good for ${servername}: its clock is before ${dayOf(shown.validFrom)}`,
    'Set its clock (SNTP) before the update'
  )
}

const NO_CURVE = verdict(
  'it knows none of our curves (X25519, P-256, P-384, P-521)',
  'Enable CONFIG_MBEDTLS_ECP_DP_SECP256R1_ENABLED in its firmware'
)
const NO_CURVE_OF_KEY = verdict(
  'it knows our ciphers, but not P-256, the curve of our key',
  'Enable CONFIG_MBEDTLS_ECP_DP_SECP256R1_ENABLED in its firmware'
)
const NO_HANDSHAKE = verdict(
  'it began as TLS does and went on with something else',
  'Find out which program was given this port'
)
/** X25519, P-256, P-384 and P-521 (RFC 8446, 4.2.7). */
const OUR_GROUPS: readonly number[] = [29, 23, 24, 25]

/** Suites that we speak, by what the key of the server has to be (RFC 5289, RFC 7905). */
const SUITES = { ec: [0xc02b, 0xc02c, 0xcca9], rsa: [0xc02f, 0xc030, 0xcca8] } as const
const TLS13_SUITES = [0x1301, 0x1302, 0x1303]

function explainCiphers({ hello }: FailedHandshake, shown: ShownCertificate): HandshakeVerdict {
  const offers = (suites: readonly number[]): boolean => suites.some(suite => hello?.cipherSuites.includes(suite))
  const other = shown.keyType === 'ec' ? 'rsa' : 'ec'
  if (offers(SUITES[other]) && !offers([...SUITES[shown.keyType], ...TLS13_SUITES]))
    return verdict(
      `it knows ciphers for ${other === 'ec' ? 'EC' : 'RSA'} keys only, ours is ${spokenKey(shown)}`,
      otherKey(shown)
    )
  if (offers(SUITES[shown.keyType])) {
    const isShared = hello?.groups?.some(group => OUR_GROUPS.includes(group)) ?? true
    return isShared && shown.keyType === 'ec' ? NO_CURVE_OF_KEY : NO_CURVE
  }
  return verdict(
    'it knows none of our ciphers, which are ECDHE with AES-GCM or ChaCha20-Poly1305',
    'Enable CONFIG_MBEDTLS_GCM_C and ECDHE in its firmware'
  )
}

/** mbedTLS before 3.6.3 cannot put a handshake message together from several records, and our certificate does not fit one of 512. */
function smallFragment({ hello }: FailedHandshake, _shown: ShownCertificate): HandshakeVerdict | undefined {
  if (hello?.maxFragmentLength !== 512) return undefined
  return verdict(
    'it asked for records of 512 bytes, which the certificate does not fit into',
    'Let it ask for a max_fragment_length of 1024 or more'
  )
}

const spokenKey = ({ keyType }: ShownCertificate): string => (keyType === 'ec' ? 'EC' : 'RSA')

function otherKey({ source, keyType }: ShownCertificate): string {
  const other = keyType === 'ec' ? 'rsa' : 'ec'
  if (source === 'own') return `Use a certificate with ${other === 'ec' ? 'an EC' : 'an RSA'} key`
  return `Make a CA of the other kind: otad cert --new-ca --key-type ${other}; every device has to be flashed with it`
}

function renewal({ source }: ShownCertificate): string {
  if (source === 'own') return 'Renew it: otad takes the new file by itself'
  return source === 'ca'
    ? 'Check the clock of this machine; otad cert --renew makes a new one'
    : 'Check the clock of this machine'
}

function nameOfVersion(version: number | undefined): string {
  switch (version) {
    case 0x0300:
      return 'SSL 3.0'
    case 0x0301:
      return 'TLS 1.0'
    case 0x0302:
      return 'TLS 1.1'
    default:
      return 'TLS 1.1 or older'
  }
}
