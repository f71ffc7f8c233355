// --auth: firmware is for devices that show credentials, each in the way that its client can. A 401 is a question that esp_http_client answers
// by itself, and that older releases answer for ever: none of them may end in a loop, and none with the right credentials may be kept out.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connect as connectTls } from 'node:tls'
import { afterAll, describe, expect, it } from 'vitest'
import type { Device, DeviceRun } from '../../src/probe/device.js'
import { arduinoHttpUpdate } from '../../src/probe/device-arduino.js'
import { native, oneShot, resume } from '../../src/probe/device-idf.js'
import type { IdfCredentials } from '../../src/probe/device-idf-auth.js'
import { partial } from '../../src/probe/device-idf-partial.js'
import type { IdfRelease } from '../../src/probe/device-idf-releases.js'
import { exchange } from '../../src/probe/raw-http.js'
import { anAuthority, certificateFolder } from '../support/certificates.js'
import { type DaemonOptions, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { answerOf, run } from '../support/real-clients-program.js'
import { digestOf, expectWellFormed, request, type SharedDaemon, useSharedDaemon } from '../support/shared-daemon.js'

const NAME = 'hello_world.bin'
const IMAGE = anImage({ length: 100_000, seed: 5 })
const PASSWORD = '6f3a9c1e0b7d4852'
const OTHER = '0123456789abcdef'
const TOKEN = 'tok-6f3a9c1e0b7d4852'
const WRONG: IdfCredentials = { username: 'device', password: 'ffffffffffffffff' }
const RIGHT: IdfCredentials = { username: 'device', password: PASSWORD }

const RELEASES: readonly IdfRelease[] = ['3.x', '4.4', '5.3', '5.5', '6.0']
const PARTIAL_RELEASES = ['4.4', '5.3', '5.5', '6.0'] as const

const FOR_DEVICES = [
  `/${NAME}`,
  `/${NAME}.json`,
  `/${NAME}.md5`,
  `/${NAME}.sha256`,
  `/${NAME}.sha512`,
  '/manifest.json',
  `/artifacts/${digestOf(IMAGE)}.bin`,
  '/nothing.bin'
]
const FOR_EVERYBODY = ['/health', '/ca_cert.pem', '/', '/page.js', '/metrics']

const CHALLENGES = {
  basic: /^Basic realm="otad", charset="UTF-8"$/,
  digest: /^Digest realm="otad", qop="auth", algorithm=MD5, nonce="[\w-]+", opaque="[\da-f]+"$/,
  bearer: /^Bearer realm="otad"$/
} as const
type Scheme = keyof typeof CHALLENGES

const hasCurl = (await answerOf('curl', ['--version'])) !== undefined

const folder = await mkdtemp(path.join(tmpdir(), 'otad-test-'))
afterAll(() => rm(folder, { recursive: true, force: true }))
const passwords = path.join(folder, 'passwords')
const tokens = path.join(folder, 'tokens')
await writeFile(passwords, `# the fleet\ndevice:${PASSWORD}\n\nother:${OTHER}\n`, { mode: 0o600 })
await writeFile(tokens, `${TOKEN}\n`, { mode: 0o600 })

const using = (scheme: Scheme, ...more: string[]): SharedDaemon =>
  useSharedDaemon({
    firmware: { [NAME]: IMAGE },
    args: ['--auth', scheme, '--auth-file', scheme === 'bearer' ? tokens : passwords, ...more]
  })

let addresses = 1
/** A device with an address of its own, so that no other makes it wait. */
function aDevice(daemon: SharedDaemon, more: Partial<Device> = {}): Device {
  addresses++
  const localAddress = `127.0.${addresses >> 8}.${addresses & 255}`
  return { ca: daemon.ca, url: `https://127.0.0.1:${daemon.port}/${NAME}`, localAddress, ...more }
}

const withUserinfo = (daemon: SharedDaemon, { username, password }: IdfCredentials): Partial<Device> => ({
  url: `https://${username}:${password}@127.0.0.1:${daemon.port}/${NAME}`
})

const statusesOf = ({ requests }: DeviceRun) => requests.map(({ status }) => status)

function expectUpdated(run: DeviceRun): void {
  expect(run.outcome, run.log.join('\n')).toBe('updated')
  expect(run.slot.equals(IMAGE)).toBe(true)
}

/** It fails, soon, and with a line on its serial log. */
function expectGivenUp(run: DeviceRun): void {
  expect(run.outcome).toBe('failed')
  expect(run.log.join('\n')).toMatch(/\w/)
  expect(run.log.join('\n')).not.toContain('for ever')
  expect(run.requests.length).toBeLessThanOrEqual(14)
  expect(run.slot.includes(IMAGE.subarray(0, 64))).toBe(false)
}

const curl = (daemon: SharedDaemon, ...args: string[]) =>
  run('curl', [
    ...['-q', '-sS', '--noproxy', '*', '-w', '%{stderr}%{http_code} after %{num_connects}'],
    ...['--cacert', path.join(daemon.home, 'certs', 'ca_cert.pem'), ...args],
    `https://127.0.0.1:${daemon.port}/${NAME}`
  ])

for (const scheme of ['basic', 'digest', 'bearer'] as const)
  describe(`with ${scheme}, one without credentials`, () => {
    const daemon = using(scheme)

    it.each(FOR_DEVICES)(
      'is asked for them at %s with one challenge, a length and nothing of the firmware',
      async target => {
        const connection = await daemon.connect()
        for (const method of ['GET', 'HEAD', 'GET'] as const) {
          const answer = await exchange(connection, request(method, target), { method })
          expectWellFormed(answer)
          expect(answer.status).toBe(401)
          expect(answer.header('www-authenticate')).toMatch(CHALLENGES[scheme])
          expect(Number(answer.header('content-length'))).toBeLessThan(200)
          expect(answer.header('etag')).toBeUndefined()
          expect(answer.header('connection')).toBe('keep-alive')
          if (method === 'HEAD') expect(answer.body).toHaveLength(0)
          else expect(answer.body.toString()).toMatch(/^401 firmware is for devices with credentials/)
        }
        await connection.close()
      }
    )

    it.each(FOR_EVERYBODY)('gets %s', async target => {
      expect((await daemon.ask(request('GET', target))).status).toBe(200)
    })

    it.each([
      `//${NAME}`,
      `/./${NAME}`,
      `/x/../${NAME}`,
      `/%68ello_world.bin`,
      `/${NAME}?a=1`,
      `/${NAME}/`,
      `/${NAME}%00`,
      `/ARTIFACTS/${digestOf(IMAGE)}.bin`,
      `//artifacts/${digestOf(IMAGE)}.bin`,
      `/health/../${NAME}`,
      `https://127.0.0.1/${NAME}`
    ])('gets round it by no spelling: %s', async target => {
      const { status, body } = await daemon.ask(request('GET', target))
      expect(status).toBeGreaterThanOrEqual(400)
      expect(body.includes(IMAGE.subarray(0, 16))).toBe(false)
    })

    it('is told of, when it does not come back with some', async () => {
      const failed = await daemon.event('auth.failed', ({ reason }) => reason === 'no credentials')
      expect(failed).toMatchObject({ device: '127.0.0.1', count: 1 })
    })
  })

describe('with basic', () => {
  const daemon = using('basic')

  it.each(RELEASES)('ESP-IDF %s with auth_type BASIC sends them at once', async release => {
    const run = await oneShot(aDevice(daemon), { release, credentials: { ...RIGHT, authType: 'basic' } })
    expectUpdated(run)
    expect(statusesOf(run)).toEqual([200])
  })

  it.each(RELEASES)('native_ota_example of ESP-IDF %s does, which looks at no status', async release => {
    expectUpdated(await native(aDevice(daemon), { release, credentials: { ...RIGHT, authType: 'basic' } }))
  })

  it.each(RELEASES.slice(1))(
    'ESP-IDF %s with them in its URL is asked first, on the same connection',
    async release => {
      const run = await oneShot(aDevice(daemon, withUserinfo(daemon, RIGHT)), { release })
      expectUpdated(run)
      expect(run.requests.map(({ status, connection }) => [status, connection])).toEqual([
        [401, 1],
        [200, 1]
      ])
    }
  )

  // v3.2 writes the 401 into its slot; v4.0 is the first that answers it (clients.md 5.3).
  it('ESP-IDF 3.2 with them in its URL fails at the first byte: it knows no 401', async () => {
    const run = await oneShot(aDevice(daemon, withUserinfo(daemon, RIGHT)), { release: '3.x' })
    expectGivenUp(run)
    expect(run.log.join('\n')).toContain('invalid magic byte (expected 0xE9, saw 0x34)')
  })

  it.each(PARTIAL_RELEASES)('ESP-IDF %s downloads in ranges', async release => {
    const options = { release, maxHttpRequestSize: 30_000 }
    expectUpdated(await partial(aDevice(daemon), { ...options, credentials: { ...RIGHT, authType: 'basic' } }))
    const asked = await partial(aDevice(daemon, withUserinfo(daemon, RIGHT)), options)
    expectUpdated(asked)
    expect(statusesOf(asked).filter(status => status === 401)).toHaveLength(1)
  })

  it('Arduino with setAuthorization gets its firmware, and a wrong password is HTTP code 401 to it', async () => {
    expectUpdated(await arduinoHttpUpdate(aDevice(daemon), { authorization: ['device', PASSWORD] }))
    const refused = await arduinoHttpUpdate(aDevice(daemon), { authorization: ['device', WRONG.password] })
    expect(refused.log).toEqual(['HTTP_UPDATE_FAILED Error (-104): Wrong HTTP Code'])
  })

  it.runIf(hasCurl)('curl --basic gets it, and with a wrong password a 401', async () => {
    const good = await curl(daemon, '--basic', '--user', `other:${OTHER}`)
    expect(good.stdout.equals(IMAGE), good.stderr).toBe(true)
    expect((await curl(daemon, '--basic', '--user', `other:${PASSWORD}`)).stderr).toMatch(/^401/)
  })

  it('every ESP-IDF with a wrong password gives up by itself, or is made to', async () => {
    const runs = RELEASES.map(release =>
      oneShot(aDevice(daemon), { release, credentials: { ...WRONG, authType: 'basic' } })
    )
    const inRanges = PARTIAL_RELEASES.map(release =>
      partial(aDevice(daemon), { release, credentials: { ...WRONG, authType: 'basic' } })
    )
    for (const run of await Promise.all([...runs, ...inRanges])) expectGivenUp(run)
  })

  it('the log says which it was, and holds no password', async () => {
    await daemon.ask(request('GET', `/${NAME}`, ['Authorization: Basic bm9ib2R5Om5vYm9keQ==']))
    expect(await daemon.event('auth.failed', ({ reason }) => reason === 'unknown user')).toMatchObject({ count: 1 })
    expect(await daemon.event('auth.failed', ({ reason }) => reason === 'wrong password')).toBeDefined()
    await daemon.ask(request('GET', `/${NAME}`, ['Authorization: Basic !']))
    await daemon.event('auth.failed', ({ reason }) => reason === 'unreadable credentials')
    const log = JSON.stringify(daemon.log)
    for (const secret of [PASSWORD, OTHER, WRONG.password, 'nobody', 'bm9ib2R5']) expect(log).not.toContain(secret)
  })
})

describe('with digest', () => {
  const daemon = using('digest')

  it.each(RELEASES.slice(1))('ESP-IDF %s is asked once, and signs on the same connection', async release => {
    for (const device of [aDevice(daemon, withUserinfo(daemon, RIGHT)), aDevice(daemon)]) {
      const run = await oneShot(device, { release, credentials: { ...RIGHT, authType: 'digest' } })
      expectUpdated(run)
      expect(run.requests.map(({ status, connection }) => [status, connection])).toEqual([
        [401, 1],
        [200, 1]
      ])
    }
  })

  it.each(RELEASES.slice(1))('ESP-IDF %s that begins with Basic learns better', async release => {
    const run = await oneShot(aDevice(daemon), { release, credentials: { ...RIGHT, authType: 'basic' } })
    expectUpdated(run)
    expect(statusesOf(run)).toEqual([401, 200])
  })

  it.each(RELEASES.slice(1))('ESP-IDF %s with a query in its URL signs it, or leaves it out', async release => {
    const url = `https://127.0.0.1:${daemon.port}/${NAME}?id=1234`
    expectUpdated(await oneShot(aDevice(daemon, { url }), { release, credentials: RIGHT }))
  })

  // The method is the one of the challenge (clients.md 5.6): going on from HEAD to GET costs a 401 more, and ranges after it cost none.
  it.each(PARTIAL_RELEASES)('ESP-IDF %s downloads in ranges for two questions', async release => {
    const run = await partial(aDevice(daemon), { release, credentials: RIGHT, maxHttpRequestSize: 30_000 })
    expectUpdated(run)
    expect(statusesOf(run)).toEqual([401, 200, 401, 206, 206, 206, 206])
    expect(run.requests.map(({ method }) => method).slice(0, 4)).toEqual(['HEAD', 'HEAD', 'GET', 'GET'])
  })

  it.each(['5.5', '6.0'] as const)('ESP-IDF %s resumes', async release => {
    const slot = IMAGE.subarray(0, 40_000)
    expectUpdated(await resume(aDevice(daemon, { slot }), { release, credentials: RIGHT }))
  })

  it('is of no use to ESP-IDF 3.2 and native_ota_example, which do not answer a 401', async () => {
    expectGivenUp(await oneShot(aDevice(daemon), { release: '3.x', credentials: { ...RIGHT, authType: 'digest' } }))
    expectGivenUp(await native(aDevice(daemon), { credentials: { ...RIGHT, authType: 'digest' } }))
  })

  it.runIf(hasCurl)('curl --digest gets it, whole and in part', async () => {
    const good = await curl(daemon, '--digest', '--user', `device:${PASSWORD}`)
    expect(good.stdout.equals(IMAGE), good.stderr).toBe(true)
    expect(good.stderr).toBe('200 after 1')
    const part = await curl(daemon, '--digest', '--user', `device:${PASSWORD}`, '--range', '1000-1999')
    expect(part.stdout.equals(IMAGE.subarray(1000, 2000))).toBe(true)
    expect((await curl(daemon, '--digest', '--user', 'device:wrong')).stderr).toMatch(/^401/)
  })

  it('every ESP-IDF with a wrong password gives up by itself, or is made to', async () => {
    const runs = RELEASES.map(release => oneShot(aDevice(daemon), { release, credentials: WRONG }))
    const inRanges = PARTIAL_RELEASES.map(release => partial(aDevice(daemon), { release, credentials: WRONG }))
    const [, of44, of53, of55] = await Promise.all([...runs, ...inRanges])
    for (const run of await Promise.all([...runs, ...inRanges])) expectGivenUp(run)
    expect(of44?.log).toContain('esp_https_ota: File not found(403)')
    expect(of53?.log).toContain('esp_https_ota: Reached max_authorization_retries (401)')
    expect(of55?.log).toContain('esp_https_ota: Reached max_authorization_retries (401)')
  })

  it('every ESP-IDF without credentials gives up, or is made to', async () => {
    for (const run of await Promise.all(RELEASES.map(release => oneShot(aDevice(daemon), { release }))))
      expectGivenUp(run)
  })

  it('no device that answered the question is told of', () => {
    const failed = daemon.log.filter(({ event }) => event === 'auth.failed')
    expect(failed.map(line => ('reason' in line ? line.reason : ''))).not.toContain('signed for another method')
  })
})

describe('with bearer', () => {
  const daemon = using('bearer')
  const headers = (token: string) => [['Authorization', `Bearer ${token}`]] as const

  it.each(RELEASES)('ESP-IDF %s sends its token in a header that the application sets', async release => {
    const run = await oneShot(aDevice(daemon), { release, headers: headers(TOKEN) })
    expectUpdated(run)
    expect(statusesOf(run)).toEqual([200])
  })

  it.each(PARTIAL_RELEASES)('ESP-IDF %s sends it with each range', async release => {
    expectUpdated(await partial(aDevice(daemon), { release, headers: headers(TOKEN), maxHttpRequestSize: 30_000 }))
  })

  it('every ESP-IDF with a wrong token gives up by itself, or is made to', async () => {
    const runs = RELEASES.map(release => oneShot(aDevice(daemon), { release, headers: headers('x'.repeat(20)) }))
    const [, of44, of53, of55] = await Promise.all(runs)
    for (const run of await Promise.all(runs)) expectGivenUp(run)
    expect(of44?.log).toContain('esp_https_ota: File not found(403)')
    expect(of53?.log).toContain('esp_https_ota: Reached max_authorization_retries (401)')
    // It has nothing to add to a scheme that it does not know.
    expect(of55?.log).toContain('esp_https_ota: Authorization Failed')
    expect(of55?.requests).toHaveLength(1)
    expect(await daemon.event('auth.failed', ({ reason }) => reason === 'unknown token')).toBeDefined()
  })

  it.runIf(hasCurl)('curl --oauth2-bearer gets it, and with a wrong token a 401', async () => {
    const good = await curl(daemon, '--oauth2-bearer', TOKEN)
    expect(good.stdout.equals(IMAGE), good.stderr).toBe(true)
    expect((await curl(daemon, '--oauth2-bearer', `${TOKEN}x`)).stderr).toMatch(/^401/)
  })

  it('a wrong token is named as such in the challenge', async () => {
    const { status, header } = await daemon.ask(request('GET', `/${NAME}`, ['Authorization: Bearer nothing']))
    expect([status, header('www-authenticate')]).toEqual([401, 'Bearer realm="otad", error="invalid_token"'])
  })
})

describe('one who guesses', () => {
  const daemon = using('basic')
  const guess = (nth: number): string =>
    request('GET', `/${NAME}`, [`Authorization: Basic ${Buffer.from(`device:${nth}`).toString('base64')}`])

  it('waits longer and longer, and keeps nobody out who has the password, at the same address or on the same connection', async () => {
    const connection = await daemon.connect()
    let lastTook = 0
    for (let nth = 0; nth < 7; nth++) {
      const startedAt = performance.now()
      expect((await exchange(connection, guess(nth), { method: 'GET' })).status).toBe(401)
      lastTook = performance.now() - startedAt
    }
    expect(lastTook).toBeGreaterThan(500)
    const many = Array.from({ length: 20 }, (_, nth) => daemon.ask(guess(nth)))
    const right = request('GET', `/${NAME}`, [
      `Authorization: Basic ${Buffer.from(`device:${PASSWORD}`).toString('base64')}`
    ])
    const startedAt = performance.now()
    expect((await exchange(connection, right, { method: 'GET' })).status).toBe(200)
    expect((await daemon.ask(right)).status).toBe(200)
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    for (const { status } of await Promise.all(many)) expect(status).toBe(401)
    await connection.close()
  })

  it('is sent away from a connection after twelve in a row, and may come back on another', async () => {
    const connection = await daemon.connect({ localAddress: '127.0.1.77' })
    const statuses: number[] = []
    for (let nth = 0; nth < 13; nth++)
      statuses.push((await exchange(connection, request('GET', `/${NAME}`), { method: 'GET' })).status)
    expect(statuses).toEqual([...Array.from({ length: 12 }, () => 401), 403])
    await connection.close()
    expect((await daemon.ask(request('GET', `/${NAME}`))).status).toBe(401)
  })
})

describe('with client certificates too', () => {
  it('both must hold', async () => {
    const files = await certificateFolder()
    const authority = await anAuthority()
    const { certFile } = await files.write('clients', authority)
    const { certificate: cert, key } = await authority.issue({ purpose: 'client', names: ['device-1'] })
    const firmware = await temporaryFolder()
    await writeFile(path.join(firmware, NAME), IMAGE)
    const args = ['--auth', 'basic', '--auth-file', passwords, '--client-ca-file', certFile]
    const daemon = await startDaemon({ folders: [firmware], args })
    await daemon.event('release.published')
    const authorization = `Authorization: Basic ${Buffer.from(`device:${PASSWORD}`).toString('base64')}`
    const ask = async (pair: object, fields: string[]) => {
      const socket = connectTls({ host: '127.0.0.1', port: daemon.port, ca: daemon.ca, ...pair })
      const connection = { socket: socket.pause(), rest: Buffer.alloc(0), close: async () => void socket.destroy() }
      const { status } = await exchange(connection, request('GET', `/${NAME}`, fields), { method: 'GET' })
      socket.destroy()
      return status
    }
    expect(await ask({}, [])).toBe(403)
    expect(await ask({}, [authorization])).toBe(403)
    expect(await ask({ cert, key }, [])).toBe(401)
    expect(await ask({ cert, key }, [authorization])).toBe(200)
  })
})

describe('the file of credentials', () => {
  const basicOf = (pair: string): string[] => [`Authorization: Basic ${Buffer.from(pair).toString('base64')}`]

  it('counts anew when it changes, and the one of before goes on counting while the new one is broken', async () => {
    const file = path.join(await temporaryFolder(), 'passwords')
    await writeFile(file, `device:${PASSWORD}\n`, { mode: 0o644 })
    const daemon = await startDaemon({ args: ['--auth', 'basic', '--auth-file', file] })
    if (process.platform !== 'win32')
      expect(await daemon.event('credentials.readable')).toMatchObject({ file, mode: '644' })
    const ask = async (pair: string): Promise<string> => {
      const socket = connectTls({ host: '127.0.0.1', port: daemon.port, ca: daemon.ca })
      const connection = { socket: socket.pause(), rest: Buffer.alloc(0), close: async () => void socket.destroy() }
      const { status } = await exchange(connection, request('GET', '/manifest.json', basicOf(pair)), { method: 'GET' })
      socket.destroy()
      return `${status}`
    }
    expect(await ask(`device:${PASSWORD}`)).toBe('200')

    await writeFile(file, `device:${OTHER}\n`)
    await daemon.event('credentials.replaced')
    expect([await ask(`device:${PASSWORD}`), await ask(`device:${OTHER}`)]).toEqual(['401', '200'])

    await writeFile(file, `device:${OTHER.slice(1)}\n`)
    const kept = await daemon.event('credentials.kept')
    expect(kept.reason).toContain('line 1 has a password of 15 characters')
    expect(kept.reason).not.toContain(OTHER.slice(1))
    expect(await ask(`device:${OTHER}`)).toBe('200')

    await rm(file)
    await daemon.event('credentials.kept', ({ reason }) => reason.includes('is not there'))
    expect(await ask(`device:${OTHER}`)).toBe('200')
    expect(daemon.log.filter(({ event }) => event === 'credentials.kept')).toHaveLength(2)
    expect(await daemon.stop()).toBe(0)
  })

  const failing = async (options: DaemonOptions): Promise<{ code: unknown; said: string }> => {
    const daemon = await startDaemon({ ...options, waits: false })
    const code = await new Promise(resolve => daemon.child.once('close', resolve))
    expect(daemon.complaints()).not.toMatch(/\n\s+at /)
    return { code, said: daemon.complaints() }
  }

  it.each([
    ['empty', '', 'holds no credentials'],
    ['nothing but comments', '# device:x\n', 'holds no credentials'],
    ['a line without a colon', `device ${PASSWORD}`, 'line 1 has no colon'],
    ['a short password', 'device:hunter2', 'line 1 has a password of 7 characters']
  ])('keeps it from starting with %s', async (_what, text, complaint) => {
    const file = path.join(await temporaryFolder(), 'passwords')
    await writeFile(file, text, { mode: 0o600 })
    const { code, said } = await failing({ args: ['--auth', 'digest', '--auth-file', file] })
    expect(code).toBe(1)
    expect(said).toContain(complaint)
    expect(said).toContain(file)
    expect(said).not.toMatch(/hunter2|6f3a9c/)
  })

  it('keeps it from starting when it is not there, or is a folder', async () => {
    const { code, said } = await failing({ args: ['--auth', 'basic', '--auth-file', path.join(folder, 'none')] })
    expect(code).toBe(1)
    expect(said).toContain('is not there')
    expect((await failing({ args: ['--auth', 'basic', '--auth-file', folder] })).said).toContain('cannot be read')
  })

  it('is asked for where --auth is given, and the other way round', async () => {
    const without = await failing({ args: ['--auth', 'basic'] })
    expect(without).toMatchObject({ code: 2, said: expect.stringContaining('--auth-file') })
    const alone = await failing({ args: ['--auth-file', passwords] })
    expect(alone).toMatchObject({ code: 2, said: expect.stringContaining('firmware would be for everybody') })
  })
})
