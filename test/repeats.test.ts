import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Repeats } from '../src/repeats.js'

let repeats: Repeats
let told: string[]

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] })
  repeats = new Repeats()
  told = []
})
afterEach(() => {
  repeats.close()
  vi.useRealTimers()
})

const note = (kind = 'loop', times = 1): void => {
  for (let time = 0; time < times; time++) repeats.note(kind, count => told.push(`${kind} ${count}`))
}

const pass = (seconds: number): void => void vi.advanceTimersByTime(seconds * 1000)

/** What was told since the last look. */
const heard = (): string[] => told.splice(0)

describe('something that happens again and again', () => {
  it('is told at once the first time, each kind for itself', () => {
    note('a')
    note('b')
    expect(heard()).toEqual(['a 1', 'b 1'])
  })

  it('is counted then, and told with its number ten seconds later', () => {
    note('loop', 8)
    expect(heard()).toEqual(['loop 1'])
    pass(9)
    expect(heard()).toEqual([])
    pass(2)
    expect(heard()).toEqual(['loop 7'])
  })

  it('is not told again when it happened only once', () => {
    note()
    heard()
    pass(3600)
    expect(heard()).toEqual([])
  })

  it('is told at once again after it was quiet', () => {
    note()
    pass(12)
    heard()
    note()
    expect(heard()).toEqual(['loop 1'])
  })

  it('is told ever more seldom while it goes on, down to once in ten minutes', () => {
    const at: number[] = []
    for (let second = 0; second <= 3600; second++) {
      note()
      if (heard().length > 0) at.push(second)
      pass(1)
      if (heard().length > 0) at.push(second + 1)
    }
    // After 10, 20, 40, 80, 160, 320 seconds, and 600 from then on; it is looked at once a second.
    const expected = [0, 10, 30, 70, 150, 310, 630, 1230, 1830, 2430, 3030]
    expect(at).toHaveLength(expected.length)
    for (const [index, second] of at.entries())
      expect(Math.abs(second - (expected[index] ?? 0))).toBeLessThanOrEqual(10)
  })

  it('is counted to the last one, whenever they come', () => {
    let sum = 0
    let noted = 0
    const add = (count: number): void => {
      sum += count
    }
    for (let second = 0; second < 2000; second++) {
      const times = (second * 7919) % 5
      noted += times
      for (let time = 0; time < times; time++) repeats.note('loop', add)
      pass(1)
    }
    repeats.close()
    expect(sum).toBe(noted)
  })

  it('is told in the words of the last time', () => {
    repeats.note('loop', count => told.push(`first ${count}`))
    repeats.note('loop', count => told.push(`second ${count}`))
    repeats.note('loop', count => told.push(`third ${count}`))
    pass(11)
    expect(heard()).toEqual(['first 1', 'third 2'])
  })
})

describe('closing', () => {
  it('tells what was not told yet, once, and stops', () => {
    note('a', 4)
    note('b', 1)
    note('c', 2)
    heard()
    repeats.close()
    expect(heard()).toEqual(['a 3', 'c 1'])
    pass(3600)
    repeats.close()
    expect(heard()).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a flood of kinds', () => {
  it('is bounded: the oldest is told and forgotten', () => {
    note('old', 3)
    heard()
    for (let at = 0; at < 999; at++) note(`kind-${at}`)
    expect(heard()).toHaveLength(999)
    note('one-more')
    expect(heard().sort()).toEqual(['old 2', 'one-more 1'])
    note('kind-0')
    expect(heard()).toEqual([])
    note('old')
    expect(heard().sort()).toEqual(['kind-0 1', 'old 1'])
  })

  it('loses no count', () => {
    let sum = 0
    const add = (count: number): void => {
      sum += count
    }
    for (let at = 0; at < 5000; at++) for (let time = 0; time < 3; time++) repeats.note(`kind-${at}`, add)
    repeats.close()
    expect(sum).toBe(15_000)
  })
})
