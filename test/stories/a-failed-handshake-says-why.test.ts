// A device prints a number when TLS fails, and its developer has no serial cable at hand. So otad says what happened, in one line for each
// failure: who it was, which name it asked for, why, and the one thing to do (product.md 6, clients.md 15.6). Every fault here is provoked by
// a real client against the real daemon.
import { mkdir, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import { connect as connectTcp, type Socket } from 'node:net'
import path from 'node:path'
import { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setTimeout as elapse } from 'node:timers/promises'
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildDevice, cDeviceIsRequired, DEVICE_EXIT, runDevice } from '../support/c-device.js'
import { anAuthority, certificateFolder, daysFromNow, type LeafOptions } from '../support/certificates.js'
import { type LoggedEvent, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { answerOf, run } from '../support/real-clients-program.js'
import { type SharedDaemon, useSharedDaemon } from '../support/shared-daemon.js'

const NAME = 'hello_world.bin'
const IMAGE = anImage()
const HERE = '127.0.0.1'
/** Longer than the ten seconds that a connection gets to say something. */
const SILENCE = { timeout: 40_000 }

const device = await buildDevice()
const hasOpenssl = (await answerOf('openssl', ['version'])) !== undefined
const hasCurl = (await answerOf('curl', ['--version'])) !== undefined

const files = await certificateFolder()
const authority = await anAuthority()
await files.write('root', authority)
await files.write('other', await anAuthority())
const rootFile = path.join(files.path, 'root.pem')
const otherFile = path.join(files.path, 'other.pem')
const noPemFile = path.join(files.path, 'no-pem.pem')
await writeFile(noPemFile, '-----BEGIN CERTIFICATE-----\nthis is none\n')

/** A daemon that shows a certificate of the operator. */
async function withOwn(what: string, leaf: Omit<LeafOptions, 'purpose'>): Promise<SharedDaemon> {
  const own = await files.write(what, await authority.issue({ purpose: 'server', ...leaf }))
  return useSharedDaemon({
    firmware: { [NAME]: IMAGE },
    args: ['--cert-file', own.certFile, '--key-file', own.keyFile, '--ca-file', rootFile],
    // Where the helper looks for what a device embeds.
    beside: { 'home/certs/ca_cert.pem': Buffer.from(authority.certificate) }
  })
}

const both = { names: [HERE, 'localhost'], addresses: [HERE] }
const EXPIRED_DAYS = daysFromNow(-90, -3)
const EARLY_DAYS = daysFromNow(5, 90)
const plain = useSharedDaemon({ firmware: { [NAME]: IMAGE } })
const selfSigned = useSharedDaemon({ firmware: { [NAME]: IMAGE }, args: ['--cert-mode', 'self-signed'] })
const expired = await withOwn('expired', { ...both, valid: EXPIRED_DAYS })
const early = await withOwn('early', { ...both, valid: EARLY_DAYS })
const DAEMONS = [plain, selfSigned, expired, early]
const day = (date: Date): string => date.toISOString().slice(0, 10)

/** What a client has to know of a daemon. */
type Target = Pick<SharedDaemon, 'port' | 'home'>

/** A way to fail, which a client goes against a daemon. */
interface Way {
  readonly by: string
  readonly daemon?: SharedDaemon
  /** Address of the device; 127.0.0.1 when left out. */
  readonly from?: string
  /** The name that it asks for; none when left out. */
  readonly asks?: string
  readonly code: string | RegExp
  readonly missing?: boolean
  readonly go: (daemon: Target) => Promise<unknown>
}

/** What goes wrong: however it is come by, it has these words, and no other fault has them. */
interface Fault {
  readonly fault: string
  readonly cause: RegExp
  readonly fix: RegExp
  readonly ways: readonly Way[]
}

const ALERT = (name: string): RegExp => new RegExp(`^ERR_SSL_.+_ALERT_${name}$`)

/** The C device: it has to fail, and in the handshake. */
function byDevice(code: string | RegExp, host: string, ...args: string[]): Way {
  return {
    by: `mbedTLS 2.28 (${[host, ...args].map(arg => path.basename(arg)).join(' ')})`,
    asks: host,
    code,
    missing: device === undefined && !cDeviceIsRequired(),
    go: async daemon => {
      const ca = args.includes('--ca') ? [] : ['--ca', path.join(daemon.home, 'certs', 'ca_cert.pem')]
      const url = `https://${host}:${daemon.port}/${NAME}`
      const ran = await runDevice(device ?? '', [url, ...ca, '--resolve', HERE, ...args])
      expect(ran.code, ran.stderr).toBe(DEVICE_EXIT.handshakeFailed)
    }
  }
}

function withoutName(way: Way): Way {
  const { asks: _asks, ...rest } = way
  return rest
}

function byOpenssl(code: string | RegExp, asks: string | undefined, ...args: string[]): Way {
  const name = asks === undefined ? ['-noservername'] : ['-servername', asks]
  return {
    by: `openssl s_client ${args.map(arg => path.basename(arg)).join(' ')}`,
    ...(asks !== undefined && { asks }),
    code,
    missing: !hasOpenssl,
    go: async daemon => {
      const ca = args.includes('-CAfile') ? [] : ['-CAfile', path.join(daemon.home, 'certs', 'ca_cert.pem')]
      const strict = ['-verify_return_error', '-no-CApath', '-no-CAstore']
      await run('openssl', ['s_client', '-connect', `${HERE}:${daemon.port}`, ...strict, ...name, ...ca, ...args])
    }
  }
}

/** A program on TCP that knows nothing of TLS. */
function byTcp(by: string, from: string, code: string | RegExp, go: (socket: Socket) => unknown, asks?: string): Way {
  return {
    by,
    from,
    code,
    ...(asks !== undefined && { asks }),
    go: async daemon => {
      const socket = connectTcp({ host: HERE, port: daemon.port, localAddress: from })
      const closed = new Promise(resolve => socket.once('close', resolve))
      socket.on('error', () => {})
      await new Promise(resolve => socket.once('connect', resolve))
      await go(socket)
      socket.resume()
      await closed
    }
  }
}

const send = (bytes: Buffer | string) => (socket: Socket) => void socket.write(bytes)

/** Sends, and goes as soon as the server has answered something. */
const sendThen = (bytes: Buffer, leave: (socket: Socket) => unknown) => (socket: Socket) =>
  new Promise<void>(resolve => {
    socket.once('data', () => {
      leave(socket)
      resolve()
    })
    socket.write(bytes)
  })

/** What a client of Node says first. */
function helloFor(servername: string, options: TlsOptions = {}): Promise<Buffer> {
  return new Promise(resolve => {
    const wire = new Duplex({
      read: () => {},
      write: (chunk: Buffer, _encoding, done) => {
        resolve(chunk)
        done()
      }
    })
    connectTls({ ...options, socket: wire, servername }).on('error', () => {})
  })
}

const hello = await helloFor('tcp.local')
const MQTT_CONNECT = Buffer.from('101000044d5154540402003c00046f746164', 'hex')
const SLOW = {
  silent: byTcp('nothing for 10 s', '127.0.0.11', 'SILENT', () => {}),
  half: byTcp(
    'half a ClientHello',
    '127.0.0.12',
    'ERR_TLS_HANDSHAKE_TIMEOUT',
    send((await helloFor('half.local')).subarray(0, 60))
  ),
  stopped: byTcp(
    'a ClientHello and then nothing',
    '127.0.0.13',
    'ERR_TLS_HANDSHAKE_TIMEOUT',
    send(await helloFor('stopped.local')),
    'stopped.local'
  )
}

const FAULTS: readonly Fault[] = [
  {
    fault: 'another CA',
    cause: /^it trusts another CA$/,
    fix: /certs\/ca_cert\.pem/,
    ways: [
      byDevice(ALERT('UNKNOWN_CA'), HERE, '--ca', otherFile),
      byOpenssl(ALERT('UNKNOWN_CA'), 'openssl.local', '-CAfile', otherFile),
      byOpenssl(ALERT('UNKNOWN_CA'), 'openssl12.local', '-CAfile', otherFile, '-tls1_2'),
      {
        by: 'curl',
        code: ALERT('UNKNOWN_CA'),
        missing: !hasCurl,
        asks: 'localhost',
        go: ({ port }) => run('curl', ['-4sS', '--cacert', otherFile, `https://localhost:${port}/${NAME}`])
      }
    ]
  },
  {
    fault: 'another certificate than the self-signed one',
    cause: /^it trusts another certificate$/,
    fix: /certs\/ca_cert\.pem/,
    ways: [{ ...byDevice(ALERT('UNKNOWN_CA'), HERE, '--ca', otherFile), daemon: selfSigned }]
  },
  {
    fault: 'a public name that nobody listed',
    cause: /ota\.example\.com.* is not in the certificate/,
    fix: /--names ota\.example\.com/,
    ways: [byDevice(ALERT('BAD_CERTIFICATE'), 'ota.example.com')]
  },
  {
    fault: 'a name that is not in the certificate of the operator',
    cause: /ota\.example\.net.* is not in the certificate/,
    fix: /host in the URL/,
    ways: [{ ...byDevice(ALERT('BAD_CERTIFICATE'), 'ota.example.net'), daemon: expired }]
  },
  {
    fault: 'a wrong name of a client that does not say which (no SNI)',
    cause: /is not in the certificate, or its clock.*no SNI/,
    fix: /--names.*clock/,
    ways: [byOpenssl(ALERT('BAD_CERTIFICATE'), undefined, '-verify_hostname', 'ota.example.com')]
  },
  {
    fault: 'an expired certificate',
    cause: new RegExp(`^the certificate ended on ${day(EXPIRED_DAYS[1])}$`),
    fix: /Renew/,
    ways: [
      { ...byDevice(ALERT('CERTIFICATE_EXPIRED'), HERE, '--check-dates'), daemon: expired },
      { ...byOpenssl(ALERT('CERTIFICATE_EXPIRED'), 'localhost'), daemon: expired }
    ]
  },
  {
    fault: 'a certificate that is not valid yet',
    cause: new RegExp(`^the certificate (begins on|is not valid before) ${day(EARLY_DAYS[0])}( only)?$`),
    fix: /./,
    ways: [
      { ...byDevice(ALERT('CERTIFICATE_UNKNOWN'), HERE, '--check-dates'), daemon: early },
      { ...byOpenssl(ALERT('BAD_CERTIFICATE'), 'localhost'), daemon: early }
    ]
  },
  {
    fault: 'the certificate bundle',
    cause: /certificate bundle/,
    fix: /embed it/,
    ways: [byDevice(ALERT('ACCESS_DENIED'), HERE, '--ca', otherFile, '--trust-bundle')]
  },
  {
    fault: 'http:// instead of https://',
    cause: /plain HTTP to the HTTPS port/,
    fix: /https:\/\//,
    ways: [
      {
        by: 'curl',
        code: 'ERR_SSL_HTTP_REQUEST',
        asks: 'localhost',
        missing: !hasCurl,
        go: ({ port }) => run('curl', ['-4sS', `http://localhost:${port}/${NAME}`])
      },
      byTcp(
        'a partial head and a hang-up',
        '127.0.0.21',
        'ERR_SSL_HTTP_REQUEST',
        socket => {
          socket.end('GET /a.bin HTTP/1.1\r\nHost: cut.local\r\n')
        },
        'cut.local'
      )
    ]
  },
  {
    fault: 'TLS 1.0 at most',
    cause: /^it speaks TLS 1\.0 at most$/,
    fix: /TLS 1\.2/,
    ways: [
      byDevice('ERR_SSL_UNSUPPORTED_PROTOCOL', HERE, '--max-tls', '1.0'),
      byOpenssl('ERR_SSL_UNSUPPORTED_PROTOCOL', 'old.local', '-tls1', '-cipher', 'DEFAULT@SECLEVEL=0')
    ]
  },
  {
    fault: 'TLS 1.1 at most',
    cause: /^it speaks TLS 1\.1 at most$/,
    fix: /TLS 1\.2/,
    ways: [
      byDevice('ERR_SSL_UNSUPPORTED_PROTOCOL', HERE, '--max-tls', '1.1'),
      byOpenssl('ERR_SSL_UNSUPPORTED_PROTOCOL', 'old.local', '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0')
    ]
  },
  {
    fault: 'ciphers for RSA keys alone',
    cause: /RSA keys only, ours is EC/,
    fix: /--key-type rsa/,
    ways: [
      byDevice('ERR_SSL_NO_SHARED_CIPHER', HERE, '--ciphersuites', 'TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256'),
      byOpenssl('ERR_SSL_NO_SHARED_CIPHER', 'rsa.local', '-tls1_2', '-cipher', 'ECDHE-RSA-AES256-GCM-SHA384')
    ]
  },
  {
    fault: 'no cipher that is AEAD with forward secrecy',
    cause: /none of our ciphers/,
    fix: /GCM/,
    ways: [
      byDevice('ERR_SSL_NO_SHARED_CIPHER', HERE, '--ciphersuites', 'TLS-ECDHE-ECDSA-WITH-AES-128-CBC-SHA256'),
      byDevice('ERR_SSL_NO_SHARED_CIPHER', 'kx.local', '--ciphersuites', 'TLS-RSA-WITH-AES-128-GCM-SHA256')
    ]
  },
  {
    fault: 'no curve of ours',
    cause: /none of our curves/,
    fix: /SECP256R1/,
    ways: [
      byOpenssl('ERR_SSL_NO_SHARED_CIPHER', 'x448.local', '-tls1_2', '-groups', 'X448'),
      byOpenssl(/./, 'x448-13.local', '-tls1_3', '-groups', 'X448')
    ]
  },
  {
    fault: 'signatures of RSA alone',
    cause: /cannot verify signatures of EC keys/,
    fix: /--key-type rsa/,
    ways: [byOpenssl(/./, 'sig13.local', '-tls1_3', '-sigalgs', 'RSA-PSS+SHA256')]
  },
  {
    fault: 'a reset in the middle',
    cause: /reset .*in the middle.*memory.*watchdog.*restart/,
    fix: /40 KiB/,
    ways: [
      byDevice('ECONNRESET', 'at-hello.local', '--quit-at', 'hello'),
      byDevice('ECONNRESET', 'at-certificate.local', '--quit-at', 'certificate'),
      byTcp(
        'a reset after the ServerHello',
        '127.0.0.22',
        'ECONNRESET',
        sendThen(hello, s => s.resetAndDestroy()),
        'tcp.local'
      )
    ]
  },
  {
    fault: 'a hang-up in the middle, with a FIN',
    cause: /closed the connection in the middle/,
    fix: /serial log/,
    ways: [
      byTcp(
        'a FIN after the ServerHello',
        '127.0.0.23',
        'CLOSED',
        sendThen(hello, s => s.end()),
        'tcp.local'
      ),
      byTcp('a FIN after half a ClientHello', '127.0.0.24', 'CLOSED', socket => socket.end(hello.subarray(0, 20)))
    ]
  },
  {
    fault: 'records of 512 bytes',
    cause: /records of 512 bytes/,
    fix: /1024/,
    ways: [byDevice(/^(CLOSED|ECONNRESET)$/, HERE, '--max-fragment', '512')]
  },
  {
    fault: 'a hang-up without a word',
    cause: /port is open, or the device cannot read the certificate that is embedded/,
    fix: /embed certs\/ca_cert\.pem/,
    ways: [
      byTcp('a FIN', '127.0.0.25', 'CLOSED_UNHEARD', socket => socket.end()),
      withoutName(byDevice('CLOSED_UNHEARD', HERE, '--ca', noPemFile))
    ]
  },
  {
    fault: 'another protocol',
    cause: /neither TLS nor HTTP/,
    fix: /which program/,
    ways: [
      byTcp('SSH', '127.0.0.27', 'NOT_TLS', send('SSH-2.0-x\r\n')),
      byTcp('MQTT', '127.0.0.28', 'NOT_TLS', send(MQTT_CONNECT)),
      byTcp('SMTP', '127.0.0.29', 'NOT_TLS', send('EHLO otad.test\r\n')),
      byTcp('noise', '127.0.0.30', 'NOT_TLS', send(Buffer.alloc(5000, 0x80)))
    ]
  },
  {
    fault: 'what begins as TLS and is none',
    cause: /./,
    fix: /./,
    ways: [
      byTcp(
        '0x16 0x03 and nonsense',
        '127.0.0.31',
        /^ERR_SSL_/,
        send(Buffer.from(`\x16\x03${'nonsense'.repeat(40)}`, 'latin1'))
      )
    ]
  },
  { fault: 'silence', cause: /sent nothing for 10 s/, fix: /TLS client|Wi-Fi/, ways: [SLOW.silent] },
  {
    fault: 'a stop in the middle',
    cause: /began the handshake and then stopped/,
    fix: /power/,
    ways: [SLOW.half, SLOW.stopped]
  }
]

const WAYS = FAULTS.flatMap(fault => fault.ways.map(way => ({ ...way, ...fault, daemon: way.daemon ?? plain })))
const isSlow = (by: string): boolean => Object.values(SLOW).some(way => way.by === by)
type Failure = LoggedEvent<'handshake.failed'>

/** The lines of one device so far. */
function failuresOf({ log }: Pick<SharedDaemon, 'log'>, from?: string): readonly Failure[] {
  const failures = log.filter(({ event }) => event === 'handshake.failed') as readonly Failure[]
  return from === undefined ? failures : failures.filter(({ device }) => device === from)
}

/** What a client gets that trusts the right CA; dates are let pass, as devices without a clock do. */
function fetchFrom({ port, ca }: SharedDaemon, target: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    get({ host: HERE, port, path: target, ca, rejectUnauthorized: false, agent: false }, answer => {
      buffer(answer).then(resolve, reject)
    }).on('error', reject)
  })
}

