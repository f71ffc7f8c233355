import { execFile, spawnSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import tls from 'node:tls'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Pair } from '../../src/certs/issue.js'
import { CERTIFICATE_FILES, type KeystoreOptions, loadIdentity, namesIn, replaceCa } from '../../src/certs/keystore.js'
import { certificateNames } from '../../src/certs/names.js'
import { loadSelfSigned } from '../../src/certs/self-signed.js'
import type { OperatorError } from '../../src/errors.js'
import { temporaryFolder } from '../support/daemon.js'

const run = promisify(execFile)
const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const NOW = new Date()
const DAY_MS = 24 * 60 * 60 * 1000
const names = certificateNames('192.168.1.8', ['127.0.0.1', '::1', 'fd00::2', 'bench.local', 'localhost'])

async function options(changes: Partial<KeystoreOptions> = {}): Promise<KeystoreOptions> {
  const folder = path.join(await temporaryFolder(), 'certs')
  return { folder, keyType: 'ec', names, now: NOW, tellReadableKey: () => {}, ...changes }
}

const certificateFile = ({ folder }: KeystoreOptions): string => path.join(folder, CERTIFICATE_FILES.caCertificate)
const keyFile = ({ folder }: KeystoreOptions): string => path.join(folder, CERTIFICATE_FILES.caKey)

/** A TLS server that shows this pair; its port on every loopback address. */
async function serve({ certificate, key }: Pair): Promise<number> {
  const server = tls.createServer({ cert: certificate, key }, socket => {
    socket.on('error', () => {})
    socket.end('hello')
  })
  server.on('tlsClientError', () => {})
  server.listen(0)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

/** What a client that embeds this certificate hears. */
async function visit(port: number, ca: string, host: string, servername?: string): Promise<string> {
  const socket = tls.connect({ port, ca, host, ...(servername === undefined ? {} : { servername }) })
  let heard = ''
  socket.setEncoding('utf8').on('data', text => {
    heard += text
  })
  await once(socket, 'close')
  return heard
}

describe.each(['ec', 'rsa'] as const)('a self-signed pair with an %s key', keyType => {
  it('is a certificate with its key, SHA-256, and both forms of every address', async () => {
    const { pair, isNew } = await loadSelfSigned(await options({ keyType }))
    const parsed = new X509Certificate(pair.certificate)
    expect(isNew).toBe(true)
    expect(createPrivateKey(pair.key).asymmetricKeyType).toBe(keyType)
    expect(parsed.checkPrivateKey(createPrivateKey(pair.key))).toBe(true)
    expect(parsed.subject).toBe('CN=192.168.1.8')
    expect(parsed.issuer).toBe(parsed.subject)
    expect(parsed.verify(parsed.publicKey)).toBe(true)
    expect(namesIn(pair.certificate)).toEqual(names)
  })

  it('begins in the past and lasts twenty years', async () => {
    const now = new Date('2026-11-21T12:00:00Z')
    const { pair } = await loadSelfSigned(await options({ keyType, now }))
    const { validFrom, validTo } = new X509Certificate(pair.certificate)
    expect(now.getTime() - Date.parse(validFrom)).toBeGreaterThanOrEqual(DAY_MS)
    expect(new Date(validTo).toISOString()).toBe('2046-11-21T12:00:00.000Z')
  })

  it('is taken by Node as its own anchor, by address and by name', async () => {
    const { pair } = await loadSelfSigned(await options({ keyType }))
    const port = await serve(pair)
    expect(await visit(port, pair.certificate, '127.0.0.1')).toBe('hello')
    expect(await visit(port, pair.certificate, '127.0.0.1', 'bench.local')).toBe('hello')
    expect(await visit(port, pair.certificate, '127.0.0.1', 'localhost')).toBe('hello')
  })

  it('is not taken for another name, nor by those who embed another', async () => {
    const { pair } = await loadSelfSigned(await options({ keyType }))
    const { pair: other } = await loadSelfSigned(await options({ keyType }))
    const port = await serve(pair)
    await expect(visit(port, pair.certificate, '127.0.0.1', 'other.local')).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID'
    })
    await expect(visit(port, other.certificate, '127.0.0.1')).rejects.toThrow(/self-signed|signature/)
  })

  it.skipIf(!hasOpenssl)('is taken by openssl s_client as its own anchor, by address and by name', async () => {
    const opts = await options({ keyType })
    const port = await serve((await loadSelfSigned(opts)).pair)
    const verdictOf = async (...args: string[]): Promise<string> => {
      const anchor = ['-CAfile', certificateFile(opts), '-verify_return_error']
      const asking = run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...anchor, ...args])
      asking.child.stdin?.end()
      // How the connection ends is of no matter here.
      const { stdout } = await asking.catch((error: { stdout: string }) => error)
      return /Verify return code: (.*)/.exec(stdout)?.[1] ?? stdout
    }
    for (const args of [
      ['-verify_ip', '127.0.0.1'],
      ['-verify_ip', 'fd00::2'],
      ['-verify_hostname', 'bench.local', '-servername', 'bench.local']
    ])
      expect(await verdictOf(...args)).toBe('0 (ok)')
    expect(await verdictOf('-verify_ip', '10.9.9.9')).toMatch(/IP address mismatch/)
  })

  it.skipIf(!hasOpenssl)('says what a server may do and no more, and is signed with SHA-256', async () => {
    const opts = await options({ keyType })
    await loadSelfSigned(opts)
    const { stdout } = await run('openssl', ['x509', '-in', certificateFile(opts), '-noout', '-text'])
    expect(stdout.match(/Signature Algorithm: .*/g)).toEqual(
      Array(2).fill(`Signature Algorithm: ${keyType === 'ec' ? 'ecdsa-with-SHA256' : 'sha256WithRSAEncryption'}`)
    )
    expect(stdout).toMatch(/Basic Constraints: critical\n +CA:FALSE\n/)
    expect(stdout).toMatch(
      keyType === 'ec'
        ? /Key Usage: critical\n +Digital Signature\n/
        : /Key Usage: critical\n +Digital Signature, Key Encipherment\n/
    )
    expect(stdout).toMatch(/Extended Key Usage: *\n +TLS Web Server Authentication\n/)
  })

  it('is kept as it is from then on, whatever the names, the date and the kind of key', async () => {
    const opts = await options({ keyType })
    const { pair } = await loadSelfSigned(opts)
    for (const changes of [
      {},
      { names: certificateNames('10.0.0.9', ['other']) },
      { now: new Date(NOW.getTime() + 30 * 365 * DAY_MS) },
      { now: new Date(0) },
      { keyType: keyType === 'ec' ? ('rsa' as const) : ('ec' as const) }
    ])
      expect(await loadSelfSigned({ ...opts, ...changes })).toEqual({ pair, isNew: false })
    expect(await readFile(certificateFile(opts), 'utf8')).toBe(pair.certificate)
    expect(await readFile(keyFile(opts), 'utf8')).toBe(pair.key)
    expect((await readdir(opts.folder)).sort()).toEqual(['ca_cert.pem', 'ca_key.pem'])
  })
})

