import { describe, expect, it } from 'vitest'
import { countDevices, writeDevice, writeDeviceLine, writeDevices } from '../../src/cli/report-devices.js'
import { VERDICTS } from '../../src/devices/device-facts.js'
import { dateAndTime } from '../../src/words.js'
import { aDevice, aDownload, anEvent, isRunning, NOON } from '../support/a-device.js'

const DIGEST = '4c1d9e02'.padEnd(64, '0')
const PLAIN = { now: NOON + 3 * 60_000, colour: false }
const MAC = '24:6f:28:aa:bb:cc'
const HANDSHAKE = anEvent({
  is: 'handshake-failed',
  sentence: 'it trusts another CA',
  fix: 'Rebuild it with certs/ca_cert.pem',
  count: 3
})

describe('writeDevices', () => {
  it('draws a row for each device, and under it what happened last', () => {
    const devices = [
      aDevice({
        label: 'kitchen',
        running: isRunning(DIGEST, { version: '1.4.2' }),
        verdict: anEvent({ is: 'complete', sentence: '842 KiB handed over in 2.9 s' })
      }),
      aDevice({ id: MAC, client: 'Arduino HTTPUpdate', running: isRunning(DIGEST, { source: 'told', digest: null }) })
    ]
    expect(writeDevices(devices, PLAIN)).toBe(
      [
        'DEVICE             CLIENT              RUNNING                   KNOWN BY      LAST SEEN',
        '24:6f:28:aa:bb:cc  Arduino HTTPUpdate  app.bin 1.0               its headers   3 minutes ago',
        'kitchen            ESP-IDF             app.bin 1.4.2 (4c1d9e02)  confirmation  3 minutes ago',
        '    complete: 842 KiB handed over in 2.9 s',
        ''
      ].join('\n')
    )
  })

  it('says what to do where it needs a person, and not where it goes on by itself', () => {
    const needy = writeDevices([aDevice({ verdict: HANDSHAKE })], PLAIN)
    expect(needy).toContain(
      '    handshake failed: it trusts another CA (3 times)\n    Rebuild it with certs/ca_cert.pem\n'
    )
    const cut = anEvent({ is: 'cut', sentence: 'cut at 61 %', fix: 'nothing yet' })
    expect(writeDevices([aDevice({ verdict: cut })], PLAIN)).not.toContain('nothing yet')
  })

  it('does not take a browser for a device that asks for the wrong file', () => {
    const verdict = anEvent({ is: 'not-found', sentence: 'asked for /favicon.ico', fix: 'no firmware of this name' })
    expect(writeDevices([aDevice({ verdict, client: 'browser' })], PLAIN)).not.toContain('no firmware')
    expect(writeDevices([aDevice({ verdict })], PLAIN)).toContain('no firmware')
  })

  it.each([
    [{}, '████████████────────────  50 % of 1000 KiB, 99 KiB/s, 5 s left'],
    [{ secondsLeft: 185 }, '50 % of 1000 KiB, 99 KiB/s, 3 min 5 s left'],
    [{ reached: 999 * 1024, secondsLeft: null }, '███████████████████████─  99 % of 1000 KiB, 99 KiB/s'],
    [{ isStalled: true }, '50 % of 1000 KiB, takes nothing right now'],
    [{ size: 0, reached: 0 }, '────────────────────────  0 % of 0 bytes']
  ])('draws how far a download is: %j', (fields, drawn) => {
    expect(writeDevices([aDevice({ downloads: [aDownload(fields)] })], PLAIN)).toContain(drawn)
  })

  it('has those that download first, then those seen last, and within a minute goes by name', () => {
    const seen = (label: string, at: number) => aDevice({ id: label, label, lastSeen: new Date(at).toISOString() })
    const devices = [
      seen('b', NOON + 1000),
      seen('a', NOON),
      seen('newer', NOON + 60_000),
      { ...seen('old', 0), downloads: [aDownload()] }
    ]
    const rows = writeDevices(devices, PLAIN)
      .split('\n')
      .filter(line => /^\w/.test(line))
    expect(rows.slice(1).map(row => row.split(' ')[0])).toEqual(['old', 'newer', 'a', 'b'])
  })

  it('says that none has come', () => {
    expect(writeDevices([], PLAIN)).toBe('no device has come yet\n')
  })

  it('has colour only where it is asked for', () => {
    const devices = [aDevice({ verdict: HANDSHAKE, downloads: [aDownload()] })]
    expect(writeDevices(devices, PLAIN)).not.toContain('\u001b')
    expect(writeDevices(devices, { ...PLAIN, colour: true })).toContain('\u001b[')
  })

  it('lets nothing that comes from outside write on the terminal', () => {
    const evil = '\u001b[2J\nforged'
    const device = aDevice({
      id: evil,
      client: evil,
      userAgent: evil,
      sdk: evil,
      vendor: evil,
      running: isRunning(DIGEST, { name: evil, version: evil }),
      asked: isRunning(DIGEST, { name: evil, version: evil }),
      verdict: anEvent({ is: 'not-found', sentence: evil, fix: evil }),
      history: [anEvent({ is: 'not-found', sentence: evil, fix: evil })]
    })
    for (const page of [writeDevices([device], PLAIN), writeDevice(device, PLAIN), writeDeviceLine(device)]) {
      expect(page).not.toContain('\u001b')
      expect(page).not.toMatch(/^forged/m)
    }
  })
})

