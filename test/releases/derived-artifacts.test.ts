import { describe, expect, it } from 'vitest'
import { Catalog, type Change } from '../../src/releases/catalog.js'
import { JournalReader, writeLine, writeLines } from '../../src/releases/journal.js'
import { type DerivedArtifact, isRelease } from '../../src/releases/release.js'
import { aRelease } from '../support/asked-daemon.js'

const hex = (digit: string, length = 64): string => digit.repeat(length)
const form = (digit: string): DerivedArtifact => ({
  kind: 'smartthings',
  digest: hex(digit),
  md5: hex(digit, 32),
  sha512: hex(digit, 128),
  size: 1268,
  madeWith: hex('f'),
  version: '1.0',
  movingOn: ['0.9', '0.8']
})
const first = aRelease('app.bin', '1.0', { number: 1, derived: [form('a')] })
const second = aRelease('app.bin', '1.1', { number: 2, derived: [form('b')] })
const published: readonly Change[] = [
  { type: 'publish', release: first },
  { type: 'publish', release: second }
]

function throughJournal(catalog: Catalog): Catalog {
  const reader = new JournalReader()
  reader.read(Buffer.from([...writeLines(catalog)].join('')))
  expect(reader.damagedLines).toBe(0)
  return Catalog.empty.after(reader.changes, 10)
}

describe('another form of a release', () => {
  it('is found by its own digest, with its own bytes, as long as its release is kept', () => {
    const catalog = Catalog.empty.after(published, 10)
    expect(catalog.byDigest(hex('a'))).toMatchObject({ name: 'app.bin', version: '1.0', size: 1268, md5: hex('a', 32) })
    expect(catalog.byDigest(first.digest)?.size).toBe(first.size)
    expect(Catalog.empty.after(published, 0).byDigest(hex('a'))).toBeUndefined()
  })

  it('keeps its release while somebody is on the way through it', () => {
    const catalog = Catalog.empty.after(published, 0, (_name, digest) => digest === hex('a'))
    expect(catalog.byDigest(hex('a'))?.version).toBe('1.0')
  })

  it('can be added to a release that is kept, and takes the place of the one before', () => {
    const change: Change = { type: 'derive', name: 'app.bin', digest: first.digest, derived: [form('c')] }
    const catalog = Catalog.empty.after([...published, change], 10)
    expect(catalog.byDigest(hex('a'))).toBeUndefined()
    expect(catalog.byDigest(hex('c'))?.number).toBe(1)
    expect(catalog.entry('app.bin')?.current).toEqual(second)
  })

  it('is lost alone: the release goes on being served', () => {
    const change: Change = { type: 'lose', name: 'app.bin', digest: hex('b'), at: 1 }
    const catalog = Catalog.empty.after([...published, change], 10)
    expect(catalog.byDigest(hex('b'))).toBeUndefined()
    expect(catalog.entry('app.bin')?.current).toEqual({ ...second, derived: [] })
  })

  it('goes with its release', () => {
    const change: Change = { type: 'lose', name: 'app.bin', digest: second.digest, at: 1 }
    expect(Catalog.empty.after([...published, change], 10).byDigest(hex('b'))).toBeUndefined()
  })

  it('survives in the journal, short or long', () => {
    const change: Change = { type: 'derive', name: 'app.bin', digest: first.digest, derived: [form('c')] }
    const catalog = Catalog.empty.after([...published, change], 10)
    expect(throughJournal(catalog).entry('app.bin')).toEqual(catalog.entry('app.bin'))
    const reader = new JournalReader()
    for (const one of [...published, change]) reader.read(Buffer.from(writeLine(one) ?? ''))
    expect(reader.changes).toEqual([...published, change])
  })

  it('is believed from disk only when every field of it is there', () => {
    expect(isRelease(first)).toBe(true)
    expect(isRelease({ ...first, derived: undefined })).toBe(true)
    expect(isRelease({ ...first, derived: [{ ...form('a'), size: 0 }] })).toBe(false)
    expect(isRelease({ ...first, derived: [{ ...form('a'), kind: 'other' }] })).toBe(false)
    expect(isRelease({ ...first, derived: {} })).toBe(false)
  })
})
