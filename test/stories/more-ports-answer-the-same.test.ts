// --ports and --http-port: one server behind several doors. Whatever a device gets at one of them it gets at the others, and a stop closes
// them all. The door without TLS says loudly that it is open.
import { once } from 'node:events'
import { access, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Device } from '../../src/probe/device.js'
import { arduinoHttpUpdate } from '../../src/probe/device-arduino.js'
import { native, oneShot, resume } from '../../src/probe/device-idf.js'
import { partial } from '../../src/probe/device-idf-partial.js'
import { sketchSocket } from '../../src/probe/device-sketch.js'
import { atRate, onceAfter } from '../../src/probe/pause.js'
import { type Answer, type Connection, exchange, openConnection } from '../../src/probe/raw-http.js'
import { anAuthority, certificateFolder } from '../support/certificates.js'
import { type DaemonOptions, type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { answerOf, run } from '../support/real-clients-program.js'
import { digestOf, expectWellFormed, request, useSharedDaemon } from '../support/shared-daemon.js'

const NAME = 'hello_world.bin'
const IMAGE = anImage({ length: 150_000, seed: 7 })
const hasCurl = (await answerOf('curl', ['--version'])) !== undefined

/** Ports that nobody has at this moment, out of a range that systems give to nobody who does not ask for one of it. */
async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = 18_000 + Math.floor(Math.random() * 14_000)
    if (!ports.includes(port) && (await isFree(port))) ports.push(port)
  }
  return ports
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const opened = once(server, 'listening').then(
    () => true,
    () => false
  )
  server.listen(port, '127.0.0.1')
  if (!(await opened)) return false
  await once(server.close(), 'close')
  return true
}

const [SECOND = 0, THIRD = 0, PLAIN = 0] = await freePorts(3)
const daemon = useSharedDaemon({
  firmware: { [NAME]: IMAGE },
  args: ['--ports', `${SECOND},${THIRD}`, '--http-port', String(PLAIN)]
})

type Door = 'the main port' | 'the second port' | 'the third port' | 'the port without TLS'
const DOORS: readonly Door[] = ['the main port', 'the second port', 'the third port', 'the port without TLS']

function portOf(door: Door): number {
  switch (door) {
    case 'the main port':
      return daemon.port
    case 'the second port':
      return SECOND
    case 'the third port':
      return THIRD
    case 'the port without TLS':
      return PLAIN
  }
}

const originOf = (door: Door): string =>
  `${door === 'the port without TLS' ? 'http' : 'https'}://127.0.0.1:${portOf(door)}`

const connectTo = (door: Door): Promise<Connection> =>
  openConnection({ host: '127.0.0.1', port: portOf(door), ca: daemon.ca, tls: door !== 'the port without TLS' })

async function ask(door: Door, text: string): Promise<Answer> {
  const connection = await connectTo(door)
  try {
    return await exchange(connection, text, { method: text.startsWith('HEAD ') ? 'HEAD' : 'GET' })
  } finally {
    connection.socket.destroy()
  }
}

const deviceAt = (door: Door): Device => ({ ca: daemon.ca, url: `${originOf(door)}/${NAME}` })

