import { mkdir, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, type Socket } from 'node:net'
import path from 'node:path'
import Fastify from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { DeviceRecord } from '../../src/devices/device-record.js'
import { writeDeviceLines } from '../../src/devices/ledger-journal.js'
import { openConnection } from '../../src/probe/raw-http.js'
import routes, { type Listen } from '../../src/server/routes/events.js'
import { becomesTrue } from '../stories/line.js'
import { HAS_PROC, residentBytes } from '../stories/process-figures.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { expectWellFormed, request, useSharedDaemon } from '../support/shared-daemon.js'

const MEBIBYTE = 1024 * 1024
const MOST_LISTENERS = 32

/** The route alone, without TLS, with listeners that a test speaks to. */
async function aStream() {
  const listeners = new Set<(event: string, data: string) => void>()
  const listen: Listen = listener => {
    listeners.add(listener)
    listener('desk', '{}')
    return () => void listeners.delete(listener)
  }
  const fastify = Fastify({ forceCloseConnections: true })
  onTestFinished(() => fastify.close())
  await fastify.register(routes, { listen, onVisit: () => {} })
  await fastify.listen({ host: '127.0.0.1', port: 0 })
  const { port } = fastify.server.address() as AddressInfo
  return {
    fastify,
    listeners,
    say: (event: string, data: string) => {
      for (const listener of listeners) listener(event, data)
    },
    open: async (text = request('GET', '/events')): Promise<Reader> => readerOf(connect(port, '127.0.0.1'), text)
  }
}

interface Reader {
  readonly socket: Socket
  text(): string
  ended: boolean
  /** Resolves when that has come. */
  until(piece: string): Promise<void>
}

function readerOf(socket: Socket, text: string): Reader {
  onTestFinished(() => void socket.destroy())
  let received = ''
  const reader = {
    socket,
    ended: false,
    text: () => received,
    until: async (piece: string) => void (await becomesTrue(`${piece} comes`, 5000, () => received.includes(piece), 5))
  }
  socket.on('data', piece => {
    received += piece.toString()
  })
  for (const event of ['end', 'close', 'error'])
    socket.on(event, () => {
      reader.ended = true
    })
  socket.resume()
  socket.write(text)
  return reader
}

/** What HTML 9.2.6 makes of a stream. */
function eventsOf(stream: string): readonly (readonly [event: string, data: string])[] {
  const events: (readonly [string, string])[] = []
  let event = ''
  let data: string[] = []
  for (const line of stream.split(/\r\n|\n|\r/)) {
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/su.exec(line) ?? []
    if (line === '') {
      if (data.length > 0) events.push([event || 'message', data.join('\n')])
      event = ''
      data = []
    } else if (field === 'event') event = value
    else if (field === 'data') data.push(value)
  }
  return events
}

