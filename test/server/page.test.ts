// The page is given to browsers of people, with what images say in it: its head says what it may do, and how long it is good for.
import { describe, expect, it } from 'vitest'
import { request, useSharedDaemon } from '../support/shared-daemon.js'

const daemon = useSharedDaemon({ firmware: {} })
const ask = (target: string, fields: readonly string[] = []) => daemon.ask(request('GET', target, fields))

describe.each(['/', '/page.js', '/page.css', '/icon.svg'])('%s', target => {
  it('may load what is beside it and nothing else, and no text can become markup', async () => {
    const { header } = await ask(target)
    const policy = Object.fromEntries(
      (header('content-security-policy') ?? '').split('; ').map(rule => {
        const [name = '', ...sources] = rule.split(' ')
        return [name, sources.join(' ')]
      })
    )
    expect(policy['default-src']).toBe("'none'")
    expect(policy['require-trusted-types-for']).toBe("'script'")
    for (const sources of Object.values(policy)) expect(["'none'", "'self'", "'script'"]).toContain(sources)
    expect(header('x-content-type-options')).toBe('nosniff')
    expect(header('cross-origin-opener-policy')).toBe('same-origin')
    expect(header('referrer-policy')).toBe('no-referrer')
  })

  it('is asked for every time, and not sent again while it is the same', async () => {
    const first = await ask(target)
    expect(first.header('cache-control')).toBe('no-cache')
    const again = await ask(target, [`If-None-Match: ${first.header('etag')}`])
    expect([again.status, again.body.byteLength]).toEqual([304, 0])
  })
})
