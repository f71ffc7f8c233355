import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Release } from '../../src/releases/release.js'
import type { Recipient } from '../../src/server/downloads.js'
import { LiveDownloads, type Sending } from '../../src/server/live-downloads.js'
import { releaseWith } from '../support/a-release.js'

const SIZE = 1_000_000
const RELEASE = releaseWith({ name: 'app.bin', digest: 'a'.repeat(64), size: SIZE })
const NEXT = releaseWith({ name: 'app.bin', digest: 'b'.repeat(64), size: SIZE })
const START = Date.UTC(2026, 0, 2, 12)

const recipientOf = (client: string, more: Partial<Recipient> = {}): Recipient => ({
  client,
  isSure: false,
  label: client,
  userAgent: 'ESP32 HTTP Client/1.0',
  address: '192.168.1.50',
  certificate: undefined,
  mac: undefined,
  ...more
})
const sending = (client = 'a', release: Release = RELEASE, more: Partial<Recipient> = {}): Sending => ({
  device: '192.168.1.50',
  recipient: recipientOf(client, more),
  release
})

/** What the pump keeps of a body. */
class Body {
  taken: number
  written: number
  constructor(start: number) {
    this.taken = start
    this.written = start
  }
  takes(length: number): void {
    this.taken += length
    this.written = this.taken
  }
}

beforeEach(() => {
  vi.useFakeTimers({
    now: START,
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date']
  })
})
afterEach(() => {
  vi.useRealTimers()
})

function begin(live: LiveDownloads, to: Sending, start = 0, isRange = false) {
  const body = new Body(start)
  const over = live.begin(to, start, isRange, body)
  return { body, end: (wasCut = false): void => over(body.taken, wasCut) }
}

const list = (live: LiveDownloads) => live.list()
const only = (live: LiveDownloads) => {
  const [one, ...more] = list(live)
  expect(more).toEqual([])
  return one ?? expect.fail('nothing is under way')
}

describe('a download under way', () => {
  it('is told from its first byte to its last', () => {
    const live = new LiveDownloads()
    expect(list(live)).toEqual([])
    const { body, end } = begin(live, sending())
    expect(only(live)).toMatchObject({ from: 0, reached: 0, rate: 0, startedAt: START, isStalled: false })
    body.takes(400_000)
    expect(only(live)).toMatchObject({ from: 0, reached: 400_000, release: RELEASE, device: '192.168.1.50' })
    body.takes(600_000)
    end()
    expect(list(live)).toEqual([])
    expect(live.size).toBe(0)
  })

  it('goes when its connection does, however far it has come, and however often that is told', () => {
    const live = new LiveDownloads()
    const { body, end } = begin(live, sending())
    const other = begin(live, sending('b'))
    body.takes(10)
    end()
    end()
    expect(only(live).recipient.client).toBe('b')
    other.end()
    expect(live.size).toBe(0)
  })

  it('has a rate of the last seconds, not of all its time', () => {
    const live = new LiveDownloads()
    const { body } = begin(live, sending())
    const run = (seconds: number, rate: number): void => {
      for (let second = 0; second < seconds; second++) {
        vi.advanceTimersByTime(1000)
        body.takes(rate)
        list(live)
      }
    }
    run(20, 1000)
    expect(only(live).rate).toBeGreaterThan(800)
    expect(only(live).rate).toBeLessThan(1200)
    run(8, 50_000)
    expect(only(live).rate).toBeGreaterThan(40_000)
    expect(only(live).rate).toBeLessThan(60_000)
    run(8, 0)
    expect(only(live).rate).toBe(0)
  })

  it('has a rate that is a number, never endless, however often and seldom it is asked for', () => {
    const live = new LiveDownloads()
    const { body } = begin(live, sending())
    for (const pauseMs of [0, 0, 1, 0, 3, 250, 0, 60_000, 3_600_000, 0, 1]) {
      vi.advanceTimersByTime(pauseMs)
      body.takes(1000)
      for (let time = 0; time < 3; time++) {
        const { rate, reached } = only(live)
        expect(Number.isFinite(rate) && rate >= 0).toBe(true)
        expect(reached).toBe(body.taken)
      }
    }
  })

  it('has a rate when somebody asks for it for the first time in the middle', () => {
    const live = new LiveDownloads()
    const { body } = begin(live, sending())
    vi.advanceTimersByTime(10_000)
    body.takes(100_000)
    list(live)
    vi.advanceTimersByTime(1000)
    body.takes(10_000)
    const { rate } = only(live)
    expect(rate).toBeGreaterThan(5000)
    expect(rate).toBeLessThan(20_000)
  })

  it('does not jump with the clock of the machine', () => {
    const live = new LiveDownloads()
    const { body } = begin(live, sending())
    for (const jump of [-86_400_000, 86_400_000, -START]) {
      for (let second = 0; second < 4; second++) {
        vi.advanceTimersByTime(1000)
        body.takes(1000)
        list(live)
      }
      vi.setSystemTime(START + jump)
      const { rate, isStalled } = only(live)
      expect(rate).toBeGreaterThan(500)
      expect(rate).toBeLessThan(2000)
      expect(isStalled).toBe(false)
    }
  })

  it('stalls when nothing is taken for a while, and goes on when something is', () => {
    const live = new LiveDownloads()
    const { body } = begin(live, sending())
    body.takes(1000)
    list(live)
    vi.advanceTimersByTime(4000)
    expect(only(live).isStalled).toBe(false)
    vi.advanceTimersByTime(56_000)
    expect(only(live)).toMatchObject({ isStalled: true, rate: 0, reached: 1000 })
    body.takes(1)
    expect(only(live).isStalled).toBe(false)
  })

  it('that resumes tells where it began', () => {
    const live = new LiveDownloads()
    const { body } = begin(live, sending(), 600_000, true)
    body.takes(1000)
    expect(only(live)).toMatchObject({ from: 600_000, reached: 601_000 })
    vi.advanceTimersByTime(1000)
    expect(only(live).rate, 'what it had before is no speed').toBeLessThanOrEqual(1000)
  })
})

