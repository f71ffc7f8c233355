// --client-ca-file: firmware is for those who show a certificate of that CA. All others get a handshake that succeeds and a 403 that says
// what they lack, since a device prints no more than a number when TLS itself says no (clients.md 15.6).
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { connect as connectTls, type TLSSocket, type ConnectionOptions as TlsOptions } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { type Answer, exchange } from '../../src/probe/raw-http.js'
import { buildDevice, cDeviceIsRequired, DEVICE_EXIT, runDevice } from '../support/c-device.js'
import { anAuthority, aSelfSigned, certificateFolder, daysFromNow, type Pair } from '../support/certificates.js'
import { type LoggedEvent, startDaemon } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { answerOf, run } from '../support/real-clients-program.js'
import { digestOf, request, useSharedDaemon } from '../support/shared-daemon.js'

const NAME = 'hello_world.bin'
const IMAGE = anImage({ length: 100_000, seed: 3 })
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const
type Version = (typeof VERSIONS)[number]

const device = await buildDevice()
const lacksDevice = device === undefined && !cDeviceIsRequired()
const lacksCurl = (await answerOf('curl', ['--version'])) === undefined

const files = await certificateFolder()
const authority = await anAuthority()
const { certFile: clientCaFile } = await files.write('clients', authority)
const known = await authority.issue({ purpose: 'client', names: ['device-1'] })
const knownFiles = await files.write('known', known)

/** Certificates that do not let in, and what is said of each. */
const REFUSED = [
  ['of another CA', await (await anAuthority()).issue({ purpose: 'client', names: ['device-1'] }), /of another CA/],
  [
    'that expired',
    await authority.issue({ purpose: 'client', names: ['device-1'], valid: daysFromNow(-30, -2) }),
    /that expired/
  ],
  [
    'that is not valid yet',
    await authority.issue({ purpose: 'client', names: ['device-1'], valid: daysFromNow(2, 30) }),
    /not valid yet/
  ],
  ['that it signed itself', await aSelfSigned({ purpose: 'client', names: ['device-1'] }), /signed itself/],
  ['that is for servers', await authority.issue({ purpose: 'server', names: ['device-1'] }), /not for clients/]
] as const
const refusedFiles = await Promise.all(REFUSED.map(([, pair], index) => files.write(`refused-${index}`, pair)))

const daemon = useSharedDaemon({ firmware: { [NAME]: IMAGE }, args: ['--client-ca-file', clientCaFile] })

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
const FOR_EVERYBODY = ['/health', '/ca_cert.pem', '/', '/metrics']

/** A TLS connection that trusts the daemon; rejects when the handshake fails. */
async function open(options: TlsOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', port: daemon.port, ca: daemon.ca, ...options })
  await once(socket, 'secureConnect', { signal: AbortSignal.timeout(10_000) })
  return socket.on('error', () => {}).pause()
}

const withPair = (pair: Pair | undefined): TlsOptions =>
  pair === undefined ? {} : { cert: pair.certificate, key: pair.key }
const over = (version: Version): TlsOptions => ({ minVersion: version, maxVersion: version })

async function askOn(socket: TLSSocket, target: string, method: 'GET' | 'HEAD' = 'GET'): Promise<Answer> {
  const connection = { socket, rest: Buffer.alloc(0), close: async () => void socket.destroy() }
  return exchange(connection, request(method, target), { method })
}

async function ask(target: string, options: TlsOptions, method: 'GET' | 'HEAD' = 'GET'): Promise<Answer> {
  const socket = await open(options)
  try {
    return await askOn(socket, target, method)
  } finally {
    socket.destroy()
  }
}

interface Visited {
  readonly socket: TLSSocket
  readonly session: Buffer
  readonly answer: Answer
}

