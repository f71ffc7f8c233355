// A service manager, a Ctrl-C and a container runtime all send one signal and then lose patience.
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { atRate, onceAfter } from '../../src/probe/pause.js'
import { truncateAndWrite } from '../support/build-folder.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { becomesServed, createLine, getOnce } from './line.js'

const NAME = 'app.bin'
const MIB = 1024 * 1024
/** More than the buffers of two sockets hold, so that a slow reader really keeps the daemon waiting. */
const IMAGE = anImage({ length: 16 * MIB, seed: 3, chip: 'esp32s3' })
const STOPS_MS = 10_000
const SIGNALS = ['SIGTERM', 'SIGINT'] as const

async function serving(): Promise<RunningDaemon> {
  const folder = await temporaryFolder()
  await truncateAndWrite(path.join(folder, NAME), IMAGE)
  const daemon = await startDaemon({ folders: [folder] })
  await becomesServed(daemon, NAME, IMAGE, 5000)
  return daemon
}

async function stopping(daemon: RunningDaemon, signal: NodeJS.Signals) {
  const startedAt = performance.now()
  const code = await daemon.stop(signal)
  return { code, tookMs: performance.now() - startedAt }
}

/** A TLS connection on which only so much is sent. */
async function talk(daemon: RunningDaemon, sent: string): Promise<void> {
  const socket = connectTls({ host: '127.0.0.1', port: daemon.port, ca: daemon.ca })
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'secureConnect')
  socket.write(sent)
}

/** A TCP connection that never gets to its handshake. */
async function linger(daemon: RunningDaemon): Promise<void> {
  const socket = connectTcp({ host: '127.0.0.1', port: daemon.port })
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
}

/** A download at a pace of its own, the moment when it has begun, and a way to read what is left as fast as it comes. */
function download(daemon: RunningDaemon, bytesPerSecond: number) {
  const pace = atRate(bytesPerSecond)
  let hurries = false
  let tellBegun: () => void = () => {}
  const begun = new Promise<void>(resolve => {
    tellBegun = resolve
  })
  const tell = onceAfter(50_000, async () => tellBegun())
  const ended = getOnce(daemon, NAME, {
    bodyTimeoutMs: 15_000,
    pause: async received => {
      await tell(received)
      if (!hurries) await pace(received)
    }
  })
  const hurry = () => {
    hurries = true
  }
  return { begun, ended, hurry }
}

/** Both signals, side by side: each with a daemon of its own. */
function forEachSignal(story: (signal: NodeJS.Signals) => Promise<void>): () => Promise<unknown> {
  return () => Promise.all(SIGNALS.map(story))
}

describe('SIGTERM and SIGINT', () => {
  it(
    'end it at once with code 0 when nothing is going on',
    forEachSignal(async signal => {
      const daemon = await serving()
      const { code, tookMs } = await stopping(daemon, signal)
      expect(code).toBe(0)
      expect(tookMs).toBeLessThan(3000)
      expect(daemon.complaints()).toBe('')
      expect(daemon.log.at(-1)).toMatchObject({ event: 'server.stopped', cut: 0 })
    })
  )

  it(
    'end it with code 0 within 10 s past idle, silent, half-sent and slow connections',
    forEachSignal(async signal => {
      const daemon = await serving()
      const idle = createLine(daemon)
      await idle.get(NAME)
      await talk(daemon, '')
      await talk(daemon, 'GET /app.bin HTTP/1.1\r\nHost: ot')
      await linger(daemon)
      const slow = download(daemon, 16 * 1024)
      await slow.begun
      const { code, tookMs } = await stopping(daemon, signal)
      slow.hurry()
      const { bodyEnd } = await slow.ended
      await idle.close()
      expect(code).toBe(0)
      expect(tookMs).toBeLessThan(STOPS_MS)
      expect(bodyEnd, 'a device sees that it was cut, and does not wait for ever').toBe('cut')
      expect(daemon.complaints()).toBe('')
    })
  )

  it(
    'let a download end that can, and take no new one',
    forEachSignal(async signal => {
      const daemon = await serving()
      const { begun, ended } = download(daemon, 5 * MIB)
      await begun
      const stopped = stopping(daemon, signal)
      await daemon.event('server.stopping')
      await expect(getOnce(daemon, NAME, { timeoutMs: 2000 })).rejects.toThrow()
      const { body, bodyEnd } = await ended
      expect(bodyEnd).toBe('complete')
      expect(body.equals(IMAGE)).toBe(true)
      const { code, tookMs } = await stopped
      expect(code).toBe(0)
      expect(tookMs).toBeLessThan(STOPS_MS)
    })
  )
})

describe('a second signal', () => {
  it(
    'end it at once',
    forEachSignal(async signal => {
      const daemon = await serving()
      const { begun, ended, hurry } = download(daemon, 16 * 1024)
      await begun
      const first = stopping(daemon, signal)
      await daemon.event('server.stopping')
      await elapse(200)
      const { tookMs } = await stopping(daemon, signal)
      await first
      hurry()
      expect(tookMs).toBeLessThan(2000)
      expect((await ended).bodyEnd).not.toBe('complete')
    })
  )
})

describe('a signal during the start', () => {
  it('ends it without a stack', async () => {
    const folder = await temporaryFolder()
    for (const afterMs of [250, 400, 550]) {
      const daemon = await startDaemon({ folders: [folder], waits: false })
      await elapse(afterMs)
      const { tookMs } = await stopping(daemon, 'SIGTERM')
      expect(tookMs).toBeLessThan(STOPS_MS)
      expect(daemon.complaints()).not.toMatch(/\n\s+at /)
    }
  })
})
