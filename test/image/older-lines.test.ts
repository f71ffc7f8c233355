import { describe, expect, it } from 'vitest'
import { isBefore, readIdfRelease } from '../../src/image/idf-release.js'
import { verifyImage } from '../../src/image/verify.js'
import { anImage, withSegmentLength } from '../support/image-builder.js'

/** The first line that a device prints, in the words of the release that built the image. */
function older(bytes: Uint8Array, chip?: 'esp32s3') {
  return verifyImage(bytes, chip === undefined ? {} : { chip }).device[0]?.older
}

describe('the words of an older release', () => {
  const mismatches = [
    ['v3.3.1', 'ota-end', 'boot_comm', null],
    ['v4.0', 'ota-end', 'boot_comm', 'mismatch chip ID, expected 9, found 0'],
    ['v4.4.8', 'ota-end', 'boot_comm', 'mismatch chip ID, expected 9, found 0'],
    ['v5.2.2-dirty', 'https-ota', 'esp_https_ota', 'Mismatch chip id, expected 9, found 0'],
    ['v6.0.2', 'https-ota', 'esp_https_ota', 'Mismatch chip id, expected 9, found 0']
  ] as const
  it.each(mismatches)('%s, of an image for another chip', (idfVersion, stage, tag, text) => {
    expect(older(anImage({ idfVersion, length: 1200 }), 'esp32s3')).toMatchObject({ stage, tag, text })
  })

  const revisions = [
    ['v3.3', null],
    ['v4.2.5', "can't run on lower chip revision, expected "],
    ['v4.3.2', 'This chip is revision '],
    ['v4.4.4', 'This chip is revision '],
    ['v5.0', 'This chip is revision '],
    ['v4.3.7', 'Image requires chip rev '],
    ['v4.4.5', 'Image requires chip rev '],
    ['v5.0.1', 'Image requires chip rev '],
    ['v5.4.1', 'Image requires chip rev '],
    ['v5.5-dev-2000-g1234567890', 'Image requires chip rev ']
  ] as const
  it.each(revisions)('%s, of a revision that no chip has', (idfVersion, text) => {
    const bytes = anImage({ idfVersion, minChipRevision: 300, maxChipRevision: 199, length: 1200 })
    expect(older(bytes)).toMatchObject({ tag: 'boot_comm', text })
    expect(verifyImage(bytes).device[0]).toMatchObject({
      text: 'chip revision check failed. Required ',
      tag: 'boot_comm',
      likely: true
    })
  })

  it('is silence, of eFuse block revisions before 5.4', () => {
    const image = (idfVersion: string) =>
      anImage({ chip: 'esp32c3', idfVersion, minEfuseBlockRevision: 3, maxEfuseBlockRevision: 2, length: 1200 })
    expect(older(image('v5.3.2'))).toMatchObject({ idf: 'before 5.4', text: null })
    expect(older(image('v5.4'))).toBeUndefined()
  })

  it('is silence, of a short first segment up to 6.0', () => {
    const short = (idfVersion: string) => withSegmentLength(anImage({ idfVersion, length: 1200 }), 0, 0x80)
    expect(older(short('v6.0.2'))).toMatchObject({ idf: 'up to 6.0', text: null })
    expect(older(short('v6.1'))).toBeUndefined()
  })

  it.each(['v6.1', 'v7.0.1', 'v6.1-dev-12-gabcdef0', '1a2b3c4d', ''])('is not given for %j', idfVersion => {
    expect(verifyImage(anImage({ idfVersion, length: 1200 }), { chip: 'esp32s3' }).device[0]).toEqual({
      stage: 'https-ota',
      level: 'E',
      tag: 'boot_comm',
      text: 'mismatch chip ID, expected 9, found 0'
    })
  })
})

describe('a release', () => {
  it.each([
    ['v5.2.2-dirty', { major: 5, minor: 2, patch: 2 }],
    ['v5.0', { major: 5, minor: 0, patch: 0 }],
    ['4.4.6', { major: 4, minor: 4, patch: 6 }],
    ['v6.0-dev-1002-gbfe5caf58f', { major: 6, minor: 0, patch: -1 }],
    ['v5.3-rc1', { major: 5, minor: 3, patch: 0 }],
    ['', undefined],
    ['g1a2b3c', undefined]
  ])('is read out of %j', (text, release) => {
    expect(readIdfRelease(text)).toEqual(release)
  })

  it('comes before a later one, and its development before itself', () => {
    const release = readIdfRelease('v5.4-dev') ?? { major: 0, minor: 0, patch: 0 }
    expect([isBefore(release, 5, 4), isBefore(release, 5, 3), isBefore(release, 6, 0)]).toEqual([true, false, true])
  })
})
