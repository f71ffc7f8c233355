// What Prometheus reads: its conventions are kept, no label comes from outside, and the numbers are those of what has happened.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { VERDICTS } from '../../src/devices/device-facts.js'
import { Durations } from '../../src/server/durations.js'
import { handshakeCauseOf } from '../../src/server/handshake-causes.js'
import { createRegistry, METRICS } from '../../src/server/metrics.js'
import type { Measured } from '../../src/server/routes/metrics.js'
import { aSelfSigned } from '../support/certificates.js'
import { type Family, readExposition } from '../support/exposition.js'
import { anImage, withByteFlipped, withSegmentLength } from '../support/image-builder.js'
import { request, useSharedDaemon } from '../support/shared-daemon.js'

const HOSTILE = 'evil"} 1\\.bin'
const IMAGE = anImage({ project: 'counted', version: '66.77.88', seed: 3 })
const sourceOf = (file: string): string => readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8')

/** Every code that a problem may have, as the source has them. */
const REASONS = [...sourceOf('image/problem.ts').matchAll(/case '([a-z0-9-]+)':/g)].map(([, code = '']) => code)

/** What a label may be, by its name. */
const LABELS: Readonly<Record<string, readonly string[] | RegExp>> = {
  version: /^\d+\.\d+\.\d+$/,
  state: VERDICTS.map(verdict => verdict.replaceAll('-', '_')),
  outcome: ['complete', 'aborted', 'unchanged', 'no_room'],
  reason: [...REASONS, 'too-large-to-read', 'other-family'].map(reason => reason.replaceAll('-', '_')),
  cause: /^(closed_unheard|http_request|silent|not_tls|closed|econnreset|other)$/,
  kind: ['full', 'resumed'],
  certificate: ['ca', 'leaf'],
  le: /^(\d+(\.\d+)?|\+Inf)$/
}

const daemon = useSharedDaemon({
  firmware: {
    'counted.bin': IMAGE,
    [HOSTILE]: anImage({ seed: 5 }),
    'refused.bin': withSegmentLength(IMAGE, 1, 0xffffffff),
    'flipped.bin': withByteFlipped(IMAGE, 5000)
  },
  unserved: ['refused.bin', 'flipped.bin', ...(HOSTILE.includes('\\') ? [HOSTILE] : [])]
})

const scrape = async (): Promise<ReadonlyMap<string, Family>> =>
  readExposition((await daemon.ask(request('GET', '/metrics'))).body.toString('utf8'))

async function figure(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
  const family = [...(await scrape()).values()].find(({ samples }) => samples.some(sample => sample.name === name))
  const fits = family?.samples.find(
    sample => sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
  )
  return fits?.value ?? 0
}

/** Asks again until a value is there: some are counted when a connection has closed. */
async function becomes(wanted: number, name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
  await expect.poll(() => figure(name, labels), { timeout: 5000 }).toBe(wanted)
}

const get = (target: string, fields: readonly string[] = []) => daemon.ask(request('GET', target, fields))
const own = (families: ReadonlyMap<string, Family>): readonly Family[] =>
  [...families.values()].filter(({ name }) => name.startsWith('otad_'))

