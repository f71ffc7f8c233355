import { describe, expect, it } from 'vitest'
import { DIALECTS, readDocumentAddress, writeDocument } from '../../src/dialects/dialects.js'
import { semverOf } from '../../src/dialects/semver.js'
import { CHIP_NAMES, CHIPS } from '../../src/image/chips.js'
import { parseSemver } from '../../src/probe/semver.js'
import type { Release } from '../../src/releases/release.js'
import { aRelease } from '../support/asked-daemon.js'

const ORIGIN = 'https://192.168.1.8:8070'
const facts = { origin: ORIGIN, hasPart: () => true }
const RELEASE = aRelease('lab/sensor.bin', '1', { kind: 'app', chip: 'esp32c3', project: 'sensor', version: '1.4.2' })

function dialectOf(suffix: string) {
  const dialect = DIALECTS.find(one => one.suffix === suffix)
  if (dialect === undefined) throw new Error(`no dialect ${suffix}`)
  return dialect
}

function written(suffix: string, fields: Partial<Release> = {}, more = {}): { whyNot?: string; value?: unknown } {
  const document = writeDocument(dialectOf(suffix), { ...RELEASE, ...fields }, { ...facts, ...more })
  return 'whyNot' in document ? document : { value: JSON.parse(document.body) }
}

const ARTIFACT = `/artifacts/${RELEASE.digest}.bin`

describe('a path', () => {
  it('is the name of a release with a suffix', () => {
    for (const dialect of DIALECTS)
      expect(readDocumentAddress(`lab/sensor.bin${dialect.suffix}`)).toEqual({ names: ['lab/sensor.bin'], dialect })
  })

  it('is the latest release of a repository, in a folder or not', () => {
    const namesOf = (path: string) => readDocumentAddress(path)?.names
    expect(namesOf('repos/lab/sensor/releases/latest')).toEqual(['lab/sensor.bin', 'sensor.bin'])
    expect(namesOf('repos/a/b/c/releases/latest')).toEqual(['a/b/c.bin', 'b/c.bin'])
    expect(namesOf('repos/sensor/releases/latest')).toBeUndefined()
  })

  it('is no document where it is a name, a manifest or a sidecar', () => {
    for (const path of ['sensor.bin', 'sensor.bin.json', 'sensor.bin.md5', '.esphome.json', 'esphome.json', ''])
      expect(readDocumentAddress(path), path).toBeUndefined()
  })
})

describe('a document', () => {
  it('of esp32FOTA names type, version and URL', () => {
    const url = `${ORIGIN}${ARTIFACT}`
    expect(written('.esp32fota.json').value).toEqual([{ type: 'sensor', version: '1.4.2', url }])
    expect(written('.esp32fota.json', { project: 'other', version: 'v7' }).value).toEqual([
      { type: 'sensor', version: 7, url },
      { type: 'other', version: 7, url }
    ])
    // Beyond uint16_t a number would be taken for 0.
    expect(written('.esp32fota.json', { version: '20261121' }).value).toMatchObject([{ version: '20261121' }])
  })

  it('of ESP32-OTA-Pull matches every board, device and configuration', () => {
    expect(written('.otapull.json', { version: 'v1.4.2' }).value).toEqual({
      Configurations: [{ Version: 'v1.4.2', URL: `${ORIGIN}${ARTIFACT}` }]
    })
  })

  it('of ESPHome has a path behind the origin, without http in it, and the MD5 in lower case', () => {
    const ota = { path: ARTIFACT, md5: RELEASE.md5, summary: `build ${RELEASE.digest.slice(0, 8)}` }
    expect(written('.esphome.json').value).toEqual({
      name: 'sensor',
      version: '1.4.2',
      builds: [{ chipFamily: 'ESP32-C3', ota }]
    })
    expect(ARTIFACT).not.toContain('http')
    expect(RELEASE.md5).toMatch(/^[0-9a-f]{32}$/)
  })

  it('of esp_ghota is what GitHub says of a release, as far as it is read', () => {
    expect(written('.ghota.json', { version: 'v1.4.2' }).value).toMatchObject({
      tag_name: '1.4.2',
      assets: [{ name: 'sensor.bin', url: `${ORIGIN}${ARTIFACT}` }]
    })
  })

  it('of esp_ghota takes the shorter URL where the other does not fit its buffer, and says so where none does', () => {
    const origin = `https://${'a'.repeat(60)}.example`
    expect(written('.ghota.json', {}, { origin }).value).toMatchObject({
      assets: [{ url: `${origin}/lab/sensor.bin` }]
    })
    expect(written('.ghota.json', {}, { origin: `https://${'a'.repeat(120)}` }).whyNot).toContain('127')
  })

  it('spells the chip as ESPHome and ESP Web Tools do', () => {
    // Section 10.3 of clients.md; chips that are not among them are ones that those tools do not know.
    const families = 'ESP32 ESP32-C2 ESP32-C3 ESP32-C5 ESP32-C6 ESP32-C61 ESP32-H2 ESP32-P4 ESP32-S2 ESP32-S3'.split(
      ' '
    )
    const spelled = CHIP_NAMES.map(chip => written('.webtools.json', { chip }).value as Builds)
    for (const family of families) expect(spelled.map(({ builds }) => builds[0]?.chipFamily)).toContain(family)
    expect(written('.esphome.json', { kind: 'esp8266-v1', chip: null }).value).toMatchObject({
      builds: [{ chipFamily: 'ESP8266' }]
    })
    expect(CHIPS.esp8266.label).toBe('ESP8266')
  })
})

