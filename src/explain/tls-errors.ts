/**
 * mbedTLS errors by value, negated: ssl.h, x509.h, pk.h, pem.h, net_sockets.h of 2.28 and 3.6; negated PSA status values, which
 * mbedTLS 4 (ESP-IDF 6) prints as they are.
 */
const HIGH: Readonly<Record<number, string>> = {
  4224: 'no PEM header or footer',
  8320: 'an algorithm that is not built in',
  8448: 'an unknown object identifier',
  8576: 'the format of the certificate is wrong, mostly no PEM at all',
  8704: 'a wrong version',
  8832: 'a wrong serial number',
  8960: 'an algorithm that cannot be read',
  9088: 'a name that cannot be read',
  9216: 'a date that cannot be read',
  9344: 'a signature that cannot be read',
  9472: 'an extension that cannot be read',
  9600: 'an unknown version',
  9728: 'an unknown signature algorithm',
  9856: 'two signature algorithms that differ',
  9984: 'the certificate was not accepted',
  10112: 'a format that is neither DER nor PEM',
  10240: 'bad input',
  10368: 'out of memory',
  10496: 'a file could not be read',
  12288: 'a fatal error while the certificate was verified: the certificate bundle does not know its issuer',
  15616: 'a key that cannot be read',
  16256: 'out of memory',
  19840: 'out of memory',
  19968: 'a wrong signature',
  24832: 'no cipher that both know',
  26624: 'it took too long',
  28800: 'something that is not built in; mostly a handshake message in several records',
  28928: 'bad input: mostly a record that is larger than the input buffer',
  29056: 'a wrong message authentication code',
  29184: 'a record that makes no sense',
  29312: 'the other end closed the connection',
  30592: 'the server sent a fatal alert',
  30848: 'the other end said goodbye',
  31232: 'the certificate message, or the use that the certificate is for',
  32512: 'out of memory'
}

/** Values that meant something else before mbedTLS 3 (ESP-IDF 5). */
const MOVED: Readonly<Record<number, readonly [before3: string, since3: string]>> = {
  29440: ['no cipher that both know', 'a handshake message that cannot be decoded'],
  29568: ['no randomness', 'a handshake message that cannot be decoded'],
  29952: ['no certificate of ours, and the server wants one', 'a TLS version that is not spoken'],
  30080: ['a certificate that is too large', 'a user cancelled it'],
  30720: ['the certificate was not accepted', 'the server does not know the name'],
  30976: ['the server hello cannot be read', 'an unexpected extension'],
  31104: ['the certificate message cannot be read', 'an unexpected extension'],
  31488: ['a key exchange message that cannot be read', 'a session ticket came']
}

const LOW: Readonly<Record<number, string>> = {
  16: 'out of memory',
  46: 'object identifier not found',
  66: 'no socket',
  68: 'connecting failed',
  76: 'receiving failed',
  78: 'sending failed',
  80: 'the other end reset the connection',
  82: 'the host name cannot be looked up',
  96: 'it ends too early',
  98: 'an unexpected element',
  100: 'a wrong length',
  106: 'out of memory',
  134: 'not supported (PSA)',
  141: 'out of memory (PSA)',
  149: 'a wrong signature (PSA)'
}

/** What a value means, `idf` being the release if the log says it; undefined for an unknown one. */
export function mbedtlsWords(value: number, idf: string | null = null): string | undefined {
  const moved = MOVED[value]
  if (moved !== undefined) {
    const major = Number.parseInt(idf?.replace(/^v/, '') ?? '', 10)
    if (Number.isNaN(major)) return `${moved[1]} (ESP-IDF 5 and newer), or ${moved[0]} (before)`
    return major >= 5 ? moved[1] : moved[0]
  }
  const whole = HIGH[value] ?? LOW[value]
  if (whole !== undefined) return whole
  // A high-level error with the low-level one that it comes from.
  const high = HIGH[value & 0xff80]
  const low = LOW[value & 0x7f]
  return high === undefined ? undefined : low === undefined ? high : `${high} (${low})`
}

/** Flags of a certificate that was not accepted: x509.h. They add up. */
const X509_FLAGS: readonly (readonly [bit: number, name: string, words: string])[] = [
  [0x1, 'X509_BADCERT_EXPIRED', 'the certificate is expired by the clock of the device'],
  [0x2, 'X509_BADCERT_REVOKED', 'the certificate is revoked'],
  [0x4, 'X509_BADCERT_CN_MISMATCH', 'the host in the URL is not in the certificate'],
  [0x8, 'X509_BADCERT_NOT_TRUSTED', 'the certificate is not signed by the CA that the device trusts'],
  [0x10, 'X509_BADCRL_NOT_TRUSTED', 'the revocation list is not signed by the CA'],
  [0x20, 'X509_BADCRL_EXPIRED', 'the revocation list is expired'],
  [0x40, 'X509_BADCERT_MISSING', 'the server sent no certificate'],
  [0x100, 'X509_BADCERT_OTHER', 'another reason'],
  [0x200, 'X509_BADCERT_FUTURE', 'the certificate is not valid yet by the clock of the device'],
  [0x400, 'X509_BADCRL_FUTURE', 'the revocation list is not valid yet'],
  [0x800, 'X509_BADCERT_KEY_USAGE', 'its key is for another use'],
  [0x1000, 'X509_BADCERT_EXT_KEY_USAGE', 'it is not for servers'],
  [0x4000, 'X509_BADCERT_BAD_MD', 'it is signed with a weak hash'],
  [0x8000, 'X509_BADCERT_BAD_PK', 'it is signed with a kind of key that is not accepted'],
  [0x10000, 'X509_BADCERT_BAD_KEY', 'its key is too short or of a curve that is not accepted']
]

/** The flags that a sum is made of. */
export function x509Flags(sum: number): readonly { readonly name: string; readonly words: string }[] {
  return X509_FLAGS.filter(([bit]) => (sum & bit) !== 0).map(([, name, words]) => ({ name, words }))
}

/** BearSSL errors that an ESP8266 or Tasmota shows: bearssl_x509.h, bearssl_ssl.h. From 256 on they are alerts of the server. */
const BEARSSL: Readonly<Record<number, readonly [name: string, words: string]>> = {
  4: ['BR_ERR_BAD_VERSION', 'the other end does not speak TLS: a plain HTTP port'],
  6: ['BR_ERR_TOO_LARGE', 'a record that is larger than the input buffer'],
  31: ['BR_ERR_IO', 'the connection broke'],
  49: ['BR_ERR_X509_UNSUPPORTED', 'a certificate of a kind that is not supported'],
  52: ['BR_ERR_X509_BAD_SIGNATURE', 'a wrong signature'],
  53: ['BR_ERR_X509_TIME_UNKNOWN', 'the clock is not set'],
  54: ['BR_ERR_X509_EXPIRED', 'the certificate is expired or not valid yet by the clock of the device'],
  56: ['BR_ERR_X509_BAD_SERVER_NAME', 'the host in the URL is not in the certificate'],
  60: ['BR_ERR_X509_WEAK_PUBLIC_KEY', 'its key is too short'],
  62: ['BR_ERR_X509_NOT_TRUSTED', 'the certificate is not signed by the CA that the device trusts']
}

export function bearsslError(value: number): { readonly name: string; readonly words: string } | undefined {
  const known = BEARSSL[value]
  if (known !== undefined) return { name: known[0], words: known[1] }
  if (value < 256 || value > 511) return undefined
  return { name: 'BR_ERR_RECV_FATAL_ALERT', words: `the server sent alert ${value - 256}` }
}
