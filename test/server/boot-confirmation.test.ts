import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findConfirmed, readConfirmation } from '../../src/server/boot-confirmation.js'
import { releaseWith } from '../support/a-release.js'

const FILE = 'a1'.repeat(32)
const ELF = 'b2'.repeat(32)
const APPENDED = 'c3'.repeat(32)
const NEWEST = releaseWith({
  name: 'app.bin',
  number: 2,
  digest: FILE,
  elfSha256: ELF,
  appendedSha256: APPENDED,
  version: '2.0.0'
})
const OLDER = releaseWith({ name: 'app.bin', number: 1, digest: 'd4'.repeat(32), elfSha256: ELF, version: '1.0.0' })
const RELEASES = [NEWEST, OLDER]

/** As the server hands it over: the name of the address after one percent-decoding, and the address as it was asked for. */
const read = (name: string, query: string) => readConfirmation(name, `/${encodeURI(name)}${query}`)

describe('a boot confirmation', () => {
  it.each([
    ['app.bin/ok', 'app.bin'],
    ['esp32s3/firmware.bin/ok', 'esp32s3/firmware.bin'],
    ['my app.bin/ok', 'my app.bin'],
    ['ok/ok', 'ok'],
    ['app.bin/ok/ok', 'app.bin/ok']
  ])('is /%s, of %s', (path, name) => {
    expect(read(path, `?sha=${FILE}`)).toEqual({ name, sha: FILE })
  })

  it.each(['ok', 'app.bin', 'app.bin/okay', 'app.bin/ok/', 'app.binok', '', 'app.bin/OK'])('is not /%s', path => {
    expect(read(path, `?sha=${FILE}`)).toBeUndefined()
  })

  it('has its digest in any letters, and wherever in the query', () => {
    expect(read('app.bin/ok', `?sha=${FILE.toUpperCase()}`)?.sha).toBe(FILE)
    expect(read('app.bin/ok', `?id=1&sha=${FILE}&x=y`)?.sha).toBe(FILE)
  })

  /** CONFIG_APP_RETRIEVE_LEN_ELF_SHA is 9 unless somebody wants more (esp_app_format/Kconfig.projbuild). */
  it('may have the first digits only, as esp_app_get_elf_sha256() gives them', () => {
    expect(read('app.bin/ok', '?sha=b2b2b2b2b')?.sha).toBe('b2b2b2b2b')
    expect(read('app.bin/ok', '?sha=b2b2b2b2')?.sha).toBe('b2b2b2b2')
  })

  it.each([
    '',
    '?',
    '?sha',
    '?sha=',
    '?sha=b2b2b2b',
    '?sha=xyzxyzxyz',
    '?SHA=b2b2b2b2b',
    `?sha=${'a'.repeat(65)}`,
    '?sha=b2b2b2b2b%00',
    '?sha=%E0%A4%A',
    '?sha=../../etc/passwd',
    '?sha[]=b2b2b2b2b',
    `?sha=${'a'.repeat(10_000)}`
  ])('says nothing with %j, and is one all the same', query => {
    expect(read('app.bin/ok', query)).toEqual({ name: 'app.bin', sha: undefined })
  })

  it('never throws, whatever stands in its query', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        const sha = read('app.bin/ok', `?sha=${text}`)?.sha
        if (sha !== undefined) expect(sha).toMatch(/^[0-9a-f]{8,64}$/)
      })
    )
  })
})

describe('the release that a device confirms', () => {
  it.each([
    ['of its file', FILE],
    ['of its ELF', ELF],
    ['that is appended to it', APPENDED]
  ])('is found by the SHA-256 %s', (_which, sha) => {
    expect(findConfirmed(RELEASES, sha)).toBe(NEWEST)
    for (const length of [8, 9, 16, 63]) expect(findConfirmed(RELEASES, sha.slice(0, length))).toBe(NEWEST)
  })

  it('is the newest where several have it, as rebuilds of one ELF do', () => {
    expect(findConfirmed(RELEASES, ELF)).toBe(NEWEST)
    expect(findConfirmed([OLDER, NEWEST], ELF)).toBe(NEWEST)
  })

  it('is an earlier one by its own', () => {
    expect(findConfirmed(RELEASES, OLDER.digest)).toBe(OLDER)
  })

  it('is none of a stranger, or of the middle of a digest', () => {
    expect(findConfirmed(RELEASES, 'e5'.repeat(32))).toBeUndefined()
    expect(findConfirmed(RELEASES, '1a1a1a1a1')).toBeUndefined()
    expect(findConfirmed([], FILE)).toBeUndefined()
    expect(findConfirmed([releaseWith({ name: 'a', digest: FILE })], 'null0000')).toBeUndefined()
  })
})
