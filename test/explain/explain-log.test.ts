import { describe, expect, it } from 'vitest'
import { explainLog } from '../../src/explain/explain-log.js'
import { SERIAL_LOGS } from './serial-logs.js'

const linesOf = (log: string): readonly number[] => explainLog(log).evidence.map(({ line }) => line)

describe('the two forum threads', () => {
  // openssl s_server on Windows ends the body at the first 0x1A; ESP-IDF 3.2 takes each end for the right one.
  it('of simple_ota_example: the file was cut, and 0x5379 is 0x1503', () => {
    const told = explainLog(SERIAL_LOGS.cutBySServer)
    expect(told).toMatchObject({ outcome: 'failed', step: 'image', code: 'image-cut' })
    expect(told.cause).toContain('erased flash')
    expect(told.cause).toContain('byte 30008')
    expect(told.cause).toContain('s_server')
    expect(told.evidence.flatMap(({ decoded }) => decoded.map(({ sentence }) => sentence)).join()).toContain('0x1503')
  })

  // The base URL was a #define that still named another host; the poster looked at certificates for forty hours.
  it('of the SmartThings demo: nobody answers there, it is no certificate, and where its URL is', () => {
    const told = explainLog(SERIAL_LOGS.smartThingsElsewhere)
    expect(told).toMatchObject({
      outcome: 'failed',
      step: 'reach',
      code: 'no-answer',
      noticed: { client: 'smartthings' }
    })
    expect(told.not).toContain('Not a certificate problem')
    expect(told.next).toContain('CONFIG_OTA_SERVER_URL')
    const sentences = told.evidence.flatMap(({ decoded }) => decoded.map(({ sentence }) => sentence)).join('\n')
    expect(sentences).toContain('errno 113 is ECONNABORTED')
    expect(sentences).toContain('28674 is 0x7002, ESP_ERR_HTTP_CONNECT')
  })
})

describe('a healthy log succeeded', () => {
  it.each(Object.keys(SERIAL_LOGS.healthy) as (keyof typeof SERIAL_LOGS.healthy)[])('of %s', family => {
    const { outcome, title, code, findings } = explainLog(SERIAL_LOGS.healthy[family])
    expect({ outcome, code, findings }).toEqual({ outcome: 'succeeded', code: null, findings: [] })
    expect(title).toMatch(/succeeded/)
  })

  it('and says whether the new firmware was seen to start and to work', () => {
    const { cause, next } = explainLog(SERIAL_LOGS.healthy['ESP-IDF 5 with rollback'])
    expect(cause).toContain('The bootloader started it')
    expect(cause).toContain('It works by its own word')
    expect(next).toBeNull()
    expect(explainLog('I (9) simple_ota_example: OTA Succeed, Rebooting...').next).toContain('first start')
  })
})

describe('the root is found among its consequences', () => {
  it('a refused name, not the connection that did not come about', () => {
    const { code, findings } = explainLog(SERIAL_LOGS.refusedCertificate)
    expect(code).toBe('certificate-name')
    expect(findings.map(finding => finding.code)).toEqual(['certificate-trust'])
  })

  it('a refused certificate, not what HTTPClient calls a refused connection', () => {
    const log = [
      '[ 28917][E][ssl_client.cpp:37] _handle_error(): [start_ssl_client():273]: (-9984) X509 - Certificate verification failed, e.g. CRL, CA or signature check failed',
      '[ 28920][E][NetworkClientSecure.cpp:159] connect(): start_ssl_client: connect failed: -9984',
      '[ 28921][E][HTTPUpdate.cpp:240] handleUpdate(): HTTP error: connection refused',
      'HTTP_UPDATE_FAILED Error (-1): HTTP error: connection refused'
    ].join('\n')
    expect(explainLog(log)).toMatchObject({
      code: 'certificate-refused',
      step: 'tls',
      noticed: { client: 'arduino-esp32' }
    })
  })

  it('an image that is too large, not the write that failed', () => {
    const log =
      "E (1) esp_image: Image length 1100000 doesn't fit in partition length 1048576\nE (2) app: esp_ota_end failed! err=0x1503"
    expect(explainLog(log).code).toBe('too-large')
  })

  it('a redirect, not the code that Arduino has for all of them', () => {
    expect(explainLog('[httpUpdate] HTTP Code is (302)\nHTTP_UPDATE_FAILD Error (-104): Wrong HTTP Code').code).toBe(
      'redirected'
    )
  })
})

describe('on the way to a success', () => {
  // Build replaced between two starts of the device: 416, and ESP-IDF 5.5 begins again.
  it('a range that the server did not have any more is worth a word, and no failed attempt', () => {
    const told = explainLog(`I (1) advanced_https_ota_example: Starting Advanced OTA example
I (2) esp_https_ota: Requested range is incorrect (status code: 416)
E (2) esp_https_ota: OTA resumption failed with err: 28682.
I (2) esp_https_ota: Falling back to OTA without resumption and restarting download from beginning
I (3) esp_https_ota: Starting OTA...
I (9) advanced_https_ota_example: ESP_HTTPS_OTA upgrade successful. Rebooting ...`)
    expect(told).toMatchObject({ outcome: 'succeeded', attempts: { failed: 0, succeeded: 1 }, notes: [] })
    expect(told.findings.map(({ code }) => code)).toEqual(['range-refused'])
  })
})

