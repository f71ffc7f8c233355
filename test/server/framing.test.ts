// What ESP clients read off the wire, byte by byte: several compare field names and values as text, take a missing
// length for the end of the world, and have no idea of a coding (clients.md 4.1 and 7.4).
import { truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { type Answer, type Connection, exchange, openConnection } from '../../src/probe/raw-http.js'
import { startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage, withByteFlipped } from '../support/image-builder.js'
import { digestOf, expectWellFormed, HTTP_DATE, listenTo, request, useSharedDaemon } from '../support/shared-daemon.js'

const IMAGE = anImage({ version: '1.4.2' })
const DIGEST = digestOf(IMAGE)
const BIG = anImage({ seed: 5, length: 3 * 1024 * 1024 })
const ETAG = `"${DIGEST}"`

const daemon = useSharedDaemon({
  firmware: {
    'hello_world.bin': IMAGE,
    'sub/big.bin': BIG,
    'refused.bin': withByteFlipped(IMAGE, 5000)
  },
  unserved: ['refused.bin']
})

type Kind = [what: string, status: number, method: string, target: string, ...fields: string[]]

const FIRMWARE_KINDS: readonly Kind[] = [
  ['firmware', 200, 'GET', '/hello_world.bin'],
  ['HEAD of firmware', 200, 'HEAD', '/hello_world.bin'],
  ['a range of firmware', 206, 'GET', '/hello_world.bin', 'Range: bytes=0-99'],
  ['an artifact', 200, 'GET', `/artifacts/${DIGEST}.bin`],
  ['HEAD of an artifact', 200, 'HEAD', `/artifacts/${DIGEST}.bin`],
  ['a range of an artifact', 206, 'GET', `/artifacts/${DIGEST}.bin`, 'Range: bytes=5-']
]

const OTHER_KINDS: readonly Kind[] = [
  ['an unsatisfiable range', 416, 'GET', '/hello_world.bin', `Range: bytes=${IMAGE.length}-`],
  ['firmware that has not changed', 304, 'GET', '/hello_world.bin', `If-None-Match: ${ETAG}`],
  ['HEAD of firmware that has not changed', 304, 'HEAD', '/hello_world.bin', `If-None-Match: ${ETAG}`],
  ['a precondition that fails', 412, 'GET', '/hello_world.bin', 'If-Match: "other"'],
  ['HEAD with a precondition that fails', 412, 'HEAD', '/hello_world.bin', 'If-Match: "other"'],
  ['a manifest', 200, 'GET', '/hello_world.bin.json'],
  ['HEAD of a manifest', 200, 'HEAD', '/hello_world.bin.json'],
  ['the MD5 sidecar', 200, 'GET', '/hello_world.bin.md5'],
  ['the SHA-256 sidecar', 200, 'GET', '/hello_world.bin.sha256'],
  ['the SHA-512 sidecar', 200, 'GET', '/hello_world.bin.sha512'],
  ['HEAD of a sidecar', 200, 'HEAD', '/hello_world.bin.sha256'],
  ['the list of all names', 200, 'GET', '/manifest.json'],
  ['HEAD of the list', 200, 'HEAD', '/manifest.json'],
  ['the health', 200, 'GET', '/health'],
  ['HEAD of the health', 200, 'HEAD', '/health'],
  ['the CA certificate', 200, 'GET', '/ca_cert.pem'],
  ['HEAD of the CA certificate', 200, 'HEAD', '/ca_cert.pem'],
  ['the metrics', 200, 'GET', '/metrics'],
  ['HEAD of the metrics', 200, 'HEAD', '/metrics'],
  ['the page for people', 200, 'GET', '/'],
  ['HEAD of the page', 200, 'HEAD', '/'],
  ['a name that is not there', 404, 'GET', '/nothing.bin'],
  ['HEAD of a name that is not there', 404, 'HEAD', '/nothing.bin'],
  ['an image that was refused', 404, 'GET', '/refused.bin'],
  ['a sidecar that is not there', 404, 'GET', '/nothing.bin.md5'],
  ['an artifact that is not there', 404, 'GET', `/artifacts/${'0'.repeat(64)}.bin`],
  ['another method on firmware', 405, 'POST', '/hello_world.bin', 'Content-Length: 0'],
  ['another method on nothing', 405, 'DELETE', '/nothing.bin'],
  ['a bad Host', 400, 'GET', '/hello_world.bin', 'Host: two'],
  ['a malformed message', 400, 'GET', '/hello_world.bin', 'no colon here'],
  ['a head that is too long', 431, 'GET', '/hello_world.bin', `X-Long: ${'x'.repeat(17 * 1024)}`]
]

const KINDS = [...FIRMWARE_KINDS, ...OTHER_KINDS]

describe('every kind of answer', () => {
  it.each(KINDS)(
    'has canonical names, a length and no coding: %s (%i)',
    async (_what, status, method, target, ...fields) => {
      const accept = ['Accept-Encoding: gzip, deflate, br, zstd', 'Connection: close']
      const { bytes, end } = await daemon.converse(request(method, target, [...accept, ...fields]))
      expect(end).toBe('closed')
      const answer = await parse(bytes, method)
      expect(answer.status).toBe(status)
      expectWellFormed(answer)
      expect(answer.header('connection')).toBe('close')
      // What follows the head is exactly as long as it says: no byte more, none missing.
      const promised = method === 'HEAD' || status === 304 ? 0 : Number(answer.header('content-length'))
      expect(bytes.length - answer.rawHead.length).toBe(promised)
    }
  )

  it.each(KINDS)(
    'says when it was given (RFC 9110, section 6.6.1): %s (%i)',
    async (_what, status, method, target, ...fields) => {
      const answer = await daemon.ask(request(method, target, fields))
      expect(answer.status).toBe(status)
      expect(answer.header('date')).toMatch(HTTP_DATE)
    }
  )

  it.each(KINDS.filter(([, status]) => status < 400))(
    'stays uncompressed for the Arduino client: %s (%i)',
    async (_what, status, method, target, ...fields) => {
      const accept = 'Accept-Encoding: identity;q=1,chunked;q=0.1,*;q=0'
      const answer = await daemon.ask(request(method, target, [accept, ...fields]))
      expect(answer.status).toBe(status)
      expectWellFormed(answer)
      expect(answer.bodyEnd).toBe('complete')
    }
  )

  it.each(KINDS.filter(([, status]) => status !== 400 && status !== 431))(
    'is framed the same for HTTP/1.0, which then ends: %s (%i)',
    async (_what, status, method, target, ...fields) => {
      const { bytes, end } = await daemon.converse(request(method, target, fields, { version: '1.0', host: null }))
      expect(end).toBe('closed')
      const answer = await parse(bytes, method)
      expect(answer.status).toBe(status)
      expectWellFormed(answer)
      const promised = method === 'HEAD' || status === 304 ? 0 : Number(answer.header('content-length'))
      expect(bytes.length - answer.rawHead.length).toBe(promised)
    }
  )

  it.each(KINDS.filter(([, status]) => status !== 400 && status !== 431 && status !== 405))(
    'leaves the connection usable: %s (%i)',
    async (_what, status, method, target, ...fields) => {
      const connection = await daemon.connect()
      const first = await exchange(connection, request(method, target, fields), { method: framedAs(method) })
      expect(first.status).toBe(status)
      expect(first.keepsOpen).toBe(true)
      expect(connection.rest.length).toBe(0)
      const second = await exchange(connection, request('GET', '/hello_world.bin'), { method: 'GET' })
      expect(second.status).toBe(200)
      expect(second.body.equals(IMAGE)).toBe(true)
      await connection.close()
    }
  )

  it.each(KINDS.filter(([, , method]) => method === 'HEAD'))(
    'has the fields of GET: %s (%i)',
    async (_what, status, _method, target, ...fields) => {
      const head = await daemon.ask(request('HEAD', target, fields))
      const get = await daemon.ask(request('GET', target, fields))
      expect(head.status).toBe(status)
      expect(head.body.length).toBe(0)
      const varying = target === '/metrics' ? ['Date', 'Content-Length'] : ['Date']
      const comparable = ({ headers }: typeof head) => headers.filter(([name]) => !varying.includes(name))
      expect(comparable(head)).toEqual(comparable(get))
    }
  )
})

describe('firmware', () => {
  it.each(FIRMWARE_KINDS)(
    'has its exact type and length as bytes: %s',
    async (_what, status, method, target, ...fields) => {
      const answer = await daemon.ask(request(method, target, fields))
      const head = answer.rawHead.toString('latin1')
      const length = method === 'HEAD' ? IMAGE.length : answer.body.length
      expect(head.startsWith(`HTTP/1.1 ${status} ${status === 206 ? 'Partial Content' : 'OK'}\r\n`)).toBe(true)
      expect(head).toContain('\r\nContent-Type: application/octet-stream\r\n')
      expect(head).toContain(`\r\nContent-Length: ${length}\r\n`)
      expect(head).toContain('\r\nAccept-Ranges: bytes\r\n')
      expect(head).toContain(`\r\nETag: ${ETAG}\r\n`)
    }
  )

  it('was not modified later than now, as both dates say', async () => {
    const answer = await daemon.ask(request('GET', '/hello_world.bin'))
    expect(answer.header('last-modified')).toMatch(HTTP_DATE)
    expect(Date.parse(answer.header('last-modified') ?? '')).toBeLessThanOrEqual(
      Date.parse(answer.header('date') ?? '')
    )
  })

  it('arrives whole, byte for byte', async () => {
    expect((await daemon.ask(request('GET', '/hello_world.bin'))).body.equals(IMAGE)).toBe(true)
    expect((await daemon.ask(request('GET', '/sub/big.bin'))).body.equals(BIG)).toBe(true)
  })

  it('has a head that comes in one piece, for sketches that read while data is there', async () => {
    const fields = ['Cache-Control: no-cache', 'Connection: close']
    const answer = await daemon.ask(request('GET', '/hello_world.bin', fields, { host: '127.0.0.1' }))
    expect(answer.reads[0]).toBeGreaterThanOrEqual(answer.rawHead.length)
    expect(answer.body.equals(IMAGE)).toBe(true)
  })

  it('is answered within 3 s while many devices download, fast and slow', async () => {
    const busy = await Promise.all(Array.from({ length: 60 }, () => daemon.connect({ servername: '' })))
    busy.forEach(({ socket }, index) => {
      socket.write(request('GET', '/sub/big.bin').repeat(2))
      // Every third one takes nothing at all: its window fills and stays full.
      if (index % 3 > 0) socket.resume()
    })
    for (let round = 0; round < 10; round++) {
      const begun = performance.now()
      const connection = await daemon.connect()
      const method = round % 2 === 0 ? 'GET' : 'HEAD'
      const answer = await exchange(connection, request(method, '/hello_world.bin'), { method, timeoutMs: 3000 })
      expect(performance.now() - begun).toBeLessThan(3000)
      expect(answer.status).toBe(200)
      connection.socket.destroy()
    }
    for (const { socket } of busy) socket.destroy()
  })

  it('is cut and closed, never padded or left open, when its artifact shrinks on the way', async () => {
    const folder = await temporaryFolder()
    const own = await startDaemon({ folders: [folder], args: ['--cache-bytes', '0'] })
    const image = anImage({ seed: 8, length: 16 * 1024 * 1024 })
    await writeFile(path.join(folder, 'large.bin'), image)
    await own.event('release.published')
    const connection = await openConnection({ host: '127.0.0.1', port: own.port, ca: own.ca })
    let shrunk = false
    const answer = await exchange(connection, request('GET', '/large.bin'), {
      method: 'GET',
      bodyTimeoutMs: 8000,
      pause: async received => {
        if (shrunk || received < 65536) return
        shrunk = true
        await truncate(path.join(own.home, 'state', 'artifacts', `${digestOf(image)}.bin`), 1024 * 1024)
      }
    })
    expect(shrunk).toBe(true)
    expect(answer.bodyEnd).toBe('cut')
    expect(answer.body.length).toBeLessThan(image.length)
    expect(image.subarray(0, answer.body.length).equals(answer.body)).toBe(true)
  })
})

describe('HTTP/1.0', () => {
  it('is answered with HTTP/1.1 and closed', async () => {
    const { bytes, end } = await daemon.converse(request('GET', '/hello_world.bin', [], { version: '1.0', host: null }))
    const answer = await parse(bytes, 'GET')
    expect(end).toBe('closed')
    expect(answer.rawHead.toString('latin1')).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(answer.header('connection')).toBe('close')
    expect(answer.body.equals(IMAGE)).toBe(true)
  })

  it('keeps the connection when asked to, and says so', async () => {
    const connection = await daemon.connect()
    for (const target of ['/hello_world.bin', '/nothing.bin', '/hello_world.bin.md5']) {
      const text = request('GET', target, ['Connection: keep-alive'], { version: '1.0', host: null })
      const answer = await exchange(connection, text, { method: 'GET' })
      expect(answer.rawHead.toString('latin1')).toMatch(/^HTTP\/1\.1 /)
      expect(answer.header('connection')?.toLowerCase()).toBe('keep-alive')
      expectWellFormed(answer)
    }
    await connection.close()
  })

  it('keeps the connection for the spelling of Arduino cores, too', async () => {
    const connection = await daemon.connect()
    const text = request('GET', '/hello_world.bin', ['Connection: Keep-Alive'], { version: '1.0' })
    expect((await exchange(connection, text, { method: 'GET' })).status).toBe(200)
    expect((await exchange(connection, text, { method: 'GET' })).body.equals(IMAGE)).toBe(true)
    await connection.close()
  })
})

describe('the Host field', () => {
  const served: readonly (readonly [string, string])[] = [
    ['has a port', '127.0.0.1:8070'],
    ['has no port', '127.0.0.1'],
    ['has a port that is not ours', 'otad.local:1'],
    ['is a name', 'otad'],
    ['is a name of many labels', 'ota.lab.example.org'],
    ['is in capitals', 'OTAD.LOCAL'],
    ['ends with a dot', 'otad.local.'],
    ['is an IPv6 address', '[fd00::2]:8070'],
    ['is an IPv6 address without a port', '[::1]']
  ]
  it.each(served)('is served when it %s', async (_how, host) => {
    expect((await daemon.ask(request('GET', '/hello_world.bin', [], { host }))).status).toBe(200)
  })

  const refused: readonly (readonly [string, string])[] = [
    ['holds a space', 'ot ad'],
    ['holds a tab', 'ot\tad'],
    ['holds a path', 'otad/x'],
    ['holds a query', 'otad?x'],
    ['holds a fragment', 'otad#x'],
    ['names a user', 'user@otad'],
    ['has a port that is no number', 'otad:http'],
    ['has two ports', 'otad:1:2'],
    ['has an open bracket', '[::1'],
    ['holds markup', 'otad"><script>'],
    ['holds a backslash', 'otad\\x'],
    ['holds a byte above ASCII', 'ot\xe4d'],
    ['is a whole URL', 'https://otad/']
  ]
  it.each(refused)('is refused with 400 when it %s', async (_how, host) => {
    const answer = await daemon.ask(request('GET', '/hello_world.bin', [], { host }))
    expect(answer.status).toBe(400)
    expectWellFormed(answer)
  })

  it.each([
    ['is missing', []],
    ['stands there twice', ['Host: a', 'Host: b']],
    ['stands there twice, the same', ['Host: a', 'Host: a']],
    ['stands there twice, in two spellings', ['Host: a', 'hOST: a']]
  ])('is 400 and the end when it %s', async (_how, fields) => {
    const bytes = request('GET', '/hello_world.bin', fields, { host: null })
    const conversation = await daemon.converse(`${bytes}${request('GET', '/hello_world.bin')}`)
    expect(conversation.end).toBe('closed')
    const answer = await parse(conversation.bytes, 'GET')
    expect(answer.status).toBe(400)
    expectWellFormed(answer)
    expect(conversation.bytes.indexOf(IMAGE.subarray(0, 64))).toBe(-1)
  })

  it.each(['GET', 'HEAD'])('is not needed on HTTP/1.0: %s', async method => {
    const answer = await daemon.ask(request(method, '/hello_world.bin', [], { version: '1.0', host: null }))
    expect(answer.status).toBe(200)
  })
})

describe('the request target', () => {
  it.each(['https://otad.local:8070', 'https://127.0.0.1', 'HTTPS://OTAD', 'https://[::1]:8070'])(
    'may be absolute: %s',
    async origin => {
      const answer = await daemon.ask(request('GET', `${origin}/hello_world.bin`))
      expect(answer.status).toBe(200)
      expect(answer.body.equals(IMAGE)).toBe(true)
    }
  )

  it('names the host that counts when it is absolute (RFC 9112, section 3.2.2)', async () => {
    const text = request('GET', 'https://real.example:8443/hello_world.bin.json', [], { host: 'other.example:1' })
    const manifest = JSON.parse((await daemon.ask(text)).body.toString()) as { url: string }
    expect(manifest.url).toBe('https://real.example:8443/hello_world.bin')
  })

  it('may be absolute without a path, which is the page', async () => {
    expect((await daemon.ask(request('GET', 'https://otad.local:8070'))).status).toBe(200)
  })
})

describe('one connection', () => {
  it('serves HEAD, then GET, then ranges, as esp_https_ota asks', async () => {
    const connection = await daemon.connect({ maxVersion: 'TLSv1.2' })
    const head = await exchange(connection, request('HEAD', '/sub/big.bin'), { method: 'HEAD' })
    expect(head.status).toBe(200)
    expect(Number(head.header('content-length'))).toBe(BIG.length)
    const whole = await exchange(connection, request('GET', '/sub/big.bin'), { method: 'GET' })
    expect(whole.body.equals(BIG)).toBe(true)
    for (const [start, end] of [
      [0, 4095],
      [4096, 8191],
      [BIG.length - 7, BIG.length]
    ] as const) {
      const part = await exchange(connection, request('GET', '/sub/big.bin', [`Range: bytes=${start}-${end}`]), {
        method: 'GET'
      })
      expect(part.status).toBe(206)
      expect(part.body.equals(BIG.subarray(start, end + 1))).toBe(true)
    }
    await connection.close()
  })

  it('answers pipelined requests one by one, in order', async () => {
    const connection = await daemon.connect()
    const plan = [
      ['GET', '/hello_world.bin', 200],
      ['HEAD', '/sub/big.bin', 200],
      ['GET', '/nothing.bin', 404],
      ['GET', '/sub/big.bin', 200],
      ['GET', '/hello_world.bin.md5', 200],
      ['HEAD', '/nothing.bin', 404],
      ['GET', '/hello_world.bin', 200]
    ] as const
    const [first = '', ...later] = plan.map(([method, target]) => request(method, target))
    let text = `${first}${later.join('')}`
    for (const [method, target, status] of plan) {
      const answer = await exchange(connection, text, { method })
      text = ''
      expect([target, answer.status]).toEqual([target, status])
      if (method === 'GET' && target === '/sub/big.bin') expect(answer.body.equals(BIG)).toBe(true)
      if (target === '/hello_world.bin') expect(answer.body.equals(IMAGE)).toBe(true)
    }
    await connection.close()
  })

  it('lets go of everything that was asked for at once when the connection goes', async () => {
    const active = async (): Promise<number> => {
      const connection = await daemon.connect()
      const { body } = await exchange(connection, request('GET', '/metrics'), { method: 'GET' })
      await connection.close()
      return Number(/^otad_transfers_active (\d+)$/m.exec(body.toString())?.[1] ?? Number.NaN)
    }
    const connection = await daemon.connect()
    connection.socket.write(request('GET', '/sub/big.bin').repeat(20))
    await expect.poll(active, { timeout: 3000 }).toBeGreaterThan(1)
    connection.socket.destroy()
    await expect.poll(active, { timeout: 3000 }).toBe(0)
  })

  it.each(['GET', 'HEAD'] as const)('takes Content-Length: 0 on %s and goes on', async method => {
    const connection = await daemon.connect()
    for (let round = 0; round < 3; round++) {
      const text = request(method, '/hello_world.bin', ['User-Agent: ESP32 HTTP Client/1.0', 'Content-Length: 0'])
      const answer = await exchange(connection, text, { method })
      expect(answer.status).toBe(200)
      expect(answer.keepsOpen).toBe(true)
    }
    await connection.close()
  })

  it('takes a request that comes byte by byte', async () => {
    const connection = await daemon.connect()
    connection.socket.setNoDelay(true)
    const text = request('GET', '/hello_world.bin.md5')
    for (const letter of text.slice(0, -1)) {
      await new Promise(resolve => connection.socket.write(letter, resolve))
    }
    const answer = await exchange(connection, text.slice(-1), { method: 'GET' })
    expect(answer.status).toBe(200)
    await connection.close()
  })

  it('skips one empty line before a request (RFC 9112, section 2.2)', async () => {
    expect((await daemon.ask(`\r\n${request('GET', '/hello_world.bin')}`)).status).toBe(200)
  })

  it('may say close and send an empty line too many, as sketches do', async () => {
    const { bytes, end } = await daemon.converse(`${request('GET', '/hello_world.bin', ['Connection: close'])}\r\n`)
    expect(end).toBe('closed')
    expect((await parse(bytes, 'GET')).body.equals(IMAGE)).toBe(true)
  })

  it('is closed after the answer when the client says so', async () => {
    const { bytes, end } = await daemon.converse(request('GET', '/hello_world.bin', ['Connection: close']).repeat(2))
    expect(end).toBe('closed')
    const answer = await parse(bytes, 'GET')
    expect(bytes.length).toBe(answer.rawHead.length + IMAGE.length)
  })

  it('does not hold up others while it is silent, half asked or not read', async () => {
    const idle = await daemon.connect({ tls: false })
    const handshaken = await daemon.connect()
    const half = await daemon.connect()
    half.socket.write('GET /hello_world.bin HT')
    const unread = await daemon.connect()
    unread.socket.write(request('GET', '/sub/big.bin').repeat(4))
    for (let round = 0; round < 5; round++) {
      const begun = performance.now()
      expect((await daemon.ask(request('GET', '/hello_world.bin'))).body.equals(IMAGE)).toBe(true)
      expect(performance.now() - begun).toBeLessThan(1000)
    }
    half.socket.write('TP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    const late = await listenTo(half)
    expect((await parse(late.bytes, 'GET')).status).toBe(200)
    for (const { socket } of [idle, handshaken, unread]) socket.destroy()
  })
})

function framedAs(method: string): 'GET' | 'HEAD' {
  return method === 'HEAD' ? 'HEAD' : 'GET'
}

/** Reads one answer out of bytes that came already. */
async function parse(bytes: Buffer, method: string): Promise<Answer> {
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  socket.push(null)
  const connection = { socket, rest: bytes, close: async () => {} } as unknown as Connection
  return exchange(connection, '', { method: framedAs(method) })
}