/** Asks for firmware once and keeps the session, as a device keeps it over a restart. */
async function visitForSession(options: TlsOptions): Promise<Visited> {
  const socket = await open(options)
  let session = socket.getSession()
  socket.on('session', fresh => {
    session = fresh
  })
  const answer = await askOn(socket, `/${NAME}`)
  socket.destroy()
  if (session === undefined) throw new Error('there was no session')
  return { socket, session, answer }
}

function runCDevice(...args: string[]) {
  const ca = path.join(daemon.home, 'certs', 'ca_cert.pem')
  return runDevice(device ?? '', [`https://127.0.0.1:${daemon.port}/${NAME}`, '--ca', ca, ...args])
}

async function curl(target: string, ...args: string[]): Promise<{ status: string; body: Buffer }> {
  const ca = path.join(daemon.home, 'certs', 'ca_cert.pem')
  const url = `https://127.0.0.1:${daemon.port}${target}`
  const { code, stdout, stderr } = await run('curl', [
    '-sS',
    '-w',
    '%{stderr}%{http_code}',
    '--cacert',
    ca,
    ...args,
    url
  ])
  expect(code, stderr).toBe(0)
  return { status: stderr.trim().slice(-3), body: stdout }
}

function expectRefusal({ status, header, body }: Answer, words: RegExp): void {
  expect(status).toBe(403)
  expect(header('content-type')).toBe('text/plain; charset=utf-8')
  expect(header('content-length')).toBe(String(body.length))
  expect(body.toString()).toMatch(words)
  expect(body.toString()).toMatch(/^403 firmware is for devices with a client certificate; [^\n]*\n$/)
}

describe('whoever shows no certificate', () => {
  it.each(VERSIONS)(
    'gets through the handshake and 403 with the reason for all that is for devices (%s)',
    async version => {
      for (const target of FOR_DEVICES) {
        expectRefusal(await ask(target, over(version)), /showed no client certificate/)
        const head = await ask(target, over(version), 'HEAD')
        expect([head.status, head.body.length], target).toEqual([403, 0])
      }
    }
  )

  it.each(VERSIONS)('gets what is for everybody (%s)', async version => {
    for (const target of FOR_EVERYBODY) expect((await ask(target, over(version))).status, target).toBe(200)
  })

  it('is told in the log with what to do, once, and is no failed handshake', async () => {
    await ask(`/${NAME}`, {})
    const refused = await daemon.event('client.refused', ({ code }) => code === 'NO_CLIENT_CERTIFICATE')
    expect(refused).toMatchObject({ device: '127.0.0.1', cause: 'it showed no client certificate', count: 1 })
    expect(refused.fix).toMatch(/certificate and key that the client CA signed/)
    expect(daemon.log.filter(({ event }) => event === 'handshake.failed')).toEqual([])
  })

  it.skipIf(lacksDevice)('as mbedTLS 2.28 reads the 403', async () => {
    const { code, report, stderr } = await runCDevice()
    expect(report, stderr).toMatchObject({ status: 403, tls: 'TLSv1.2' })
    expect(code).toBe(DEVICE_EXIT.answerRefused)
  })

  it.skipIf(lacksCurl).each(['--tlsv1.3', '--tls-max=1.2'])('as curl (%s) reads the 403', async flag => {
    const { status, body } = await curl(`/${NAME}`, ...flag.split('='))
    expect(status).toBe('403')
    expect(body.toString()).toContain('showed no client certificate')
    expect((await curl('/health', ...flag.split('='))).status).toBe('200')
  })

  it.each(VERSIONS)('gets 403 on a resumed session too (%s)', async version => {
    const first = await visitForSession(over(version))
    expect(first.answer.status).toBe(403)
    const again = await open({ ...over(version), session: first.session })
    expect(again.isSessionReused()).toBe(true)
    expectRefusal(await askOn(again, `/${NAME}`), /showed no client certificate/)
    again.destroy()
  })

  it.each(VERSIONS)('gets 403 on each request of one connection (%s)', async version => {
    const socket = await open(over(version))
    for (const target of [`/${NAME}`, '/health', `/${NAME}`]) {
      expect((await askOn(socket, target)).status).toBe(target === '/health' ? 200 : 403)
    }
    socket.destroy()
  })

  // The absolute form and doubled slashes lead nowhere else.
  it.each([`https://127.0.0.1/${NAME}`, `/./${NAME}`, `//${NAME}`, `/%68ello_world.bin`, `/health/../${NAME}`])(
    'gets no firmware by another spelling: %s',
    async target => {
      const { status, body } = await ask(target, {})
      expect(status).toBeGreaterThanOrEqual(400)
      expect(body.includes(IMAGE.subarray(0, 64))).toBe(false)
    }
  )
})