describe('a failed handshake is one line with the cause and what to do:', () => {
  const slowOnes: Promise<unknown>[] = []
  const told = new Map<string, string>()

  beforeAll(() => {
    slowOnes.push(...Object.values(SLOW).map(({ go }) => go(plain)))
  })

  it.for(WAYS)(
    '$fault, by $by',
    SILENCE,
    async ({ fault, by, daemon, from = HERE, asks, code, missing, go, cause, fix }, context) => {
      if (missing) return context.skip()
      const before = isSlow(by) ? 0 : failuresOf(daemon, from).length
      if (isSlow(by)) await Promise.all(slowOnes)
      else await go(daemon)
      await daemon.event('handshake.failed', one => failuresOf(daemon, from).indexOf(one) >= before)
      const found = failuresOf(daemon, from).slice(before)
      expect(found).toHaveLength(1)
      const [line] = found
      expect(line).toMatchObject({ device: from, count: 1 })
      expect(line?.servername).toBe(asks)
      expect(line?.code).toMatch(code)
      expect(line?.cause).toMatch(cause)
      expect(line?.fix).toMatch(fix)
      told.set(`${fault}\n${by}`, line?.cause ?? '')
    }
  )

  it('no two faults have the same words', () => {
    const faultsOf = new Map<string, Set<string>>()
    for (const [key, cause] of told) {
      const fault = key.split('\n', 1)[0] ?? ''
      faultsOf.set(cause, (faultsOf.get(cause) ?? new Set()).add(fault))
    }
    for (const [cause, faults] of faultsOf) expect([...faults], cause).toHaveLength(1)
  })

  it('each was told once, none was a bug, and whoever does it right is served after all of it', async () => {
    for (const daemon of DAEMONS) {
      const failures = failuresOf(daemon)
      expect((await fetchFrom(daemon, `/${NAME}`)).equals(IMAGE)).toBe(true)
      const metrics = (await fetchFrom(daemon, '/metrics')).toString()
      const counted = [...metrics.matchAll(/^otad_handshakes_failed\S* (\d+)$/gm)].map(([, count]) => Number(count))
      expect(failures.length).toBe(WAYS.filter(way => way.daemon === daemon && !way.missing).length)
      expect(failures.map(({ count }) => count)).toEqual(failures.map(() => 1))
      expect(counted.reduce((sum, count) => sum + count, 0)).toBe(failures.length)
      expect(daemon.log.filter(({ event }) => event === 'bug')).toEqual([])
    }
  })
})

