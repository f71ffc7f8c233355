import { describe, expect, it } from 'vitest'
import { lookAtNames } from '../../src/doctor/look-names.js'

const never = { env: process.env, signal: new AbortController().signal }

describe('a look at where names lead', () => {
  it('tells the addresses of each name in the order asked, and none where there are none', async () => {
    const found = await lookAtNames(['localhost', 'nowhere.invalid', '--version'], never)
    expect(found.map(({ host }) => host)).toEqual(['localhost', 'nowhere.invalid', '--version'])
    expect(found[0]?.addresses.join()).toMatch(/127\.0\.0\.1|::1/)
    expect(found.slice(1).map(({ addresses }) => addresses)).toEqual([[], []])
  })

  // A `.local` name took twelve seconds, and three names twenty-five.
  it('asks for all at once, and gives up after two seconds', async () => {
    const startedAt = performance.now()
    await lookAtNames(['a.local', 'b.local', 'c.local', 'd.example.test', 'e.invalid'], never)
    expect(performance.now() - startedAt).toBeLessThan(4_000)
  })

  it('asks nobody when there is nothing to ask, and ends when it is told to', async () => {
    expect(await lookAtNames([], never)).toEqual([])
    const stopping = new AbortController()
    stopping.abort()
    expect(await lookAtNames(['a.local'], { ...never, signal: stopping.signal })).toEqual([
      { host: 'a.local', addresses: [] }
    ])
  })
})