it('has a different serial number each time, positive and of at most 20 bytes', async () => {
  const serials = new Set<string>()
  for (let count = 0; count < 20; count++) {
    const { pair } = await loadSelfSigned(await options())
    const { serialNumber } = new X509Certificate(pair.certificate)
    // Node writes a negative one with a sign.
    expect(serialNumber).toMatch(/^[0-9A-F]{2,40}$/)
    expect(serialNumber).not.toMatch(/^0+$/)
    serials.add(serialNumber)
  }
  expect(serials.size).toBe(20)
})

describe.skipIf(!hasOpenssl)("a pair made as ESP-IDF's README says", () => {
  async function makeAsReadmeSays(opts: KeystoreOptions): Promise<void> {
    await mkdir(opts.folder, { recursive: true })
    const files = ['-keyout', keyFile(opts), '-out', certificateFile(opts)]
    await run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      ...files,
      '-days',
      '365',
      '-nodes',
      '-subj',
      '/CN=192.168.1.8'
    ])
  }

  it('is taken as it is', async () => {
    const opts = await options()
    await makeAsReadmeSays(opts)
    const [certificate, key] = [await readFile(certificateFile(opts), 'utf8'), await readFile(keyFile(opts), 'utf8')]
    expect(await loadSelfSigned(opts)).toEqual({ pair: { certificate, key }, isNew: false })
    expect(await readFile(certificateFile(opts), 'utf8')).toBe(certificate)
    expect(await readFile(keyFile(opts), 'utf8')).toBe(key)
  })

  it('is trusted by those who embed it; its name stands in the CN alone, where mbedTLS looks for it', async () => {
    const opts = await options()
    await makeAsReadmeSays(opts)
    const { pair } = await loadSelfSigned(opts)
    const port = await serve(pair)
    const socket = tls.connect({ port, host: '127.0.0.1', ca: pair.certificate, checkServerIdentity: () => undefined })
    await once(socket, 'secureConnect')
    expect(socket.authorized).toBe(true)
    expect(socket.getPeerCertificate().subject.CN).toBe('192.168.1.8')
    socket.destroy()
  })

  it.skipIf(process.platform === 'win32')('is told of when others can read its key', async () => {
    const told: string[] = []
    const opts = await options({ tellReadableKey: (key, mode) => told.push(`${path.basename(key)} ${mode}`) })
    await loadSelfSigned(opts)
    expect(told).toEqual([])
    await writeFile(keyFile(opts), await readFile(keyFile(opts)), { mode: 0o600 })
    await run('chmod', ['640', keyFile(opts)])
    await loadSelfSigned(opts)
    expect(told).toEqual(['ca_key.pem 640'])
  })
})