describe('a device that fails again and again', () => {
  it('is told at once, and the number of the others at the latest when the daemon stops', SILENCE, async () => {
    const daemon = await startDaemon()
    const reset = async (from: string): Promise<void> =>
      void (await byTcp(
        'a reset',
        from,
        '',
        sendThen(hello, socket => socket.resetAndDestroy())
      ).go(daemon))
    await reset('127.0.0.41')
    const first = await daemon.event('handshake.failed')
    expect(first).toMatchObject({ device: '127.0.0.41', code: 'ECONNRESET', count: 1 })
    for (let times = 1; times < 20; times++) await reset('127.0.0.41')
    expect(failuresOf(daemon)).toHaveLength(1)

    // Neither another cause of the same device nor another device waits for its turn.
    await byTcp('SSH', '127.0.0.41', '', send('SSH-2.0-x\r\n')).go(daemon)
    const other = await daemon.event('handshake.failed', ({ code }) => code === 'NOT_TLS')
    expect(other).toMatchObject({ device: '127.0.0.41', count: 1 })
    await reset('127.0.0.42')
    await daemon.event('handshake.failed', ({ device }) => device === '127.0.0.42')

    expect(await daemon.stop()).toBe(0)
    const lines = failuresOf(daemon).map(({ device, code, count }) => [device, code, count])
    expect(lines).toEqual([
      ['127.0.0.41', 'ECONNRESET', 1],
      ['127.0.0.41', 'NOT_TLS', 1],
      ['127.0.0.42', 'ECONNRESET', 1],
      ['127.0.0.41', 'ECONNRESET', 19]
    ])
  })

  it('that asked for another name each time is told each time', async () => {
    const daemon = await startDaemon()
    for (const name of ['a.local', 'b.local']) {
      const bytes = await helloFor(name)
      await byTcp(
        'a reset',
        HERE,
        '',
        sendThen(bytes, socket => socket.resetAndDestroy())
      ).go(daemon)
      await daemon.event('handshake.failed', ({ servername }) => servername === name)
    }
    expect(failuresOf(daemon).map(({ count }) => count)).toEqual([1, 1])
  })
})