describe('of several attempts', () => {
  const FAILED = SERIAL_LOGS.refusedCertificate
  const GOOD = SERIAL_LOGS.healthy['ESP-IDF 5 with rollback']

  it('a success behind a failure counts, and both are said', () => {
    const { outcome, notes, attempts } = explainLog(`${FAILED}\n${GOOD}`)
    expect({ outcome, attempts }).toEqual({ outcome: 'succeeded', attempts: { failed: 1, succeeded: 1 } })
    expect(notes.join()).toContain('the host in the URL is not in the certificate')
  })

  it('a failure behind a success counts, and both are said', () => {
    const { outcome, code, notes } = explainLog(`${GOOD}\n${FAILED}`)
    expect({ outcome, code }).toEqual({ outcome: 'failed', code: 'certificate-name' })
    expect(notes.join()).toContain('An earlier attempt in this log succeeded')
  })

  it('the last failure counts, and the one before is named', () => {
    const { code, notes, attempts } = explainLog(`${FAILED}\n${SERIAL_LOGS.smartThingsElsewhere}`)
    expect({ code, attempts }).toEqual({ code: 'no-answer', attempts: { failed: 2, succeeded: 0 } })
    expect(notes.join()).toContain('2 attempts')
    expect(linesOf(`${FAILED}\n${SERIAL_LOGS.smartThingsElsewhere}`)[0]).toBeGreaterThan(FAILED.split('\n').length)
  })

  it('one that retries without a word of its own is two', () => {
    const once = [
      "E (1) esp-tls: couldn't get hostname for :otad.local: getaddrinfo() returns 202",
      'E (1) esp-tls: Failed to open new connection',
      'E (1) esp_https_ota: Failed to open HTTP connection: ESP_ERR_HTTP_CONNECT'
    ]
    const then = ['E (2) esp-tls: [sock=54] select() timeout', ...once.slice(1)]
    expect(explainLog([...once, ...then].join('\n'))).toMatchObject({
      code: 'connect-timeout',
      attempts: { failed: 2 }
    })
  })

  it('what a program prints of its last error is no other attempt', () => {
    const log = `${FAILED}\nE (6810) simple_ota_example: Last esp error code: 0x801a\nE (6810) simple_ota_example: Last mbedtls failure: 0x2700`
    expect(explainLog(log)).toMatchObject({ code: 'certificate-name', attempts: { failed: 1 } })
  })
})

describe('what happens behind an installed update', () => {
  const INSTALLED = [
    'I (100) esp_https_ota: Writing to partition subtype 17 at offset 0x210000',
    'I (9000) advanced_https_ota_example: ESP_HTTPS_OTA upgrade successful. Rebooting ...',
    'rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)',
    'I (99) boot: Loaded app from partition at offset 0x210000'
  ].join('\n')

  it('a rollback is a failure of the new firmware, and not of the download', () => {
    const told = explainLog(
      `${INSTALLED}\nE (5000) app: Diagnostics failed! Start rollback to the previous version ...`
    )
    expect(told).toMatchObject({ outcome: 'failed', step: 'boot', code: 'rolled-back' })
    expect(told.not).toContain('The download and the server were right')
  })

  it('a crash of the new firmware is one too', () => {
    const told = explainLog(
      `${INSTALLED}\nGuru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.`
    )
    expect(told).toMatchObject({ outcome: 'failed', step: 'boot', code: 'new-firmware-crashes' })
  })

  it('so is a start from the old slot', () => {
    expect(explainLog(`${INSTALLED}\nI (99) boot: Loaded app from partition at offset 0x10000`)).toMatchObject({
      outcome: 'failed',
      code: 'old-slot-started'
    })
  })

  it('so is a watchdog that only the reset reason tells of', () => {
    const told = explainLog(`${INSTALLED}\nets Jun  8 2016 00:22:57\nrst:0x8 (TG1WDT_SYS_RESET),boot:0x13`)
    expect(told).toMatchObject({ outcome: 'failed', code: 'new-firmware-crashes' })
  })

  it('a broken connection of the program to something else is none', () => {
    const log = `${INSTALLED}\nE (2000) esp-tls: [sock=54] select() timeout\nE (2000) mqtt_client: Error transport connect`
    const { outcome, notes } = explainLog(log)
    expect(outcome).toBe('succeeded')
    expect(notes.join()).toContain('not about the update')
  })
})

