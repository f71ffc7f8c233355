// What a device's mbedTLS meets: versions, suites, the Certificate message, record sizes (clients.md 4.5 and 15), and a
// chain that strict verifiers take as well. Records are read off the wire, below TLS.
import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { connect as connectTcp, isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import path from 'node:path'
import { Duplex } from 'node:stream'
import { type ConnectionOptions, connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type Connection, exchange } from '../../src/probe/raw-http.js'
import { startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { request, useSharedDaemon } from '../support/shared-daemon.js'

const IMAGE = anImage({ length: 1024 * 1024 })
const VERSIONS: readonly SecureVersion[] = ['TLSv1.2', 'TLSv1.3']

const daemon = useSharedDaemon({ firmware: { 'hello_world.bin': IMAGE } })
const rsa = useSharedDaemon({ firmware: { 'hello_world.bin': IMAGE }, args: ['--key-type', 'rsa'] })
const KEYS = [
  ['P-256', daemon],
  ['RSA', rsa]
] as const

interface TlsRecord {
  readonly type: number
  readonly body: Buffer
}

interface Sniffed {
  readonly tls: TLSSocket
  /** Everything the server sent, record by record, as it went over the wire. */
  readonly records: TlsRecord[]
}

/** A TLS connection through a pipe that keeps what comes from the server. */
async function sniff(port: number, options: ConnectionOptions): Promise<Sniffed> {
  const tcp = connectTcp({ host: '127.0.0.1', port })
  await once(tcp, 'connect')
  const records: TlsRecord[] = []
  let rest = Buffer.alloc(0)
  const pipe = new Duplex({
    read: () => void tcp.resume(),
    write: (chunk, _encoding, done) => void tcp.write(chunk, done),
    final: done => void tcp.end(done),
    destroy: (_error, done) => {
      tcp.destroy()
      done(null)
    }
  })
  tcp.on('data', (piece: Buffer) => {
    rest = Buffer.concat([rest, piece])
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt16BE(3)) {
      const end = 5 + rest.readUInt16BE(3)
      records.push({ type: rest.readUInt8(0), body: rest.subarray(5, end) })
      rest = rest.subarray(end)
    }
    if (!pipe.push(piece)) tcp.pause()
  })
  tcp.on('end', () => pipe.push(null)).on('error', () => pipe.destroy())
  const tls = connectTls({ socket: pipe, rejectUnauthorized: false, ...options })
  await once(tls, 'secureConnect', { signal: AbortSignal.timeout(5000) })
  tls.on('error', () => {})
  return { tls, records }
}

function asConnection(tls: TLSSocket): Connection {
  tls.pause()
  return { socket: tls, rest: Buffer.alloc(0), close: async () => void tls.destroy() }
}

/** The code with which a handshake fails, or the suite that came about. */
async function handshake(port: number, options: ConnectionOptions): Promise<string> {
  const tls = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options })
  try {
    await once(tls, 'secureConnect', { signal: AbortSignal.timeout(5000) })
    return tls.getCipher().standardName
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code ?? String(cause)
  } finally {
    tls.destroy()
  }
}

/** The certificates in the Certificate message of a TLS 1.2 handshake (RFC 5246, section 7.4.2), and its length. */
function certificateMessage(records: readonly TlsRecord[]): { length: number; certificates: readonly Buffer[] } {
  const handshakes = Buffer.concat(records.filter(({ type }) => type === 22).map(({ body }) => body))
  for (let offset = 0; offset + 4 <= handshakes.length; ) {
    const length = handshakes.readUIntBE(offset + 1, 3)
    if (handshakes.readUInt8(offset) !== 11) {
      offset += 4 + length
      continue
    }
    const message = handshakes.subarray(offset + 4, offset + 4 + length)
    const certificates: Buffer[] = []
    for (let at = 3; at < message.length; at += 3 + message.readUIntBE(at, 3)) {
      certificates.push(message.subarray(at + 3, at + 3 + message.readUIntBE(at, 3)))
    }
    return { length: length + 4, certificates }
  }
  throw new Error('there is no Certificate message')
}

