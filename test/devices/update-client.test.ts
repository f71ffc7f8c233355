import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nameClient } from '../../src/devices/update-client.js'

const ESP32 = { kind: 'arduino-esp32', sdk: 'v5.5.1-255-g07e9bf4970' } as const
const ESP8266 = { kind: 'arduino-esp8266', sdk: '2.2.2-dev(38a443e)' } as const

/** The clients of clients.md 3 by their User-Agent; those that send none, or one of the application, are told by nothing. */
const CENSUS = [
  ['C1-C5, C13-C15, C21: esp_http_client', 'ESP32 HTTP Client/1.0', undefined, /^ESP-IDF$/],
  ['C6: HTTPUpdate of arduino-esp32', 'ESP32-http-Update', ESP32, /^Arduino HTTPUpdate$/],
  ['C7: ESP8266httpUpdate', 'ESP8266-http-Update', ESP8266, /ESP8266/],
  ['C8: a sketch that parses the socket', '', undefined, /^unknown$/],
  ['C8: ArduinoHttpClient', 'Arduino/2.2.0', undefined, /Arduino/],
  ['C9, C10: HTTPClient of arduino-esp32', 'ESP32HTTPClient', undefined, /Arduino/],
  ['C7 without its headers: HTTPClient of the ESP8266', 'ESP8266HTTPClient', undefined, /Arduino|ESP8266/],
  ['C11: ESPHome', 'ESPHome/2025.11.0 (https://esphome.io)', undefined, /^ESPHome$/],
  ['C17: Mender', 'Mender/0.1 MCU Zephyr/4.2', undefined, /Mender/],
  ['C19: Firefox', 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', undefined, /^browser$/],
  [
    'C19: Chrome',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
    undefined,
    /^browser$/
  ],
  ['C20: native_ota of ESP8266_RTOS_SDK', 'esp-idf/1.0 esp32', undefined, /ESP8266_RTOS_SDK|ESP-IDF/],
  ['curl', 'curl/8.5.0', undefined, /^curl$/]
] as const

describe('the name of an update client', () => {
  it.each(CENSUS)('is known of %s', (_what, userAgent, told, name) => {
    expect(nameClient(userAgent, told).client).toMatch(name)
  })

  it('is that of HTTPUpdate where its headers tell, whatever the sketch calls itself', () => {
    expect(nameClient('my-sketch/1.0', ESP32)).toEqual({ client: 'Arduino HTTPUpdate', sdk: ESP32.sdk })
    expect(nameClient('', ESP8266).client).toMatch(/ESP8266/)
  })

  it('has the version of the SDK where it is told', () => {
    expect(nameClient('ESP32-http-Update', ESP32).sdk).toBe(ESP32.sdk)
    expect(nameClient('ESP32-http-Update', { kind: 'arduino-esp32', sdk: undefined }).sdk).toBeNull()
    expect(nameClient('ESP32 HTTP Client/1.0', undefined).sdk).toBeNull()
  })

  it('is unknown of everything else, and is never made up from what came', () => {
    const names = new Set<string>()
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), userAgent => {
        const { client } = nameClient(userAgent, undefined)
        if (!userAgent.startsWith('ESP')) names.add(client)
      }),
      { numRuns: 2000 }
    )
    expect(names.size).toBeLessThan(5)
    expect(names).toContain('unknown')
  })

  it('is found at once in 10 MB of anything', () => {
    const startedAt = performance.now()
    for (const piece of ['ESPHome/', 'Mozilla/5.0 ', 'curl', 'ESP32 ', ' (', 'a'])
      nameClient(piece.repeat((10 * 1024 * 1024) / piece.length), undefined)
    expect(performance.now() - startedAt).toBeLessThan(1000)
  })
})
