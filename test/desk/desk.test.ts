import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { describeName } from '../../src/answers.js'
import { Desk, type DeskOptions } from '../../src/desk/desk.js'
import type { DeskEvents, DeskFacts } from '../../src/desk/desk-facts.js'
import type { Contact } from '../../src/devices/contact.js'
import type { LiveDownload } from '../../src/devices/device-facts.js'
import { Ledger } from '../../src/devices/ledger.js'
import { Catalog, type Change } from '../../src/releases/catalog.js'
import { aRelease } from '../support/asked-daemon.js'

const START = Date.UTC(2026, 0, 2, 12)
/** Longer than anything may be kept back from a listener. */
const SETTLED_MS = 1500

beforeEach(() => {
  vi.useFakeTimers({ now: START })
})
afterEach(() => {
  vi.useRealTimers()
})

/** What a page knows that was told these events and nothing else. */
class Page {
  state: DeskFacts | undefined
  downloads: readonly LiveDownload[] = []
  readonly events: (keyof DeskEvents)[] = []

  readonly listener = (event: keyof DeskEvents, data: string): void => {
    expect(data).not.toMatch(/[\r\n]/)
    this.events.push(event)
    const told = { event, data: JSON.parse(data) } as {
      [E in keyof DeskEvents]: { event: E; data: DeskEvents[E] }
    }[keyof DeskEvents]
    if (told.event === 'desk') {
      this.state = told.data
      this.downloads = told.data.devices.flatMap(({ downloads }) => downloads)
      return
    }
    const { state } = this
    if (state === undefined) expect.fail(`${event} comes before everything`)
    if (told.event === 'downloads') this.downloads = told.data
    else if (told.event === 'names')
      this.state = { ...state, names: changed(state.names, told.data, ({ name }) => name) }
    else {
      this.state = { ...state, devices: changed(state.devices, told.data, ({ id }) => id) }
      const { changed: some, gone } = told.data
      const isTold = new Set([...some.map(({ id }) => id), ...gone])
      const others = this.downloads.filter(download => !isTold.has(download.device))
      this.downloads = [...others, ...some.flatMap(({ downloads }) => downloads)]
    }
  }

  /** Everything, in an order of its own. */
  get known(): unknown {
    if (this.state === undefined) return undefined
    const { names, devices, ...rest } = this.state
    return {
      ...rest,
      names: byKey(names, ({ name }) => name),
      devices: byKey(devices, ({ id }) => id).map(device => ({
        ...device,
        downloads: this.downloads.filter(download => download.device === device.id)
      }))
    }
  }
}

function changed<T>(
  all: readonly T[],
  { changed, gone }: { readonly changed: readonly T[]; readonly gone: readonly string[] },
  keyOf: (one: T) => string
): readonly T[] {
  const left = new Map(all.map(one => [keyOf(one), one]))
  for (const key of gone) left.delete(key)
  for (const one of changed) left.set(keyOf(one), one)
  return [...left.values()]
}

const byKey = <T>(all: readonly T[], keyOf: (one: T) => string): readonly T[] =>
  all.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))

/** A desk whose world a test can change. */
function aDesk(mostDevices = 4) {
  const ledger = new Ledger({ mostDevices })
  let catalog = Catalog.empty
  let live: readonly LiveDownload[] = []
  let origin = 'https://192.168.1.8:8070'
  const calls = { facts: 0, catalog: 0, describe: 0, live: 0 }
  const facts = (): ReturnType<DeskOptions['facts']> => ({
    status: 'serving',
    version: '9.8.7',
    since: new Date(START).toISOString(),
    origin,
    isLoopbackOnly: false,
    certificate: { fingerprint: 'AA:BB', validUntil: '2046-01-01T00:00:00.000Z' }
  })
  const urlOf = (name: string): string => `${origin}/${name}`
  const desk = new Desk({
    facts: () => {
      calls.facts++
      return facts()
    },
    currentCatalog: () => {
      calls.catalog++
      return catalog
    },
    describe: entry => {
      calls.describe++
      return describeName(entry)
    },
    urlOf,
    ledger,
    live: () => {
      calls.live++
      return live
    }
  })
  return {
    desk,
    ledger,
    calls,
    commit: (change: Change) => {
      catalog = catalog.after([change], 3)
    },
    move: (to: string) => {
      origin = to
    },
    /** As the server tells it: the ledger hears of each that has begun, and of each that has ended. */
    transfer: (downloads: readonly LiveDownload[]) => {
      const isIn = (all: readonly LiveDownload[], { id }: LiveDownload): boolean => all.some(other => other.id === id)
      const before = live
      live = downloads
      for (const begun of downloads) if (!isIn(before, begun)) ledger.seen({ address: begun.device }, Date.now())
      for (const ended of before)
        if (!isIn(downloads, ended))
          ledger.note({ address: ended.device }, { is: 'complete', sentence: 'complete' }, Date.now())
    },
    /** One in ranges that goes quiet: nobody says so. */
    fallQuiet: () => {
      live = []
    },
    /** What a page has to know now. */
    get truth(): unknown {
      const names = [...catalog.entries].flatMap(entry => {
        const status = describeName(entry)
        return status === undefined ? [] : [{ ...status, url: urlOf(entry.name) }]
      })
      const page = new Page()
      const devices = ledger.tellAll(live)
      page.state = JSON.parse(JSON.stringify({ ...facts(), names, devices, otherDevices: 0 }))
      page.downloads = live
      return page.known
    }
  }
}

