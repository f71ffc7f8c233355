// A fleet wakes at once, half of it behind bad Wi-Fi, and a third of it loses power on the way.
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { atRate } from '../../src/probe/pause.js'
import { openConnection } from '../../src/probe/raw-http.js'
import { truncateAndWrite } from '../support/build-folder.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { becomesServed, becomesTrue, createLine, digestOf, getOnce, percentile } from './line.js'
import { descriptorsOf, HAS_PROC, peakBytes, residentBytes } from './process-figures.js'

const MIB = 1024 * 1024
const APP = anImage({ length: MIB, seed: 10 })
const LARGE = anImage({ length: 12 * MIB, seed: 20, chip: 'esp32s3' })
const SMALL = anImage({ length: 70 * 1024, seed: 30 })

async function serving(images: Readonly<Record<string, Buffer>>): Promise<RunningDaemon> {
  const folder = await temporaryFolder()
  for (const [name, image] of Object.entries(images)) await truncateAndWrite(path.join(folder, name), image)
  const daemon = await startDaemon({ folders: [folder] })
  for (const [name, image] of Object.entries(images)) await becomesServed(daemon, name, image, 10_000)
  return daemon
}

describe('200 devices at once', () => {
  it('all get the same 1 MiB, byte for byte', { timeout: 60_000 }, async () => {
    const daemon = await serving({ 'app.bin': APP })
    const startedAt = performance.now()
    const digests = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const { status, bodyEnd, body } = await getOnce(daemon, 'app.bin', { bodyTimeoutMs: 30_000, timeoutMs: 30_000 })
        return `${status} ${bodyEnd} ${digestOf(body)}`
      })
    )
    console.log(`200 downloads took ${Math.round(performance.now() - startedAt)} ms`)
    expect([...new Set(digests)]).toEqual([`200 complete ${digestOf(APP)}`])
    if (HAS_PROC) expect(peakBytes(daemon) / MIB).toBeLessThanOrEqual(256)
  })
})

/** Downloads slowly until `stop` says so; what came of the image until then has to be right. */
async function readSlowly(daemon: RunningDaemon, isOver: () => boolean): Promise<number> {
  const connection = await openConnection({ host: '127.0.0.1', port: daemon.port, ca: daemon.ca })
  const { socket } = connection
  const pace = atRate(32 * 1024)
  let received = 0
  let head = -1
  socket.write('GET /large.bin HTTP/1.1\r\nHost: otad\r\n\r\n')
  for await (const piece of socket as AsyncIterable<Buffer>) {
    if (head < 0) {
      if (!piece.toString('latin1').startsWith('HTTP/1.1 200 ')) throw new Error('a slow reader is not served')
      head = piece.indexOf('\r\n\r\n') + 4
    }
    received += piece.length
    await pace(received)
    if (isOver()) break
  }
  socket.destroy()
  return received
}

describe('200 readers at 32 KiB/s', () => {
  it.skipIf(!HAS_PROC)(
    'keep nobody else waiting and cost less than 100 MiB (needs /proc)',
    { timeout: 120_000 },
    async () => {
      const daemon = await serving({ 'large.bin': LARGE, 'app.bin': SMALL })
      const line = createLine(daemon)
      for (let request = 0; request < 50; request++) await line.get('app.bin')
      const before = residentBytes(daemon)
      let over = false
      const readers = Array.from({ length: 200 }, () => readSlowly(daemon, () => over))
      // All of them are past their handshakes and half a second into the image.
      await becomesTrue('200 connections', 30_000, () => descriptorsOf(daemon) > 200)
      await elapse(3000)

      const rounds: number[] = []
      while (rounds.length < 3 && !rounds.some(p99 => p99 <= 250)) {
        const times: number[] = []
        while (times.length < 150) {
          const askedAt = performance.now()
          let firstByteMs: number | undefined
          const { status, body } = await line.get('app.bin', {
            pause: () => {
              firstByteMs ??= performance.now() - askedAt
              return undefined
            }
          })
          expect(status).toBe(200)
          expect(body.equals(SMALL)).toBe(true)
          times.push(firstByteMs ?? performance.now() - askedAt)
          await elapse(5)
        }
        rounds.push(percentile(times, 0.99))
      }
      const growth = residentBytes(daemon) - before
      console.log(
        `beside 200 slow readers: p99 ${rounds.map(Math.round).join(' ')} ms, +${Math.round(growth / MIB)} MiB`
      )
      over = true
      await line.close()
      const received = await Promise.all(readers)
      expect(Math.min(...received), 'none was cut or starved').toBeGreaterThan(64 * 1024)
      expect(Math.min(...rounds)).toBeLessThanOrEqual(250)
      expect(growth / MIB).toBeLessThan(100)
    }
  )
})

describe('300 downloads that are left in the middle', () => {
  it.skipIf(!HAS_PROC)('leave nothing open 15 s later (needs /proc)', { timeout: 90_000 }, async () => {
    const daemon = await serving({ 'large.bin': LARGE, 'app.bin': SMALL })
    await getOnce(daemon, 'app.bin')
    await elapse(500)
    const before = descriptorsOf(daemon)
    const memory = residentBytes(daemon)
    for (let round = 0; round < 6; round++) {
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => getOnce(daemon, 'large.bin', { stopAfter: 20_000 + 7000 * index }))
      )
    }
    await becomesTrue('the descriptors are back', 15_000, () => Math.abs(descriptorsOf(daemon) - before) <= 12, 100)
    const aborted = () => daemon.log.filter(({ event }) => event === 'download.aborted').length
    await becomesTrue('each is in the log', 15_000, () => aborted() >= 300)
    expect(aborted()).toBe(300)
    const whole = await getOnce(daemon, 'large.bin')
    expect(whole.body.equals(LARGE)).toBe(true)
    expect((residentBytes(daemon) - memory) / MIB).toBeLessThan(100)
  })
})
