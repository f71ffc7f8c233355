import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readTls } from '../../src/probe/handshake.js'
import { readTarget, type Target } from '../../src/probe/target.js'

interface Server {
  readonly target: Target
  readonly sockets: ReadonlySet<Socket>
}

/** A server that does with each connection what it is told. */
async function aServer(meet: (socket: Socket) => void): Promise<Server> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    meet(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { target: readTarget(`https://127.0.0.1:${(server.address() as AddressInfo).port}/app.bin`), sockets }
}

/** Says a handshake record without an end, a byte now and then. */
function drip(socket: Socket): void {
  let said = 0
  const dripping = setInterval(() => socket.write(Buffer.of([22, 3, 3, 64, 0][said++] ?? 0)), 20)
  socket.once('close', () => clearInterval(dripping))
}

describe('the handshake', () => {
  // Only silence was timed: a byte every nine seconds was listened to for ever.
  it('is over in time with a server that says a byte now and then', async () => {
    const { target } = await aServer(drip)
    const startedAt = performance.now()
    const { chain, handshakes } = await readTls(target, { patienceMs: 200 })
    expect(chain).toEqual([])
    expect(handshakes.map(({ isDone }) => isDone)).toEqual([false, false, false, false])
    expect(performance.now() - startedAt).toBeLessThan(4000)
  })

  // A reset in the middle of it was a bug of otad.
  it('is over where the server resets every connection', async () => {
    const { target } = await aServer(socket => socket.once('data', () => socket.resetAndDestroy()))
    const { chain, flight, handshakes } = await readTls(target)
    expect([chain, flight.certificates]).toEqual([[], []])
    expect(handshakes.map(({ failure }) => failure)).toEqual(Array(4).fill('ECONNRESET'))
  })

  it('is over at once when it is ended, and leaves no connection', async () => {
    const ending = new AbortController()
    const { target, sockets } = await aServer(() => ending.abort())
    const startedAt = performance.now()
    await readTls(target, { signal: ending.signal })
    expect(performance.now() - startedAt).toBeLessThan(2000)
    await expect.poll(() => sockets.size).toBe(0)
  })
})
