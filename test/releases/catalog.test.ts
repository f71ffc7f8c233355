import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Catalog, type Change, type NameEntry, numberOf, releasesOf } from '../../src/releases/catalog.js'
import { JournalReader, writeLine, writeLines } from '../../src/releases/journal.js'
import type { Release } from '../../src/releases/release.js'
import { releaseWith } from '../support/a-release.js'

function release(name: string, build: number): Release {
  const digest = build.toString(16).padStart(64, '0')
  return releaseWith({
    name,
    digest,
    number: build,
    size: 1024 + build,
    version: `${build}`,
    publishedAt: 1_000_000 + build
  })
}
const versionsOf = (catalog: Catalog): readonly string[] =>
  releasesOf(catalog.entry('a.bin') ?? expect.fail('there is no such name')).map(({ version }) => version)
const publish = (name: string, build: number): Change => ({ type: 'publish', release: release(name, build) })

/** A step as the daemon would take it; undefined for one that it would not. */
function changeOf(type: string, build: number, entry: NameEntry | undefined): Change | undefined {
  const { digest } = release('a.bin', build)
  const kept = entry === undefined ? [] : releasesOf(entry)
  if (type === 'publish') {
    if (entry?.current?.digest === digest || entry?.rollback?.from === digest) return undefined
    return { type, release: { ...release('a.bin', build), number: numberOf(entry, digest) } }
  }
  if (entry?.current === undefined) return undefined
  if (type === 'withdraw') return { type, name: 'a.bin', at: 1 }
  if (type === 'unpin') return entry.rollback === undefined ? undefined : { type, name: 'a.bin', at: 1 }
  const known = kept.find(found => found.digest === digest)
  return known && { type: 'rollback', release: known, hold: type === 'hold' }
}

const refusal = { reason: 'checksum-mismatch', sentence: 'no', device: undefined, at: 0 }

describe('a catalog', () => {
  it('serves the newest release of a name and keeps the earlier ones, newest first', () => {
    const catalog = Catalog.empty.after([publish('a.bin', 1), publish('a.bin', 2), publish('a.bin', 3)], 10)
    expect(catalog.entry('a.bin')?.current?.version).toBe('3')
    expect(catalog.entry('a.bin')?.earlier.map(({ version }) => version)).toEqual(['2', '1'])
  })

  it('never changes: whoever holds one sees what it saw', () => {
    const before = Catalog.empty.after([publish('a.bin', 1)], 10)
    before.after([publish('a.bin', 2), { type: 'withdraw', name: 'a.bin', at: 1 }], 10)
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
    const catalog = Catalog.empty.after([publish('a.bin', 1), { type: 'withdraw', name: 'a.bin', at: 1 }], 10)
    expect([...catalog.servedNames()]).toEqual([])
    expect(catalog.byDigest(release('a.bin', 1).digest)?.name).toBe('a.bin')
  })

  it('publishes an earlier build again without listing it twice', () => {
    const again: Change = { type: 'publish', release: { ...release('a.bin', 1), number: 3 } }
    const catalog = Catalog.empty.after([publish('a.bin', 1), publish('a.bin', 2), again], 10)
    expect(versionsOf(catalog)).toEqual(['1', '2'])
  })

  it('keeps an artifact that two names share when one of them lets go of it', () => {
    const shared = [publish('a.bin', 1), publish('b.bin', 1), publish('a.bin', 2)]
    expect(Catalog.empty.after(shared, 0).byDigest(release('a.bin', 1).digest)?.name).toBe('b.bin')
  })

  it('serves nothing that is doubted until it is recalled, each where it belongs', () => {
    const before = Catalog.empty.after([publish('a.bin', 1), publish('a.bin', 2), publish('a.bin', 3)], 10)
    const doubted = before.after([{ type: 'doubt', name: 'a.bin' }], 10)
    expect(versionsOf(doubted)).toEqual([])
    expect(doubted.byDigest(release('a.bin', 2).digest)).toBeUndefined()
    const recalled = doubted.after(
      [1, 3, 2].map(build => ({ type: 'recall', release: release('a.bin', build), isCurrent: build === 3 })),
      10
    )
    expect([...recalled.entries]).toEqual([...before.entries])
  })

  it('gives a new build the next number, and the newest one its own when it comes once more', () => {
    const entry = Catalog.empty.after([publish('a.bin', 1), publish('a.bin', 2)], 0).entry('a.bin')
    expect(numberOf(undefined, 'd')).toBe(1)
    expect(numberOf(entry, release('a.bin', 1).digest)).toBe(3)
    expect(numberOf(entry, release('a.bin', 2).digest)).toBe(2)
    expect(numberOf(entry, release('a.bin', 9).digest)).toBe(3)
  })

  it('keeps releases that somebody is on the way through, until nobody is', () => {
    const builds = [1, 2, 3].map(build => publish('a.bin', build))
    const catalog = Catalog.empty.after(builds, 0, (_name, digest) => digest === release('a.bin', 1).digest)
    expect(versionsOf(catalog)).toEqual(['3', '1'])
    expect(versionsOf(catalog.after([{ type: 'trim', name: 'a.bin' }], 0))).toEqual(['3'])
  })
})