describe('/metrics', () => {
  it('tells every metric with its help and type, and what is known beforehand at 0 too', async () => {
    const families = await scrape()
    expect(own(families).map(({ name, help, type }) => ({ name, help, type }))).toEqual(
      METRICS.map(({ name, help, type }) => ({ name, help, type }))
    )
    const valuesOf = (name: string, label: string) => families.get(name)?.samples.map(({ labels }) => labels[label])
    expect(valuesOf('otad_downloads_total', 'outcome')).toEqual(['complete', 'aborted', 'unchanged', 'no_room'])
    expect(valuesOf('otad_devices', 'state')).toEqual(VERDICTS.map(verdict => verdict.replaceAll('-', '_')))
  })

  it('has those of the process and of its event loop too', async () => {
    const families = await scrape()
    for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_seconds'])
      expect(families.get(name)?.samples).toHaveLength(1)
  })

  it('names what it counts as Prometheus wants it: base units, _total for counters alone, no unit in a label', async () => {
    for (const { name, type, help } of METRICS) {
      expect(name).toMatch(/^otad_[a-z]+(_[a-z]+)*$/)
      expect(name, 'base units').not.toMatch(/_(ms|millis|milliseconds|minutes|hours|kib|mib|kilobytes|percent)(_|$)/)
      expect(name.endsWith('_total'), name).toBe(type === 'counter')
      if (type === 'histogram') expect(name).toMatch(/_seconds$/)
      expect(help, 'a sentence of one line').toMatch(/^[A-Z][^\n\\]*\.$/)
    }
  })

  it('counts a download, its bytes and its duration', async () => {
    const [count, bytes, durations] = await Promise.all([
      figure('otad_downloads_total', { outcome: 'complete' }),
      figure('otad_firmware_sent_bytes_total'),
      figure('otad_download_duration_seconds_count')
    ])
    expect((await get('/counted.bin')).status).toBe(200)
    await becomes(count + 1, 'otad_downloads_total', { outcome: 'complete' })
    await becomes(bytes + IMAGE.length, 'otad_firmware_sent_bytes_total')
    await becomes(durations + 1, 'otad_download_duration_seconds_count')
    expect(await figure('otad_download_duration_seconds_bucket', { le: '+Inf' })).toBe(durations + 1)
    expect(await figure('otad_download_duration_seconds_sum')).toBeLessThan(60)
    expect(await figure('otad_transfers_active')).toBe(0)
  })

  it('counts a release and how long it took, and keeps count of what is kept', async () => {
    const [published, delays, names, releases] = await Promise.all([
      figure('otad_releases_published_total'),
      figure('otad_publish_delay_seconds_count'),
      figure('otad_names'),
      figure('otad_releases')
    ])
    await daemon.build('counted.bin', anImage({ project: 'counted', version: '66.77.89', seed: 4 }))
    await daemon.event('release.published', event => event.version === '66.77.89')
    await becomes(published + 1, 'otad_releases_published_total')
    await becomes(delays + 1, 'otad_publish_delay_seconds_count')
    expect(await figure('otad_names')).toBe(names)
    expect(await figure('otad_releases')).toBe(releases + 1)
  })

  it('tells when the certificates in use end, and who listens to /events', async () => {
    const endsIn = async (certificate: string): Promise<number> =>
      (await figure('otad_certificate_expiry_timestamp_seconds', { certificate })) - Date.now() / 1000
    expect((await endsIn('leaf')) / 86400).toBeCloseTo(395, -1)
    expect((await endsIn('ca')) / 86400).toBeGreaterThan(19 * 365)
    const listener = await daemon.connect()
    listener.socket.write(request('GET', '/events'))
    await becomes(1, 'otad_event_listeners')
    listener.socket.destroy()
    await becomes(0, 'otad_event_listeners')
  })

  it('counts what is refused by its reason', async () => {
    await daemon.event('candidate.rejected', event => event.name === 'refused.bin')
    await daemon.event('candidate.rejected', event => event.name === 'flipped.bin')
    await becomes(1, 'otad_candidates_rejected_total', { reason: 'segment_length_invalid' })
  })

  it('counts handshakes that fail by their cause, and sessions that are opened', async () => {
    const before = await figure('otad_tls_sessions_total', { kind: 'full' })
    const socket = connect(daemon.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.end('GET /counted.bin HTTP/1.0\r\n\r\n').resume()
    await daemon.event('handshake.failed', event => event.code === 'ERR_SSL_HTTP_REQUEST')
    await becomes(1, 'otad_handshakes_failed_total', { cause: 'http_request' })
    expect(await figure('otad_tls_sessions_total', { kind: 'full' })).toBeGreaterThan(before)
  })

  it('counts a device as one, by what happened to it last', async () => {
    const total = async (): Promise<number> =>
      (await scrape()).get('otad_devices')?.samples.reduce((sum, { value }) => sum + value, 0) ?? 0
    await get('/counted.bin', ['User-Agent: ESP32 HTTP Client/1.0'])
    await expect.poll(total, { timeout: 5000 }).toBeGreaterThan(0)
  })

  it('has no label from outside after hostile traffic: names, versions, agents and hosts are in none', async () => {
    const hostile = ['User-Agent: "} 1 # HELP', 'x-ESP8266-version: 1"}', `x-ESP32-STA-MAC: 24:6F:28:AA:BB:CC`]
    for (const target of ['/counted.bin', '/"} 1', '/evil%22%7D%201%5C.bin', '/metrics?label="', '/%0Aotad_names%2099'])
      await daemon.ask(request('GET', target.replaceAll('"', '%22').replaceAll(' ', '%20'), hostile))
    const families = await scrape()
    for (const { name, samples } of own(families))
      for (const { labels } of samples)
        for (const [label, value] of Object.entries(labels)) {
          const allowed = LABELS[label]
          expect(allowed, `${name} has a label ${label}`).toBeDefined()
          if (allowed instanceof RegExp) expect(value).toMatch(allowed)
          else expect(allowed).toContain(value)
        }
    const text = (await get('/metrics')).body.toString('utf8')
    for (const secret of ['counted', 'evil', '66.77', '24:6F', 'refused.bin', daemon.root])
      expect(text).not.toContain(secret)
  })
})

describe('createRegistry', async () => {
  const { certificate: leaf } = await aSelfSigned({ purpose: 'server', valid: [new Date(0), new Date(2e12)] })
  const measured: Measured = {
    version: '1.2.3',
    names: 2,
    releases: 7,
    activeTransfers: 1,
    downloads: { complete: 5, aborted: 1, unchanged: 0, 'no-room': 0 },
    downloadDurations: new Durations([1, 10]),
    publishDelays: new Durations([0.1]),
    firmwareBytes: 1024,
    releasesPublished: 3,
    candidatesRejected: new Map([['hash-mismatch', 2]]),
    handshakesFailed: new Map([['unknown_ca', 4]]),
    devicesLooping: 1,
    devicesRolledBack: 0,
    deviceVerdicts: new Map([['complete', 2]]),
    sessions: { full: 9, resumed: 3 },
    eventListeners: 2,
    certificates: { ca: undefined, leaf }
  }
  const family = async (name: string, changed: Partial<Measured> = {}): Promise<Family | undefined> =>
    readExposition(await createRegistry(() => ({ ...measured, ...changed })).metrics()).get(name)

  it('tells when a certificate ends in seconds since 1970, and nothing of one that is not known', async () => {
    expect((await family('otad_certificate_expiry_timestamp_seconds'))?.samples).toEqual([
      { name: 'otad_certificate_expiry_timestamp_seconds', labels: { certificate: 'leaf' }, value: 2000000000 }
    ])
  })

  it('counts each duration in its own bucket and in all that are larger', async () => {
    const durations = new Durations([1, 10])
    for (const durationMs of [500, 1000, 1001, 60_000, -5]) durations.note(durationMs)
    const found = await family('otad_download_duration_seconds', { downloadDurations: durations })
    expect(
      found?.samples.map(({ name, labels, value }) => [
        name.slice('otad_download_duration_seconds'.length),
        labels.le,
        value
      ])
    ).toEqual([
      ['_bucket', '1', 3],
      ['_bucket', '10', 4],
      ['_bucket', '+Inf', 5],
      ['_sum', undefined, 62.501],
      ['_count', undefined, 5]
    ])
  })

  it('says what a metric is before there is anything to count', async () => {
    expect(await family('otad_candidates_rejected_total', { candidatesRejected: new Map() })).toMatchObject({
      type: 'counter',
      samples: []
    })
  })
})

describe('handshakeCauseOf', () => {
  it.each([
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'unknown_ca'],
    ['ERR_SSL_SSL/TLS_ALERT_UNKNOWN_CA', 'unknown_ca'],
    ['ERR_SSL_HTTP_REQUEST', 'http_request'],
    ['ERR_TLS_HANDSHAKE_TIMEOUT', 'handshake_timeout'],
    ['CLOSED_UNHEARD', 'closed_unheard'],
    ['ECONNRESET', 'econnreset'],
    ['ERR_SSL_ANYTHING_NEW', 'other'],
    ['constructor', 'other'],
    ['', 'other']
  ])('%s is counted as %s', (code, cause) => {
    expect(handshakeCauseOf(code)).toBe(cause)
  })
})

describe('docs/metrics.md', () => {
  it('has every metric with its type and help', () => {
    const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')
    const rows = [...page.matchAll(/^\| `(otad_\w+)` \| (\w+) \| ([^|]*) \| ([^|]*?) *\|$/gm)]
    expect(rows.map(([, name, type, , help]) => ({ name, type, help }))).toEqual(
      METRICS.map(({ name, type, help }) => ({ name, type, help: help.replace(/\.$/, '') }))
    )
  })
})
