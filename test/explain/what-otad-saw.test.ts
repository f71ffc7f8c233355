import { describe, expect, it } from 'vitest'
import type { DeviceEvent, DeviceHistory } from '../../src/devices/device-facts.js'
import { explainLog } from '../../src/explain/explain-log.js'
import { whatOtadSaw } from '../../src/explain/what-otad-saw.js'
import { SERIAL_LOGS } from './serial-logs.js'

const NOW = new Date(2026, 10, 21, 12, 5, 0).getTime()
const OTAD = { origin: 'https://192.168.1.8:8070' }

function event(secondsAgo: number, sentence: string, fix: string | null = null): DeviceEvent {
  const at = new Date(NOW - secondsAgo * 1000).toISOString()
  return { at, is: 'handshake-failed', sentence, fix, name: null, digest: null, count: 1 }
}

function device(address: string, history: readonly DeviceEvent[], fields: Partial<DeviceHistory> = {}): DeviceHistory {
  return {
    id: address,
    identity: 'address',
    label: null,
    address,
    mac: null,
    vendor: null,
    client: 'ESP-IDF',
    userAgent: 'ESP32 HTTP Client/1.0',
    sdk: null,
    chip: null,
    firstSeen: new Date(NOW - 3_600_000).toISOString(),
    lastSeen: new Date(NOW).toISOString(),
    asked: null,
    running: null,
    verdict: history[0] ?? null,
    downloads: [],
    history,
    ...fields
  }
}

const REFUSED = event(30, 'the handshake failed: it trusts another CA', 'Rebuild it with certs/ca_cert.pem')
const LOG = `I (1) esp_netif_handlers: sta ip: 192.168.1.50, mask: 255.255.255.0\n${SERIAL_LOGS.refusedCertificate}`

describe('what otad saw', () => {
  it('of the device that has the address of the log, and not of others', () => {
    const devices = [device('192.168.1.51', [event(5, 'complete')]), device('192.168.1.50', [REFUSED])]
    const { sentence, sightings } = whatOtadSaw(explainLog(LOG), OTAD, devices, NOW)
    expect(sentence).toContain('192.168.1.50')
    expect(sightings).toEqual([
      { device: '192.168.1.50', address: '192.168.1.50', at: REFUSED.at, sentence: REFUSED.sentence, fix: REFUSED.fix }
    ])
  })

  it('of the device that has the MAC of the log, whatever address it has now, by its label', () => {
    const devices = [device('192.168.1.99', [REFUSED], { mac: '24:6f:28:aa:bb:cc', label: 'porch' })]
    const log = `I (1) wifi:mode : sta (24:6f:28:aa:bb:cc)\n${SERIAL_LOGS.refusedCertificate}`
    expect(whatOtadSaw(explainLog(log), OTAD, devices, NOW).sightings[0]?.device).toBe('porch')
  })

  it('says that no packet came, where the device did not reach anybody', () => {
    const { sentence, sightings } = whatOtadSaw(explainLog(SERIAL_LOGS.smartThingsElsewhere), OTAD, [], NOW)
    expect(sentence).toBe('no connection from 192.168.1.50 at all: its packets do not arrive here')
    expect(sightings).toEqual([])
  })

  it('without an address, what happened in the last minutes', () => {
    const devices = [device('192.168.1.51', [event(5, 'complete'), event(3600, 'cut at 61 %')])]
    const { sentence, sightings } = whatOtadSaw(explainLog(SERIAL_LOGS.refusedCertificate), OTAD, devices, NOW)
    expect(sentence).toContain('last 10 minutes')
    expect(sightings.map(sighting => sighting.sentence)).toEqual(['complete'])
    expect(whatOtadSaw(explainLog(SERIAL_LOGS.refusedCertificate), OTAD, [], NOW).sentence).toContain('no device')
  })

  it('shows what happened around the time that the monitor wrote, where it wrote one', () => {
    const devices = [device('192.168.1.50', [event(2, 'complete'), event(3600, 'the handshake failed')])]
    const log = LOG.split('\n')
      .map(line => `11:05:03.100 -> ${line}`)
      .join('\n')
    const { sightings } = whatOtadSaw(explainLog(log), OTAD, devices, NOW)
    expect(sightings.map(({ sentence }) => sentence)).toEqual(['the handshake failed'])
  })

  it.each([
    ['https://192.168.1.3:4443/signed_ota_demo.bin', 'leads to 192.168.1.3:4443'],
    ['https://192.168.1.8/a.bin', 'has port 443']
  ])('says that %s is another place', (url, words) => {
    expect(whatOtadSaw(explainLog(`I (1) app: GET ${url}`), OTAD, [], NOW).elsewhere).toContain(words)
  })

  it('says nothing of a URL that leads here', () => {
    const log = 'I (1) app: Attempting to download update from https://192.168.1.8:8070/a.bin'
    expect(whatOtadSaw(explainLog(log), OTAD, [], NOW).elsewhere).toBeNull()
  })
})
