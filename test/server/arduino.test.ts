import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Release } from '../../src/releases/release.js'
import { answerArduino, fileSystemNames, readArduinoClient, runs } from '../../src/server/arduino.js'
import { answerVersion, withDigests } from '../../src/server/firmware-answer.js'
import { aRelease } from '../support/asked-daemon.js'

const MD5 = '0123456789abcdef'.repeat(2)
const SHA256 = 'fedcba9876543210'.repeat(4)
const RELEASE = aRelease('app.bin', '1.4.2', { md5: MD5, appendedSha256: SHA256, size: 1000 })
const FILE_SYSTEM = aRelease('spiffs.bin', 'data', { kind: 'littlefs', version: '', appendedSha256: null })

/** As Node hands them over: names in lower case. */
const sketch = (fields: Readonly<Record<string, string>> = {}) =>
  readArduinoClient(headers({ mode: 'sketch', ...fields }))
const headers = (fields: Readonly<Record<string, string>>, family = 'esp32') =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [`x-${family}-${name}`, value]))
const answer = (fields: Readonly<Record<string, string>>, release: Release = RELEASE) => {
  const client = readArduinoClient(headers(fields))
  return client === undefined ? 'no client' : answerArduino(client, release)
}

describe('what HTTPUpdate tells', () => {
  it('is read of the ESP32', () => {
    const told = {
      'sta-mac': '24:6F:28:AA:BB:CC',
      'ap-mac': '24:6F:28:AA:BB:CD',
      'free-space': '1310720',
      'sketch-size': '1000000',
      'sketch-md5': MD5,
      'sketch-sha256': SHA256.toUpperCase(),
      'chip-size': '4194304',
      'sdk-version': 'v5.5.1-710-g8410210c9a',
      mode: 'sketch',
      version: '1.0.0'
    }
    expect(readArduinoClient(headers(told))).toEqual({
      kind: 'arduino-esp32',
      mode: 'sketch',
      sketchMd5: MD5,
      sketchSha256: SHA256,
      version: '1.0.0',
      freeSpace: 1310720,
      sketchSize: 1000000,
      chipSize: 4194304,
      sdk: 'v5.5.1-710-g8410210c9a',
      staMac: '24:6f:28:aa:bb:cc',
      chipId: undefined
    })
  })

  it('is read of the ESP8266', () => {
    const told = {
      'chip-id': '1234567',
      'sta-mac': '60:01:94:3C:85:3D',
      mode: 'version',
      'sdk-version': '2.2.1(cfd48f3)'
    }
    expect(readArduinoClient(headers(told, 'esp8266'))).toMatchObject({
      kind: 'arduino-esp8266',
      mode: 'version',
      chipId: '1234567',
      staMac: '60:01:94:3c:85:3d',
      sdk: '2.2.1(cfd48f3)'
    })
  })

  it('is nothing of other clients', () => {
    expect(readArduinoClient({ host: 'a', 'user-agent': 'ESP32 HTTP Client/1.0', 'x-esp32': '1' })).toBeUndefined()
  })

  const HOSTILE: readonly (readonly [name: string, value: string])[] = [
    ['free-space', '-1'],
    ['free-space', '1e9'],
    ['free-space', '99999999999999999999'],
    ['free-space', '12, 12'],
    ['sketch-md5', MD5.slice(1)],
    ['sketch-md5', `${MD5}0`],
    ['sketch-md5', `${MD5}, ${MD5}`],
    ['sketch-sha256', 'z'.repeat(64)],
    ['version', ''],
    ['version', 'v'.repeat(101)],
    ['mode', 'sketch, spiffs'],
    ['mode', '__proto__'],
    ['sta-mac', '24:6F:28:AA:BB'],
    ['sta-mac', "' or 1=1"],
    ['chip-id', '0x1234']
  ]
  it.each(HOSTILE)('is not there when %s is %j', (name, value) => {
    expect(readArduinoClient(headers({ [name]: value }))).toBeUndefined()
  })

  it('never throws and always has an answer, whatever stands in the fields', () => {
    const names = [
      'mode',
      'sketch-md5',
      'sketch-sha256',
      'version',
      'free-space',
      'sketch-size',
      'sdk-version',
      'sta-mac'
    ]
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.constantFrom('sketch', 'spiffs', 'version', MD5, '0')
    )
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), value), fields => {
        const known = ['image', 'unchanged', 'version', 'no-room', 'other-image', 'no client']
        expect(known).toContain(answer(fields))
      })
    )
  })
})