describe('whoever shows a certificate of the client CA', () => {
  it.each(VERSIONS)('is served (%s)', async version => {
    for (const target of FOR_DEVICES.slice(0, -1)) {
      expect((await ask(target, { ...over(version), ...withPair(known) })).status, target).toBe(200)
    }
    expect((await ask(`/${NAME}`, { ...over(version), ...withPair(known) })).body.equals(IMAGE)).toBe(true)
    expect((await ask('/nothing.bin', { ...over(version), ...withPair(known) })).status).toBe(404)
  })

  it.each(VERSIONS)('is served by a name that got a leaf of its own (%s)', async version => {
    const options = { ...over(version), ...withPair(known), servername: `known-${version.slice(-1)}.local` }
    expect((await ask(`/${NAME}`, options)).body.equals(IMAGE)).toBe(true)
  })

  it.each(VERSIONS)('is served on a resumed session (%s)', async version => {
    const first = await visitForSession({ ...over(version), ...withPair(known) })
    expect(first.answer.status).toBe(200)
    // Without showing it again: the session says who it is.
    const again = await open({ ...over(version), session: first.session })
    expect(again.isSessionReused()).toBe(true)
    expect((await askOn(again, `/${NAME}`)).body.equals(IMAGE)).toBe(true)
    again.destroy()
  })

  it.skipIf(lacksDevice)('is served as mbedTLS 2.28', async () => {
    const { code, report, stderr } = await runCDevice('--cert', knownFiles.certFile, '--key', knownFiles.keyFile)
    expect(code, stderr).toBe(DEVICE_EXIT.done)
    expect(report.sha256).toBe(digestOf(IMAGE))
  })

  it.skipIf(lacksDevice)('is served as mbedTLS 2.28 on a resumed session', async () => {
    const session = path.join(files.path, 'session')
    const args = ['--cert', knownFiles.certFile, '--key', knownFiles.keyFile, '--session-file', session]
    expect((await runCDevice(...args)).code).toBe(DEVICE_EXIT.done)
    const { code, report } = await runCDevice(...args)
    expect(report.resumed).toBe(true)
    expect(code).toBe(DEVICE_EXIT.done)
  })

  it.skipIf(lacksCurl).each(['--tlsv1.3', '--tls-max=1.2'])('is served as curl (%s)', async flag => {
    const own = ['--cert', knownFiles.certFile, '--key', knownFiles.keyFile]
    const { status, body } = await curl(`/${NAME}`, ...flag.split('='), ...own)
    expect(status).toBe('200')
    expect(body.equals(IMAGE)).toBe(true)
  })
})

