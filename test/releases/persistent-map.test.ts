import { describe, expect, it } from 'vitest'
import { PersistentMap } from '../../src/releases/persistent-map.js'

describe('a persistent map', () => {
  it('holds what a map would hold after the same changes, however many', () => {
    const plain = new Map<string, number>()
    let map = new PersistentMap<number>()
    for (let step = 0; step < 3000; step++) {
      const key = `k${(step * 7919) % 700}`
      const value = step % 5 === 0 ? undefined : step
      map = map.with([[key, value]])
      if (value === undefined) plain.delete(key)
      else plain.set(key, value)
    }
    expect([...map.values()].sort((a, b) => a - b)).toEqual([...plain.values()].sort((a, b) => a - b))
    for (let key = 0; key < 700; key++) expect(map.get(`k${key}`)).toBe(plain.get(`k${key}`))
  })

  it('does not change when another one is made from it', () => {
    const before = new PersistentMap<number>().with([['a', 1]])
    before.with([
      ['a', 2],
      ['b', 3]
    ])
    before.with([['a', undefined]])
    expect(before.get('a')).toBe(1)
    expect([...before.values()]).toEqual([1])
  })
})
