import { describe, expect, it } from 'vitest'
import { ArtifactCache } from '../../src/releases/artifact-cache.js'

const piece = (length: number): Buffer => Buffer.alloc(length)

describe('the artifact cache', () => {
  it('lets go of what was used longest ago when there is no more room', () => {
    const cache = new ArtifactCache(100)
    cache.put('a', piece(40))
    cache.put('b', piece(40))
    cache.hold('a')
    cache.release('a')
    cache.put('c', piece(40))
    expect(['a', 'b', 'c'].map(digest => cache.hold(digest) !== undefined)).toEqual([true, false, true])
  })

  it('never lets go of what is being read, and takes nothing in its place', () => {
    const cache = new ArtifactCache(100)
    cache.put('a', piece(80))
    cache.hold('a')
    cache.put('b', piece(40))
    expect(cache.hold('b')).toBeUndefined()
    cache.release('a')
    cache.put('b', piece(40))
    expect(cache.hold('b')).toHaveLength(40)
    expect(cache.hold('a')).toBeUndefined()
  })

  it('takes nothing above its cap', () => {
    const cache = new ArtifactCache(100)
    cache.put('a', piece(101))
    expect(cache.hold('a')).toBeUndefined()
  })
})
