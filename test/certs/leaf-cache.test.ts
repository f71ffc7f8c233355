import { describe, expect, it } from 'vitest'
import { LeafCache } from '../../src/certs/leaf-cache.js'
import type { CertificateNames } from '../../src/certs/names.js'

interface Bench {
  readonly cache: LeafCache
  /** The names that a leaf was made for, in order. */
  readonly issued: string[]
  /** The names that were told, with the device. */
  readonly told: string[]
  readonly clock: { now: number }
}

function createBench(issue: (names: CertificateNames) => Promise<void> = async () => {}): Bench {
  const clock = { now: 0 }
  const issued: string[] = []
  const told: string[] = []
  const cache = new LeafCache({
    issue: async names => {
      issued.push(names.commonName)
      await issue(names)
      return { certificate: `certificate of ${names.dnsNames.join()}`, key: 'key' }
    },
    onMade: (name, device) => told.push(`${name} ${device}`),
    now: () => clock.now
  })
  return { cache, issued, told, clock }
}

/** Asks for so many names, one after the other, with all the time in the world between them. */
async function fill({ cache, clock }: Bench, names: readonly string[]): Promise<void> {
  for (const name of names) {
    clock.now += 1000
    await cache.leafFor(name, 'device')
  }
}

const manyNames = (count: number, prefix = 'host'): string[] =>
  Array.from({ length: count }, (_, at) => `${prefix}-${at}`)

describe('a leaf', () => {
  it('is made once for a hundred who ask at the same time', async () => {
    let finish = (): void => {}
    const { cache, issued, told } = createBench(() => new Promise(resolve => (finish = resolve)))
    const asked = Array.from({ length: 100 }, () => cache.leafFor('bench.lan', '10.0.0.7'))
    expect(cache.has('bench.lan')).toBe(true)
    await Promise.resolve()
    finish()
    const leaves = await Promise.all(asked)
    expect(issued).toEqual(['bench.lan'])
    expect(told).toEqual(['bench.lan 10.0.0.7'])
    expect(new Set(leaves).size).toBe(1)
    expect(leaves[0]).toEqual({ certificate: 'certificate of bench.lan', key: 'key' })
  })

  it('is there at once for those who ask later, however they write it', async () => {
    const { cache, issued } = createBench()
    const first = await cache.leafFor('Bench.Lan', 'device')
    expect(cache.leafFor('bench.lan', 'other')).toBe(first)
    expect(cache.leafFor('BENCH.LAN', 'other')).toBe(first)
    expect(cache.has('bENCH.lan')).toBe(true)
    expect(cache.has('bench')).toBe(false)
    expect(issued).toEqual(['bench.lan'])
  })

  it('has an IPv6 address as it was asked for, too', async () => {
    const { cache, told } = createBench()
    expect(await cache.leafFor('FD00:0::2', 'device')).toMatchObject({
      certificate: 'certificate of fd00:0::2,fd00::2'
    })
    expect(await cache.leafFor('fd00::2', 'device')).toMatchObject({ certificate: 'certificate of fd00::2' })
    expect(told).toEqual(['fd00::2 device'])
  })

  it('that could not be made fails for all who wait, and is tried again at the next asking', async () => {
    let isBroken = true
    const { cache, issued, told } = createBench(async () => {
      if (isBroken) throw new Error('no entropy')
    })
    const asked = Array.from({ length: 5 }, () => cache.leafFor('bench', 'device'))
    expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(Array(5).fill('rejected'))
    expect(cache.has('bench')).toBe(false)
    expect(told).toEqual([])
    isBroken = false
    expect(await cache.leafFor('bench', 'device')).toMatchObject({ key: 'key' })
    expect(issued).toEqual(['bench', 'bench'])
    expect(told).toEqual(['bench device'])
  })
})

