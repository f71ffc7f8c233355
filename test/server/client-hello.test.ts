// The first message of real clients, as they send it, read for what it says. Of what is cut or broken as much as is there is read, and
// nothing is ever thrown: it comes from whoever connects.
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import path from 'node:path'
import { connect as connectTls } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type ClientHello, isTls, readClientHello } from '../../src/server/client-hello.js'
import { buildDevice, runDevice } from '../support/c-device.js'
import { anAuthority, certificateFolder } from '../support/certificates.js'

const device = await buildDevice()
const files = await certificateFolder()
await files.write('ca', await anAuthority())
const caFile = path.join(files.path, 'ca.pem')

/** The hello of whatever `client` starts against a port of 127.0.0.1, whole: the client is then hung up on. */
async function captureHello(client: (port: number) => unknown): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const connected = once(server, 'connection')
  const visiting = client((server.address() as AddressInfo).port)
  const [socket] = await connected
  let hello: Buffer = Buffer.alloc(0)
  for await (const piece of socket) {
    hello = Buffer.concat([hello, piece as Buffer])
    if (hello.length >= 5 && hello.length >= 5 + hello.readUInt16BE(3)) break
  }
  socket.destroy()
  await visiting
  return hello
}

function nodeHello(options: Parameters<typeof connectTls>[1]): Promise<Buffer> {
  return captureHello(port => {
    const client = connectTls(port, '127.0.0.1', options)
    client.on('error', () => {})
    return new Promise(resolve => client.on('close', resolve))
  })
}

function deviceHello(host: string, ...args: string[]): Promise<Buffer> {
  return captureHello(port =>
    runDevice(device ?? '', [`https://${host}:${port}/a.bin`, '--ca', caFile, '--resolve', '127.0.0.1', ...args])
  )
}

function read(bytes: Buffer): ClientHello {
  const hello = readClientHello(bytes)
  if (hello === undefined) throw new Error('it was not read')
  return hello
}

/** Numbers of RFC 5246 A.1, RFC 8446 4.1.2; of suites: RFC 5289, RFC 7905, RFC 8446 B.4; of groups: RFC 8422 5.1.1. */
const TLS10 = 0x0301
const TLS11 = 0x0302
const TLS12 = 0x0303
const TLS13 = 0x0304
const ECDSA_AES128_GCM = 0xc02b
const RSA_AES256_GCM = 0xc030
const RSA_KX_AES128_CBC = 0x002f
const P256 = 23
const P384 = 24

describe('the hello of Node', () => {
  it('says TLS 1.3, its suites and the name', async () => {
    const hello = read(await nodeHello({ servername: 'ota.example.com' }))
    expect(hello.maxVersion).toBe(TLS13)
    expect(hello.servername).toBe('ota.example.com')
    expect(hello.cipherSuites).toEqual(expect.arrayContaining([0x1301, 0x1302, 0x1303, ECDSA_AES128_GCM]))
    expect(hello.maxFragmentLength).toBeUndefined()
  })

  it('says TLS 1.2 at most, two suites in their order, and the curves', async () => {
    const ciphers = 'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256'
    const bytes = await nodeHello({ maxVersion: 'TLSv1.2', ciphers, ecdhCurve: 'P-384:P-256', servername: 'b.local' })
    const hello = read(bytes)
    expect(hello.maxVersion).toBe(TLS12)
    expect(hello.cipherSuites.filter(suite => suite !== 0x00ff)).toEqual([RSA_AES256_GCM, ECDSA_AES128_GCM])
    expect(hello.groups).toEqual([P384, P256])
    expect(hello.servername).toBe('b.local')
  })

  it('has no name when it was given none', async () => {
    expect(read(await nodeHello({})).servername).toBeUndefined()
  })

  it.each([
    ['TLSv1', TLS10],
    ['TLSv1.1', TLS11]
  ] as const)('says %s at most', async (version, number) => {
    const old = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' }
    expect(read(await nodeHello(old)).maxVersion).toBe(number)
  })
})

describe.skipIf(device === undefined)('the hello of mbedTLS 2.28', () => {
  it('says TLS 1.2 and the name, even when that is an address', async () => {
    const hello = read(await deviceHello('192.168.1.8'))
    expect(hello.maxVersion).toBe(TLS12)
    expect(hello.servername).toBe('192.168.1.8')
    expect(hello.cipherSuites).toContain(ECDSA_AES128_GCM)
    expect(hello.groups).toContain(P256)
    expect(hello.maxFragmentLength).toBeUndefined()
  })

  it('has no name without the name check', async () => {
    expect(read(await deviceHello('ota.example.com', '--no-name-check')).servername).toBeUndefined()
  })

  it.each([
    ['1.0', TLS10],
    ['1.1', TLS11],
    ['1.2', TLS12]
  ])('says TLS %s at most', async (version, number) => {
    expect(read(await deviceHello('a.local', '--max-tls', version)).maxVersion).toBe(number)
  })

  it.each([512, 1024, 2048, 4096])('asks for records of %d bytes', async length => {
    const hello = read(await deviceHello('a.local', '--max-fragment', String(length)))
    expect(hello.maxFragmentLength).toBe(length)
    expect(hello.servername).toBe('a.local')
  })

  it('says the suites it was given, in their order', async () => {
    const suites = 'TLS-RSA-WITH-AES-128-CBC-SHA,TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256'
    const hello = read(await deviceHello('a.local', '--ciphersuites', suites))
    expect(hello.cipherSuites.filter(suite => suite !== 0x00ff)).toEqual([RSA_KX_AES128_CBC, ECDSA_AES128_GCM])
  })
})

