import { describe, expect, it } from 'vitest'
import { decodeNumbers } from '../../src/explain/decode.js'
import { mbedtlsWords } from '../../src/explain/tls-errors.js'

const namesIn = (text: string): readonly string[] => decodeNumbers(text, null).map(({ name }) => name)

describe('numbers of a log', () => {
  it.each([
    // Decimal behind a literal 0x: ESP-IDF up to 4.2, and the SmartThings demo.
    ['esp_ota_end failed! err=0x5379', ['ESP_ERR_OTA_VALIDATE_FAILED']],
    ['esp_ota_end failed! err=0x5379. Image is invalid', ['ESP_ERR_OTA_VALIDATE_FAILED']],
    ['Error: esp_ota_write failed! err=0x260', ['ESP_ERR_INVALID_SIZE']],
    ['esp_ota_end failed! err=0x1503', ['ESP_ERR_OTA_VALIDATE_FAILED']],
    ['ESP_HTTPS_OTA upgrade failed 0x1503', ['ESP_ERR_OTA_VALIDATE_FAILED']],
    ['Failed to open HTTP connection: 28674', ['ESP_ERR_HTTP_CONNECT']],
    ['ESP HTTP client perform failed: 28676', ['ESP_ERR_HTTP_FETCH_HEADER']],
    ['OTA resumption failed with err: 28682.', ['ESP_ERR_HTTP_RANGE_NOT_SATISFIABLE']],
    ['esp_ota_begin failed, error=5382', ['ESP_ERR_OTA_ROLLBACK_INVALID_STATE']],
    ['Last esp error code: 0x8006', ['ESP_ERR_ESP_TLS_CONNECTION_TIMEOUT']],
    ['returned [0x8015]', ['ESP_ERR_MBEDTLS_X509_CRT_PARSE_FAILED']],
    ['mbedtls_ssl_handshake returned -0x2700', ['-0x2700']],
    ['Last mbedtls failure: 0x2700', ['-0x2700']],
    ['tls_stack_err=12288', ['-0x3000']],
    // Printed as if they had no sign.
    ['mbedtls_ssl_handshake returned 0xffffd900', ['-0x2700']],
    ['mbedtls_ssl_handshake returned 4294957312', ['-0x2700']],
    ['[E] ssl err 0xFFFFD900', ['-0x2700']],
    ['esp_https_ota_perform returned 36865', ['ESP_ERR_HTTPS_OTA_IN_PROGRESS']],
    ['[start_ssl_client():273]: (-9984) X509', ['-0x2700']],
    ['[data_to_read():361]: (-28928) SSL - Bad input', ['-0x7100']],
    ['verify flags 0x204 of the certificate flags: 0x204', ['X509_BADCERT_CN_MISMATCH', 'X509_BADCERT_FUTURE']],
    ['Failed to connnect to host (errno 113)', ['ECONNABORTED']],
    ['socket error on fd 54, errno: 104, "Connection reset by peer"', ['ECONNRESET']],
    ['OTA: TLS connection error 62', ['BR_ERR_X509_NOT_TRUSTED']],
    ['HTTP_UPDATE_FAILD Error (-104): Wrong HTTP Code', ['HTTP_UE_SERVER_WRONG_HTTP_CODE']],
    ['CALLBACK:  HTTP update fatal error code -101', ['HTTP_UE_SERVER_NOT_REPORT_SIZE']],
    ['An Update Error Occurred. Error #: 9', ['UPDATE_ERROR_ACTIVATE']],
    ['backend->begin error: 137', ['OTA_RESPONSE_ERROR_ESP32_NOT_ENOUGH_SPACE']],
    ['Error code (83) writing binary data to flash', ['OTA_RESPONSE_ERROR_WRITING_FLASH']]
  ])('%s', (text, names) => {
    expect(namesIn(text)).toEqual(names)
  })

  it.each([
    'I (28674) wifi: connected',
    'read 5379 bytes',
    'segment 0: paddr=00110020 vaddr=3f400020 size=08001h ( 32769) map',
    'Writing to partition subtype 16 at offset 0x110000',
    'sensor error: -1',
    'ESP_HTTPS_OTA upgrade failed 0xffffffff',
    'mbedtls: ssl_tls.c:2775 ssl->f_send() returned 242 (-0xffffff0e)'
  ])('leaves alone what is none: %s', text => {
    expect(namesIn(text)).toEqual([])
  })

  it('says how a misprint is to be read', () => {
    expect(decodeNumbers('err=0x5379', null)[0]?.sentence).toBe(
      '0x5379 is decimal 5379 behind a stray 0x: 0x1503, ESP_ERR_OTA_VALIDATE_FAILED: the image in the slot is not valid'
    )
    expect(decodeNumbers('connection: 28674', null)[0]?.sentence).toContain('28674 is 0x7002')
  })

  it('gives an mbedTLS number the meaning that it has in that release', () => {
    expect(mbedtlsWords(0x7800, 'v4.4')).toBe('the certificate was not accepted')
    expect(mbedtlsWords(0x7800, 'v5.1')).toBe('the server does not know the name')
    expect(mbedtlsWords(0x7800)).toContain('ESP-IDF 5')
    expect(mbedtlsWords(0x262e)).toBe('an unknown signature algorithm (object identifier not found)')
    expect(mbedtlsWords(0x1234)).toBeUndefined()
  })
})