interface Builds {
  readonly builds: readonly { readonly chipFamily: string; readonly parts: readonly unknown[] }[]
}

describe('the document of ESP Web Tools', () => {
  const part = (name: string, offset: number, digit: string) => ({
    ...{ name, kind: name, offset, size: 10 },
    ...{ digest: digit.repeat(64), md5: digit.repeat(32), sha512: digit.repeat(128) }
  })
  const flash = { appOffset: 0x20000, parts: [part('bootloader', 0, 'b'), part('partition-table', 0x8000, 'c')] }
  const partsOf = (fields: Partial<Release>, more = {}): unknown =>
    (written('.webtools.json', fields, more).value as Builds).builds[0]?.parts

  it('has everything at its offset in decimal digits', () => {
    expect(partsOf({ flash })).toEqual([
      { path: `/artifacts/${'b'.repeat(64)}.bin`, offset: 0 },
      { path: `/artifacts/${'c'.repeat(64)}.bin`, offset: 32768 },
      { path: ARTIFACT, offset: 131072 }
    ])
  })

  it('has the app alone where a part is not kept, at the offset of the project all the same', () => {
    const hasPart = (digest: string): boolean => digest.startsWith('b')
    expect(partsOf({ flash }, { hasPart })).toEqual([{ path: ARTIFACT, offset: 131072 }])
  })

  it('has the app at the usual place where nobody says, and at the start of the flash of an ESP8266', () => {
    expect(partsOf({})).toEqual([{ path: ARTIFACT, offset: 65536 }])
    expect(partsOf({ kind: 'esp8266-v1', chip: null })).toEqual([{ path: ARTIFACT, offset: 0 }])
  })

  it('names the build where the image tells no version', () => {
    expect(written('.webtools.json', { version: '' }).value).toMatchObject({ version: RELEASE.digest.slice(0, 8) })
  })
})

describe('there is no document', () => {
  const byVersion = ['.esp32fota.json', '.otapull.json', '.esphome.json', '.ghota.json']

  it.each(byVersion)('%s of an image without a version, which a device would install again and again', suffix => {
    expect(written(suffix, { version: '' }).whyNot).toContain('does not tell its version')
  })

  it.each(byVersion)("%s of a sketch that has the version of Arduino's libraries", suffix => {
    const fields = { project: 'arduino-lib-builder', version: 'esp-idf: v4.4.7 38eeba213a' }
    expect(written(suffix, fields).whyNot).toContain('esp_app_desc')
  })

  it.each(DIALECTS.map(({ suffix }) => suffix))('%s of what is no app', suffix => {
    expect(written(suffix, { kind: 'littlefs', chip: null }).whyNot).toContain('littlefs')
  })

  it.each(['.esphome.json', '.webtools.json'])('%s of an image that names no chip', suffix => {
    expect(written(suffix, { chip: null }).whyNot).toContain('does not name its chip')
  })

  it('that is longer than its readers have room for', () => {
    expect(written('.otapull.json', { version: 'x'.repeat(2000) }).whyNot).toContain('more than ESP32-OTA-Pull')
  })

  it('stays below 2048 bytes for the longest name and host that there are', () => {
    const long = { name: `${'n'.repeat(196)}.bin`, project: '\u0001'.repeat(31), version: '9'.repeat(9) }
    const origin = `https://${'h'.repeat(253)}:65535`
    for (const dialect of DIALECTS) {
      const document = writeDocument(dialect, { ...RELEASE, ...long }, { ...facts, origin })
      if (!('whyNot' in document)) expect(Buffer.byteLength(document.body), dialect.suffix).toBeLessThan(2048)
    }
  })
})

describe('semverOf', () => {
  it('gives what semver.c parses, without the v that people put before it', () => {
    for (const [version, semver] of [
      ['1.4.2', '1.4.2'],
      ['v1.4.2', '1.4.2'],
      ['7', '7'],
      ['1.4', '1.4'],
      ['1.4.2-rc.1+5', '1.4.2-rc.1+5'],
      ['v1.4.2-3-gabc1234-dirty', '1.4.2-3-gabc1234-dirty']
    ] as const) {
      expect(semverOf(version)).toBe(semver)
      expect(parseSemver(semver), version).toBeDefined()
    }
  })

  it('gives nothing for what the library would refuse or get wrong', () => {
    for (const version of ['', 'abc', '1.x', 'v', '1..2', '1.2.3.4', '1 2', '99999999999', '1.2_3', 'esp-idf: v4.4'])
      expect(semverOf(version), version).toBeUndefined()
  })
})