describe('a hello that is', () => {
  it('in several records is read as one message', async () => {
    const whole = await nodeHello({ servername: 'ota.example.com' })
    const message = whole.subarray(5)
    const records: Buffer[] = []
    for (let at = 0; at < message.length; at += 64) {
      const piece = message.subarray(at, at + 64)
      records.push(Buffer.from([22, 3, 1, 0, piece.length]), piece)
    }
    expect(readClientHello(Buffer.concat(records))).toEqual(readClientHello(whole))
  })

  it.each([
    ['TLS 1.3', { servername: 'ota.example.com' }],
    ['TLS 1.2', { servername: 'ota.example.com', maxVersion: 'TLSv1.2' }]
  ] as const)('cut anywhere (%s) is read as far as it goes, and never more', async (_version, options) => {
    const whole = await nodeHello(options)
    const all = read(whole)
    for (let length = 0; length < whole.length; length++) {
      const cut = readClientHello(whole.subarray(0, length))
      if (cut === undefined) continue
      expect(all.cipherSuites.slice(0, cut.cipherSuites.length), `at ${length}`).toEqual(cut.cipherSuites)
      expect(all.maxVersion).toBeGreaterThanOrEqual(cut.maxVersion)
      expect(all.servername?.startsWith(cut.servername ?? ''), `name ${cut.servername}`).toBe(true)
    }
  })

  it('broken at random is never a reason to throw', { timeout: 60_000 }, async () => {
    const random = seeded(20_000)
    const hellos = [await nodeHello({ servername: 'ota.example.com' }), await nodeHello({ maxVersion: 'TLSv1.2' })]
    if (device !== undefined) hellos.push(await deviceHello('a.local', '--max-fragment', '512'))
    for (let round = 0; round < 20_000; round++) {
      const broken = mutated(hellos[round % hellos.length] ?? Buffer.alloc(0), random)
      try {
        isTls(broken)
        readClientHello(broken)
      } catch (cause) {
        throw new Error(`thrown at round ${round}: ${broken.toString('hex')}`, { cause })
      }
    }
  })

  it.each([
    ['nothing', ''],
    ['a request', '474554202f20485454502f312e310d0a'],
    ['an alert', '15030100020228'],
    ['a ServerHello', '160303000602000002030300'],
    ['a record without content', '1603010000'],
    ['a ClientHello without a version', '160301000401000000']
  ])('none at all is not read: %s', (_what, hex) => {
    expect(readClientHello(Buffer.from(hex, 'hex'))).toBeUndefined()
  })

  it('of a client that greases (RFC 8701) has no version of 0x7A7A', () => {
    const versions = Buffer.from('002b0007067a7a03040303', 'hex')
    const body = Buffer.concat([
      Buffer.from('0303', 'hex'),
      Buffer.alloc(32),
      Buffer.from('0000021301', 'hex'),
      Buffer.from('0100', 'hex'),
      Buffer.from([0, versions.length]),
      versions
    ])
    const message = Buffer.concat([Buffer.from([1, 0, 0, body.length]), body])
    const record = Buffer.concat([Buffer.from([22, 3, 1, 0, message.length]), message])
    expect(read(record)).toMatchObject({ maxVersion: TLS13, cipherSuites: [0x1301] })
  })
})

/** Mulberry32: the same numbers each time, from 0 to below `limit`. */
function seeded(seed: number): (limit: number) => number {
  let state = seed
  return limit => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}

/** Bytes changed, cut out, doubled; now and then cut off. */
function mutated(hello: Buffer, random: (limit: number) => number): Buffer {
  let bytes = Buffer.from(hello)
  for (let changes = 1 + random(6); changes > 0; changes--) {
    const at = random(bytes.length || 1)
    const length = random(16)
    switch (random(5)) {
      case 0:
      case 1:
        if (bytes.length > 0) bytes[at] = random(256)
        break
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
        break
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at)])
        break
      case 4:
        bytes = bytes.subarray(0, random(4) === 0 ? at : bytes.length)
    }
  }
  return bytes
}
