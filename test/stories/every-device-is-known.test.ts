// Whoever has a dozen devices in the field asks one thing: which of them has it, and what is wrong with the others? No device tells more than
// its requests do, so everything here is done by devices as they are, against the real daemon (product.md 2, clients.md 3 and 5).
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { connect as connectTcp } from 'node:net'
import { networkInterfaces } from 'node:os'
import path from 'node:path'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { askDaemon } from '../../src/control/control-client.js'
import type { DeviceFacts, DeviceHistory } from '../../src/devices/device-facts.js'
import type { Device } from '../../src/probe/device.js'
import { arduinoHttpUpdate, tellOf } from '../../src/probe/device-arduino.js'
import { oneShot, resume } from '../../src/probe/device-idf.js'
import { partial } from '../../src/probe/device-idf-partial.js'
import { atRate, onceAfter } from '../../src/probe/pause.js'
import { type Answer, type ExchangeOptions, exchange, openConnection } from '../../src/probe/raw-http.js'
import { anAuthority, certificateFolder } from '../support/certificates.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { digestOf, expectWellFormed, request, useSharedDaemon } from '../support/shared-daemon.js'
import { becomesTrue, createChance } from './line.js'
import { lacksSmallDisks, mountSmallDisk } from './small-disk.js'

const NAME = 'hello_world.bin'
const OTHER_NAME = 'other.bin'
/** More than the buffers of both ends hold. */
const LARGE_NAME = 'large.bin'
const OLD = anImage({ length: 200_000, seed: 1, version: '1.0.0' })
const IMAGE = anImage({ length: 300_000, seed: 2, version: '2.0.0' })
const LARGE = anImage({ length: 15_000_000, seed: 3, version: '3.0.0' })
/** Where `app_elf_sha256` stands: image header, segment header, and its place in the descriptor (esp_app_desc.h). */
const ELF = IMAGE.subarray(32 + 144, 32 + 176).toString('hex')
const APPENDED = IMAGE.subarray(-32).toString('hex')
const USER_AGENT = 'User-Agent: ESP32 HTTP Client/1.0'
const KILLS = 12

const daemon = useSharedDaemon({
  firmware: { [NAME]: IMAGE, [OTHER_NAME]: OLD, [LARGE_NAME]: LARGE },
  args: ['--device-names', '127.0.0.40=bench,24:6F:28:00:00:40=kitchen']
})

/** Where a daemon is, and what its devices trust. */
type Server = Pick<RunningDaemon, 'port' | 'ca'>

let nextAddress = 100
/** An address of this machine that no other device has. */
const freeAddress = (): string => `127.0.0.${nextAddress++}`

const aDevice = (localAddress: string, name = NAME, server: Server = daemon): Device => ({
  ca: server.ca,
  url: `https://127.0.0.1:${server.port}/${name}`,
  localAddress
})

async function askFrom(
  localAddress: string,
  text: string,
  options: Partial<ExchangeOptions> = {},
  server: Server = daemon
): Promise<Answer> {
  const connection = await openConnection({ host: '127.0.0.1', port: server.port, ca: server.ca, localAddress })
  try {
    return await exchange(connection, text, { method: 'GET', ...options })
  } finally {
    await connection.close()
  }
}

/** A browser asks: no device. */
const look = (target: string, server: Server = daemon): Promise<Answer> =>
  askFrom('127.0.0.1', request('GET', target, ['User-Agent: Mozilla/5.0']), {}, server)

async function devicesOf(server: Server = daemon): Promise<readonly DeviceFacts[]> {
  const answer = await look('/devices.json', server)
  expectWellFormed(answer)
  return (JSON.parse(answer.body.toString()) as { devices: readonly DeviceFacts[] }).devices
}

async function historyOf(id: string, server: Server = daemon): Promise<DeviceHistory | undefined> {
  const answer = await look(`/devices/${id}.json`, server)
  expectWellFormed(answer)
  return answer.status === 404 ? undefined : (JSON.parse(answer.body.toString()) as DeviceHistory)
}