describe('no device is blamed', () => {
  it('for connections that the daemon ends when it stops', async () => {
    const daemon = await startDaemon()
    const sockets = await Promise.all(
      [Buffer.alloc(0), hello.subarray(0, 100), hello].map(async bytes => {
        const socket = connectTcp(daemon.port, HERE).on('error', () => {})
        await new Promise(resolve => socket.once('connect', resolve))
        socket.write(bytes)
        return socket
      })
    )
    // The last one has its answer when the daemon has seen them all.
    await new Promise(resolve => sockets[2]?.once('data', resolve))
    expect(await daemon.stop()).toBe(0)
    expect(failuresOf(daemon)).toEqual([])
    for (const socket of sockets) socket.destroy()
  })
})

// A hello that comes in two pieces is a hello: with a key share against quantum computers it is longer than an Ethernet frame, and devices
// write the head of a record by itself. What it said has to be known whole, or the verdict is made up from its first piece.
describe('a hello in two pieces', () => {
  const inTwo = (bytes: Buffer, length: number) => async (socket: Socket) => {
    socket.setNoDelay()
    socket.write(bytes.subarray(0, length))
    await elapse(100)
    await sendThen(bytes.subarray(length), one => one.resetAndDestroy())(socket)
  }

  it.each([1, 5, 60])('is told by the name in it, the first piece being %d bytes', async length => {
    const daemon = await startDaemon()
    await byTcp('a reset', HERE, '', inTwo(await helloFor('two-pieces.local'), length)).go(daemon)
    const line = await daemon.event('handshake.failed')
    expect(line).toMatchObject({ servername: 'two-pieces.local', code: 'ECONNRESET' })
  })

  it.each([1, 5, 30])('is told by the ciphers in it, the first piece being %d bytes', async length => {
    const daemon = await startDaemon()
    const rsaOnly = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' } as const
    await byTcp('a reset', HERE, '', inTwo(await helloFor('rsa.local', rsaOnly), length)).go(daemon)
    const line = await daemon.event('handshake.failed')
    expect(line).toMatchObject({ servername: 'rsa.local', code: 'ERR_SSL_NO_SHARED_CIPHER' })
    expect(line.cause).toContain('RSA keys only')
  })

  it('is not told by half a name when the second one never comes', async () => {
    const daemon = await startDaemon()
    const bytes = await helloFor('ota.example.com')
    const cut = bytes.subarray(0, bytes.indexOf('ota.example.com') + 8)
    await byTcp('a FIN', HERE, '', socket => void socket.end(cut)).go(daemon)
    expect((await daemon.event('handshake.failed')).servername).toBeUndefined()
  })
})