const contact = (index: number): Contact => ({ address: `10.0.0.${index}`, userAgent: 'ESP32 HTTP Client/1.0' })
const downloadOf = (index: number, reached: number): LiveDownload => ({
  id: index,
  device: `10.0.0.${index}`,
  name: 'app.bin',
  digest: 'a'.repeat(64),
  version: '1.0.0',
  size: 1000,
  from: 0,
  reached,
  rate: 10,
  secondsLeft: 3,
  startedAt: new Date(START).toISOString(),
  isStalled: false
})

type World = ReturnType<typeof aDesk>
interface Step {
  readonly what: string
  act(world: World, pages: { listen(): void; leave(): void }): void
}

const device = fc.integer({ min: 1, max: 8 })
const name = fc.constantFrom('a.bin', 'b.bin', 'ü/c d.bin', '__proto__')
const steps: fc.Arbitrary<Step> = fc.oneof(
  device.map(index => ({
    what: `seen ${index}`,
    act: ({ ledger }: World) => void ledger.seen(contact(index), Date.now())
  })),
  fc.tuple(device, fc.constantFrom('cut', 'complete', 'handshake-failed')).map(([index, is]) => ({
    what: `${is} ${index}`,
    act: ({ ledger }: World) => ledger.note(contact(index), { is: is as 'cut', sentence: `${is}\n"\u2028` }, Date.now())
  })),
  device.map(index => ({
    what: `runs ${index}`,
    act: ({ ledger }: World) =>
      ledger.runs(contact(index), { name: 'app.bin', digest: null, version: '1' }, 'told', Date.now())
  })),
  fc.tuple(name, fc.integer({ min: 1, max: 3 })).map(([of, build]) => ({
    what: `publish ${of} ${build}`,
    act: ({ commit }: World) =>
      commit({ type: 'publish', release: aRelease(of, `${of} ${build}`, { publishedAt: START }) })
  })),
  name.map(of => ({
    what: `withdraw ${of}`,
    act: ({ commit }: World) => commit({ type: 'withdraw', name: of, at: Date.now() })
  })),
  name.map(of => ({ what: `forget ${of}`, act: ({ commit }: World) => commit({ type: 'forget', name: of }) })),
  fc.constantFrom('https://192.168.1.8:8070', 'https://192.168.1.9:8070').map(to => ({
    what: `move to ${to}`,
    act: ({ move }: World) => move(to)
  })),
  fc.uniqueArray(fc.tuple(device, fc.nat(1000)), { selector: ([index]) => index, maxLength: 4 }).map(all => ({
    what: `transfer ${JSON.stringify(all)}`,
    act: ({ transfer }: World) => transfer(all.map(([index, reached]) => downloadOf(index, reached)))
  })),
  fc.nat(700).map(pauseMs => ({ what: `${pauseMs} ms`, act: () => void vi.advanceTimersByTime(pauseMs) })),
  fc.constant({ what: 'listen', act: (_world: World, pages: { listen(): void }) => pages.listen() }),
  fc.constant({ what: 'leave', act: (_world: World, pages: { leave(): void }) => pages.leave() })
)