/** What is told of a device, as soon as that fits. */
async function becomes(
  id: string,
  fits: Partial<DeviceHistory> | ((device: DeviceHistory) => boolean),
  limitMs = 3000,
  server: Server = daemon
): Promise<DeviceHistory> {
  let last: DeviceHistory | undefined
  const isRight = typeof fits === 'function' ? fits : (device: DeviceHistory) => matches(device, fits)
  await becomesTrue(`${id} is as it should be`, limitMs, async () => {
    last = await historyOf(id, server)
    return last !== undefined && isRight(last)
  }).catch(cause => {
    throw new Error(`${cause.message}: ${JSON.stringify(last, undefined, 1)}`)
  })
  return last ?? expect.fail()
}

const matches = (device: object, fits: object): boolean => {
  try {
    expect(device).toMatchObject(fits)
    return true
  } catch {
    return false
  }
}
const is = (kind: string) => ({ verdict: { is: kind } }) as unknown as Partial<DeviceHistory>
const kindsOf = ({ history }: DeviceHistory): readonly string[] => history.map(({ is }) => is)
const confirm = (address: string, name: string, query: string): Promise<Answer> =>
  askFrom(address, request('GET', `/${name}/ok${query}`, [USER_AGENT]))

describe('a device in the ledger', () => {
  it('was handed the whole image', async () => {
    const address = freeAddress()
    expect((await oneShot(aDevice(address))).outcome).toBe('updated')
    expect(await becomes(address, is('complete'))).toMatchObject({
      id: address,
      identity: 'address',
      address,
      label: null,
      client: 'ESP-IDF',
      userAgent: 'ESP32 HTTP Client/1.0',
      chip: 'esp32',
      asked: { name: NAME, digest: digestOf(IMAGE), version: '2.0.0' },
      running: null,
      downloads: [],
      history: [{ is: 'complete', name: NAME, digest: digestOf(IMAGE), count: 1 }]
    })
  })

  it('was handed the whole image in ranges, once', async () => {
    const address = freeAddress()
    expect((await partial(aDevice(address), { maxHttpRequestSize: 16_384 })).outcome).toBe('updated')
    const { history } = await becomes(address, is('complete'))
    expect(history.filter(({ is }) => is === 'complete')).toMatchObject([{ count: 1 }])
  })

  it('was cut, and where', async () => {
    const address = freeAddress()
    await oneShot(aDevice(address, LARGE_NAME), { stopAfter: 9_000_000 })
    const { verdict } = await becomes(address, is('cut'))
    const percent = Number(/cut at (\d+) %/.exec(verdict?.sentence ?? '')?.[1])
    // What lay in the buffers of both ends counts as taken.
    expect(percent).toBeGreaterThanOrEqual(60)
    expect(percent).toBeLessThan(100)
  })

  it('goes on where it was cut', async () => {
    const address = freeAddress()
    const { slot } = await resume(aDevice(address, LARGE_NAME), { stopAfter: 3_000_000 })
    await becomes(address, is('cut'), 5000)
    expect((await resume({ ...aDevice(address, LARGE_NAME), slot })).outcome).toBe('updated')
    expect(kindsOf(await becomes(address, is('complete')))).toEqual(['complete', 'resumed', 'cut'])
  })

  it('was cut as soon as its connection is, though it had asked for a range', async () => {
    const address = freeAddress()
    await resume(aDevice(address, LARGE_NAME), { stopAfter: 3_000_000 })
    const { downloads } = await becomes(address, is('cut'), 5000)
    expect(downloads).toEqual([])
  })

  it('begins again after it was cut', async () => {
    const address = freeAddress()
    await oneShot(aDevice(address, LARGE_NAME), { stopAfter: 3_000_000 })
    await becomes(address, is('cut'))
    expect((await oneShot(aDevice(address, LARGE_NAME))).outcome).toBe('updated')
    expect(kindsOf(await becomes(address, is('complete')))).toEqual(['complete', 'restarted', 'cut'])
  })

  it('was sent back to the first byte, for nobody knows which build it has begun', async () => {
    await daemon.build('twice.bin', OLD)
    await daemon.event('release.published', ({ digest, name }) => name === 'twice.bin' && digest === digestOf(OLD))
    await daemon.build('twice.bin', IMAGE)
    await daemon.event('release.published', ({ digest, name }) => name === 'twice.bin' && digest === digestOf(IMAGE))
    const address = freeAddress()
    const slot = OLD.subarray(0, 100_000)
    expect((await resume({ ...aDevice(address, 'twice.bin'), slot })).outcome).toBe('updated')
    const kinds = kindsOf(await becomes(address, is('complete')))
    expect(kinds).toEqual(['complete', 'restarted', 'sent-back'])
  })

  it('was sent back to the first byte, for it has more than there is now', async () => {
    const address = freeAddress()
    const slot = Buffer.concat([OLD, IMAGE])
    expect((await resume({ ...aDevice(address), slot })).outcome).toBe('updated')
    const kinds = kindsOf(await becomes(address, is('complete')))
    expect(kinds.at(-1)).toBe('sent-back')
  })

  it('is told of while it downloads, byte by byte', async () => {
    const address = freeAddress()
    const run = oneShot(aDevice(address, LARGE_NAME), { pause: atRate(3_000_000) })
    const { verdict, downloads } = await becomes(address, ({ downloads }) => (downloads[0]?.rate ?? 0) > 0)
    expect(verdict?.is).toBe('downloading')
    expect(downloads).toHaveLength(1)
    const [first] = downloads
    expect(first).toMatchObject({ device: address, name: LARGE_NAME, size: LARGE.length, from: 0, isStalled: false })
    const further = await becomes(address, ({ downloads }) => (downloads[0]?.reached ?? 0) > (first?.reached ?? 0))
    expect(further.downloads[0]?.id).toBe(first?.id)
    expect(further.downloads[0]?.secondsLeft).toBeLessThan(20)
    await run
    expect((await becomes(address, is('complete'))).downloads).toEqual([])
  })

  it('takes nothing for a while, and then goes on', { timeout: 60_000 }, async () => {
    const address = freeAddress()
    let open = (): void => {}
    const gate = new Promise<void>(resolve => {
      open = resolve
    })
    const run = oneShot(aDevice(address, LARGE_NAME), {
      pause: onceAfter(1_000_000, () => gate),
      bodyTimeoutMs: 60_000
    })
    const stalled = await becomes(address, is('stalled'), 25_000)
    expect(stalled.downloads).toMatchObject([{ isStalled: true, rate: 0, secondsLeft: null }])
    open()
    expect((await run).outcome).toBe('updated')
    await becomes(address, is('complete'))
  })

  it('downloads the same again and again', async () => {
    const address = freeAddress()
    for (let time = 0; time < 3; time++) expect((await oneShot(aDevice(address))).outcome).toBe('updated')
    const { verdict, history } = await becomes(address, is('looping'))
    expect(verdict?.fix).toBeTruthy()
    expect(history.find(({ is }) => is === 'complete')).toMatchObject({ count: 3 })
  })

  it('went back to what it ran before, as its headers tell', async () => {
    const staMac = '24:6f:28:00:00:01'
    const old = { ...tellOf(OLD), version: '1.0.0', staMac }
    const address = freeAddress()
    expect((await arduinoHttpUpdate(aDevice(address), old)).outcome).toBe('updated')
    expect((await arduinoHttpUpdate(aDevice(address), old)).outcome).toBe('updated')
    const { verdict, running } = await becomes(staMac, is('rolled-back'))
    expect(verdict?.fix).toBeTruthy()
    expect(running).toMatchObject({ source: 'told', version: '1.0.0' })
  })

  it('runs what is served, as its headers tell', async () => {
    const address = freeAddress()
    const staMac = '24:6f:28:00:00:02'
    expect((await arduinoHttpUpdate(aDevice(address), { ...tellOf(IMAGE), staMac })).outcome).toBe('not-modified')
    expect(await becomes(staMac, is('up-to-date'))).toMatchObject({
      id: staMac,
      identity: 'mac',
      mac: staMac,
      vendor: 'Espressif',
      client: 'Arduino HTTPUpdate',
      running: { name: NAME, digest: digestOf(IMAGE), version: '2.0.0', source: 'told' }
    })
    expect(await historyOf(address), 'it is one device').toBeUndefined()
  })

  it('runs what is served, as If-None-Match tells', async () => {
    const address = freeAddress()
    const etag = `If-None-Match: "${digestOf(IMAGE)}"`
    expect((await askFrom(address, request('GET', `/${NAME}`, [USER_AGENT, etag]))).status).toBe(304)
    await becomes(address, is('up-to-date'))
  })

  it('failed to shake hands, and why', async () => {
    const address = freeAddress()
    const socket = connectTcp({ host: '127.0.0.1', port: daemon.port, localAddress: address })
    socket.on('error', () => {}).write(request('GET', `/${NAME}`))
    const { verdict } = await becomes(address, is('handshake-failed'))
    expect(verdict?.sentence).toMatch(/http/i)
    expect(verdict?.fix).toMatch(/https/)
    socket.destroy()
  })

  it('that failed to shake hands is the one that tells its MAC from there', async () => {
    const address = freeAddress()
    const staMac = '24:6f:28:00:00:03'
    await arduinoHttpUpdate(aDevice(address), { ...tellOf(IMAGE), staMac })
    await becomes(staMac, is('up-to-date'))
    const tls = {
      host: '127.0.0.1',
      port: daemon.port,
      localAddress: address,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1.1'
    } as const
    const socket = connectTls({ ...tls, ciphers: 'DEFAULT@SECLEVEL=0' })
    await new Promise(resolve => socket.on('error', () => {}).once('close', resolve))
    await becomes(staMac, is('handshake-failed'))
    expect(await historyOf(address)).toBeUndefined()
  })

  const elsewhere = Object.values(networkInterfaces())
    .flat()
    .find(one => one?.family === 'IPv4' && !one.internal)?.address

  it.skipIf(elsewhere === undefined)('never got past TCP', { timeout: 60_000 }, async () => {
    const own = await startDaemon({ args: ['--host', '0.0.0.0'] })
    const socket = connectTcp({ host: elsewhere ?? '', port: own.port })
    socket.on('error', () => {})
    const { verdict } = await becomes(elsewhere ?? '', is('silent'), 20_000, own)
    expect(verdict?.fix).toBeTruthy()
    socket.destroy()
  })

  it('asked for what is not served', async () => {
    const address = freeAddress()
    expect((await oneShot(aDevice(address, 'helo_world.bin'))).outcome).toBe('failed')
    const { verdict } = await becomes(address, is('not-found'))
    expect(verdict).toMatchObject({ name: 'helo_world.bin' })
    expect(verdict?.fix).toContain(NAME)
  })

  it('has no room', async () => {
    const staMac = '24:6f:28:00:00:04'
    await arduinoHttpUpdate(aDevice(freeAddress()), { ...tellOf(OLD), staMac, freeSpace: 100_000 })
    await becomes(staMac, is('no-room'))
  })

  it('looks at the head of what it has, and leaves: it is not cut', async () => {
    const address = freeAddress()
    await oneShot(aDevice(address, LARGE_NAME))
    await becomes(address, is('complete'))
    for (let time = 0; time < 3; time++) {
      await askFrom(address, request('GET', `/${LARGE_NAME}`, [USER_AGENT]), { stopAfter: 1024 })
      await becomes(address, is('up-to-date'))
    }
    const { history, running } = await becomes(address, is('up-to-date'))
    expect(history.map(({ is, count }) => [is, count])).toEqual([
      ['up-to-date', 3],
      ['complete', 1]
    ])
    expect(running).toMatchObject({ digest: digestOf(LARGE), source: 'believed' })
  })

  it('is several devices behind one address where each tells its MAC', async () => {
    const address = freeAddress()
    const macs = ['24:6f:28:00:00:05', '24:6f:28:00:00:06']
    for (const staMac of macs) await arduinoHttpUpdate(aDevice(address), { ...tellOf(OLD), staMac })
    for (const staMac of macs) expect(kindsOf(await becomes(staMac, is('complete')))).toEqual(['complete'])
  })

  it('has the name that it was given, and is found by it', async () => {
    await oneShot(aDevice('127.0.0.40'))
    expect(await becomes('bench', is('complete'))).toMatchObject({ id: '127.0.0.40', label: 'bench' })
    await arduinoHttpUpdate(aDevice(freeAddress()), { ...tellOf(IMAGE), staMac: '24:6F:28:00:00:40' })
    expect(await becomes('kitchen', is('up-to-date'))).toMatchObject({ id: '24:6f:28:00:00:40', label: 'kitchen' })
    expect((await devicesOf()).map(({ label }) => label)).toEqual(expect.arrayContaining(['bench', 'kitchen']))
  })

  it('is told to commands as it is to the page', async () => {
    const address = freeAddress()
    await oneShot(aDevice(address))
    const facts = await becomes(address, is('complete'))
    const told = await askDaemon(path.join(daemon.home, 'state'), { command: 'devices', history: true })
    expect(told.find(({ id }) => id === address)).toEqual(facts)
    const short = await askDaemon(path.join(daemon.home, 'state'), { command: 'devices', history: false })
    expect(short.every(({ history }) => history.length === 0)).toBe(true)
  })

  it('does no harm with what it sends', async () => {
    const address = freeAddress()
    const evil = '"><script>alert(1)</script>\\u0000'
    const fields = [
      `User-Agent: ESPHome/${evil}${'x'.repeat(8000)}`,
      `x-ESP32-STA-MAC: ${evil}`,
      'x-ESP32-mode: sketch',
      `x-ESP32-version: ${evil}${'y'.repeat(4000)}`,
      `x-ESP32-sdk-version: ${evil}`
    ]
    expect((await askFrom(address, request('GET', `/${NAME}`, fields))).status).toBe(200)
    const device = await becomes(address, is('complete'))
    expect(JSON.stringify(device).length).toBeLessThan(5000)
    for (const id of ['%00', '..', '%2e%2e%2fcatalog', '__proto__', 'constructor', '', 'x'.repeat(5000)])
      expect((await look(`/devices/${id}.json`)).status).toBe(404)
    expect((await askFrom(address, request('POST', '/devices.json', ['Content-Length: 0']))).status).toBe(405)
  })
})

