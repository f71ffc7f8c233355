import { describe, expect, it } from 'vitest'
import { Catalog, type Change, releasesOf } from '../../src/releases/catalog.js'
import { readJournal, writeLine, writeLines } from '../../src/releases/journal.js'
import type { Release } from '../../src/releases/release.js'

function release(name: string, build: number): Release {
  const digest = build.toString(16).padStart(64, '0')
  return {
    name,
    digest,
    md5: digest.slice(32),
    sha512: digest + digest,
    size: 1024 + build,
    kind: 'app',
    chip: 'esp32',
    chipId: 0,
    project: 'p',
    version: `${build}`,
    secureVersion: 0,
    idfVersion: 'v5.2',
    builtAt: null,
    elfSha256: null,
    minChipRevision: 0,
    maxChipRevision: 399,
    mmuPageSize: 65536,
    flashMode: 'dio',
    signature: null,
    publishedAt: 1_000_000 + build,
    warnings: [],
    folder: '/builds'
  }
}
const publish = (name: string, build: number): Change => ({ type: 'publish', release: release(name, build) })
const refusal = { reason: 'checksum-mismatch', sentence: 'no', device: undefined, at: 0 }

describe('a catalog', () => {
  it('serves the newest release of a name and keeps the earlier ones, newest first', () => {
    const catalog = Catalog.empty.after([publish('a.bin', 1), publish('a.bin', 2), publish('a.bin', 3)], 10)
    expect(catalog.entry('a.bin')?.current?.version).toBe('3')
    expect(catalog.entry('a.bin')?.earlier.map(({ version }) => version)).toEqual(['2', '1'])
  })

  it('never changes: whoever holds one sees what it saw', () => {
    const before = Catalog.empty.after([publish('a.bin', 1)], 10)
    before.after([publish('a.bin', 2), { type: 'withdraw', name: 'a.bin' }], 10)
    expect(before.entry('a.bin')?.current?.version).toBe('1')
  })

  it('forgets what falls out of the earlier releases, by digest too', () => {
    const catalog = Catalog.empty.after(
      [1, 2, 3, 4].map(build => publish('a.bin', build)),
      2
    )
    expect(releasesOf(catalog.entry('a.bin') ?? expect.fail()).map(({ version }) => version)).toEqual(['4', '3', '2'])
    expect(catalog.byDigest(release('a.bin', 1).digest)).toBeUndefined()
    expect(catalog.byDigest(release('a.bin', 2).digest)?.version).toBe('2')
  })

  it('keeps the last good release while a broken file lies there, and says why', () => {
    const catalog = Catalog.empty.after([publish('a.bin', 1), { type: 'refuse', name: 'a.bin', refusal }], 10)
    expect(catalog.entry('a.bin')?.current?.version).toBe('1')
    expect(catalog.entry('a.bin')?.refusal).toBe(refusal)
  })

  it('forgets a refusal when a good build comes', () => {
    const catalog = Catalog.empty.after([{ type: 'refuse', name: 'a.bin', refusal }, publish('a.bin', 1)], 10)
    expect(catalog.entry('a.bin')?.refusal).toBeUndefined()
  })

  it('serves nothing under a withdrawn name, but still has its artifact', () => {
    const catalog = Catalog.empty.after([publish('a.bin', 1), { type: 'withdraw', name: 'a.bin' }], 10)
    expect([...catalog.servedNames()]).toEqual([])
    expect(catalog.byDigest(release('a.bin', 1).digest)?.name).toBe('a.bin')
  })

  it('publishes an earlier build again without listing it twice', () => {
    const catalog = Catalog.empty.after([publish('a.bin', 1), publish('a.bin', 2), publish('a.bin', 1)], 10)
    expect(releasesOf(catalog.entry('a.bin') ?? expect.fail()).map(({ version }) => version)).toEqual(['1', '2'])
  })

  it('keeps an artifact that two names share when one of them lets go of it', () => {
    const shared = [publish('a.bin', 1), publish('b.bin', 1), publish('a.bin', 2)]
    expect(Catalog.empty.after(shared, 0).byDigest(release('a.bin', 1).digest)?.name).toBe('b.bin')
  })

  it('takes an earlier release back where it belongs', () => {
    const catalog = Catalog.empty.after(
      [
        publish('a.bin', 3),
        { type: 'recall', release: release('a.bin', 1) },
        { type: 'recall', release: release('a.bin', 2) }
      ],
      10
    )
    expect(releasesOf(catalog.entry('a.bin') ?? expect.fail()).map(({ version }) => version)).toEqual(['3', '2', '1'])
  })
})

describe('the journal', () => {
  const changes = [
    publish('a.bin', 1),
    publish('a.bin', 2),
    publish('b.bin', 3),
    { type: 'withdraw', name: 'b.bin' } as const
  ]
  const text = changes.map(writeLine).join('')

  it('gives back every change that was written', () => {
    expect(readJournal(text)).toEqual({ changes, damagedLines: 0 })
  })

  it('leads to the same catalog when it is written anew', () => {
    const catalog = Catalog.empty.after(changes, 10)
    const again = Catalog.empty.after(readJournal([...writeLines(catalog)].join('')).changes, 10)
    expect([...again.entries]).toEqual([...catalog.entries])
  })

  it('loses no more than the line that was being written, wherever it is cut', () => {
    const lines = text.split('\n')
    for (let length = 0; length <= text.length; length += 7) {
      const whole = text.slice(0, length).split('\n').length - 1
      const read = readJournal(text.slice(0, length))
      expect(read.changes, `cut at ${length}`).toEqual(changes.slice(0, whole))
    }
    expect(lines).toHaveLength(5)
  })

  it('believes no line in which a single bit has changed', () => {
    const bytes = Buffer.from(text)
    for (let offset = 0; offset < bytes.length; offset += 11) {
      const damaged = Buffer.from(bytes)
      damaged[offset] = (damaged[offset] ?? 0) ^ 1
      const read = readJournal(damaged.toString('utf8'))
      expect(read.damagedLines, `bit at ${offset}`).toBeGreaterThan(0)
      for (const change of read.changes) expect(changes).toContainEqual(change)
    }
  })

  it('reads an empty file as an empty catalog, and garbage as nothing', () => {
    expect(readJournal('')).toEqual({ changes: [], damagedLines: 0 })
    expect(readJournal('\u0000\u0000\nnonsense\n{}').changes).toEqual([])
  })
})