describe('the leaves that are kept', () => {
  it('are a hundred of those asked for once, the latest', async () => {
    const bench = createBench()
    const names = manyNames(1000)
    await fill(bench, names)
    expect(names.filter(name => bench.cache.has(name))).toEqual(names.slice(-100))
  })

  it('are two hundred in all, and of those asked for again the least recently used goes', async () => {
    const bench = createBench()
    const names = manyNames(100)
    await fill(bench, [...names, ...names])
    await fill(bench, manyNames(1000, 'once'))
    expect(names.filter(name => !bench.cache.has(name))).toEqual([])
    bench.cache.leafFor('host-0', 'device')
    await fill(bench, ['one-more', 'one-more'])
    expect(names.filter(name => !bench.cache.has(name))).toEqual(['host-1'])
    await fill(bench, ['host-2', 'and-one', 'and-one', 'and-another', 'and-another'])
    expect(names.filter(name => !bench.cache.has(name))).toEqual(['host-1', 'host-3', 'host-4'])

    const all = [...names, ...manyNames(1000, 'once'), ...manyNames(1000, 'twice')]
    await fill(
      bench,
      manyNames(1000, 'twice').flatMap(name => [name, name])
    )
    expect(all.filter(name => bench.cache.has(name)).length).toBeLessThanOrEqual(200)
  })

  it('are made once each while they are kept, and told of once', async () => {
    const bench = createBench()
    const names = manyNames(20)
    await fill(bench, [...names, ...names, ...names])
    expect(bench.issued).toEqual(names)
    expect(bench.told).toEqual(names.map(name => `${name} device`))
  })

  it('are not told of again when they are made again', async () => {
    const bench = createBench()
    await fill(bench, ['bench.lan', ...manyNames(100)])
    expect(bench.cache.has('bench.lan')).toBe(false)
    await fill(bench, ['bench.lan'])
    expect(bench.issued.filter(name => name === 'bench.lan')).toHaveLength(2)
    expect(bench.told.filter(line => line === 'bench.lan device')).toHaveLength(1)
  })
})

describe('a flood of ten thousand made-up names', () => {
  const flood = manyNames(10_000, 'flood')

  it('makes a bounded number of leaves, and those beyond are told no at once', async () => {
    const { cache, issued } = createBench()
    const answers = flood.map(name => cache.leafFor(name, 'device'))
    const made = answers.filter(answer => answer !== undefined)
    expect(made).toHaveLength(100)
    expect(answers.slice(100).every(answer => answer === undefined)).toBe(true)
    await Promise.all(made)
    expect(issued).toHaveLength(100)
  })

  it('makes fifty more a second while it goes on, and no more than that', async () => {
    const { cache, issued, clock } = createBench()
    const seconds = 30
    for (let tick = 0; tick < seconds * 10; tick++) {
      clock.now = tick * 100
      await Promise.all(flood.slice(tick * 33, tick * 33 + 33).map(name => cache.leafFor(name, 'device')))
    }
    expect(issued.length).toBeLessThanOrEqual(100 + seconds * 50)
    expect(issued.length).toBeGreaterThanOrEqual(100 + (seconds - 5) * 50)
  })

  it('writes no more than its share of the log', async () => {
    const { cache, told, clock } = createBench()
    const seconds = 100
    for (let tick = 0; tick < seconds * 10; tick++) {
      clock.now = tick * 100
      await Promise.all(flood.slice(tick * 10, tick * 10 + 10).map(name => cache.leafFor(name, 'device')))
    }
    expect(told.length).toBeGreaterThanOrEqual(20)
    expect(told.length).toBeLessThanOrEqual(20 + seconds / 10)
  })

  it('may make no more after a day of silence than at the beginning', () => {
    const { cache, clock } = createBench()
    clock.now = 86_400_000
    expect(flood.filter(name => cache.leafFor(name, 'device') !== undefined)).toHaveLength(100)
  })

  it('does not take the leaves that somebody came back for, and they wait for nothing', async () => {
    const bench = createBench()
    await fill(bench, ['bench.lan', 'bench.lan'])
    const leaf = bench.cache.leafFor('bench.lan', 'device')
    expect(leaf).not.toBeInstanceOf(Promise)
    await fill(bench, flood)
    expect(bench.cache.leafFor('bench.lan', 'device')).toBe(leaf)
    expect(bench.issued.filter(name => name === 'bench.lan')).toHaveLength(1)
  })

  it('is over after a while: a name that was told no gets its leaf', async () => {
    const { cache, clock } = createBench()
    for (const name of flood) void cache.leafFor(name, 'device')
    expect(cache.leafFor('bench.lan', 'device')).toBeUndefined()
    expect(cache.has('bench.lan')).toBe(false)
    clock.now += 1000
    expect(await cache.leafFor('bench.lan', 'device')).toMatchObject({ key: 'key' })
  })

  it('of names that cannot be made costs no more than one of those that can', async () => {
    const { cache, issued, told } = createBench(async () => {
      throw new Error('no entropy')
    })
    await Promise.allSettled(flood.map(name => cache.leafFor(name, 'device')))
    expect(issued).toHaveLength(100)
    expect(told).toEqual([])
    expect(flood.filter(name => cache.has(name))).toEqual([])
  })
})