describe('a boot confirmation', () => {
  it.each([
    ['of its file', digestOf(IMAGE)],
    ['of its file in capitals', digestOf(IMAGE).toUpperCase()],
    ['of its ELF', ELF],
    ['of its ELF in nine digits', ELF.slice(0, 9)],
    ['that is appended to it', APPENDED]
  ])('with the SHA-256 %s says which release runs', async (_which, sha) => {
    const address = freeAddress()
    await oneShot(aDevice(address))
    await becomes(address, is('complete'))
    const answer = await confirm(address, NAME, `?sha=${sha}`)
    expect(answer.status).toBe(200)
    expectWellFormed(answer)
    expect((await becomes(address, is('running'))).running).toMatchObject({
      name: NAME,
      digest: digestOf(IMAGE),
      version: '2.0.0',
      source: 'confirmed'
    })
  })

  it('of what it ran before it was handed another one says that it went back, once', async () => {
    const address = freeAddress()
    const query = `?sha=${'e'.repeat(64)}`
    const rolledBack = async (): Promise<number> =>
      Number(/otad_devices_rolled_back_total (\d+)/.exec((await look('/metrics')).body.toString())?.[1])
    const before = await rolledBack()
    await confirm(address, NAME, query)
    await becomes(address, is('running'))
    await oneShot(aDevice(address))
    await becomes(address, is('complete'))
    for (let times = 1; times <= 3; times++) {
      await confirm(address, NAME, query)
      const { running, verdict } = await becomes(address, device => device.verdict?.count === times)
      expect(running).toMatchObject({ digest: null, source: 'confirmed' })
      expect(verdict).toMatchObject({ is: 'rolled-back', fix: expect.stringMatching(/cancel_rollback/) })
    }
    expect(await rolledBack()).toBe(before + 1)
  })

  /** Flashed by wire with a build that otad has not seen: nobody can say that this is an older one. */
  it('of what nobody has heard of says that it runs that, though it was handed another one', async () => {
    const address = freeAddress()
    await oneShot(aDevice(address))
    await becomes(address, is('complete'))
    await confirm(address, NAME, `?sha=${'d'.repeat(64)}`)
    await becomes(address, is('running'))
  })

  it('of a stranger says that it runs what otad does not know', async () => {
    const address = freeAddress()
    const answer = await confirm(address, NAME, '?sha=0123456789')
    expectWellFormed(answer)
    expect(answer.status).toBeLessThan(500)
    expect((await becomes(address, is('running'))).running).toMatchObject({
      name: NAME,
      digest: null,
      source: 'confirmed'
    })
  })

  it.each([
    '',
    '?',
    '?sha=',
    '?sha=xyz',
    '?sha=%',
    '?sha=%00%00%00%00%00%00%00%00',
    `?sha=${'f'.repeat(65)}`,
    '?sha=..%2f..%2f'
  ])('with %j says nothing', async query => {
    const address = freeAddress()
    const answer = await confirm(address, NAME, query)
    expectWellFormed(answer)
    expect([400, 404]).toContain(answer.status)
    expect((await historyOf(address))?.running ?? null).toBeNull()
  })

  it('of a name that is not served is 404', async () => {
    const answer = await confirm(freeAddress(), 'nothing.bin', `?sha=${ELF}`)
    expect(answer.status).toBe(404)
    expectWellFormed(answer)
  })
})

