import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { findImage } from '../../src/probe/reach.js'
import { readTarget } from '../../src/probe/target.js'

/** A server that lists these; its URL with credentials in it. */
async function listing(...urls: readonly string[]): Promise<string> {
  const releases = urls.map(url => ({ current: { url } }))
  const server = createServer((_request, response) => response.end(JSON.stringify({ releases })))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://desk:secret@127.0.0.1:${(server.address() as AddressInfo).port}/`
}

describe('the image of a URL without a path', () => {
  it('is the first that is listed, at the server that was asked, by the name that it was asked by', async () => {
    const url = await listing('https://192.168.1.8:8070/left/a%20b.bin', 'https://192.168.1.8:8070/other.bin')
    const { target, others } = await findImage(readTarget(`${url}?what=ever#here`))
    expect(target.url.href).toBe(`${url}left/a%20b.bin`)
    expect(others).toEqual(['/other.bin'])
  })

  // As a reference it names another host, and that got the credentials.
  it.each(['https://h//evil.example/fw.bin', 'https://h///evil.example/fw.bin', 'https://h/\\evil.example/fw.bin'])(
    '%s leads nowhere else',
    async listed => {
      const url = await listing(listed)
      const { target } = await findImage(readTarget(url))
      expect([target.url.origin, target.host]).toEqual([new URL(url).origin, '127.0.0.1'])
      expect(target.path).toContain('/evil.example/fw.bin')
      expect(target.authorization).toBe(`Basic ${Buffer.from('desk:secret').toString('base64')}`)
    }
  )
})
