// Somebody on the network asks for a new name with every handshake: each could have a certificate made for it.
import { once } from 'node:events'
import { connect, createSecureContext } from 'node:tls'
import { expect, it } from 'vitest'
import { startDaemon } from '../support/daemon.js'
import { becomesTrue, getOnce } from './line.js'
import { HAS_PROC, residentBytes } from './process-figures.js'

const MIB = 1024 * 1024
const HANDSHAKES = 10_000
const LANES = 8

it('10,000 handshakes with random names: memory stays bounded, real clients are served, a new name gets its leaf after it', {
  timeout: 180_000
}, async () => {
  const daemon = await startDaemon()
  const secureContext = createSecureContext({ maxVersion: 'TLSv1.2' })
  let left = HANDSHAKES
  let succeeded = 0
  const shake = async (servername: string, rejectUnauthorized = false): Promise<boolean> => {
    const trust = rejectUnauthorized ? { ca: daemon.ca } : { secureContext }
    const socket = connect({ host: '127.0.0.1', port: daemon.port, servername, rejectUnauthorized, ...trust })
    try {
      await once(socket, 'secureConnect', { signal: AbortSignal.timeout(10_000) })
      return true
    } catch {
      return false
    } finally {
      socket.destroy()
    }
  }
  for (let warm = 0; warm < 200; warm++) await shake('localhost')
  const before = HAS_PROC ? residentBytes(daemon) : 0
  const lane = async (): Promise<void> => {
    while (left-- > 0) if (await shake(`box-${Math.random().toString(36).slice(2)}.local`)) succeeded++
  }
  const flood = Promise.all(Array.from({ length: LANES }, lane))

  const waits: number[] = []
  while (left > 0) {
    const startedAt = performance.now()
    expect((await getOnce(daemon, 'ca_cert.pem')).status).toBe(200)
    waits.push(performance.now() - startedAt)
  }
  await flood
  expect(succeeded).toBe(HANDSHAKES)
  console.log(`${waits.length} clients were served meanwhile, the slowest after ${Math.round(Math.max(...waits))} ms`)
  expect(Math.max(...waits)).toBeLessThan(3000)
  // A context for each of them would be three hundred.
  if (HAS_PROC) expect((residentBytes(daemon) - before) / MIB).toBeLessThan(160)
  expect(daemon.log.filter(({ event }) => event === 'certificate.asked').length).toBeLessThan(1500)
  // As soon as the queue has drained.
  await becomesTrue(
    'a leaf for a name never asked for',
    10_000,
    () => shake(`after-${Math.random().toString(36).slice(2)}.local`, true),
    250
  )
  expect(daemon.log.filter(({ event }) => event === 'bug')).toEqual([])
})