const files = await certificateFolder()
const authority = await anAuthority()
const { certFile: clientCaFile } = await files.write('clients', authority)

describe('a device with a certificate', () => {
  it('is known by it, wherever it comes from', async () => {
    const folder = await temporaryFolder()
    await writeFile(path.join(folder, NAME), IMAGE)
    const own = await startDaemon({ folders: [folder], args: ['--client-ca-file', clientCaFile] })
    await own.event('release.published')
    const { certificate, key } = await authority.issue({ purpose: 'client', names: ['device-1'] })
    const fingerprint = new X509Certificate(certificate).fingerprint256
    const shown = { host: '127.0.0.1', port: own.port, ca: own.ca, cert: certificate, key }
    const ask = async (target: string, localAddress: string): Promise<Answer> => {
      const options: ConnectionOptions & { localAddress: string } = { ...shown, localAddress }
      const socket = connectTls(options)
      await once(socket, 'secureConnect')
      const connection = { socket: socket.pause(), rest: Buffer.alloc(0), close: async () => void socket.destroy() }
      return exchange(connection, request('GET', target, [USER_AGENT, 'Connection: close']), { method: 'GET' })
    }
    expect((await ask(`/${NAME}`, '127.0.0.51')).status).toBe(200)
    expect((await ask(`/${NAME}`, '127.0.0.52')).status).toBe(200)
    let known: DeviceHistory | undefined
    await becomesTrue('it is told', 3000, async () => {
      const { body } = await ask(`/devices/${encodeURIComponent(fingerprint)}.json`, '127.0.0.52')
      known = body.toString().startsWith('{') ? (JSON.parse(body.toString()) as DeviceHistory) : undefined
      return known?.verdict?.count === 2
    })
    expect(known).toMatchObject({ id: fingerprint, identity: 'certificate', address: '127.0.0.52' })
    await askFrom('127.0.0.53', request('GET', `/${NAME}`, [USER_AGENT]), {}, own)
    const devices = await askDaemon(path.join(own.home, 'state'), { command: 'devices', history: false })
    expect(devices.find(({ address }) => address === '127.0.0.53')).toMatchObject({ verdict: { is: 'not-allowed' } })
  })
})

