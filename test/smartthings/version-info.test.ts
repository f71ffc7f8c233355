import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { versionsThatFit, writeVersionInfo } from '../../src/smartthings/version-info.js'

const read = (text: string) => JSON.parse(text).versioninfo

describe('version_info.json', () => {
  it('is what the demo of SmartThings documents', () => {
    expect(writeVersionInfo({ latest: '2.0.1', movingOn: ['2.0.0', '1.9.0'] })).toBe(
      '{"versioninfo":{"latest":"2.0.1","upgrade":["2.0.0","1.9.0"],"polling":"1"}}'
    )
  })

  it('never lists the latest version, which would be offered to itself for ever', () => {
    expect(read(writeVersionInfo({ latest: '2.0.1', movingOn: ['2.0.1', '2.0.0', '2.0.1'] })).upgrade).toEqual([
      '2.0.0'
    ])
  })

  it('lists a version once, where it matters most, and none without a name', () => {
    expect(versionsThatFit({ latest: '3', movingOn: ['2', '', '1', '2'] })).toEqual(['2', '1'])
  })

  it('has an empty list where nothing was there before', () => {
    expect(read(writeVersionInfo({ latest: '1.0.0', movingOn: [] }))).toEqual({
      latest: '1.0.0',
      upgrade: [],
      polling: '1'
    })
  })

  it('leaves the oldest out when there are more than the device has room for', () => {
    const movingOn = Array.from({ length: 1000 }, (_, index) => `v1.0.${1000 - index}-3-gabc1234-dirty`)
    const text = writeVersionInfo({ latest: 'v1.1.0', movingOn })
    expect(text.length).toBeLessThan(2048)
    expect(text.length).toBeGreaterThan(2000)
    const { upgrade } = read(text)
    expect(upgrade).toEqual(movingOn.slice(0, upgrade.length))
  })

  it('is one that the device can read, whatever versions are called', () => {
    const version = fc.string({ unit: 'grapheme', maxLength: 200 })
    fc.assert(
      fc.property(version, fc.array(version, { maxLength: 60 }), (latest, movingOn) => {
        const text = writeVersionInfo({ latest, movingOn })
        expect(Buffer.byteLength(text)).toBeLessThan(2048)
        const info = read(text)
        expect(info.latest).toBe(latest)
        expect(typeof info.polling).toBe('string')
        expect(info.upgrade).not.toContain(latest)
        for (const listed of info.upgrade) expect(movingOn).toContain(listed)
      })
    )
  })
})