describe('what the log does not tell is not made up', () => {
  it('an update that the log does not bring to its end', () => {
    const told = explainLog(
      'I (1) esp_https_ota: Starting OTA...\nI (2) esp_https_ota: Writing to partition subtype 16 at offset 0x110000'
    )
    expect(told).toMatchObject({ outcome: 'unfinished', step: 'download', code: null })
    expect(told.cause).toContain('s_server')
  })

  it('errors that nobody here knows: they are shown', () => {
    const told = explainLog('I (1) a: fine\nE (2) bmp280: sensor gone\nE (3) sdcard: no card')
    expect(told).toMatchObject({ outcome: 'unknown', code: null, step: null })
    expect(told.evidence.map(({ text }) => text)).toEqual(['E (2) bmp280: sensor gone', 'E (3) sdcard: no card'])
  })

  it('a log without errors, and an empty one', () => {
    expect(explainLog('hello\nworld')).toMatchObject({ outcome: 'unknown', evidence: [{ line: 1 }, { line: 2 }] })
    expect(explainLog('')).toMatchObject({ outcome: 'unknown', title: 'the log is empty', evidence: [] })
  })

  it('a device that found nothing to install', () => {
    expect(
      explainLog('I (9) esp_https_ota: OTA image not modified since last request (status code: 304)').outcome
    ).toBe('unchanged')
    const log =
      'W (600) app: Current running version is the same as a new. We will not continue the update.\nE (620) app: ESP_HTTPS_OTA upgrade failed'
    expect(explainLog(log)).toMatchObject({ outcome: 'unchanged', code: 'same-version' })
  })
})

describe('what the log tells beside', () => {
  it('is picked out of it', () => {
    expect(explainLog(SERIAL_LOGS.healthy['ESP-IDF 5 with rollback']).noticed).toEqual({
      address: '192.168.1.50',
      mask: '255.255.255.0',
      mac: '24:6F:28:AA:BB:CC',
      url: 'https://192.168.1.8:8070/hello_world.bin',
      host: '192.168.1.8',
      partition: 'ota_1',
      runningVersion: '1.0.0',
      newVersion: '1.1.0',
      idf: 'v5.3.1',
      client: 'esp-idf'
    })
  })

  it('finds the address that Arduino prints on a line of its own, and keeps passwords to itself', () => {
    const { noticed } = explainLog('IP address: \n192.168.1.77\nhttps://me:secret@10.0.0.1:8070/a.bin')
    expect(noticed).toMatchObject({ address: '192.168.1.77', url: 'https://10.0.0.1:8070/a.bin' })
  })
})

describe('hostile and huge logs', () => {
  const UNITS = [
    'a',
    '0',
    ' ',
    'err',
    'error -',
    '[',
    '(',
    'ssl -1',
    '\u001b[',
    'http://a',
    'connect ',
    'cert flags ',
    'Failed to connect to host ',
    'E (1',
    'errno',
    '12:34:56 ',
    '> ',
    'segment 0: paddr=',
    'handshake',
    '"',
    '\ufffd',
    'ip address: ',
    'assert failed: ',
    'tls 0xffff',
    'start_ssl_client ',
    'version: ',
    'Host '
  ]

  // A line is read up to 2000 characters, and no pattern may take more than a moment for it.
  it('no line takes long, whatever is repeated in it', () => {
    for (const unit of UNITS) {
      const startedAt = performance.now()
      explainLog(`${unit.repeat(4000)}\n`.repeat(5))
      expect(performance.now() - startedAt, JSON.stringify(unit)).toBeLessThan(1000)
    }
  })

  it('any bytes give an answer', () => {
    let seed = 1
    const noise = Uint8Array.from({ length: 200_000 }, () => {
      seed = (seed * 48271) % 2147483647
      return seed & 0xff
    })
    expect(explainLog(noise).outcome).toBe('unknown')
  })

  it('the same is said of a log that is cut anywhere in its last line', () => {
    const log = SERIAL_LOGS.cutBySServer.trimEnd()
    const last = log.lastIndexOf('\n')
    for (let end = last; end <= log.length; end++) expect(explainLog(log.slice(0, end)).code).toBe('image-cut')
  })
})

describe('the client of a log', () => {
  it.each([
    ['[E][ssl_client.cpp:36] _handle_error(): (-30592) SSL - A fatal alert message', 'arduino-esp32'],
    ['[D][Updater.cpp:129] begin(): OTA Partition: app1', 'arduino-esp32'],
    ['[  6774][E][WiFiClientSecure.cpp:135] connect(): start_ssl_client: -30592', 'arduino-esp32'],
    ['[12:00:01][I][http_request.ota:095]: Connecting to: https://192.168.1.8:8070/firmware.bin', 'esphome'],
    ['[D][ota_http:054]: Trying to connect', 'esphome'],
    ['13:50:05 OTA: Begin', 'tasmota'],
    ['ota: err -28674', null]
  ])('%s', (line, client) => {
    expect(explainLog(line).noticed.client).toBe(client)
  })
})
