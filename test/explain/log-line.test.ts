import { describe, expect, it } from 'vitest'
import { readLine, withoutCredentials } from '../../src/explain/log-line.js'

const TEXT = 'E (20564) esp-tls: Failed to connnect to host (errno 113)'

describe('a line is the same whatever shows it', () => {
  const decorated: readonly (readonly [where: string, raw: string])[] = [
    ['plain', TEXT],
    ['in colour, as a terminal gets it', `\u001b[0;31m${TEXT}\u001b[0m`],
    ['with the escape character lost', `[0;31m${TEXT}[0m`],
    ['with the escape character made visible', `\u241b[0;31m${TEXT}\u241b[0m`],
    ['as Termite writes escapes', `[1B][0;31m${TEXT}[1B][0m`],
    ['with a carriage return at its end', `${TEXT}\r`],
    ['with the time of the Arduino IDE', `16:48:15.042 -> ${TEXT}`],
    ['with the time of PlatformIO', `16:48:15.042 > ${TEXT}`],
    ['with the time of other monitors', `[16:48:15.042] ${TEXT}`],
    ['with a date', `2026-08-20 16:48:15,042 ${TEXT}`],
    ['with an ISO date', `[2026-08-20T16:48:15.042Z] ${TEXT}`],
    ['as systemd writes it', `Aug 20 16:48:15 ${TEXT}`],
    ['quoted in a mail', `> ${TEXT}`],
    ['in bold', `**${TEXT}`],
    ['indented', `    ${TEXT}`]
  ]
  it.each(decorated)('%s', (_where, raw) => {
    expect(readLine(7, raw)).toMatchObject({ number: 7, level: 'E', tag: 'esp-tls', time: '20564', text: TEXT })
  })

  it('keeps the time of day that a monitor wrote', () => {
    expect(readLine(1, `16:48:15.042 -> ${TEXT}`).clock).toBe('16:48:15')
    expect(readLine(1, `[16:48:15] ${TEXT}`).clock).toBe('16:48:15')
    expect(readLine(1, TEXT).clock).toBeNull()
  })
})

describe('the head of a line', () => {
  it.each([
    ['E (12:34:56.789) esp-tls: x', 'E', 'esp-tls', '12:34:56.789'],
    ['W (2026-08-20 12:34:56.789) esp_https_ota: x', 'W', 'esp_https_ota', '2026-08-20 12:34:56.789'],
    ['E esp_image: x', 'E', 'esp_image', null],
    ['....E (99) boot: x', 'E', 'boot', '99'],
    ['[ 28917][E][ssl_client.cpp:37] _handle_error(): x', 'E', 'ssl_client.cpp', '28917'],
    ['[E][HTTPUpdate.cpp:229] handleUpdate(): x', 'E', 'HTTPUpdate.cpp', null],
    ['[12:00:01][E][http_request.ota:181]: x', 'E', 'http_request.ota', null],
    ['Failed to open HTTP connection: 28674', null, null, null],
    ['--- idf_monitor on /dev/ttyUSB0 115200 ---', null, null, null]
  ])('of %s', (raw, level, tag, time) => {
    expect(readLine(1, raw)).toMatchObject({ level, tag, time })
  })
})

it('shows no password of a URL', () => {
  expect(withoutCredentials('GET https://me:secret@192.168.1.8:8070/a.bin')).toBe('GET https://192.168.1.8:8070/a.bin')
})
