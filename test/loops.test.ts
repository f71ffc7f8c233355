import { describe, expect, it } from 'vitest'
import { Loops } from '../src/loops.js'
import { type ArduinoClient, readArduinoClient } from '../src/server/arduino.js'
import type { Download } from '../src/server/downloads.js'
import { aRelease } from './support/asked-daemon.js'

const MINUTE_MS = 60_000
const OLD = aRelease('app.bin', '1.0.0', { appendedSha256: 'a'.repeat(64) })
const NEW = aRelease('app.bin', '2.0.0', { appendedSha256: 'b'.repeat(64) })
const MAC = '24:6f:28:aa:bb:cc'

const withMac: Download['recipient'] = {
  client: `mac ${MAC}`,
  isSure: true,
  label: MAC,
  userAgent: 'ESP32-http-Update',
  address: '192.168.1.51',
  certificate: undefined,
  mac: MAC
}
const byAddress: Download['recipient'] = {
  client: '192.168.1.50 ESP32 HTTP Client/1.0',
  isSure: false,
  label: '192.168.1.50',
  userAgent: 'ESP32 HTTP Client/1.0',
  address: '192.168.1.50',
  certificate: undefined,
  mac: undefined
}

function told(fields: Readonly<Record<string, string>>): ArduinoClient {
  const all = Object.entries({ mode: 'sketch', ...fields }).map(([name, value]) => [`x-esp32-${name}`, value])
  return readArduinoClient(Object.fromEntries(all)) ?? expect.fail()
}

function aDownload(more: Partial<Download> = {}): Download {
  const { release = NEW, outcome = 'complete' } = more
  const sent = outcome === 'complete' ? release.size : 0
  return {
    device: '192.168.1.50',
    recipient: withMac,
    release,
    outcome,
    sent,
    ranges: 1,
    durationMs: 3000,
    cause: '',
    ...more
  }
}

/** Notes downloads a minute apart, and returns what was found at each. */
function noteAll(downloads: readonly Download[], everyMs = MINUTE_MS) {
  const loops = new Loops()
  return downloads.map((download, index) => loops.note(download, index * everyMs))
}

describe('a loop', () => {
  it('is three whole downloads of one release within ten minutes, and is told once', () => {
    const found = noteAll(Array.from({ length: 6 }, () => aDownload()))
    expect(found.map(({ looping }) => looping !== undefined)).toEqual([false, false, true, false, false, false])
    expect(found[2]?.looping).toMatchObject({ device: MAC, name: 'app.bin', version: '2.0.0', times: 3 })
  })

  it('is none when the downloads are further apart, of several releases, or cut', () => {
    expect(
      noteAll(
        Array.from({ length: 6 }, () => aDownload()),
        6 * MINUTE_MS
      )
    ).toEqual(Array(6).fill({}))
    const flashed = [OLD, NEW, OLD, NEW, OLD, NEW].map(release => aDownload({ release }))
    expect(noteAll(flashed)).toEqual(Array(6).fill({}))
    expect(noteAll(Array.from({ length: 6 }, () => aDownload({ outcome: 'aborted' })))).toEqual(Array(6).fill({}))
    expect(noteAll(Array.from({ length: 6 }, () => aDownload({ sent: 100 })))).toEqual(Array(6).fill({}))
  })

  it('is none of several devices, each by its MAC', () => {
    const many = Array.from({ length: 9 }, (_, index) =>
      aDownload({ recipient: { ...withMac, client: `mac ${index}` } })
    )
    expect(noteAll(many)).toEqual(Array(9).fill({}))
  })

  it('is none of several devices behind one address whose downloads overlap', () => {
    const many = Array.from({ length: 6 }, () => aDownload({ recipient: byAddress, durationMs: 3000 }))
    expect(noteAll(many, 1000)).toEqual(Array(6).fill({}))
    expect(noteAll(many, 4000)[2]?.looping?.reason).toContain('may be several devices')
  })

  it('counts downloads in ranges like whole ones', () => {
    const found = noteAll(Array.from({ length: 3 }, () => aDownload({ recipient: byAddress, ranges: 57 })))
    expect(found[2]?.looping?.reason).toContain('it tells no version')
  })

  it('is none of people at their desk', () => {
    const recipient = { ...byAddress, userAgent: 'curl/8.5.0' }
    expect(noteAll(Array.from({ length: 6 }, () => aDownload({ recipient })))).toEqual(Array(6).fill({}))
  })

  it('is told again for the next release', () => {
    const again = aRelease('app.bin', '3.0.0')
    const found = noteAll([NEW, NEW, NEW, again, again, again].map(release => aDownload({ release })))
    expect(found.map(({ looping }) => looping?.version)).toEqual([
      undefined,
      undefined,
      '2.0.0',
      undefined,
      undefined,
      '3.0.0'
    ])
  })

  const REASONS: readonly (readonly [what: string, fields: Readonly<Record<string, string>>, reason: string])[] = [
    ['a version that never changes', { version: '1.0.0' }, 'it tells version 1.0.0 each time, and the image is 2.0.0'],
    ['nothing', {}, 'it tells neither version nor digest'],
    [
      'the digest that it had before',
      { 'sketch-md5': OLD.md5 },
      'it comes back each time with the firmware that it had before'
    ],
    ['a file system', { mode: 'spiffs' }, 'call updateSpiffs() only for another one']
  ]
  it.each(REASONS)('has its likely reason: %s', (_what, fields, reason) => {
    const found = noteAll(Array.from({ length: 3 }, () => aDownload({ client: told(fields) })))
    expect(found[2]?.looping?.reason).toContain(reason)
    expect(found[2]?.looping?.reason).not.toContain('several devices')
  })

  it('has its likely reason: a digest that is never that of the image', () => {
    const signed = ['1', '2', '3'].map(digit => aDownload({ client: told({ 'sketch-md5': digit.repeat(32) }) }))
    expect(noteAll(signed)[2]?.looping?.reason).toContain('signed or packed')
  })
})