async function leafOf({ port }: { readonly port: number }, servername?: string): Promise<X509Certificate> {
  const { tls } = await sniff(port, servername === undefined ? {} : { servername })
  const leaf = new X509Certificate(tls.getPeerCertificate().raw)
  tls.destroy()
  return leaf
}

function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address))
}

describe.each(KEYS)('with a key of %s', (_kind, server) => {
  it.each(VERSIONS)('%s works and is trusted by the CA certificate alone', async version => {
    const connection = await server.connect({ maxVersion: version })
    expect((connection.socket as TLSSocket).getProtocol()).toBe(version)
    expect((connection.socket as TLSSocket).authorized).toBe(true)
    const answer = await exchange(connection, request('GET', '/hello_world.bin'), { method: 'GET' })
    expect(answer.body.equals(IMAGE)).toBe(true)
    await connection.close()
  })

  it.each(['TLSv1', 'TLSv1.1'] as const)('%s is refused by the server, with the alert for it', async version => {
    const old = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' }
    expect(await handshake(server.port, old)).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
  })

  it('takes TLS 1.2 suites that are AEAD with forward secrecy', async () => {
    const suite = await handshake(server.port, { maxVersion: 'TLSv1.2' })
    expect(suite).toMatch(/^TLS_ECDHE_(ECDSA|RSA)_WITH_(AES_(128|256)_GCM|CHACHA20_POLY1305)_SHA(256|384)$/)
  })

  it.each([
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES256-GCM-SHA384'
  ])('takes what old and new devices offer where the key fits: %s', async ciphers => {
    const fits = ciphers.includes('RSA-') === (server === rsa)
    if (ciphers.includes('CHACHA20')) return
    const result = await handshake(server.port, { maxVersion: 'TLSv1.2', ciphers })
    if (fits) expect(result).toMatch(/^TLS_ECDHE_/)
    else expect(result).toMatch(HANDSHAKE_FAILURE)
  })

  it.each([
    'ECDHE-ECDSA-AES128-SHA',
    'ECDHE-ECDSA-AES128-SHA256',
    'ECDHE-ECDSA-AES256-SHA',
    'ECDHE-ECDSA-AES256-SHA384',
    'ECDHE-RSA-AES128-SHA',
    'ECDHE-RSA-AES128-SHA256',
    'ECDHE-RSA-AES256-SHA',
    'ECDHE-RSA-AES256-SHA384',
    'DHE-RSA-AES128-SHA',
    'DHE-RSA-AES256-SHA256',
    'AES128-GCM-SHA256',
    'AES256-GCM-SHA384',
    'AES128-CCM',
    'AES128-SHA',
    'AES256-SHA',
    'AES128-SHA256',
    'AES256-SHA256',
    'CAMELLIA128-SHA',
    'NULL-SHA256',
    'ECDHE-ECDSA-NULL-SHA',
    'ECDHE-RSA-NULL-SHA',
    'ADH-AES128-GCM-SHA256',
    'AECDH-AES128-SHA'
  ])('refuses what is not AEAD with forward secrecy: %s', async suite => {
    const options = { maxVersion: 'TLSv1.2', ciphers: `${suite}:@SECLEVEL=0` } as const
    expect(await handshake(server.port, options)).toMatch(HANDSHAKE_FAILURE)
  })

  it('takes the curves that devices have', async () => {
    // A client that takes an ECDSA certificate at all has to offer its curve (RFC 8422, section 5.1).
    for (const ecdhCurve of ['P-256', server === rsa ? 'P-384' : 'P-384:P-256']) {
      expect(await handshake(server.port, { maxVersion: 'TLSv1.2', ecdhCurve })).toMatch(/^TLS_ECDHE_/)
    }
  })

  it('sends the leaf alone, in a message that a 4 KiB buffer takes', async () => {
    const { tls, records } = await sniff(server.port, { maxVersion: 'TLSv1.2' })
    const { length, certificates } = certificateMessage(records)
    tls.destroy()
    expect(certificates).toHaveLength(1)
    const leaf = new X509Certificate(certificates[0] ?? Buffer.alloc(0))
    expect(leaf.ca).toBe(false)
    expect(leaf.checkIssued(new X509Certificate(server.ca))).toBe(true)
    expect(length).toBeLessThan(3584)
    // A machine of many addresses needs more room for their names.
    if (machineAddresses().length <= 8) expect(length).toBeLessThan(server === rsa ? 1536 : 1200)
  })

  it('sends the leaf alone in TLS 1.3', async () => {
    const { tls } = await sniff(server.port, { minVersion: 'TLSv1.3' })
    const chain = tls.getPeerCertificate(true)
    tls.destroy()
    expect(chain.issuerCertificate).toBeUndefined()
  })

  it.each(VERSIONS)('keeps every record of %s at 4096 bytes of plaintext or less', async version => {
    const { tls, records } = await sniff(server.port, { minVersion: version, maxVersion: version })
    // GCM adds 8 bytes of nonce and 16 of tag in TLS 1.2 (RFC 5288); TLS 1.3 adds the content type and the tag.
    const overhead = version === 'TLSv1.2' ? 24 : 17
    expect(tls.getCipher().standardName).toMatch(/GCM/)
    const connection = asConnection(tls)
    for (const [method, target, range] of [
      ['HEAD', '/hello_world.bin', []],
      ['GET', '/hello_world.bin', []],
      ['GET', '/hello_world.bin', ['Range: bytes=0-4095']],
      ['GET', '/hello_world.bin', ['Range: bytes=4096-8191']],
      ['GET', '/manifest.json', []],
      ['GET', '/metrics', []],
      ['GET', '/', []],
      ['GET', '/nothing.bin', []]
    ] as const) {
      const answer = await exchange(connection, request(method, target, range), { method })
      expect(answer.bodyEnd).toBe('complete')
    }
    tls.destroy()
    const data = records.filter(({ type }) => type === 23).map(({ body }) => body.length - overhead)
    expect(data.reduce((sum, length) => sum + length, 0)).toBeGreaterThan(IMAGE.length)
    expect(Math.max(...data)).toBeLessThanOrEqual(4096)
    // Small enough is not the point alone: records that are far smaller would cost throughput.
    expect(Math.max(...data)).toBe(4096)
    expect(Math.max(...records.map(({ body }) => body.length))).toBeLessThanOrEqual(4096 + overhead)
  })

  it.each(VERSIONS)('keeps records small on a resumed session of %s', async version => {
    const options = { minVersion: version, maxVersion: version, ca: server.ca, servername: '' } as const
    const first = await sniff(server.port, options)
    let session = first.tls.getSession()
    first.tls.on('session', fresh => {
      session = fresh
    })
    await exchange(asConnection(first.tls), request('HEAD', '/hello_world.bin'), { method: 'HEAD' })
    first.tls.destroy()
    const second = await sniff(server.port, { ...options, ...(session && { session }) })
    expect(second.tls.isSessionReused()).toBe(true)
    const answer = await exchange(asConnection(second.tls), request('GET', '/hello_world.bin'), { method: 'GET' })
    expect(answer.body.equals(IMAGE)).toBe(true)
    second.tls.destroy()
    const overhead = version === 'TLSv1.2' ? 24 : 17
    const data = second.records.filter(({ type }) => type === 23).map(({ body }) => body.length - overhead)
    expect(Math.max(...data)).toBe(4096)
  })

  it('names every address of this machine as IP and as DNS text, and itself', async () => {
    const leaf = await leafOf(server)
    const names = (leaf.subjectAltName ?? '').split(', ')
    for (const address of ['127.0.0.1', '::1', ...machineAddresses()]) {
      expect(leaf.checkIP(address), `${address} as iPAddress`).toBeDefined()
      expect(names, `${address} as dNSName`).toContain(`DNS:${address}`)
    }
    const host = hostname().replace(/\..*$/, '').toLowerCase()
    for (const name of ['localhost', `${host}.local`])
      expect(names.map(one => one.toLowerCase())).toContain(`dns:${name}`)
    expect(names.map(one => one.toLowerCase())).toContain(`dns:${hostname().toLowerCase()}`)
  })

  it('has the advertised address as CN', async () => {
    expect((await leafOf(server)).subject).toBe('CN=127.0.0.1')
  })

  it('has a leaf for a server, of today, for 397 days at most', async () => {
    const leaf = await leafOf(server)
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
    expect(Date.parse(leaf.validFrom)).toBeLessThan(Date.now())
    const days = (Date.parse(leaf.validTo) - Date.now()) / 86_400_000
    expect(days).toBeGreaterThan(30)
    expect(days).toBeLessThanOrEqual(397)
  })

  it('has a CA that may sign certificates, critically, and says so', () => {
    const ca = new X509Certificate(server.ca)
    expect(ca.ca).toBe(true)
    expect(ca.verify(ca.publicKey)).toBe(true)
    const der = ca.raw.toString('hex')
    // basicConstraints, critical, cA TRUE; keyUsage, critical, with the bit keyCertSign (RFC 5280, 4.2.1.3 and 4.2.1.9).
    expect(der).toMatch(/0603551d130101ff04..30..0101ff/)
    const usage = Number.parseInt(/0603551d0f0101ff04040302..(..)/.exec(der)?.[1] ?? '0', 16)
    expect(usage & 0x04, 'keyCertSign').toBe(0x04)
    const years = (Date.parse(ca.validTo) - Date.now()) / (365.25 * 86_400_000)
    expect(years).toBeGreaterThan(19)
    expect(Date.parse(ca.validFrom)).toBeLessThan(Date.now())
  })

  it('is verified strictly by openssl where that is installed', async context => {
    const run = promisify(execFile)
    if (
      !(await run('openssl', ['version']).then(
        () => true,
        () => false
      ))
    )
      return context.skip()
    const leaf = path.join(server.root, 'leaf.pem')
    await writeFile(leaf, (await leafOf(server)).toString())
    const ca = path.join(server.home, 'certs', 'ca_cert.pem')
    const strict = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', ca]
    for (const name of [['-verify_ip', '127.0.0.1'], ['-verify_hostname', 'localhost'], []]) {
      const { stdout } = await run('openssl', [...strict, ...name, leaf])
      expect(stdout).toContain('OK')
    }
    const { stdout } = await run('openssl', ['verify', '-x509_strict', '-check_ss_sig', '-CAfile', ca, ca])
    expect(stdout).toContain('OK')
  })
})

