// "Does my server suit devices?": the same questions to otad and to the servers that people take before they find it.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, createConnection, createServer as createTcpServer } from 'node:net'
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { promisify } from 'node:util'
import fastifyStatic from '@fastify/static'
import fastify from 'fastify'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Authority, anAuthority } from '../support/certificates.js'
import { PROGRAM, plainEnvironment, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'

const run = promisify(execFile)
const IMAGE = anImage({ project: 'porch', version: '1.4.2' })

/** With REQUIRE_CLIENTS=1 a server that is not installed fails its row, instead of skipping it. */
const isRequired = process.env.REQUIRE_CLIENTS === '1'
const isThere = (program: string, ...args: string[]): Promise<boolean> =>
  run(program, args).then(
    () => true,
    () => false
  )
const lacks = {
  openssl: !(isRequired || (await isThere('openssl', 'version'))),
  python: !(isRequired || (await isThere('python3', '-c', 'import ssl, http.server')))
}

interface Report {
  readonly rules: readonly { readonly rule: string; readonly outcome: string; readonly seen: string }[]
  readonly flows: readonly { readonly client: string; readonly way: string; readonly outcome: string }[]
}

/** What the program says of a server, and how it ended. */
async function probe(...args: string[]): Promise<{ code: number; report: Report; failing: readonly string[] }> {
  const child = spawn(process.execPath, [PROGRAM, 'probe', '--json', ...args], {
    env: plainEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', piece => {
    text += piece
  })
  const [code] = (await once(child, 'close')) as [number]
  const report = JSON.parse(text) as Report
  const failing = report.rules.filter(({ outcome }) => outcome === 'fail').map(({ rule }) => rule)
  return { code, report, failing }
}

function wayOf({ flows }: Report, client: string, way: string): string | undefined {
  return flows.find(one => one.client === client && one.way.includes(way))?.outcome
}

describe('otad', () => {
  const SETTINGS: readonly (readonly string[])[] = [
    [],
    ['--cert-mode', 'self-signed', '--key-type', 'rsa'],
    ['--cors', '*']
  ]

  it.each(SETTINGS)('passes, whatever is set: %s %s', async (...args) => {
    const folder = await folderWithImages()
    const daemon = await startDaemon({ folders: [folder], args: args.filter(one => one !== undefined) })
    await daemon.event('release.published', ({ name }) => name === 'sub/other.bin')
    await daemon.event('release.published', ({ name }) => name === 'app.bin')
    const { code, report, failing } = await probe(daemon.url('app.bin'), '--home', daemon.home)
    expect(failing).toEqual([])
    expect(report.flows.filter(({ outcome }) => outcome === 'fail')).toEqual([])
    expect(code).toBe(0)
    const other = await probe(daemon.url('sub/other.bin'), '--ca', path.join(daemon.home, 'certs', 'ca_cert.pem'))
    expect(other.failing).toEqual([])
    expect(other.code).toBe(0)
  })

  it('passes over HTTP, with credentials, and without a path', async () => {
    const folder = await folderWithImages()
    const credentials = path.join(await temporaryFolder(), 'auth')
    await writeFile(credentials, 'porch:a-rather-long-password\n', { mode: 0o600 })
    const plainPort = await freePort()
    const args = ['--auth', 'basic', '--auth-file', credentials, '--http-port', String(plainPort)]
    const daemon = await startDaemon({ folders: [folder], args })
    await daemon.event('release.published', ({ name }) => name === 'app.bin')
    await daemon.event('release.published', ({ name }) => name === 'sub/other.bin')
    const origins = [
      `https://porch:a-rather-long-password@127.0.0.1:${daemon.port}`,
      `http://porch:a-rather-long-password@127.0.0.1:${plainPort}`
    ]
    for (const origin of origins) {
      const { code, report, failing } = await probe(origin, '--home', daemon.home)
      expect(failing).toEqual([])
      expect(report.rules.find(({ rule }) => rule === 'R27')?.outcome).toBe('pass')
      expect(code).toBe(0)
    }
  })

  it('passes with Digest as far as devices answer it, and the rest is not looked at', async () => {
    const credentials = path.join(await temporaryFolder(), 'auth')
    await writeFile(credentials, 'porch:a-rather-long-password\n', { mode: 0o600 })
    const args = ['--auth', 'digest', '--auth-file', credentials]
    const daemon = await startDaemon({ folders: [await folderWithImages()], args })
    await daemon.event('release.published', ({ name }) => name === 'app.bin')
    const url = `https://porch:a-rather-long-password@127.0.0.1:${daemon.port}/app.bin`
    const { code, report, failing } = await probe(url, '--home', daemon.home)
    expect(failing).toEqual([])
    expect(report.flows.filter(({ outcome }) => outcome === 'fail')).toEqual([])
    for (const client of ['ESP-IDF 5.5', 'ESP-IDF 4.4']) expect(wayOf(report, client, 'one request')).toBe('pass')
    expect(code).toBe(0)
  })

  it('is refused by a device that holds another CA, in its words', async () => {
    const daemon = await startDaemon({ folders: [await folderWithImages()] })
    await daemon.event('release.published')
    const other = path.join(await temporaryFolder(), 'ca_cert.pem')
    await writeFile(other, (await anAuthority()).certificate)
    const { code, report, failing } = await probe(daemon.url('app.bin'), '--ca', other)
    expect(code).toBe(3)
    expect(failing).toEqual(['trust'])
    expect(report.rules[0]?.seen).toContain('mbedtls_ssl_handshake returned -0x2700')
  })
})

describe('what people take before', () => {
  let authority: Authority
  let files: { readonly folder: string; readonly cert: string; readonly key: string; readonly ca: string }
  beforeAll(async () => {
    authority = await anAuthority()
  })

  /** The image, and beside it the certificate of a server and the CA of its devices. */
  async function layOut(): Promise<typeof files> {
    const leaf = await authority.issue({ purpose: 'server', names: ['127.0.0.1'], addresses: ['127.0.0.1'] })
    const folder = await folderWithImages()
    const beside = await temporaryFolder()
    const at = (name: string): string => path.join(beside, name)
    await writeFile(at('cert.pem'), leaf.certificate)
    await writeFile(at('key.pem'), leaf.key)
    await writeFile(at('ca_cert.pem'), authority.certificate)
    files = { folder, cert: at('cert.pem'), key: at('key.pem'), ca: at('ca_cert.pem') }
    return files
  }

  it.skipIf(lacks.openssl)(
    'openssl s_server -WWW: no length, no HEAD, no range, no errors, and one device at a time',
    async () => {
      const { folder, cert, key, ca } = await layOut()
      const port = await freePort()
      await startProgram(
        'openssl',
        ['s_server', '-WWW', '-port', String(port), '-cert', cert, '-key', key, '-quiet'],
        folder,
        port
      )
      const { code, report, failing } = await probe(`https://127.0.0.1:${port}/app.bin`, '--ca', ca)
      expect(code).toBe(3)
      expect(failing).toEqual(
        'R1 R3 R4 R5 R6 R7 R10 R13 R14 R16 R17 R18 R19 R20 R21 R25 R30 R31 R32 R33 R34 R39'.split(' ')
      )
      expect(wayOf(report, 'ESP-IDF 5.5', 'one request')).toBe('pass')
      for (const [client, way] of [
        ['ESP-IDF 5.5', 'HEAD'],
        ['arduino-esp32', 'HTTPUpdate'],
        ['ESP8266', 'ESPhttpUpdate'],
        ['ArduinoHttpClient', '']
      ] as const)
        expect(wayOf(report, client, way), client).toBe('fail')
    },
    120_000
  )

  it.skipIf(lacks.python)(
    "Python's http.server: no range, the wrong names, and a handshake that keeps all others waiting",
    async () => {
      const { folder, cert, key, ca } = await layOut()
      const port = await freePort()
      await startProgram('python3', ['-c', PYTHON_SERVER, String(port), cert, key], folder, port)
      const { code, report, failing } = await probe(`https://127.0.0.1:${port}/app.bin`, '--ca', ca)
      expect(code).toBe(3)
      expect(failing).toEqual('R3 R5 R6 R7 R13 R14 R16 R17 R18 R19 R20 R21 R29 R30 R31 R32 R33 R34 R39'.split(' '))
      expect(wayOf(report, 'ESP-IDF 5.5', 'one request')).toBe('pass')
      expect(wayOf(report, 'ESP-IDF 5.5.3', 'resumption')).toBe('fail')
      expect(wayOf(report, 'arduino-esp32', 'HTTPUpdate')).toBe('pass')
      expect(wayOf(report, 'arduino-esp32', 'parses the socket')).toBe('fail')
    },
    120_000
  )

  it('@fastify/static as it comes: names in lower case, weak tags, HEAD with ranges, large records', async () => {
    const { folder, cert, key, ca } = await layOut()
    const app = fastify({ https: { cert: await readFile(cert), key: await readFile(key) } })
    await app.register(fastifyStatic, { root: folder })
    await app.listen({ port: 0, host: '127.0.0.1' })
    onTestFinished(() => app.close())
    const { port } = app.server.address() as AddressInfo
    const { code, report, failing } = await probe(`https://127.0.0.1:${port}/app.bin`, '--ca', ca)
    expect(code).toBe(3)
    expect(failing).toEqual('R3 R13 R22 R23 R29 R30 R31 R32 R33 R34 R39'.split(' '))
    expect(report.rules.find(({ rule }) => rule === 'R30')?.seen).toContain('is weak')
    expect(wayOf(report, 'ESP-IDF 5.5', 'HEAD')).toBe('pass')
    expect(wayOf(report, 'ArduinoHttpClient', '')).toBe('fail')
  })
})

describe('a server that is no match', () => {
  it('is not reached: exit code 1, and what a device would say', async () => {
    const port = await freePort()
    const failed = await run(process.execPath, [PROGRAM, 'probe', `https://127.0.0.1:${port}/app.bin`]).catch(
      error => error
    )
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringMatching(/cannot be reached.*OTAD_ERR_UNREACHABLE/s) })
  })

  it.each([['hello_world.bin'], ['ftp://127.0.0.1/app.bin']])('%s is wrong usage', async text => {
    const failed = await run(process.execPath, [PROGRAM, 'probe', text]).catch(error => error)
    expect(failed).toMatchObject({ code: 2, stderr: expect.stringContaining('OTAD_ERR_USAGE') })
  })

  it('sends what no end has, and the probe ends all the same', async () => {
    const server: Server = createServer(await endlessTls(), (_request, response) => {
      response.on('error', () => {})
      response.socket?.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const { code, failing } = await probe(`https://127.0.0.1:${port}/app.bin`, '--insecure')
    expect(code).toBe(3)
    expect(failing).toContain('R1')
  }, 60_000)
})

async function endlessTls(): Promise<{ cert: string; key: string }> {
  const { certificate, key } = await (await anAuthority()).issue({ purpose: 'server', names: ['127.0.0.1'] })
  return { cert: certificate, key }
}

async function folderWithImages(): Promise<string> {
  const folder = await temporaryFolder()
  await mkdir(path.join(folder, 'sub'))
  await writeFile(path.join(folder, 'app.bin'), IMAGE)
  await writeFile(path.join(folder, 'sub', 'other.bin'), anImage({ project: 'other', chip: 'esp32s3', seed: 3 }))
  return folder
}

/** What tutorials have: the folder over TLS, in the words of the ssl module. */
const PYTHON_SERVER = `
import http.server, ssl, sys
port, cert, key = sys.argv[1:]
server = http.server.ThreadingHTTPServer(('127.0.0.1', int(port)), http.server.SimpleHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
`

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Runs a server until the test is over; resolves when its port takes connections. */
async function startProgram(
  program: string,
  args: readonly string[],
  cwd: string,
  port: number
): Promise<ChildProcess> {
  const child = spawn(program, args, { cwd, stdio: 'ignore' })
  const ended = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  for (;;) {
    const socket = createConnection({ port, host: '127.0.0.1' })
    const isUp = await once(socket, 'connect').then(
      () => true,
      () => false
    )
    socket.destroy()
    if (isUp) return child
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`)
    await elapse(50)
  }
}