describe('the desk', () => {
  it('tells everything at once, and nothing more where nothing changes', () => {
    const world = aDesk()
    world.ledger.note(contact(1), { is: 'cut', sentence: 'cut' }, START)
    world.commit({ type: 'publish', release: aRelease('a.bin', '1', { publishedAt: START }) })
    const page = new Page()
    const end = world.desk.listen(page.listener)
    expect(page.events).toEqual(['desk'])
    expect(page.known).toEqual(world.truth)
    vi.advanceTimersByTime(60_000)
    expect(page.events).toEqual(['desk'])
    end()
  })

  it('tells each page what makes the state of any time out of what it had, whenever that came', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 60 }), sequence => {
        vi.clearAllTimers()
        const world = aDesk()
        const pages: { page: Page; end: () => void }[] = []
        const listen = (): void => {
          const page = new Page()
          pages.push({ page, end: world.desk.listen(page.listener) })
          expect(page.known, 'at once').toEqual(world.truth)
        }
        listen()
        for (const { act } of sequence) act(world, { listen, leave: () => pages.shift()?.end() })
        vi.advanceTimersByTime(SETTLED_MS)
        for (const { page } of pages) expect(page.known).toEqual(world.truth)
        for (const { end } of pages) end()
        expect(vi.getTimerCount(), 'nothing goes on').toBe(0)
      }),
      { numRuns: 500 }
    )
  })

  it('tells one who came between two changes of the second, though it takes the others back to what they had', () => {
    const world = aDesk()
    world.desk.listen(() => {})
    world.move('https://192.168.1.9:8070')
    const page = new Page()
    world.desk.listen(page.listener)
    world.move('https://192.168.1.8:8070')
    vi.advanceTimersByTime(SETTLED_MS)
    expect(page.known).toEqual(world.truth)
  })

  it('shows nobody a download for ever that was over before it was told of again', () => {
    const world = aDesk()
    world.desk.listen(() => {})
    world.transfer([downloadOf(1, 5)])
    const page = new Page()
    world.desk.listen(page.listener)
    expect(page.downloads).toHaveLength(1)
    world.fallQuiet()
    vi.advanceTimersByTime(60_000)
    expect(page.downloads).toEqual([])
  })

  it('says the same to all who listen at the same time', () => {
    const world = aDesk()
    const told: string[][] = [[], [], []]
    for (const lines of told) world.desk.listen((event, data) => lines.push(`${event} ${data}`))
    for (let index = 1; index < 9; index++) {
      world.ledger.note(contact(index), { is: 'cut', sentence: 'cut' }, Date.now())
      vi.advanceTimersByTime(300)
    }
    expect(told[0]?.length).toBeGreaterThan(4)
    expect(told[1]).toEqual(told[0])
    expect(told[2]).toEqual(told[0])
  })

  it('does nothing as long as nobody listens, and nothing any more when all have left', () => {
    const world = aDesk()
    const happen = (): void => {
      for (let index = 1; index < 9; index++)
        world.ledger.note(contact(index), { is: 'cut', sentence: 'cut' }, Date.now())
      world.transfer([downloadOf(1, 5)])
      world.commit({ type: 'publish', release: aRelease('a.bin', '1') })
      vi.advanceTimersByTime(60_000)
    }
    happen()
    expect(world.calls).toEqual({ facts: 0, catalog: 0, describe: 0, live: 0 })
    expect(vi.getTimerCount()).toBe(0)
    const ends = [1, 2, 3].map(() => world.desk.listen(() => {}))
    expect(world.desk.listeners).toBe(3)
    happen()
    for (const end of ends) end()
    for (const end of ends) end()
    expect(world.desk.listeners).toBe(0)
    const before = { ...world.calls }
    happen()
    expect(world.calls).toEqual(before)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does its work once, however many listen', () => {
    const workFor = (count: number): number => {
      const world = aDesk()
      for (let index = 0; index < count; index++) world.desk.listen(() => {})
      const before = { ...world.calls }
      for (let second = 0; second < 20; second++) {
        world.ledger.note(contact(1), { is: 'cut', sentence: 'cut' }, Date.now())
        vi.advanceTimersByTime(1000)
      }
      return world.calls.live + world.calls.facts + world.calls.describe - before.live - before.facts - before.describe
    }
    expect(workFor(50)).toBe(workFor(1))
  })

  it('tells of downloads twice a second at most, while there are any, and once more when there is none', () => {
    const world = aDesk()
    world.ledger.seen(contact(1), START)
    const page = new Page()
    world.desk.listen(page.listener)
    for (let time = 0; time < 100; time++) {
      world.transfer([downloadOf(1, time)])
      vi.advanceTimersByTime(100)
    }
    const told = page.events.filter(event => event === 'downloads').length
    expect(told).toBeGreaterThanOrEqual(15)
    expect(told).toBeLessThanOrEqual(21)
    world.transfer([])
    vi.advanceTimersByTime(10_000)
    expect(page.downloads).toEqual([])
    expect(page.events.filter(event => event === 'downloads').length).toBeLessThanOrEqual(told + 2)
  })

  it('tells of a thousand changes of one device within a moment in a few events', () => {
    const world = aDesk()
    const page = new Page()
    world.desk.listen(page.listener)
    for (let index = 0; index < 1000; index++) {
      world.ledger.note(contact(1), { is: index % 2 ? 'cut' : 'complete', sentence: 'x' }, Date.now())
      vi.advanceTimersByTime(1)
    }
    vi.advanceTimersByTime(SETTLED_MS)
    expect(page.events.length).toBeLessThan(10)
    expect(page.known).toEqual(world.truth)
  })

  it('goes on telling the others when one of them leaves in the middle of an event', () => {
    const world = aDesk()
    const page = new Page()
    const ends: (() => void)[] = []
    ends.push(world.desk.listen(event => void (event === 'devices' && ends[0]?.())))
    world.desk.listen(page.listener)
    world.ledger.note(contact(1), { is: 'cut', sentence: 'cut' }, Date.now())
    vi.advanceTimersByTime(SETTLED_MS)
    expect(world.desk.listeners).toBe(1)
    expect(page.known).toEqual(world.truth)
  })
})
