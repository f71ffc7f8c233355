import { describe, expect, it } from 'vitest'
import { isLoopbackAddress, isLoopbackHost } from '../src/loopback.js'

describe('loopback', () => {
  it.each(['127.0.0.1', '127.9.8.7', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1'])('is %s', address => {
    expect([isLoopbackAddress(address), isLoopbackHost(address)]).toEqual([true, true])
  })

  it.each(['192.168.1.8', 'fe80::1%eth0', '::ffff:192.168.1.8', '128.0.0.1', '127.example.com', 'bench.local', ''])(
    'is not %j',
    address => {
      expect([isLoopbackAddress(address), isLoopbackHost(address)]).toEqual([false, false])
    }
  )

  it.each(['localhost', 'LOCALHOST', 'a.localhost', '0.0.0.0', '::'])('is what a URL with %s means', host => {
    expect([isLoopbackAddress(host), isLoopbackHost(host)]).toEqual([false, true])
  })
})
