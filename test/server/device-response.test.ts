import { describe, expect, it } from 'vitest'
import { canonicalName } from '../../src/server/device-response.js'
import { isHost, nameIn, originForm } from '../../src/server/request-target.js'

describe('header names', () => {
  it.each([
    ['content-length', 'Content-Length'],
    ['etag', 'ETag'],
    ['www-authenticate', 'WWW-Authenticate'],
    ['x-md5', 'x-MD5'],
    ['x-sha256', 'x-SHA256'],
    ['X-SHA512', 'x-SHA512'],
    ['X-Version', 'x-version'],
    ['x-content-type-options', 'X-Content-Type-Options']
  ])('of %s go out as %s', (name, canonical) => {
    expect(canonicalName(name)).toBe(canonical)
  })
})

describe('the name in a request target', () => {
  it.each([
    ['/a.bin', 'a.bin'],
    ['/a.bin?id=1&x=../..', 'a.bin'],
    ['/dir/a%20b.bin', 'dir/a b.bin'],
    ['/a%252e.bin', 'a%2e.bin'],
    ['/a+b.bin', 'a+b.bin'],
    ['/../a.bin', '../a.bin']
  ])('of %s is %s', (target, name) => {
    expect(nameIn(target)).toBe(name)
  })

  it.each(['/%zz', '/%ff', '*', 'a.bin', `/${'a'.repeat(3000)}`])('is none in %s', target => {
    expect(nameIn(target)).toBeUndefined()
  })

  it.each([
    ['https://host:8070/a.bin?x', '/a.bin?x'],
    ['HTTP://host', '/'],
    ['https://host?x', '/?x'],
    ['/a.bin', '/a.bin']
  ])('is taken from the absolute form: %s', (target, origin) => {
    expect(originForm(target)).toBe(origin)
  })
})

describe('a Host', () => {
  it.each(['bench', 'bench:8070', '192.168.1.8', '[fd00::2]:8070', 'otad.local'])('may be %s', value => {
    expect(isHost(value)).toBe(true)
  })

  it.each(['', 'a b', 'a/b', 'a:b', 'a:999999', '[::1', 'a@b', `${'a'.repeat(300)}`])('is not "%s"', value => {
    expect(isHost(value)).toBe(false)
  })
})