describe('writeDevice', () => {
  it('tells all that is known of one, and what happened to it', () => {
    const device = aDevice({
      id: MAC,
      identity: 'mac',
      mac: MAC,
      label: 'kitchen',
      client: 'Arduino HTTPUpdate',
      sdk: 'v5.5.1',
      chip: 'esp32',
      vendor: 'Espressif',
      asked: isRunning(DIGEST, { version: '1.4.2' }),
      running: isRunning(DIGEST, { version: '1.4.1', source: 'believed' }),
      history: [HANDSHAKE, anEvent({ is: 'running', sentence: 'says that it runs 1.4.1' })]
    })
    const noon = dateAndTime(NOON)
    expect(writeDevice(device, PLAIN)).toBe(
      [
        `kitchen   ${MAC}`,
        '  is        Arduino HTTPUpdate, SDK v5.5.1, esp32, Espressif, at 192.168.1.50',
        `  seen      first ${noon} (3 minutes ago), last ${noon} (3 minutes ago)`,
        `  asked     for app.bin 1.4.2 (4c1d9e02), ${noon} (3 minutes ago)`,
        `  runs      app.bin 1.4.1 (4c1d9e02) since ${noon} (3 minutes ago): it received that whole and came back`,
        '',
        `  ${noon}  handshake failed: it trusts another CA (3 times)`,
        '                       Rebuild it with certs/ca_cert.pem',
        `  ${noon}  running: says that it runs 1.4.1`,
        ''
      ].join('\n')
    )
  })
})

describe('writeDeviceLine', () => {
  it('is one line of what a device does, with the fix where it needs a person', () => {
    expect(writeDeviceLine(aDevice())).toBe('192.168.1.50  has come')
    expect(writeDeviceLine(aDevice({ verdict: HANDSHAKE }))).toBe(
      '192.168.1.50  handshake failed: it trusts another CA (3 times); Rebuild it with certs/ca_cert.pem'
    )
  })

  it('is another one with each tenth of a download', () => {
    const verdict = anEvent({ is: 'downloading', sentence: 'downloads app.bin 1.0' })
    const at = (reached: number) =>
      writeDeviceLine(aDevice({ verdict, downloads: [aDownload({ size: 1000, reached })] }))
    expect(at(500)).toBe('192.168.1.50  downloads app.bin 1.0, 50 % of 1000 bytes')
    expect(at(599)).toBe(at(500))
    expect(at(600)).not.toBe(at(500))
  })

  it('has words for every verdict', () => {
    for (const is of VERDICTS) {
      const line = writeDeviceLine(aDevice({ verdict: anEvent({ is, sentence: 'its sentence' }) }))
      expect(line).toMatch(/^192\.168\.1\.50 {2}([a-z -]+: )?its sentence$/)
    }
  })
})

describe('countDevices', () => {
  it('names those that a person has to look at, and no more than fit', () => {
    expect(countDevices([])).toBe('no device has come yet')
    expect(countDevices([aDevice()])).toBe('1 device, none downloading')
    const needy = (label: string) => aDevice({ label, verdict: HANDSHAKE })
    expect(countDevices([aDevice({ downloads: [aDownload()] }), needy('a'), needy('b')])).toBe(
      '3 devices, 1 downloading; look at a (handshake failed), b (handshake failed)'
    )
    const many = Array.from({ length: 12 }, (_, index) => needy(`d${index}`))
    expect(countDevices(many)).toMatch(/d4 \(handshake failed\), 7 others$/)
  })
})
