import { describe, expect, it } from 'vitest'
import type { EventName } from '../src/events.js'
import { createTally, type Tally } from '../src/tally.js'

/** A tally beside nobody: what it tells is kept. */
function aTally(): Tally & { readonly told: EventName[] } {
  const told: EventName[] = []
  const shown = { source: 'ca', coversName: true, coversAddress: true, keyType: 'ec', anchorFile: undefined } as const
  const tally = createTally({
    report: event => void told.push(event),
    shownTo: () => ({ ...shown, validFrom: new Date(0), validTo: new Date(2e12) }),
    onFindings: () => {},
    onHandshakeExplained: () => {},
    onNotAllowed: () => {}
  })
  return { ...tally, told }
}

const published = (settleMs: number) =>
  ({
    name: 'app.bin',
    digest: '',
    version: '',
    project: '',
    chip: '',
    size: 1,
    kind: 'app',
    settleMs,
    warnings: [],
    serving: undefined
  }) as const

describe('the tally', () => {
  it('counts what it is told, and tells it on', () => {
    const tally = aTally()
    const found = { device: '192.168.1.50', name: 'app.bin', version: '1', reason: '' }
    tally.report('device.looping', { ...found, times: 3 })
    tally.report('device.rolledback', { ...found, running: '0' })
    tally.report('release.published', published(80))
    expect(tally.counts()).toMatchObject({ devicesLooping: 1, devicesRolledBack: 1, releasesPublished: 1 })
    expect(tally.told).toEqual(['device.looping', 'device.rolledback', 'release.published'])
  })

  it('leaves files that were there before it out of the time that publishing takes', () => {
    const tally = aTally()
    for (const settleMs of [80, 59_999, 60_000, 9e9]) tally.report('release.published', published(settleMs))
    expect(tally.counts().releasesPublished).toBe(4)
    expect(tally.counts().publishDelays.counts.reduce((sum, count) => sum + count, 0)).toBe(2)
  })

  it('counts each failed handshake by its cause, those too that are told together', () => {
    const tally = aTally()
    const failed = { device: '192.168.1.50', servername: undefined, hello: undefined }
    for (const code of ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'ERR_SSL_NEW_IN_OPENSSL_4'])
      tally.onFailedHandshake({ ...failed, code })
    tally.close()
    expect([...tally.counts().handshakesFailed]).toEqual([
      ['unknown_ca', 2],
      ['other', 1]
    ])
  })
})