describe('the stream of events', () => {
  it('has a head without a length or a coding, and ends with its connection', async () => {
    const { open, fastify } = await aStream()
    const reader = await open()
    await reader.until('\n\n')
    const [head = ''] = reader.text().split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(head).toMatch(/\r\nContent-Type: text\/event-stream/)
    expect(head).toMatch(/\r\nCache-Control: no-(store|cache)/)
    expect(head).toMatch(/\r\nConnection: close/)
    expect(head).not.toMatch(/Transfer-Encoding|Content-Length|Content-Encoding/i)
    await fastify.close()
    await becomesTrue('it ends', 2000, () => reader.ended)
  })

  it('is the same to HTTP/1.0', async () => {
    const { open } = await aStream()
    const reader = await open(request('GET', '/events', [], { version: '1.0' }))
    await reader.until('event: desk')
    expect(reader.text()).not.toMatch(/Transfer-Encoding/i)
  })

  it('brings every event whole and in order, whatever its data holds', async () => {
    const { open, say } = await aStream()
    const reader = await open()
    await reader.until('event: desk')
    const values = [
      '',
      'a: b',
      ':',
      'event: x',
      '\r\n\r\ndata: y',
      '\u2028\u0085',
      '\u{1f525}',
      '\0',
      'z'.repeat(300_000)
    ]
    for (const value of values) say('devices', JSON.stringify({ value }))
    say('last', '{}')
    await reader.until('event: last')
    await reader.until('data: {}\n\n')
    const body = reader.text().slice(reader.text().indexOf('\r\n\r\n') + 4)
    await becomesTrue('the last has come', 2000, () => eventsOf(reader.text()).some(([event]) => event === 'last'))
    expect(body).not.toContain('\r')
    expect(eventsOf(body).map(([event, data]) => [event, JSON.parse(data)])).toEqual([
      ['desk', {}],
      ...values.map(value => ['devices', { value }]),
      ['last', {}]
    ])
  })

  it('is none to HEAD, which gets the head and nothing else', async () => {
    const { open, listeners } = await aStream()
    const reader = await open(request('HEAD', '/events'))
    await becomesTrue('it ends', 2000, () => reader.ended)
    expect(reader.text()).toMatch(/^HTTP\/1\.1 200 OK\r\n(.+\r\n)*\r\n$/)
    expect(listeners.size).toBe(0)
  })

  it('is left without a trace', async () => {
    const { open, listeners, say } = await aStream()
    const readers = await Promise.all(Array.from({ length: 20 }, () => open()))
    await becomesTrue('all listen', 2000, () => listeners.size === 20)
    for (const [index, { socket }] of readers.entries()) {
      if (index % 2 === 0) socket.destroy()
      else socket.resetAndDestroy()
    }
    for (let time = 0; time < 20; time++) say('devices', '{}')
    await becomesTrue('none listens', 2000, () => listeners.size === 0)
  })

  it('is for so many at the same time, and for the next when one has gone', async () => {
    const { open, listeners } = await aStream()
    const readers = await Promise.all(Array.from({ length: MOST_LISTENERS }, () => open()))
    await becomesTrue('all listen', 5000, () => listeners.size === MOST_LISTENERS)
    const refused = await open()
    await refused.until('503')
    await refused.until('32 pages listen to /events already: close some of them')
    expect(refused.text()).toMatch(/\r\ncontent-length: \d+/i)
    expect(listeners.size).toBe(MOST_LISTENERS)
    readers[0]?.socket.destroy()
    await becomesTrue('one has gone', 2000, () => listeners.size < MOST_LISTENERS)
    await (await open()).until('event: desk')
  })

  it('is cut for one that does not read, and goes on for the others', async () => {
    const { open, listeners, say } = await aStream()
    const slow = await open()
    await slow.until('event: desk')
    slow.socket.pause()
    const quick = await open()
    await quick.until('event: desk')
    const data = JSON.stringify('x'.repeat(MEBIBYTE))
    let said = 0
    while (listeners.size === 2 && said < 64) {
      say('devices', data)
      said++
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    // What waits, and what both kernels hold.
    expect(said).toBeLessThan(40)
    expect(listeners.size).toBe(1)
    say('last', '{}')
    await quick.until('event: last')
    slow.socket.resume()
    await becomesTrue('it ends', 2000, () => slow.ended)
  })
})

const daemon = useSharedDaemon({ firmware: {} })

describe('the events of a daemon', () => {
  it('begin with everything', async () => {
    const connection = await daemon.connect()
    const reader = readerOf(connection.socket, request('GET', '/events'))
    await reader.until('\n\n')
    const [first] = eventsOf(reader.text().slice(reader.text().indexOf('\r\n\r\n') + 4))
    expect(first?.[0]).toBe('desk')
    expect(JSON.parse(first?.[1] ?? '')).toMatchObject({ status: 'serving', names: [], devices: expect.any(Array) })
  })

  it('have no other methods', async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const answer = await daemon.ask(request(method, '/events', ['Content-Length: 0']))
      expect(answer.status).toBe(405)
      expectWellFormed(answer)
    }
  })

  it('do not keep a daemon that is told to stop', async () => {
    const own = await startDaemon()
    const readers = await Promise.all(Array.from({ length: 20 }, () => readEvents(own)))
    const startedAt = performance.now()
    expect(await own.stop()).toBe(0)
    expect(performance.now() - startedAt).toBeLessThan(2000)
    for (const reader of readers) expect(reader.ended).toBe(true)
  })
})

describe('the events of a daemon that knows 10,000 devices', () => {
  it.skipIf(!HAS_PROC)(
    'cost little memory though nobody reads them, and do not keep it when it is told to stop',
    async () => {
      const home = await temporaryFolder()
      await mkdir(path.join(home, 'state'), { mode: 0o700 })
      await writeFile(path.join(home, 'state', 'devices.jsonl'), manyDevices(10_000))
      const own = await startDaemon({ home })
      await readEvents(own)
      const before = residentBytes(own)
      for (let index = 1; index < MOST_LISTENERS; index++) (await readEvents(own)).socket.pause()
      const grown = residentBytes(own) - before
      const startedAt = performance.now()
      expect(await own.stop()).toBe(0)
      expect(performance.now() - startedAt).toBeLessThan(3000)
      expect(grown / MEBIBYTE).toBeLessThan(200)
    },
    60_000
  )
})

/** Reads the head and what came with it. */
async function readEvents(server: RunningDaemon): Promise<Reader> {
  const { socket } = await openConnection({ host: '127.0.0.1', port: server.port, ca: server.ca })
  const reader = readerOf(socket, request('GET', '/events'))
  await reader.until('event: desk')
  return reader
}

function manyDevices(count: number): string {
  const record = (index: number): DeviceRecord => {
    const mac = `24:6f:28:${[index >> 16, index >> 8, index].map(byte => (byte & 255).toString(16).padStart(2, '0')).join(':')}`
    return {
      id: mac,
      identity: 'mac',
      address: `10.0.${index >> 8}.${index & 255}`,
      mac,
      client: 'Arduino HTTPUpdate',
      userAgent: 'ESP32-http-Update',
      sdk: 'v5.5.1',
      chip: 'esp32',
      firstSeen: Date.now(),
      lastSeen: Date.now(),
      asked: { name: 'app.bin', digest: 'a'.repeat(64), version: '1.0.0', at: Date.now() },
      running: null,
      received: null,
      events: [
        {
          at: Date.now(),
          is: 'cut',
          sentence: 'cut at 61 % of 842 KiB after 2.9 s',
          fix: null,
          name: 'app.bin',
          digest: 'a'.repeat(64),
          count: 1
        }
      ]
    }
  }
  return Array.from({ length: count }, (_, index) => writeDeviceLines(record(index))).join('')
}