describe('a client certificate', () => {
  const rows = REFUSED.flatMap(([what, pair, words]) => VERSIONS.map(version => ({ what, pair, words, version })))

  it.each(rows)('$what gets 403 with that reason ($version)', async ({ pair, words, version }) => {
    expectRefusal(await ask(`/${NAME}`, { ...over(version), ...withPair(pair) }), words)
    expect((await ask('/health', { ...over(version), ...withPair(pair) })).status).toBe(200)
    await daemon.event('client.refused', ({ cause }) => words.test(cause))
  })

  it.each(rows)('$what gets 403 on a resumed session too ($version)', async ({ pair, words, version }) => {
    const { session } = await visitForSession({ ...over(version), ...withPair(pair) })
    const again = await open({ ...over(version), ...withPair(pair), session })
    expectRefusal(await askOn(again, `/${NAME}`), words)
    again.destroy()
  })

  it.skipIf(lacksDevice).each(REFUSED.map(([what], index) => ({ what, index })))(
    '$what gets 403 as mbedTLS 2.28',
    async ({ index }) => {
      const own = refusedFiles[index]
      const { code, report } = await runCDevice('--cert', own?.certFile ?? '', '--key', own?.keyFile ?? '')
      expect([code, report.status]).toEqual([DEVICE_EXIT.answerRefused, 403])
    }
  )

  it('is refused in other words for each reason', async () => {
    const causes = new Set<string>()
    for (const [, pair] of REFUSED) causes.add((await ask(`/${NAME}`, withPair(pair))).body.toString())
    causes.add((await ask(`/${NAME}`, {})).body.toString())
    expect(causes.size).toBe(REFUSED.length + 1)
  })

  it('is told once for each reason in the log', async () => {
    for (const [, pair] of REFUSED) await ask(`/${NAME}`, withPair(pair))
    const told = daemon.log.filter(({ event }) => event === 'client.refused') as LoggedEvent<'client.refused'>[]
    const first = told.filter(({ count, cause }) => count === 1 && /another CA/.test(cause))
    expect(first).toHaveLength(1)
    expect(new Set(told.map(({ cause }) => cause)).size).toBeGreaterThanOrEqual(REFUSED.length)
  })
})

describe('two hundred that are refused in a row', () => {
  it('neither stop nor slow down one that is known', async () => {
    const alone = await tookMs(() => ask(`/${NAME}`, withPair(known)))
    const bad = REFUSED.map(([, pair]) => withPair(pair))
    const lanes = [0, 1, 2, 3].map(async lane => {
      for (let turn = lane; turn < 200; turn += 4) expect((await ask(`/${NAME}`, bad[turn % 5] ?? {})).status).toBe(403)
    })
    const crowd = Promise.all(lanes)
    for (let turn = 0; turn < 10; turn++) {
      let answer: Answer | undefined
      const took = await tookMs(async () => {
        answer = await ask(`/${NAME}`, withPair(known))
      })
      expect(answer?.body.equals(IMAGE)).toBe(true)
      expect(took, `alone it takes ${alone} ms`).toBeLessThan(2000)
    }
    await crowd
    expect((await ask(`/${NAME}`, withPair(known))).status).toBe(200)
    expect(daemon.log.filter(({ event }) => event === 'bug' || event === 'handshake.failed')).toEqual([])
  })
})

describe('a start with a client CA file that', () => {
  const CASES = [
    ['is not there', async (_file: string) => {}],
    ['is empty', (file: string) => writeFile(file, '')],
    ['is no PEM', (file: string) => writeFile(file, Buffer.from([0x30, 0x82, 1, 2, 3]))],
    ['holds a key alone', (file: string) => writeFile(file, known.key)],
    ['holds a broken certificate', (file: string) => writeFile(file, known.certificate.replace(/^M.*$/m, 'AAAA'))],
    ['is a folder', async (file: string) => void (await mkdir(file))]
  ] as const

  it.each(CASES)('%s ends with one sentence, a hint and a code', async (what, make) => {
    const file = path.join(files.path, `wrong ${what}.pem`)
    await make(file)
    const started = await startDaemon({ args: ['--client-ca-file', file], waits: false })
    const [code] = await once(started.child, 'close', { signal: AbortSignal.timeout(10_000) })
    expect([1, 2], started.complaints()).toContain(code)
    const lines = started.complaints().trimEnd().split('\n')
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatch(/^otad: .+/)
    expect(lines[0]).toContain(file)
    expect(lines[1]).toMatch(/^ {6}\S.* {3}\(OTAD_ERR_[A-Z_]+\)$/)
  })
})

async function tookMs(action: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await action()
  return performance.now() - begun
}