describe('what nobody can know is not made up', () => {
  it('the address of one that was gone before the daemon took its connection', async () => {
    const daemon = await startDaemon()
    await byTcp('a reset', '127.0.0.51', '', socket => void socket.resetAndDestroy()).go(daemon)
    const { device, code } = await daemon.event('handshake.failed')
    expect(device).toMatch(/^(127\.0\.0\.51|unknown)$/)
    expect(code).toBe('CLOSED_UNHEARD')
  })

  // X25519 is a curve of ours: what this client lacks is P-256, the curve of the key.
  it.skipIf(!hasOpenssl)('that one that has X25519 alone has none of our curves', async () => {
    const daemon = await startDaemon()
    await byOpenssl('', 'curve.local', '-tls1_2', '-groups', 'X25519').go(daemon)
    const { code, cause } = await daemon.event('handshake.failed')
    expect(code).toBe('ERR_SSL_NO_SHARED_CIPHER')
    expect(cause).not.toContain('none of our curves')
  })
})

describe.skipIf(device === undefined)('a certificate with the address as iPAddress alone', () => {
  // It is in the certificate: the device is one that cannot read it there (mbedTLS before 3.5, clients.md R9).
  it('is not said to lack that address', async () => {
    const home = await temporaryFolder()
    const own = await files.write('ip-alone', await authority.issue({ purpose: 'server', addresses: [HERE] }))
    await mkdir(path.join(home, 'certs'))
    await writeFile(path.join(home, 'certs', 'ca_cert.pem'), authority.certificate)
    const args = ['--cert-file', own.certFile, '--key-file', own.keyFile, '--ca-file', rootFile]
    const daemon = await startDaemon({ home, args })
    await byDevice('', HERE).go(daemon)
    const { cause, fix } = await daemon.event('handshake.failed')
    expect(`${cause}. ${fix}`).toMatch(/dNSName|DNS/)
  })
})
