import { describe, expect, it } from 'vitest'
import { explainLog } from '../../src/explain/explain-log.js'

const UPDATED = [
  'I (5300) esp_https_ota: Starting OTA...',
  'I (5300) esp_https_ota: Writing to partition subtype 17 at offset 0x1a0000',
  'I (5310) advanced_https_ota_example: Running firmware version: 1.0.0',
  'I (15360) advanced_https_ota_example: ESP_HTTPS_OTA upgrade successful. Rebooting ...',
  'rst:0xc (RTC_SW_CPU_RST),boot:0xc (SPI_FAST_FLASH_BOOT)',
  'I (90) boot: Loaded app from partition at offset 0x1a0000',
  'I (250) app_init: App version:      1.0.1'
]
const VALID = 'I (4130) advanced_https_ota_example: App is valid, rollback cancelled successfully'
const explained = (...lines: readonly string[]) => explainLog(lines.join('\n'))

describe('a firmware that was updated', () => {
  // advanced_https_ota asks on every start, and the first thing that the new firmware hears is that nothing is newer.
  it('and looks again has succeeded, and its check is as it should be', () => {
    const { outcome, title, cause, notes } = explained(
      ...UPDATED,
      VALID,
      'I (5300) esp_https_ota: Starting OTA...',
      'I (5300) esp_https_ota: Writing to partition subtype 16 at offset 0x10000',
      'I (5310) advanced_https_ota_example: Running firmware version: 1.0.1',
      'W (5310) advanced_https_ota_example: Current running version is the same as a new. We will not continue the update.',
      'E (5320) advanced_https_ota_example: image header verification failed',
      'E (5330) advanced_https_ota_example: ESP_HTTPS_OTA upgrade failed 0xffffffff'
    )
    expect({ outcome, title }).toEqual({
      outcome: 'succeeded',
      title: 'the update from version 1.0.0 to 1.0.1 succeeded'
    })
    expect(cause).toContain('0x1a0000')
    expect(cause).toContain('It works by its own word (line 8)')
    expect(notes.join()).toContain('A later check found nothing newer, as it should')
  })

  it.each([
    [
      'a host of its own',
      "E (5300) esp-tls: couldn't get hostname for :api.weather.org: getaddrinfo() returns 202, addrinfo=0x0",
      'E (5301) HTTP_CLIENT: Connection failed, sock < 0',
      'E (5302) weather: request failed ESP_ERR_HTTP_CONNECT'
    ],
    [
      'a certificate of its own',
      'E (5300) esp-tls-mbedtls: mbedtls_ssl_handshake returned -0x3000',
      'E (5301) HTTP_CLIENT: Connection failed, sock < 0',
      'E (5302) telemetry: POST failed ESP_ERR_HTTP_CONNECT'
    ],
    [
      'an HTTPClient of its own',
      '[  5000][E][WiFiClient.cpp:282] connect(): socket error on fd 54, errno: 104, "Connection reset by peer"',
      '[  5001][D][HTTPClient.cpp:1100] connect(): failed connect to api.weather.org:80',
      '[HTTP] GET... failed, error: connection refused'
    ]
  ])('and fails with %s has succeeded', (_what, ...lines) => {
    const { outcome, notes, attempts, noticed } = explained(...UPDATED, ...lines)
    expect({ outcome, attempts }).toEqual({ outcome: 'succeeded', attempts: { failed: 0, succeeded: 1 } })
    expect(notes.join()).toContain('An error that is not about the update')
    expect(noticed.host).toBeNull()
  })

  it('and fails with the host of its update, or with another update, has failed', () => {
    const url = 'I (5200) app: Attempting to download update from https://fw.example.com:8070/a.bin'
    const failure = "E (5300) esp-tls: couldn't get hostname for :fw.example.com: getaddrinfo() returns 202"
    expect(explained(url, ...UPDATED, failure)).toMatchObject({ outcome: 'failed', code: 'unknown-host' })
    expect(
      explained(
        ...UPDATED,
        'E (9) esp-tls: [sock=54] select() timeout',
        'E (9) esp_https_ota: Failed to open HTTP connection'
      )
    ).toMatchObject({ outcome: 'failed', code: 'connect-timeout' })
  })

  it.each([
    "Guru Meditation Error: Core  1 panic'ed (LoadProhibited). Exception was unhandled.",
    'E BOD: Brownout detector was triggered'
  ])('and was marked valid is not undone by %s', line => {
    const { outcome, notes } = explained(...UPDATED, VALID, 'I (259200000) main: alive', line)
    expect(outcome).toBe('succeeded')
    expect(notes.join()).toContain('(line 10). The update is not undone by that')
    expect(explained(...UPDATED, line).outcome).toBe('failed')
  })
})

describe('which firmware runs after the restart', () => {
  const INSTALLED = [
    'I (15360) advanced_https_ota_example: ESP_HTTPS_OTA upgrade successful. Rebooting ...',
    'rst:0xc (RTC_SW_CPU_RST),boot:0xc (SPI_FAST_FLASH_BOOT)'
  ]

  it('the old one, where it says the old version and no line tells the slot', () => {
    const { outcome, code, evidence } = explained(
      'I (5310) advanced_https_ota_example: Running firmware version: 1.0.0',
      ...INSTALLED,
      'I (90) boot: Loaded app from partition at offset 0x10000',
      'I (250) app_init: App version:      1.0.0'
    )
    expect({ outcome, code }).toEqual({ outcome: 'failed', code: 'old-version-runs' })
    expect(evidence.map(({ line }) => line)).toEqual([2, 5])
  })

  it('the old one, where it is in the slot that ran before', () => {
    const start = 'I (90) boot: Loaded app from partition at offset 0x10000'
    expect(explained(start, ...INSTALLED, start).code).toBe('old-slot-started')
  })

  it('the new one, where it is in another slot than the one before, whatever its version', () => {
    const { outcome, cause } = explained(
      'I (90) boot: Loaded app from partition at offset 0x10000',
      'I (250) app_init: App version:      1.0.0',
      ...INSTALLED,
      'I (90) boot: Loaded app from partition at offset 0x110000',
      'I (250) app_init: App version:      1.0.0'
    )
    expect(outcome).toBe('succeeded')
    expect(cause).toContain('The bootloader started it (line 5)')
  })

  // simple_ota_example installs on every start whatever is there.
  it('says of a device that installs the same again and again that it does', () => {
    const round = (offset: string): readonly string[] => [
      'I (5300) esp_https_ota: Starting OTA...',
      'I (60000) simple_ota_example: OTA Succeed, Rebooting...',
      'rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)',
      `I (88) boot: Loaded app from partition at offset ${offset}`,
      'I (312) cpu_start: App version:      1.0.2'
    ]
    const { outcome, notes } = explained(...round('0x210000'), ...round('0x110000'), ...round('0x210000'))
    expect(outcome).toBe('succeeded')
    expect(notes.join()).toContain('3 updates in a row, and version 1.0.2 ran after each')
    expect(explained(...round('0x210000')).notes).toEqual([])
  })
})
