import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { probe } from '../../src/doctor/look-port.js'

/** Somebody who listens and treats every connection in one way. */
async function aListener(treat: (connection: Socket) => void): Promise<number> {
  const connections = new Set<Socket>()
  const listener = createServer(connection => {
    connections.add(connection)
    connection.on('error', () => {})
    treat(connection)
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const connection of connections) connection.destroy()
    listener.close()
  })
  return (listener.address() as AddressInfo).port
}

/** Says a byte of this every half a second, which no timeout of idleness ends, and nothing behind. */
function dribble(connection: Socket, text: string): void {
  let at = 0
  const timer = setInterval(() => connection.write(text[at++ % text.length] ?? ''), 500)
  connection.once('close', () => clearInterval(timer))
}

async function timed<T>(asking: Promise<T>): Promise<readonly [T, number]> {
  const startedAt = performance.now()
  return [await asking, performance.now() - startedAt]
}

const options = { anchor: undefined, since: undefined, now: new Date(), signal: new AbortController().signal }
const at = (port: number, scheme: 'https' | 'http') => ({ host: '127.0.0.1', address: '127.0.0.1', port, scheme })

describe('a look at a port', () => {
  // One byte every two seconds once kept the doctor busy for hours.
  it('ends in the middle of an answer that dribbles', async () => {
    const port = await aListener(connection => dribble(connection, 'HTTP/1.1 200 OK'))
    const [{ outcome }, took] = await timed(probe(at(port, 'http'), options))
    expect(outcome).toBe('stranger')
    expect(took).toBeLessThan(9_000)
  })

  it('ends in the middle of a handshake that dribbles', async () => {
    // The head of a TLS record of 16 KiB.
    const port = await aListener(connection => dribble(connection, '\u0016\u0003\u0003\u0040\u0000\u0002'))
    const [{ outcome }, took] = await timed(probe(at(port, 'https'), options))
    expect(['silent', 'no-tls']).toContain(outcome)
    expect(took).toBeLessThan(9_000)
  })

  it('ends after 64 KiB of an answer without an end', async () => {
    const port = await aListener(connection => {
      const pour = (): void => void (connection.write(Buffer.alloc(65_536, 'x'), () => setImmediate(pour)) || true)
      pour()
    })
    const [{ outcome, detail }, took] = await timed(probe(at(port, 'http'), options))
    expect([outcome, detail.length]).toEqual(['stranger', 80])
    expect(took).toBeLessThan(3_000)
  })

  it('ends at once when it is told to', async () => {
    const stopping = new AbortController()
    const port = await aListener(() => setTimeout(() => stopping.abort(), 50))
    const [, took] = await timed(probe(at(port, 'https'), { ...options, signal: stopping.signal }))
    expect(took).toBeLessThan(1_500)
  })
})