describe('a pair that is not whole', () => {
  it('gets a certificate for the key that is there, as a process leaves it that was killed in between', async () => {
    const opts = await options()
    const first = await loadSelfSigned(opts)
    await rm(certificateFile(opts))
    const { pair, isNew } = await loadSelfSigned(opts)
    expect(isNew).toBe(true)
    expect(pair.key).toBe(first.pair.key)
    expect(new X509Certificate(pair.certificate).checkPrivateKey(createPrivateKey(pair.key))).toBe(true)
    expect(await readFile(keyFile(opts), 'utf8')).toBe(first.pair.key)
  })

  it.each([
    ['the key is gone', (o: KeystoreOptions) => rm(keyFile(o)), 'OTAD_ERR_KEY_MISSING', keyFile],
    ['the key is cut', (o: KeystoreOptions) => truncate(keyFile(o), 60), 'OTAD_ERR_KEY_MISMATCH', keyFile],
    ['the key is empty', (o: KeystoreOptions) => truncate(keyFile(o), 0), 'OTAD_ERR_KEY_MISMATCH', keyFile],
    [
      'the certificate is cut',
      (o: KeystoreOptions) => truncate(certificateFile(o), 100),
      'OTAD_ERR_BAD_CERTIFICATE',
      certificateFile
    ],
    [
      'the key is another one',
      async (o: KeystoreOptions) => writeFile(keyFile(o), (await loadSelfSigned(await options())).pair.key),
      'OTAD_ERR_KEY_MISMATCH',
      keyFile
    ]
  ])('is refused and left as it is when %s', async (_what, damage, code, named) => {
    const opts = await options()
    await loadSelfSigned(opts)
    await damage(opts)
    const left = await readdir(opts.folder)
    const refusal = await loadSelfSigned(opts).then(
      () => undefined,
      (error: OperatorError) => error
    )
    expect(refusal).toMatchObject({ name: 'OperatorError', code })
    expect(refusal?.message).toContain(named(opts))
    expect(refusal?.hint).toMatch(/\w{3}/)
    expect(await readdir(opts.folder)).toEqual(left)
  })

  it('is refused when it is the CA of the other mode', async () => {
    const opts = await options()
    await loadIdentity(opts)
    await expect(loadSelfSigned(opts)).rejects.toMatchObject({ code: 'OTAD_ERR_BAD_CERTIFICATE' })
  })
})

describe('a pair that somebody wants anew', () => {
  it('is moved aside as it is, and another one is made', async () => {
    const opts = await options()
    const { pair } = await loadSelfSigned(opts)
    const moved = await replaceCa(opts, loadSelfSigned)
    const kept = await Promise.all(moved.map(aside => readFile(aside, 'utf8')))
    expect(kept.sort()).toEqual([pair.certificate, pair.key].sort())
    const { pair: another, isNew } = await loadSelfSigned(opts)
    expect(isNew).toBe(false)
    expect(another.certificate).not.toBe(pair.certificate)
    expect(another.key).not.toBe(pair.key)
  })
})

describe.skipIf(process.platform === 'win32')('the key file', () => {
  it('is readable by its owner alone, in a folder that is closed to others', async () => {
    const opts = await options()
    await loadSelfSigned(opts)
    expect((await stat(keyFile(opts))).mode & 0o777).toBe(0o600)
    expect((await stat(opts.folder)).mode & 0o777).toBe(0o700)
  })
})