describe('a download in ranges', () => {
  it('is one, from range to range', () => {
    const live = new LiveDownloads()
    const ids = new Set<number>()
    for (let start = 0; start < 500_000; start += 50_000) {
      const { body, end } = begin(live, sending(), start, true)
      body.takes(50_000)
      expect(only(live)).toMatchObject({ from: 0, reached: start + 50_000, startedAt: START })
      ids.add(only(live).id)
      end()
      vi.advanceTimersByTime(500)
      expect(only(live), 'between two ranges too').toMatchObject({ reached: start + 50_000 })
    }
    expect(ids.size).toBe(1)
    expect(only(live).rate).toBeGreaterThan(50_000)
    expect(only(live).rate).toBeLessThan(200_000)
  })

  it('is over with its last byte', () => {
    const live = new LiveDownloads()
    const { body, end } = begin(live, sending(), 0, true)
    body.takes(SIZE)
    end()
    expect(list(live)).toEqual([])
    const last = begin(live, sending('b'), SIZE - 10, true)
    last.body.takes(10)
    last.end()
    expect(list(live)).toEqual([])
  })

  it('is not told any more when no range comes for long', () => {
    const live = new LiveDownloads()
    const { body, end } = begin(live, sending(), 0, true)
    body.takes(50_000)
    end()
    vi.advanceTimersByTime(120_000)
    expect(list(live)).toEqual([])
    expect(live.size).toBe(0)
  })

  it('is another one with another build, name or device', () => {
    const live = new LiveDownloads()
    const ids = [sending('a'), sending('a', NEXT), sending('a', { ...RELEASE, name: 'b.bin' }), sending('b')].map(
      to => {
        const { body, end } = begin(live, to, 0, true)
        body.takes(1000)
        end()
        return live.list().at(-1)?.id
      }
    )
    expect(new Set(ids).size).toBe(4)
  })

  it('that begins again at its first byte begins again', () => {
    const live = new LiveDownloads()
    const first = begin(live, sending(), 0, true)
    first.body.takes(50_000)
    first.end()
    const again = begin(live, sending(), 0, true)
    again.body.takes(10)
    expect(only(live)).toMatchObject({ from: 0, reached: 10 })
    vi.advanceTimersByTime(1000)
    expect(only(live).rate).toBeGreaterThanOrEqual(0)
    again.end()
  })
})

describe('downloads of one client at a time', () => {
  it('are several where several connections take the whole', () => {
    const live = new LiveDownloads()
    const bodies = [1, 2, 3].map(() => begin(live, sending()))
    expect(list(live)).toHaveLength(3)
    expect(new Set(list(live).map(({ id }) => id)).size).toBe(3)
    bodies[1]?.end()
    expect(list(live)).toHaveLength(2)
  })

  it('do not disturb each other in whatever order they end', () => {
    const live = new LiveDownloads()
    const whole = begin(live, sending())
    const range = begin(live, sending(), 1000, true)
    whole.body.takes(5000)
    whole.end()
    expect(live.list().map(({ reached }) => reached)).toEqual([1000])
    range.end()
    vi.advanceTimersByTime(120_000)
    expect(list(live)).toEqual([])
  })
})

describe('ten thousand downloads', () => {
  it('come and go without leaving anything', () => {
    const live = new LiveDownloads()
    for (let index = 0; index < 10_000; index++) {
      const { body, end } = begin(live, sending(`client ${index}`), 0, index % 2 === 0)
      body.takes(100)
      end()
    }
    vi.advanceTimersByTime(120_000)
    expect(list(live)).toEqual([])
    expect(live.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('are forgotten as they go quiet, as long as somebody asks now and then', () => {
    const live = new LiveDownloads()
    for (let index = 0; index < 50_000; index++) {
      begin(live, sending(`client ${index}`), 0, true).end()
      if (index % 100 === 0) vi.advanceTimersByTime(1000)
      if (index % 1000 === 0) list(live)
    }
    // 100 a second that are quiet for a minute at most.
    expect(list(live).length).toBeLessThanOrEqual(6000)
    expect(live.size).toBeLessThanOrEqual(6000)
  })

  it('are no more than a bounded number while nobody asks', () => {
    const live = new LiveDownloads()
    for (let index = 0; index < 50_000; index++) {
      begin(live, sending(`client ${index}`), 0, true).end()
      if (index % 100 === 0) vi.advanceTimersByTime(1000)
    }
    expect(live.size).toBeLessThanOrEqual(20_000)
  })
})