const ASKED_NAMES = [
  ['nothing', ''],
  ['an IP address as text', '127.0.0.1'],
  ['localhost', 'localhost'],
  ['another private address, as behind a port mapping', '192.168.77.5'],
  ['a link-local address', '169.254.7.7'],
  ['a single label', 'buildbox'],
  ['a name of mDNS', 'otad-far-away.local']
] as const

/** OpenSSL 3.0 and 3.5 name the same alert differently. */
const HANDSHAKE_FAILURE = /^ERR_SSL_.*_ALERT_HANDSHAKE_FAILURE$/

describe('the name that a client asks for', () => {
  it.each([...ASKED_NAMES, ['a public name', 'www.example.com'] as const])('may be %s', async (_what, servername) => {
    const connection = await daemon.connect({ servername })
    const leaf = new X509Certificate((connection.socket as TLSSocket).getPeerCertificate().raw)
    const answer = await exchange(connection, request('GET', '/hello_world.bin'), { method: 'GET' })
    await connection.close()
    expect(answer.body.equals(IMAGE)).toBe(true)
    expect(leaf.checkIssued(new X509Certificate(daemon.ca))).toBe(true)
  })

  it.each(ASKED_NAMES.filter(([, name]) => name !== ''))(
    'is in the leaf at once when it is %s',
    async (_what, servername) => {
      const leaf = await leafOf(daemon, servername)
      expect(leaf.checkIssued(new X509Certificate(daemon.ca))).toBe(true)
      expect((leaf.subjectAltName ?? '').split(', ')).toContain(`DNS:${servername}`)
      if (isIP(servername) !== 0) expect(leaf.checkIP(servername)).toBeDefined()
      else expect(leaf.checkHost(servername)).toBe(servername)
    }
  )

  it('is told in the log the first time, with who asked for it', async () => {
    for (const _ of [1, 2, 3]) await leafOf(daemon, 'told-once.local')
    const told = daemon.log.filter(
      line => line.event === 'certificate.asked' && 'name' in line && line.name === 'told-once.local'
    )
    expect(told).toEqual([expect.objectContaining({ device: '127.0.0.1', name: 'told-once.local' })])
  })

  it.each([
    ['fd12:3456::9', 'fd12:3456::9'],
    ['FD12:3456:0:0:0:0:0:A', 'fd12:3456::a'],
    ['fe80:0::1', 'fe80::1']
  ])('may be an IPv6 address in any form: %s', async (servername, best) => {
    const leaf = await leafOf(daemon, servername)
    expect(leaf.checkIP(best)).toBeDefined()
    const names = (leaf.subjectAltName ?? '').split(', ')
    expect(names).toContain(`DNS:${servername.toLowerCase()}`)
    expect(names).toContain(`DNS:${best}`)
  })

  it.each([
    '8.8.8.8',
    '172.32.0.1',
    '192.169.1.1',
    '2001:4860:4860::8888',
    'example.com',
    'local.example.com',
    'a.lan.example'
  ])('gets no leaf of its own when it belongs to somebody else in the world: %s', async servername => {
    const leaf = await leafOf(daemon, servername)
    expect(leaf.subjectAltName).not.toContain(servername)
  })

  it('gets no certificate of ours when it is a public one that nobody listed', async () => {
    const { tls } = await sniff(daemon.port, { servername: 'www.example.com' })
    const leaf = new X509Certificate(tls.getPeerCertificate().raw)
    tls.destroy()
    expect(leaf.checkHost('www.example.com')).toBeUndefined()
  })

  it.each([
    `${'a'.repeat(63)}.${'b'.repeat(63)}.local`,
    '*.local',
    'a..b',
    '-',
    '_',
    'xn--zzzzzz--.local',
    '..',
    '%00.local'
  ])('may be nonsense without harm: %s', async servername => {
    await handshake(daemon.port, { servername })
    const connection = await daemon.connect()
    expect((await exchange(connection, request('HEAD', '/hello_world.bin'), { method: 'HEAD' })).status).toBe(200)
    await connection.close()
    expect(daemon.log.filter(({ event }) => event === 'bug')).toEqual([])
  })

  it('may be a new one each time: the others are served meanwhile', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `box-${index}.local`)
    const all = Promise.all(names.map(servername => handshake(daemon.port, { servername })))
    const begun = performance.now()
    const connection = await daemon.connect()
    expect((await exchange(connection, request('HEAD', '/hello_world.bin'), { method: 'HEAD' })).status).toBe(200)
    expect(performance.now() - begun).toBeLessThan(3000)
    await connection.close()
    for (const suite of await all) expect(suite).toMatch(/^TLS_/)
  })
})

describe('an advertised host', () => {
  it('is the CN, a name of the certificate, and what the log tells people to paste', async () => {
    const own = await startDaemon({ folders: [await temporaryFolder()], args: ['--advertise', '192.168.200.9'] })
    const leaf = await leafOf(own)
    expect(leaf.subject).toBe('CN=192.168.200.9')
    expect(leaf.checkIP('192.168.200.9')).toBeDefined()
    expect((leaf.subjectAltName ?? '').split(', ')).toContain('DNS:192.168.200.9')
    expect((await own.event('server.listening')).urls[0]).toContain(`https://192.168.200.9:${own.port}/`)
  })

  it('keeps its CA and its certificate over a restart', async () => {
    const home = await temporaryFolder()
    const first = await startDaemon({ home })
    const before = await leafOf(first)
    await first.stop()
    const second = await startDaemon({ home })
    expect((await leafOf(second)).fingerprint256).toBe(before.fingerprint256)
    expect(second.ca).toBe(first.ca)
    expect(await readFile(path.join(home, 'certs', 'ca_cert.pem'), 'utf8')).toBe(first.ca)
  })
})
