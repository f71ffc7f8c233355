/** An error number of ESP-IDF: its name in the source, and what it is in a few words. */
export interface EspError {
  readonly name: string
  readonly words: string
}

/**
 * esp_err_t by value: esp_err.h, esp_ota_ops.h, esp_image_format.h, esp_http_client.h, esp_tls_errors.h, esp_https_ota.h. Those of
 * esp_err.h are small, and read as such only where the log says that they are errors.
 */
const ESP_ERRORS: ReadonlyMap<number, EspError> = new Map(
  Object.entries({
    257: ['ESP_ERR_NO_MEM', 'out of memory'],
    258: ['ESP_ERR_INVALID_ARG', 'a wrong argument'],
    259: ['ESP_ERR_INVALID_STATE', 'called in a wrong state'],
    260: ['ESP_ERR_INVALID_SIZE', 'too large for the slot'],
    261: ['ESP_ERR_NOT_FOUND', 'not found'],
    262: ['ESP_ERR_NOT_SUPPORTED', 'not supported'],
    263: ['ESP_ERR_TIMEOUT', 'took too long'],
    264: ['ESP_ERR_INVALID_RESPONSE', 'a response that makes no sense'],
    265: ['ESP_ERR_INVALID_CRC', 'a wrong checksum'],
    266: ['ESP_ERR_INVALID_VERSION', 'a version that does not fit'],
    5377: ['ESP_ERR_OTA_PARTITION_CONFLICT', 'the slot is the one that runs'],
    5378: ['ESP_ERR_OTA_SELECT_INFO_INVALID', 'the OTA data partition is broken or missing'],
    5379: ['ESP_ERR_OTA_VALIDATE_FAILED', 'the image in the slot is not valid'],
    5380: ['ESP_ERR_OTA_SMALL_SEC_VER', 'the secure version is lower than the one burnt into the chip'],
    5381: ['ESP_ERR_OTA_ROLLBACK_FAILED', 'there is no other valid app to go back to'],
    5382: ['ESP_ERR_OTA_ROLLBACK_INVALID_STATE', 'the running app has not been marked valid yet'],
    5383: ['ESP_ERR_OTA_ALREADY_IN_PROGRESS', 'another update is under way'],
    5384: ['ESP_ERR_OTA_SPI_MODE_MISMATCH', 'the flash modes of the two apps differ'],
    8193: ['ESP_ERR_IMAGE_FLASH_FAIL', 'flash cannot be read'],
    8194: ['ESP_ERR_IMAGE_INVALID', 'the image is not valid'],
    28673: ['ESP_ERR_HTTP_MAX_REDIRECT', 'too many redirects'],
    28674: ['ESP_ERR_HTTP_CONNECT', 'no connection came about'],
    28675: ['ESP_ERR_HTTP_WRITE_DATA', 'the request could not be sent'],
    28676: ['ESP_ERR_HTTP_FETCH_HEADER', 'no head of an answer came'],
    28677: ['ESP_ERR_HTTP_INVALID_TRANSPORT', 'the scheme of the URL is unknown'],
    28678: ['ESP_ERR_HTTP_CONNECTING', 'still connecting'],
    28679: ['ESP_ERR_HTTP_EAGAIN', 'no data came in time'],
    28680: ['ESP_ERR_HTTP_CONNECTION_CLOSED', 'the server closed the connection'],
    28681: ['ESP_ERR_HTTP_NOT_MODIFIED', 'the server says that nothing is new'],
    28682: ['ESP_ERR_HTTP_RANGE_NOT_SATISFIABLE', 'the server does not have the range'],
    28683: ['ESP_ERR_HTTP_READ_TIMEOUT', 'reading took too long'],
    28684: ['ESP_ERR_HTTP_INCOMPLETE_DATA', 'the body ended early'],
    28685: ['ESP_ERR_HTTP_REDIRECT_DOWNGRADE', 'a redirect away from https'],
    28686: ['ESP_ERR_HTTP_CLIENT', 'an error of the HTTP client'],
    32769: ['ESP_ERR_ESP_TLS_CANNOT_RESOLVE_HOSTNAME', 'the host name cannot be looked up'],
    32770: ['ESP_ERR_ESP_TLS_CANNOT_CREATE_SOCKET', 'no socket is free'],
    32771: ['ESP_ERR_ESP_TLS_UNSUPPORTED_PROTOCOL_FAMILY', 'IPv4 or IPv6 is switched off'],
    32772: ['ESP_ERR_ESP_TLS_FAILED_CONNECT_TO_HOST', 'the host cannot be connected to'],
    32773: ['ESP_ERR_ESP_TLS_SOCKET_SETOPT_FAILED', 'a socket option was refused'],
    32774: ['ESP_ERR_ESP_TLS_CONNECTION_TIMEOUT', 'connecting took too long'],
    32775: ['ESP_ERR_ESP_TLS_SE_FAILED', 'the secure element failed'],
    32776: ['ESP_ERR_ESP_TLS_TCP_CLOSED_FIN', 'the other end closed the connection'],
    32777: ['ESP_ERR_ESP_TLS_SERVER_HANDSHAKE_TIMEOUT', 'the handshake took too long'],
    32784: ['ESP_ERR_MBEDTLS_CERT_PARTLY_OK', 'a certificate of several could not be read'],
    32785: ['ESP_ERR_MBEDTLS_CTR_DRBG_SEED_FAILED', 'no randomness'],
    32786: ['ESP_ERR_MBEDTLS_SSL_SET_HOSTNAME_FAILED', 'the host name could not be set'],
    32787: ['ESP_ERR_MBEDTLS_SSL_CONFIG_DEFAULTS_FAILED', 'TLS could not be set up'],
    32788: ['ESP_ERR_MBEDTLS_SSL_CONF_ALPN_PROTOCOLS_FAILED', 'ALPN could not be set up'],
    32789: ['ESP_ERR_MBEDTLS_X509_CRT_PARSE_FAILED', 'the embedded certificate cannot be read'],
    32790: ['ESP_ERR_MBEDTLS_SSL_CONF_OWN_CERT_FAILED', 'the client certificate and its key do not fit'],
    32791: ['ESP_ERR_MBEDTLS_SSL_SETUP_FAILED', 'TLS could not be set up, mostly for want of memory'],
    32792: ['ESP_ERR_MBEDTLS_SSL_WRITE_FAILED', 'sending failed'],
    32793: ['ESP_ERR_MBEDTLS_PK_PARSE_KEY_FAILED', 'the client key cannot be read'],
    32794: ['ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED', 'the TLS handshake failed'],
    36865: ['ESP_ERR_HTTPS_OTA_IN_PROGRESS', 'the update is under way']
  } as const).map(([value, [name, words]]) => [Number(value), { name, words }])
)

/** An error as it was printed: its value, and whether it was printed decimal behind 0x. */
export interface ReadError extends EspError {
  readonly value: number
  readonly isMisprint: boolean
}

/**
 * Reads a printed error number. Releases up to 4.2, and the SmartThings demo, print it decimal behind a literal 0x (`err=0x%d` of
 * esp_https_ota.c): 0x5379 is 5379, which is 0x1503. Others print it decimal: 28674 is 0x7002.
 */
export function readEspError(written: string): ReadError | undefined {
  const isHex = /^0x/i.test(written)
  const value = isHex ? Number.parseInt(written.slice(2), 16) : Number(written)
  const known = ESP_ERRORS.get(value)
  if (known !== undefined) return { ...known, value, isMisprint: false }
  if (!isHex || !/^0x\d+$/i.test(written)) return undefined
  const decimal = Number(written.slice(2))
  const meant = ESP_ERRORS.get(decimal)
  return meant === undefined ? undefined : { ...meant, value: decimal, isMisprint: true }
}