describe('going back', () => {
  const three = [1, 2, 3].map(build => publish('a.bin', build))
  const back = (build: number, hold = false): Change => ({ type: 'rollback', release: release('a.bin', build), hold })
  const entryAfter = (changes: readonly Change[], keepReleases = 10): NameEntry =>
    Catalog.empty.after(changes, keepReleases).entry('a.bin') ?? expect.fail('there is no such name')

  it('serves an earlier release, and sets the newest aside', () => {
    const { current, earlier, rollback } = entryAfter([...three, back(1)])
    expect([current?.number, ...earlier.map(({ number }) => number)]).toEqual([1, 3, 2])
    expect(rollback).toEqual({ from: release('a.bin', 3).digest, to: release('a.bin', 1).digest, hold: false })
  })

  it('ends with the next new build', () => {
    const { current, rollback } = entryAfter([...three, back(1), publish('a.bin', 4)])
    expect([current?.number, rollback]).toEqual([4, undefined])
  })

  it('ends with the next new build only when it is let go, where it is held', () => {
    const held = [...three, back(1, true), publish('a.bin', 4)]
    const { current, earlier, rollback } = entryAfter(held)
    expect([current?.number, earlier[0]?.number, rollback?.from]).toEqual([1, 4, release('a.bin', 4).digest])
    const free = entryAfter([...held, { type: 'unpin', name: 'a.bin', at: 9 }])
    expect([free.current?.number, free.rollback]).toEqual([4, undefined])
  })

  it('remembers from where over several steps back', () => {
    const { current, rollback } = entryAfter([...three, back(2), back(1)])
    expect([current?.number, rollback?.from]).toEqual([1, release('a.bin', 3).digest])
  })

  it('outlasts an emptied build folder where it is held, and only there', () => {
    const away: Change = { type: 'withdraw', name: 'a.bin', at: 1 }
    expect(entryAfter([...three, back(1, true), away]).current).toBeUndefined()
    expect(entryAfter([...three, back(1, true), away, publish('a.bin', 4)]).current?.number).toBe(1)
    expect(entryAfter([...three, back(1), away, publish('a.bin', 4)]).current?.number).toBe(4)
  })

  it('never lets go of what was set aside or stands in, however few are kept', () => {
    const held = [...three, back(1, true), publish('a.bin', 4), publish('a.bin', 5)]
    expect(releasesOf(entryAfter(held, 1)).map(({ number }) => number)).toEqual([1, 5])
    const away = entryAfter([...held, { type: 'withdraw', name: 'a.bin', at: 1 }], 1)
    expect(releasesOf(away).map(({ number }) => number)).toEqual([5, 1])
  })
})

function readJournal(bytes: Buffer, pieceLength = 100): Pick<JournalReader, 'changes' | 'damagedLines'> {
  const reader = new JournalReader()
  for (let start = 0; start < bytes.length; start += pieceLength)
    reader.read(bytes.subarray(start, start + pieceLength))
  const { changes, damagedLines } = reader
  return { changes, damagedLines }
}

describe('the journal', () => {
  const changes = [
    publish('a.bin', 1),
    publish('a.bin', 2),
    publish('b.bin', 3),
    { type: 'withdraw', name: 'b.bin', at: 1 } as const
  ]
  const text = changes.map(writeLine).join('')

  it('gives back every change that was written', () => {
    expect(readJournal(Buffer.from(text))).toEqual({ changes, damagedLines: 0 })
  })

  it('leads to the same catalog when it is written anew, whatever happened', () => {
    const step = fc.record({
      type: fc.constantFrom('publish', 'publish', 'rollback', 'hold', 'unpin', 'withdraw'),
      build: fc.integer({ min: 1, max: 8 })
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), fc.integer({ min: 0, max: 3 }), (steps, keepReleases) => {
        let catalog = Catalog.empty
        for (const { type, build } of steps) {
          const change = changeOf(type, build, catalog.entry('a.bin'))
          if (change !== undefined) catalog = catalog.after([change], keepReleases)
        }
        const again = Catalog.empty.after(
          readJournal(Buffer.from([...writeLines(catalog)].join(''))).changes,
          keepReleases
        )
        expect([...again.entries]).toEqual([...catalog.entries])
      }),
      { numRuns: 2000 }
    )
  })

  it('loses no more than the line that was being written, wherever it is cut', () => {
    const lines = text.split('\n')
    for (let length = 0; length <= text.length; length += 7) {
      const whole = text.slice(0, length).split('\n').length - 1
      const read = readJournal(Buffer.from(text.slice(0, length)))
      expect(read.changes, `cut at ${length}`).toEqual(changes.slice(0, whole))
    }
    expect(lines).toHaveLength(5)
  })

  it('believes no line in which a single bit has changed', () => {
    const bytes = Buffer.from(text)
    for (let offset = 0; offset < bytes.length; offset += 11) {
      const damaged = Buffer.from(bytes)
      damaged[offset] = (damaged[offset] ?? 0) ^ 1
      const read = readJournal(damaged)
      expect(read.damagedLines, `bit at ${offset}`).toBeGreaterThan(0)
      for (const change of read.changes) expect(changes).toContainEqual(change)
    }
  })

  it('reads an empty file as an empty catalog, and garbage as nothing', () => {
    expect(readJournal(Buffer.alloc(0))).toEqual({ changes: [], damagedLines: 0 })
    expect(readJournal(Buffer.from('\u0000\u0000\nnonsense\n{}')).changes).toEqual([])
  })
})
