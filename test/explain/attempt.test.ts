import { describe, expect, it } from 'vitest'
import { explainLog } from '../../src/explain/explain-log.js'

const explained = (...lines: readonly string[]) => explainLog(lines.join('\n'))

describe('one attempt that is told of several times is one', () => {
  // The program goes on after the first error, and sets the slot to start from all the same.
  it.each([
    ['E (9191) example: esp_ota_end failed!', 'E (9201) example: esp_ota_set_boot_partition failed! err=0x1503'],
    [
      'E (9191) native_ota_example: Error: esp_ota_write failed (ESP_ERR_OTA_VALIDATE_FAILED)!',
      'E (9201) native_ota_example: esp_ota_set_boot_partition failed (ESP_ERR_OTA_VALIDATE_FAILED)!'
    ]
  ])('a web page, not the empty slot behind it: %s', (end, start) => {
    const { code, cause, attempts } = explained(
      'E (9181) esp_ota_ops: OTA image has invalid magic byte (expected 0xE9, saw 0x3c)',
      end,
      'E (9191) esp_image: image at 0x110000 has invalid magic byte (nothing flashed here?)',
      start
    )
    expect({ code, attempts }).toEqual({ code: 'not-an-image', attempts: { failed: 1, succeeded: 0 } })
    expect(cause).toContain('web page')
  })

  it.each([
    ['http-status', 'HTTP_UPDATE_FAILD Error (-104): Wrong HTTP Code', 'CALLBACK: HTTP update fatal error code -104'],
    [
      'not-an-image',
      '[httpUpdate] Update.end failed! (ERROR[10]: Magic byte is wrong, not 0xE9)',
      '[httpUpdate] Update failed',
      'HTTP_UPDATE_FAILD Error (10): Update error: ERROR[10]: Magic byte is wrong, not 0xE9'
    ],
    [
      'no-slot',
      '[E][Updater.cpp:104] begin(): esp_ota_get_next_update_partition failed',
      'HTTP_UPDATE_FAILED Error (10): Partition Could Not be Found'
    ]
  ])('by the library, the program and its callback: %s', (code, ...lines) => {
    expect(explained(...lines)).toMatchObject({ code, attempts: { failed: 1 } })
  })

  it('on one line that has two causes and the end', () => {
    const line = 'E (9) app: OTA failed, certificate flags: 0x204'
    const { code, findings, attempts } = explained(line)
    expect([code, ...findings.map(finding => finding.code)]).toEqual(['certificate-name', 'certificate-dates'])
    expect(attempts.failed).toBe(1)
  })

  it('but the same words again are another one', () => {
    const line = 'HTTP_UPDATE_FAILED Error (-1): HTTP error: connection refused'
    expect(explained(line, line, line).attempts.failed).toBe(3)
  })

  it('and a brownout that is the reset reason too is one', () => {
    const { code, attempts, notes } = explained(
      'I (5300) esp_https_ota: Starting OTA...',
      'Brownout detector was triggered',
      'ets Jul 29 2019 12:21:46',
      'rst:0xf (RTCWDT_BROWN_OUT_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)'
    )
    expect({ code, attempts, notes }).toEqual({
      code: 'brownout',
      attempts: { failed: 1, succeeded: 0 },
      notes: []
    })
  })
})

describe('what else breaks a connection', () => {
  const DOWNLOAD = [
    'I (5300) esp_https_ota: Starting OTA...',
    'I (5300) esp_https_ota: Writing to partition subtype 16 at offset 0x110000'
  ]
  const LOST = 'W (11900) wifi station: disconnected reason 200'

  it('Wi-Fi that was lost is the cause, and its line is shown', () => {
    const { code, evidence } = explained(...DOWNLOAD, LOST, 'E (16910) esp_https_ota: data read -1, errno 113')
    expect(code).toBe('wifi-lost')
    expect(evidence.map(({ line }) => line)).toEqual([3, 4])
  })

  it('Wi-Fi that came back is not', () => {
    const online = 'I (13000) esp_netif_handlers: sta ip: 192.168.1.50, mask: 255.255.255.0, gw: 192.168.1.1'
    const end = 'E (16910) esp_https_ota: data read -1, errno 113'
    expect(explained(...DOWNLOAD, LOST, online, end).code).toBe('cut-short')
    expect(explained(...DOWNLOAD, LOST).outcome).toBe('unfinished')
    expect(explained(LOST, online, 'I (9) app: OTA Succeed, Rebooting...').outcome).toBe('succeeded')
  })

  // ESP-IDF 3.2 prints an error for a server that closes without a goodbye.
  it('a server that hung up behind the last byte does not: the log ends before the check', () => {
    const { outcome, cause } = explained(
      ...DOWNLOAD,
      'E (8584) TRANS_SSL: esp_tls_conn_read error, errno=Socket is not connected',
      'I (8584) esp_https_ota: Connection closed,all data received'
    )
    expect(outcome).toBe('unfinished')
    expect(cause).toContain('had not checked the image')
  })

  it('http:// to the HTTPS port does', () => {
    const { title } = explained(
      'I (6000) app: Attempting to download update from http://192.168.1.8:8070/hello_world.bin',
      'E (6300) HTTP_CLIENT: transport_read: error - 57345 | ERR_TCP_TRANSPORT_CONNECTION_CLOSED_BY_FIN',
      'E (6310) esp_https_ota: Failed to establish HTTP connection'
    )
    expect(title).toBe('http:// was sent to the HTTPS port')
  })

  it('that of MQTT is no update', () => {
    const { outcome, code, cause, notes } = explained(
      'E (1300) esp-tls: [sock=54] select() timeout',
      'E (1301) esp-tls: Failed to open new connection',
      'E (1303) mqtt_client: Error transport connect'
    )
    expect({ outcome, code, notes }).toEqual({ outcome: 'unknown', code: null, notes: [] })
    expect(cause).toContain('no connection came about in time')
    expect(
      explained(
        'I (900) mqtt_client: started',
        'E (1300) esp-tls: [sock=54] select() timeout',
        'abort() was called at PC 0x40083b2b'
      )
    ).toMatchObject({ outcome: 'failed', code: 'connect-timeout' })
  })
})