describe('what is known of devices', () => {
  it('is known after a stop', async () => {
    const folder = await temporaryFolder()
    await writeFile(path.join(folder, NAME), IMAGE)
    const first = await startDaemon({ folders: [folder] })
    await first.event('release.published')
    const addresses = ['127.0.0.61', '127.0.0.62', '127.0.0.63']
    for (const address of addresses) await oneShot(aDevice(address, NAME, first))
    const before = await Promise.all(addresses.map(address => becomes(address, is('complete'), 3000, first)))
    expect(await first.stop()).toBe(0)
    const second = await startDaemon({ folders: [folder], home: first.home })
    for (const [index, address] of addresses.entries()) expect(await historyOf(address, second)).toEqual(before[index])
  })

  it(`is known after each of ${KILLS} kills, up to half a second before`, { timeout: 180_000 }, async () => {
    const chance = createChance(Number(process.env.KILL_SEED ?? Date.now() % 1_000_000))
    const home = await temporaryFolder()
    /** Each device asks for a name of its own once, and the moment when the answer was there. */
    const told = new Map<string, number>()
    let count = 0
    for (let kill = 0; kill < KILLS; kill++) {
      const own = await startDaemon({ home })
      const known = new Set((await devicesOf(own)).map(({ id }) => id))
      const lost = [...told.keys()].filter(id => !known.has(id))
      expect(lost, `kill ${kill}`).toEqual([])
      const lifeMs = 100 + chance() * 1500
      const endsAt = performance.now() + lifeMs
      while (performance.now() < endsAt) {
        const id = `127.1.${count >> 8}.${count++ & 255}`
        await askFrom(id, request('GET', `/none-${count}.bin`, [USER_AGENT]), {}, own)
        told.set(id, performance.now())
      }
      const killedAt = performance.now()
      await own.stop('SIGKILL')
      // Half a second until it is handed over, and a moment to do so on a busy machine.
      for (const [id, at] of told) if (killedAt - at < 700) told.delete(id)
    }
    expect(told.size).toBeGreaterThan(KILLS)
  })

  it.skipIf(lacksSmallDisks)('is told though it cannot be kept, with one warning', { timeout: 60_000 }, async () => {
    const home = await temporaryFolder()
    const state = path.join(home, 'state')
    await mkdir(state, { mode: 0o700 })
    const disk = await mountSmallDisk(state, 4)
    const folder = await temporaryFolder()
    await writeFile(path.join(folder, NAME), IMAGE)
    const own = await startDaemon({ folders: [folder], home, through: disk.through })
    await own.event('release.published')
    await disk.fill()
    const addresses = Array.from({ length: 10 }, (_, index) => `127.0.0.${70 + index}`)
    const askAll = async (): Promise<void> => {
      for (const address of addresses)
        await askFrom(address, request('GET', `/none-${'x'.repeat(200)}.bin`, [USER_AGENT]), {}, own)
    }
    await askAll()
    await own.event('devices.failed')
    await askAll()
    expect(own.log.filter(({ event }) => event === 'devices.failed')).toHaveLength(1)
    expect((await devicesOf(own)).map(({ id }) => id)).toEqual(expect.arrayContaining(addresses))
    expect((await look('/health', own)).status).toBe(200)
    await disk.makeRoom()
    await askFrom('127.0.0.90', request('GET', '/none.bin', [USER_AGENT]), {}, own)
    const kept = disk.seen(path.join(state, 'devices.jsonl'))
    await becomesTrue('it is written', 15_000, async () => (await readFile(kept, 'utf8')).includes('127.0.0.90'))
    await own.stop('SIGKILL')
    const next = await startDaemon({ folders: [folder], home, through: disk.through })
    const after = (await devicesOf(next)).map(({ id }) => id)
    expect(after).toEqual(expect.arrayContaining([...addresses, '127.0.0.90']))
  })
})
