// The first bytes of a connection are looked at and put back: whoever reads it afterwards finds all of them.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as elapse } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type FirstBytes, peek } from '../../src/server/first-bytes.js'

const NEVER_MS = 60_000

interface Peeked {
  readonly client: Socket
  readonly server: Socket
  readonly first: Promise<FirstBytes>
  readonly calls: readonly FirstBytes[]
}

/** Both ends of a real connection whose first bytes are looked at. */
async function peeked(timeoutMs = NEVER_MS): Promise<Peeked> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const accepted = once(listener, 'connection')
  const client = connect((listener.address() as AddressInfo).port, '127.0.0.1').setNoDelay()
  client.on('error', () => {})
  const [server] = (await accepted) as [Socket]
  server.on('error', () => {})
  onTestFinished(() => {
    client.destroy()
    server.destroy()
    listener.close()
  })
  const calls: FirstBytes[] = []
  const first = new Promise<FirstBytes>(resolve =>
    peek(server, timeoutMs, found => {
      calls.push(found)
      resolve(found)
    })
  )
  return { client, server, first, calls }
}

const bytesOf = (first: FirstBytes): string => ('bytes' in first ? first.bytes.toString('latin1') : '')

describe('a connection begins with', () => {
  it.each([
    ['tls', '\x16\x03\x01\x00\x05hello'],
    ['http', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['http', 'HEAD /a.bin HTTP/1.1\r\nHost: a\r\n\r\nmore'],
    ['http', 'OPTIONS * HTTP/1.1\r\n\r\n'],
    ['http', 'CONNECT a:443 HTTP/1.1\r\n\r\n'],
    ['http', `GET /${'a'.repeat(9000)}`],
    ['other', 'SSH-2.0-x\r\n'],
    ['other', '\x10\x10\x00\x04MQTT'],
    ['other', '\x16\x02\x01'],
    ['other', '\0'],
    ['other', 'GETAWAY / HTTP/1.1'],
    ['other', 'get / HTTP/1.1\r\n\r\n'],
    ['other', 'ABCDEFGH'],
    ['other', '\n']
  ])('%s: %j', async (is, sent) => {
    const { client, first } = await peeked()
    client.write(sent, 'latin1')
    const found = await first
    expect(found.is).toBe(is)
    expect(sent.startsWith(bytesOf(found))).toBe(true)
  })

  it('nothing, when it hangs up', async () => {
    const { client, first } = await peeked()
    client.end()
    expect(await first).toMatchObject({ is: 'silent', end: 'closed' })
  })

  it('nothing, when it resets', async () => {
    const { client, first } = await peeked()
    client.resetAndDestroy()
    expect(await first).toMatchObject({ is: 'silent', end: 'reset' })
  })

  it('nothing, when its time is over', async () => {
    const { first } = await peeked(50)
    expect(await first).toMatchObject({ is: 'silent', end: 'timeout' })
  })
})

describe('what is not whole', () => {
  it.each(['\x16', '\x16\x03', '\x16\x03\x01\x00\xf0\x01\x00\x00\xecabc'])(
    'is an unfinished hello when its time is over: %j',
    async sent => {
      const { client, first } = await peeked(100)
      client.write(sent, 'latin1')
      expect(await first).toMatchObject({ is: 'unfinished', end: 'timeout' })
      expect(bytesOf(await first)).toBe(sent)
    }
  )

  it('is waited for, letter by letter', async () => {
    const { client, first, calls } = await peeked()
    const head = 'GET /a.bin HTTP/1.1\r\nHost: a\r\n\r\n'
    for (const letter of head.slice(0, -1)) {
      client.write(letter)
      await elapse(1)
    }
    expect(calls).toEqual([])
    client.write('\n')
    expect(await first).toMatchObject({ is: 'http' })
    expect(bytesOf(await first)).toBe(head)
  })

  it.each([
    ['http', 'GET / HTTP/1.1\r\nHost: a'],
    ['other', 'GE'],
    ['other', 'ABC']
  ])('is taken for %s when the other end hangs up behind %j', async (is, sent) => {
    const { client, first } = await peeked()
    client.end(sent)
    expect(await first).toMatchObject({ is })
    expect(bytesOf(await first)).toBe(sent)
  })

  it.each([
    ['http', 'GET / HTTP/1.1\r\nHost: a'],
    ['other', 'GE']
  ])('is taken for %s when the time is over behind %j', async (is, sent) => {
    const { client, first } = await peeked(100)
    client.write(sent)
    expect(await first).toMatchObject({ is })
  })

  it('has no more time for coming in pieces', async () => {
    const { client, first } = await peeked(200)
    const begun = performance.now()
    const trickle = setInterval(() => client.write('A'.repeat(1)), 20)
    client.write('GET / HTTP/1.1\r\nX: ')
    expect(await first).toMatchObject({ is: 'http' })
    clearInterval(trickle)
    expect(performance.now() - begun).toBeLessThan(1500)
  })

  it('is not kept beyond what a head may have', async () => {
    const { client, first } = await peeked()
    client.write(`GET / HTTP/1.1\r\nX: ${'a'.repeat(1_000_000)}`)
    expect(bytesOf(await first).length).toBeLessThan(100_000)
  })
})

describe('whoever reads after that', () => {
  it('finds the first bytes and all that follow, once and in order', async () => {
    const { client, server, first, calls } = await peeked()
    const sent = Buffer.concat([Buffer.from([22, 3, 1]), Buffer.alloc(300_000, 'otad')])
    client.write(sent.subarray(0, 100))
    await first
    expect(server.isPaused()).toBe(true)
    client.end(sent.subarray(100))
    const pieces: Buffer[] = []
    for await (const piece of server) pieces.push(piece as Buffer)
    expect(Buffer.concat(pieces).equals(sent)).toBe(true)
    expect(calls).toHaveLength(1)
  })

  it('is called back once, whatever happens then', async () => {
    const { client, server, first, calls } = await peeked(50)
    client.write('\x16\x03\x01')
    await first
    client.resetAndDestroy()
    server.resume()
    await new Promise(resolve => server.once('close', resolve))
    await elapse(100)
    expect(calls).toHaveLength(1)
    expect(server.listenerCount('data')).toBe(0)
  })
})