describe.each(DOORS)('at %s', door => {
  it('every way to download gives the image', async () => {
    const device = deviceAt(door)
    const slot = IMAGE.subarray(0, 50_000)
    const runs = await Promise.all([
      oneShot(device),
      oneShot(device, { release: '3.x' }),
      native(device),
      partial(device, { maxHttpRequestSize: 40_000 }),
      partial(device, { release: '4.4', maxHttpRequestSize: 40_000 }),
      resume({ ...device, slot }),
      arduinoHttpUpdate(device),
      sketchSocket(device)
    ])
    for (const { outcome, slot, log } of runs) {
      expect(outcome, log.join('\n')).toBe('updated')
      expect(slot.equals(IMAGE)).toBe(true)
    }
  })

  it.each([
    ['GET', `/${NAME}`, []],
    ['HEAD', `/${NAME}`, []],
    ['GET', `/${NAME}`, ['Range: bytes=10-19']],
    ['GET', `/${NAME}`, ['Range: bytes=900000-']],
    ['GET', `/${NAME}`, [`If-None-Match: "${digestOf(IMAGE)}"`]],
    ['GET', `/artifacts/${digestOf(IMAGE)}.bin`, []],
    ['GET', `/${NAME}.md5`, []],
    ['GET', '/nothing.bin', []],
    ['POST', `/${NAME}`, []],
    ['GET', '/ca_cert.pem', []],
    ['GET', '/', []],
    ['GET', '/page.css', []]
  ] as const)(
    '%s %s %j is answered as at the main one, byte for byte but for the date',
    async (method, target, fields) => {
      const text = request(method, target, fields)
      const [here, there] = [await ask(door, text), await ask('the main port', text)]
      expectWellFormed(here)
      const undated = ({ rawHead }: Answer) => rawHead.toString('latin1').replace(/^Date: .*$/m, '')
      expect(undated(here)).toBe(undated(there))
      expect(here.body.equals(there.body)).toBe(true)
    }
  )

  it('health and metrics are there', async () => {
    for (const target of ['/health', '/metrics']) expect((await ask(door, request('GET', target))).status).toBe(200)
  })

  it('the URLs in a manifest lead back to it', async () => {
    const host = `127.0.0.1:${portOf(door)}`
    const one = await ask(door, request('GET', `/${NAME}.json`, [], { host }))
    expect(JSON.parse(one.body.toString())).toMatchObject({
      url: `${originOf(door)}/${NAME}`,
      artifactUrl: `${originOf(door)}/artifacts/${digestOf(IMAGE)}.bin`
    })
    const all = await ask(door, request('GET', '/manifest.json', [], { host }))
    expect(all.body.toString()).toContain(`"${originOf(door)}/${NAME}"`)
    // HTTP/1.0 without a Host: the address that it came by.
    const old = await ask(door, request('GET', `/${NAME}.json`, [], { host: null, version: '1.0' }))
    expect(JSON.parse(old.body.toString()).url).toBe(`${originOf(door)}/${NAME}`)
  })

  it('a connection is kept for the next request, and what is malformed is told so', async () => {
    const connection = await connectTo(door)
    for (let nth = 0; nth < 3; nth++)
      expect((await exchange(connection, request('GET', `/${NAME}`), { method: 'GET' })).keepsOpen).toBe(true)
    const malformed = await exchange(connection, 'GET / HTTP/1.1\r\nHost : x\r\n\r\n', { method: 'GET' })
    expect([malformed.status, malformed.keepsOpen]).toEqual([400, false])
    await connection.close()
    expect((await ask(door, request('GET', '/', [], { host: null }))).status).toBe(400)
    expect((await ask(door, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).status).toBe(431)
  })

  it.runIf(hasCurl)('curl gets the image', async () => {
    const ca = path.join(daemon.home, 'certs', 'ca_cert.pem')
    const { stdout, stderr } = await run('curl', [
      '-q',
      '-sS',
      '--noproxy',
      '*',
      '--cacert',
      ca,
      `${originOf(door)}/${NAME}`
    ])
    expect(stdout.equals(IMAGE), stderr).toBe(true)
  })
})

describe('at another HTTPS port', () => {
  it('what is no handshake is told of', async () => {
    const socket = connectTcp({ host: '127.0.0.1', port: SECOND }).on('error', () => {})
    onTestFinished(() => void socket.destroy())
    socket.write('hello otad\n')
    const failed = await daemon.event('handshake.failed', ({ code }) => code === 'NOT_TLS')
    expect(failed.device).toBe('127.0.0.1')
  })

  it('plain HTTP is told the URL with this port', async () => {
    const connection = await openConnection({ host: '127.0.0.1', port: THIRD, tls: false })
    const answer = await exchange(connection, request('GET', `/${NAME}`, [], { host: `127.0.0.1:${THIRD}` }), {
      method: 'GET'
    })
    expect(answer.status).toBe(400)
    expect(answer.body.toString()).toContain(`https://127.0.0.1:${THIRD}/${NAME}`)
    await connection.close()
  })

  it('records are as small as at the main one', async () => {
    const { reads } = await ask('the second port', request('GET', `/${NAME}`))
    expect(Math.max(...reads)).toBeLessThanOrEqual(4096)
  })
})

describe('the port without TLS', () => {
  it('is told of once, when it opens, as a warning', async () => {
    expect(await daemon.event('server.plain')).toMatchObject({ port: PLAIN, level: 40 })
    expect(daemon.log.filter(({ event }) => event === 'server.plain')).toHaveLength(1)
  })

  it('says who spoke TLS to it, and serves the next', async () => {
    const socket = connectTls({ host: '127.0.0.1', port: PLAIN, ca: daemon.ca }).on('error', () => {})
    await new Promise(resolve => socket.once('close', resolve))
    const failed = await daemon.event('handshake.failed', ({ code }) => code === 'TLS_ON_PLAIN')
    expect(failed.cause).toBe('it spoke TLS to the port that answers without')
    expect((await ask('the port without TLS', request('GET', '/health'))).status).toBe(200)
  })

  it('redirects nowhere, and promises no TLS', async () => {
    for (const target of ['/', `/${NAME}`, '/health']) {
      const { status, header } = await ask('the port without TLS', request('GET', target))
      expect([status, header('location'), header('strict-transport-security')]).toEqual([200, undefined, undefined])
    }
  })

  it('gives no firmware where a client certificate is asked for: there is none without TLS', async () => {
    const files = await certificateFolder()
    const { certFile } = await files.write('clients', await anAuthority())
    const [port = 0] = await freePorts(1)
    await startDaemon({ args: ['--client-ca-file', certFile, '--http-port', String(port)] })
    const connection = await openConnection({ host: '127.0.0.1', port, tls: false })
    const { status, body } = await exchange(connection, request('GET', '/manifest.json'), { method: 'GET' })
    expect([status, body.toString()]).toEqual([403, expect.stringContaining('client certificate')])
    expect((await exchange(connection, request('GET', '/health'), { method: 'GET' })).status).toBe(200)
    await connection.close()
  })
})

describe('a stop', () => {
  const MIB = 1024 * 1024
  const LARGE = anImage({ length: 16 * MIB, seed: 9, chip: 'esp32s3' })

  async function serving(): Promise<{ daemon: RunningDaemon; more: number; plain: number }> {
    const folder = await temporaryFolder()
    await writeFile(path.join(folder, 'app.bin'), LARGE)
    const [more = 0, plain = 0] = await freePorts(2)
    const daemon = await startDaemon({
      folders: [folder],
      args: ['--ports', String(more), '--http-port', String(plain)]
    })
    await daemon.event('release.published')
    return { daemon, more, plain }
  }

  it('closes every door, with idle, silent and half-spoken connections behind each', async () => {
    const { daemon, more, plain } = await serving()
    const linger = async (port: number, sent: string): Promise<void> => {
      const socket = connectTcp({ host: '127.0.0.1', port }).on('error', () => {})
      onTestFinished(() => void socket.destroy())
      await once(socket, 'connect')
      if (sent !== '') socket.write(sent, 'latin1')
    }
    for (const port of [daemon.port, more, plain])
      for (const sent of ['', 'GET / HT', '\x16\x03\x01\x02\x00']) await linger(port, sent)
    for (const [port, tls] of [
      [more, true],
      [plain, false]
    ] as const) {
      const connection = await openConnection({ host: '127.0.0.1', port, ca: daemon.ca, tls })
      onTestFinished(() => connection.close())
      await exchange(connection, request('GET', '/health'), { method: 'GET' })
    }
    const startedAt = performance.now()
    expect(await daemon.stop()).toBe(0)
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    for (const port of [daemon.port, more, plain])
      await expect(once(connectTcp({ host: '127.0.0.1', port }), 'connect')).rejects.toThrow('ECONNREFUSED')
  })

  it('lets downloads at each of them come to their end', async () => {
    const { daemon, more, plain } = await serving()
    const doors = [
      [daemon.port, true],
      [more, true],
      [plain, false]
    ] as const
    let hurries = false
    const pace = atRate(2 * MIB)
    const begun: Promise<void>[] = []
    const downloads = doors.map(async ([port, tls]) => {
      let tell: () => void = () => {}
      begun.push(
        new Promise(resolve => {
          tell = resolve
        })
      )
      const tellOnce = onceAfter(100_000, async () => tell())
      const connection = await openConnection({ host: '127.0.0.1', port, ca: daemon.ca, tls })
      return exchange(connection, request('GET', '/app.bin'), {
        method: 'GET',
        pause: async received => {
          await tellOnce(received)
          if (!hurries) await pace(received)
        }
      })
    })
    await Promise.all(begun)
    const stopped = daemon.stop()
    await daemon.event('server.stopping', ({ downloads }) => downloads === 3)
    await elapse(100)
    hurries = true
    for (const { body, bodyEnd } of await Promise.all(downloads)) {
      expect(bodyEnd).toBe('complete')
      expect(body.equals(LARGE)).toBe(true)
    }
    expect(await stopped).toBe(0)
    expect(daemon.log.find(({ event }) => event === 'server.stopped')).toMatchObject({ cut: 0 })
  })
})

describe('every port', () => {
  const hasIpv6 = Object.values(networkInterfaces()).some(all => all?.some(({ address }) => address === '::1'))

  it.runIf(hasIpv6)('is open on IPv4 and IPv6, as the main one', async () => {
    const [more = 0, plain = 0] = await freePorts(2)
    const daemon = await startDaemon({ args: ['--host', '::', '--ports', String(more), '--http-port', String(plain)] })
    for (const host of ['127.0.0.1', '::1'])
      for (const [port, tls] of [
        [daemon.port, true],
        [more, true],
        [plain, false]
      ] as const) {
        const connection = await openConnection({ host, port, ca: daemon.ca, tls })
        expect((await exchange(connection, request('GET', '/health'), { method: 'GET' })).status).toBe(200)
        await connection.close()
      }
  })
})

describe('it does not start, and says in one sentence why, with', () => {
  async function failing(options: DaemonOptions): Promise<{ code: unknown; said: string; home: string }> {
    const home = await temporaryFolder()
    const daemon = await startDaemon({ ...options, home, waits: false })
    const [code] = await once(daemon.child, 'close')
    const said = daemon.complaints()
    expect(said, 'no stack').not.toMatch(/\n\s+at /)
    expect(said.trim().split('\n').length).toBeLessThanOrEqual(4)
    return { code, said, home }
  }

  async function takenPort(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    return (server.address() as AddressInfo).port
  }

  it.each(['--ports', '--http-port'])('a port of %s that is in use, before anything is made', async flag => {
    const port = await takenPort()
    const { code, said, home } = await failing({ args: [flag, String(port)] })
    expect(code).toBe(1)
    expect(said).toContain(`port ${port} is in use`)
    expect(said).toContain(flag)
    for (const folder of ['state', 'certs']) await expect(access(path.join(home, folder))).rejects.toThrow('ENOENT')
  })

  it.each(['0', '65536', '70000', '-1', 'https', '80.5', '4443 8443', '0x50'])('%j among --ports', async text => {
    const { code, said } = await failing({ args: [`--ports=4443,${text}`] })
    expect(code).toBe(2)
    expect(said).toContain('--ports takes port numbers from 1 to 65535')
    expect(said).toContain(text)
  })

  it.each([
    [['--port', '8070', '--ports', '4443,8070'], '--ports: 8070 is the main port already'],
    [['--ports', '4443,4443'], '--ports: 4443 is there twice'],
    [['--port', '8070', '--http-port', '8070'], '--http-port: 8070 is an HTTPS port already (--port)'],
    [['--ports', '4443', '--http-port', '4443'], '--http-port: 4443 is an HTTPS port already (--ports)']
  ])('%j', async (args, complaint) => {
    const { code, said } = await failing({ args })
    expect(code).toBe(2)
    expect(said).toContain(complaint)
  })
})