describe('a device that goes back', () => {
  const asksWithOld = { 'sketch-md5': OLD.md5, 'sketch-sha256': 'A'.repeat(64), version: '1.0.0' }

  it('has received a release and asks with the digest that it had before, and is told once', () => {
    const found = noteAll(Array.from({ length: 3 }, () => aDownload({ client: told(asksWithOld) })))
    expect(found[1]?.rolledback).toMatchObject({ device: MAC, name: 'app.bin', version: '2.0.0', running: '1.0.0' })
    expect(found[1]?.rolledback?.reason).toContain('esp_ota_mark_app_valid_cancel_rollback')
    expect([found[0]?.rolledback, found[2]?.rolledback]).toEqual([undefined, undefined])
  })

  it('is seen when it asks, whatever comes of that', () => {
    const got = aDownload({ client: told(asksWithOld) })
    for (const outcome of ['aborted', 'no-room'] as const)
      expect(noteAll([got, aDownload({ outcome, client: told(asksWithOld) })])[1]?.rolledback).toBeDefined()
  })

  it('is seen after it had run the release for a while', () => {
    const running = told({ 'sketch-md5': NEW.md5, version: '2.0.0' })
    const found = noteAll([
      aDownload({ client: told(asksWithOld) }),
      aDownload({ outcome: 'unchanged', client: running }),
      aDownload({ client: told(asksWithOld) })
    ])
    expect(found.map(({ rolledback }) => rolledback !== undefined)).toEqual([false, false, true])
  })

  it('is none that runs what it received, nor one that was flashed with something else', () => {
    const got = aDownload({ client: told(asksWithOld) })
    const after = [{ 'sketch-md5': NEW.md5, version: '1.0.0' }, { 'sketch-md5': 'f'.repeat(32) }, {}]
    for (const fields of after) expect(noteAll([got, aDownload({ client: told(fields) })])[1]).toEqual({})
    expect(noteAll([aDownload({ outcome: 'aborted', client: told(asksWithOld) }), got])[1]).toEqual({})
  })

  it('is taken at its word where it tells a version alone, and there is one to compare', () => {
    const asks = (release = NEW) => aDownload({ release, client: told({ version: '1.0.0' }) })
    expect(noteAll([asks(), asks()])[1]?.rolledback?.reason).toContain(
      'the version that it tells is not changed by a build'
    )
    const nameless = aRelease('app.bin', '', { version: '' })
    expect(noteAll([asks(nameless), asks(nameless)])[1]).toEqual({})
  })
})

describe('a device without room', () => {
  it('is told once for a release', () => {
    const full = (release = NEW) => aDownload({ release, outcome: 'no-room', client: told({ 'free-space': '1000' }) })
    const found = noteAll([full(), full(), full(OLD)])
    expect(found[0]?.full).toEqual({ device: MAC, name: 'app.bin', size: NEW.size, free: 1000 })
    expect([found[1], found[2]?.full?.size]).toEqual([{}, OLD.size])
  })
})

describe('what is remembered', () => {
  it('is bounded: whoever was seen longest ago is forgotten', () => {
    const loops = new Loops()
    const note = (client: string, now: number) => loops.note(aDownload({ recipient: { ...withMac, client } }), now)
    note('first', 0)
    note('first', 1000)
    for (let other = 0; other < 10_000; other++) note(`other ${other}`, 2000)
    expect(note('first', 3000)).toEqual({})
    expect(note('other 9999', 4000)).toEqual({})
    expect(note('other 9999', 5000).looping).toBeDefined()
  })
})