describe('the answer to HTTPUpdate', () => {
  it('is 304 for the MD5, the appended SHA-256 or the version of the release', () => {
    expect(answer({ mode: 'sketch', 'sketch-md5': MD5 })).toBe('unchanged')
    expect(answer({ mode: 'sketch', 'sketch-md5': MD5.toUpperCase() })).toBe('unchanged')
    expect(answer({ mode: 'sketch', 'sketch-sha256': SHA256.toUpperCase() })).toBe('unchanged')
    expect(answer({ mode: 'sketch', 'sketch-md5': '0'.repeat(32), version: '1.4.2' })).toBe('unchanged')
  })

  it('is the image for anything else', () => {
    expect(answer({ mode: 'sketch' })).toBe('image')
    expect(answer({ mode: 'sketch', 'sketch-md5': '0'.repeat(32), version: '1.4.1' })).toBe('image')
    // Of the file, not of what is appended to the image.
    expect(answer({ mode: 'sketch', 'sketch-sha256': RELEASE.digest.toUpperCase() })).toBe('image')
    expect(answer({ 'sketch-md5': MD5 })).toBe('image')
  })

  it('is never 304 by versions that neither of them has', () => {
    expect(answer({ mode: 'sketch', version: '' }, { ...RELEASE, version: '' })).toBe('image')
  })

  it('takes the SHA-256 of the file for that of an image without an appended one', () => {
    const release = { ...RELEASE, appendedSha256: null }
    expect(answer({ mode: 'sketch', 'sketch-sha256': RELEASE.digest.toUpperCase() }, release)).toBe('unchanged')
  })

  it('has no room where there is less than the image needs, and none at all without a second slot', () => {
    expect(answer({ mode: 'sketch', 'free-space': '1000' })).toBe('image')
    expect(answer({ mode: 'sketch', 'free-space': '999' })).toBe('no-room')
    expect(answer({ mode: 'sketch', 'free-space': '0' })).toBe('no-room')
    expect(answer({ mode: 'sketch', 'free-space': '999', 'sketch-md5': MD5 })).toBe('unchanged')
  })

  it('is a file system in mode spiffs, never 304 and never the app', () => {
    const told = { mode: 'spiffs', 'sketch-md5': MD5, 'free-space': '0' }
    expect(answer(told)).toBe('other-image')
    expect(answer(told, FILE_SYSTEM)).toBe('image')
    expect(answer({ ...told, 'sketch-md5': FILE_SYSTEM.md5 }, FILE_SYSTEM)).toBe('image')
  })

  it('is the version in mode version, and nothing beside where there is none', () => {
    expect(answer({ mode: 'version', 'sketch-md5': MD5 })).toBe('version')
    expect(answerVersion(RELEASE)).toMatchObject({
      status: 200,
      head: expect.arrayContaining(['x-version', '1.4.2']),
      end: 0
    })
    expect(answerVersion({ ...RELEASE, version: '' }).head).not.toContain('x-version')
    expect(answerVersion({ ...RELEASE, version: 'a\r\nSet-Cookie: b\u00ff' }).head).toContain('a_Set-Cookie: b_')
  })

  it('carries digests with a whole body, and with nothing else', () => {
    const whole = { status: 200, head: [], start: 0, end: 1000 } as const
    expect(withDigests(whole, RELEASE).head).toEqual([
      'x-MD5',
      MD5,
      'x-SHA256',
      RELEASE.digest,
      'x-SHA512',
      RELEASE.sha512
    ])
    for (const status of [206, 304, 412, 416] as const)
      expect(withDigests({ ...whole, status }, RELEASE).head).toEqual([])
  })
})

describe('what a device runs', () => {
  it('is told by either digest, or not at all', () => {
    const told = (fields: Readonly<Record<string, string>>) => runs(sketch(fields) ?? expect.fail(), RELEASE)
    expect(told({ 'sketch-md5': MD5 })).toBe(true)
    // Behind the image stands a signature: the MD5 is of the image alone.
    expect(told({ 'sketch-md5': '0'.repeat(32), 'sketch-sha256': SHA256 })).toBe(true)
    expect(told({ 'sketch-md5': '0'.repeat(32) })).toBe(false)
    expect(told({ version: '1.4.2' })).toBeUndefined()
  })
})

describe('the file system of an app', () => {
  it('is looked for under the names that Arduino and PlatformIO give it', () => {
    expect(fileSystemNames('esp32dev/app.bin')).toEqual([
      ...['esp32dev/app.spiffs.bin', 'esp32dev/app.littlefs.bin', 'esp32dev/app.fatfs.bin'],
      ...['esp32dev/spiffs.bin', 'esp32dev/littlefs.bin', 'esp32dev/fatfs.bin']
    ])
    expect(fileSystemNames('Blink.ino.bin')[0]).toBe('Blink.ino.spiffs.bin')
  })
})
