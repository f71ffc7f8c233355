// Answers to sketches, byte by byte as they stand on the wire: parsers of header fields would hide what these clients compare
// (clients.md R3 to R6, R31 to R33).
import { describe, expect, it } from 'vitest'
import { httpUpdateRequest, tellOf } from '../../src/probe/device-arduino.js'
import { esp8266Request } from '../../src/probe/device-esp8266.js'
import { exchange } from '../../src/probe/raw-http.js'
import { anImage, filled, withBytes } from '../support/image-builder.js'
import { digestOf, expectWellFormed, request, useSharedDaemon } from '../support/shared-daemon.js'

const APP = anImage({ length: 100_000, seed: 1, version: '2.0.0' })
const LITTLEFS = withBytes(filled(8192, 9), 8, Buffer.from('littlefs'))
const daemon = useSharedDaemon({
  firmware: { 'app.bin': APP, 'app.littlefs.bin': LITTLEFS },
  args: ['--kinds', 'littlefs']
})

const TARGET = new URL('https://192.168.1.10:8070/app.bin')
const esp32 = (fields: Partial<Parameters<typeof httpUpdateRequest>[1]> = {}) =>
  httpUpdateRequest(TARGET, { freeSpace: 1310720, mode: 'sketch', ...fields })
const esp8266 = (fields: Partial<Parameters<typeof esp8266Request>[1]> = {}) =>
  esp8266Request(TARGET, { freeSpace: 1310720, mode: 'sketch', chipSize: 4194304, ...fields })

/** The head of an answer, with what the clock wrote struck out. */
async function headOf(text: string): Promise<string> {
  const answer = await daemon.ask(text)
  expectWellFormed(answer)
  return answer.rawHead.toString('latin1').replace(/^(Date|Last-Modified): .*$/gm, '$1: …')
}

const validators = (image: Buffer, release: string) => [
  `ETag: "${digestOf(image)}"`,
  'Last-Modified: …',
  'Cache-Control: no-cache',
  `X-Otad-Release: ${release}`
]
const digests = (image: Buffer) => [
  `x-MD5: ${digestOf(image, 'md5')}`,
  `x-SHA256: ${digestOf(image)}`,
  `x-SHA512: ${digestOf(image, 'sha512')}`
]
const head = (...lines: readonly string[]): string => `${lines.join('\r\n')}\r\n\r\n`
const whole = (image: Buffer) => [
  'HTTP/1.1 200 OK',
  `Content-Length: ${image.length}`,
  'Content-Type: application/octet-stream',
  'Accept-Ranges: bytes'
]
const RELEASE = `2.0.0 ${digestOf(APP).slice(0, 8)}`

describe('the head of an answer on HTTP/1.0', () => {
  it.each([
    ['HTTPUpdate of the ESP32', esp32()],
    ['ESP8266httpUpdate', esp8266()]
  ])('to %s that gets an image', async (_client, text) => {
    expect(await headOf(text)).toBe(
      head(...whole(APP), ...validators(APP, RELEASE), ...digests(APP), 'Date: …', 'Connection: close')
    )
  })

  it('to one that runs the image is a 304 without a body', async () => {
    const expected = head('HTTP/1.1 304 Not Modified', ...validators(APP, RELEASE), 'Date: …', 'Connection: close')
    for (const fields of [tellOf(APP), { sketchSha256: tellOf(APP).sketchSha256 }, { version: '2.0.0' }])
      expect(await headOf(esp32(fields))).toBe(expected)
    expect(await headOf(esp8266({ sketchMd5: tellOf(APP).sketchMd5 }))).toBe(expected)
  })

  it('to one without room is that of the image: it compares the length itself', async () => {
    expect(await headOf(esp32({ freeSpace: 99_999 }))).toBe(
      head(...whole(APP), ...validators(APP, RELEASE), ...digests(APP), 'Date: …', 'Connection: close')
    )
  })

  it('to one that wants a file system is that of the file system', async () => {
    const release = digestOf(LITTLEFS).slice(0, 8)
    expect(await headOf(esp32({ ...tellOf(APP), mode: 'spiffs' }))).toBe(
      head(...whole(LITTLEFS), ...validators(LITTLEFS, release), ...digests(LITTLEFS), 'Date: …', 'Connection: close')
    )
  })

  it('to one that wants the version alone', async () => {
    expect(await headOf(esp8266({ mode: 'version' }))).toBe(
      head(
        'HTTP/1.1 200 OK',
        'Content-Length: 0',
        'x-version: 2.0.0',
        'Cache-Control: no-cache',
        'Date: …',
        'Connection: close'
      )
    )
  })

  it('is the same to HEAD, whatever the answer', async () => {
    const asked = [esp32(), esp32(tellOf(APP)), esp32({ freeSpace: 99_999 }), esp8266({ mode: 'version' })]
    for (const text of asked) expect(await headOf(text.replace(/^GET/, 'HEAD'))).toBe(await headOf(text))
  })

  it('keeps the connection open where that is asked for', async () => {
    const connection = await daemon.connect()
    for (let turn = 0; turn < 2; turn++) {
      const { status, body, keepsOpen, header } = await exchange(connection, esp32({ keepAlive: true }), {
        method: 'GET'
      })
      expect({ status, length: body.length, connection: header('connection') }).toEqual({
        status: 200,
        length: APP.length,
        connection: 'keep-alive'
      })
      expect(keepsOpen).toBe(true)
    }
    const { status } = await exchange(connection, esp32({ ...tellOf(APP), keepAlive: true }), { method: 'GET' })
    expect(status).toBe(304)
    await connection.close()
  })
})

describe('the head of an answer to other clients', () => {
  it('has no digests that nobody would read', async () => {
    const text = request('GET', '/app.bin', ['Connection: close'])
    expect(await headOf(text)).toBe(head(...whole(APP), ...validators(APP, RELEASE), 'Date: …', 'Connection: close'))
  })

  it('comes to a sketch that parses the socket in one piece, before any of the body', async () => {
    const text = 'GET /app.bin HTTP/1.1\r\nHost: 192.168.1.10\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n'
    const { rawHead, reads } = await daemon.ask(text)
    expect(reads[0]).toBeGreaterThanOrEqual(rawHead.length)
    const lines = rawHead.toString('latin1').split('\r\n')
    expect(lines[0]).toBe('HTTP/1.1 200 OK')
    expect(lines).toContain(`Content-Length: ${APP.length}`)
    expect(lines).toContain('Content-Type: application/octet-stream')
  })

  it('of ranges has none of this, whatever is told beside', async () => {
    const fields = ['x-ESP32-mode: sketch', `x-ESP32-sketch-md5: ${tellOf(APP).sketchMd5}`, 'Range: bytes=0-99']
    const { status, body, headers } = await daemon.ask(request('GET', '/app.bin', [...fields, 'Connection: close']))
    expect([status, body.length]).toEqual([206, 100])
    expect(headers.map(([name]) => name)).not.toContain('x-MD5')
  })
})
