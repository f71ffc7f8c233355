// Messages that two readers could understand in two ways, and everything else that is no request: it gets one answer at
// most, the connection ends, and what was hidden in it is never answered (reliability.md 3, "Bad inputs").
import { connect as connectTcp, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { type Connection, exchange } from '../../src/probe/raw-http.js'
import { anImage, filled } from '../support/image-builder.js'
import { digestOf, listenTo, request, useSharedDaemon } from '../support/shared-daemon.js'

const IMAGE = anImage()
const HIDDEN = anImage({ seed: 77, length: 4096 })
const BIG = anImage({ seed: 5, length: 4 * 1024 * 1024 })

const daemon = useSharedDaemon({
  firmware: { 'hello_world.bin': IMAGE, 'hidden.bin': HIDDEN, 'big.bin': BIG }
})

/** Its answer holds the digest of the hidden image, which no other answer of these tests does. */
const HIDDEN_REQUEST = 'GET /hidden.bin.sha256 HTTP/1.1\r\nHost: otad.test\r\n\r\n'
const HIDDEN_LENGTH = HIDDEN_REQUEST.length

function headsIn(bytes: Buffer): readonly string[] {
  return bytes.toString('latin1').match(/HTTP\/1\.\d \d{3}[^\r]*\r\n/g) ?? []
}

function statusOf(bytes: Buffer): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(bytes.toString('latin1', 0, 20))?.[1])
}

/** An answer from the parser, too, is one that a device understands (R1, R3, R29). */
function expectOneShortAnswer(bytes: Buffer): void {
  const text = bytes.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  expect(end).toBeGreaterThan(0)
  expect(text).toMatch(/\r\nConnection: close\r\n/)
  const length = Number(/\r\nContent-Length: (\d+)\r\n/.exec(text)?.[1])
  expect(bytes.length - end - 4).toBe(length)
  expect(length).toBeLessThanOrEqual(1024)
  expect([0xe9, 0x1f]).not.toContain(bytes[end + 4])
  expect(text).not.toMatch(/Transfer-Encoding|HPE_|node:|\bat .*:\d+/)
}

function smuggled(method: string, fields: readonly string[], body: string): string {
  return `${request(method, '/hello_world.bin.md5', fields)}${body}`
}

const CHUNKED = 'Transfer-Encoding: chunked'
const ENDED = `0\r\n\r\n${HIDDEN_REQUEST}`
const chunkOf = (size: string, ending = '\r\n') => `${size}${ending}${HIDDEN_REQUEST}\r\n${ENDED}`
const HEX_LENGTH = HIDDEN_LENGTH.toString(16)

const SMUGGLED: readonly (readonly [what: string, fields: readonly string[], body: string])[] = [
  ['a length and chunks', ['Content-Length: 5', CHUNKED], ENDED],
  ['chunks and a length', [CHUNKED, 'Content-Length: 5'], ENDED],
  ['a length of all and chunks', [`Content-Length: ${5 + HIDDEN_LENGTH}`, CHUNKED], ENDED],
  ['no length and chunks', ['Content-Length: 0', CHUNKED], ENDED],
  ['two lengths', ['Content-Length: 0', `Content-Length: ${HIDDEN_LENGTH}`], HIDDEN_REQUEST],
  ['two lengths the other way', [`Content-Length: ${HIDDEN_LENGTH}`, 'Content-Length: 0'], HIDDEN_REQUEST],
  ['a list of lengths', [`Content-Length: 0, ${HIDDEN_LENGTH}`], HIDDEN_REQUEST],
  ['a length with a plus', ['Content-Length: +0'], HIDDEN_REQUEST],
  ['a length below zero', ['Content-Length: -1'], HIDDEN_REQUEST],
  ['a length in hexadecimal', ['Content-Length: 0x0'], HIDDEN_REQUEST],
  ['a length with an exponent', ['Content-Length: 0e1'], HIDDEN_REQUEST],
  ['a length with a fraction', ['Content-Length: 0.0'], HIDDEN_REQUEST],
  ['a length in two parts', ['Content-Length: 0 0'], HIDDEN_REQUEST],
  ['a length without a number', ['Content-Length:'], HIDDEN_REQUEST],
  ['a length that is a word', ['Content-Length: none'], HIDDEN_REQUEST],
  ['a length past 64 bits', ['Content-Length: 18446744073709551616'], HIDDEN_REQUEST],
  ['a length with a vertical tab', ['Content-Length: \x0b0'], HIDDEN_REQUEST],
  ['a length with a space before the colon', [`Content-Length : ${HIDDEN_LENGTH}`], HIDDEN_REQUEST],
  ['chunks with a space before the colon', ['Transfer-Encoding : chunked'], ENDED],
  ['chunks with a tab before the colon', ['Transfer-Encoding\t: chunked'], ENDED],
  ['chunks on a folded line', ['Transfer-Encoding:', ' chunked'], ENDED],
  ['chunks behind a folded line', ['X-Fold: a', ' b', CHUNKED], ENDED],
  ['chunks behind a bare carriage return', [`X-Bare: a\r${CHUNKED}`], ENDED],
  ['chunks behind a NUL', [`X-Nul: a\0${CHUNKED}`], ENDED],
  ['a coding that does not exist', ['Transfer-Encoding: xchunked'], ENDED],
  ['a coding that says identity', ['Transfer-Encoding: identity'], HIDDEN_REQUEST],
  ['chunks, then identity', ['Transfer-Encoding: chunked, identity'], ENDED],
  ['chunks twice', ['Transfer-Encoding: chunked, chunked'], ENDED],
  ['chunks in quotes', ['Transfer-Encoding: "chunked"'], ENDED],
  ['chunks behind a vertical tab', ['Transfer-Encoding: \x0bchunked'], ENDED],
  ['two fields of codings', [CHUNKED, 'Transfer-Encoding: cow'], ENDED],
  ['two fields of codings the other way', ['Transfer-Encoding: cow', CHUNKED], ENDED],
  ['an empty coding', ['Transfer-Encoding:', 'Content-Length: 0'], HIDDEN_REQUEST],
  ['a chunk size with 0x', [CHUNKED], chunkOf(`0x${HEX_LENGTH}`)],
  ['a chunk size below zero', [CHUNKED], chunkOf('-1')],
  ['a chunk size with a plus', [CHUNKED], chunkOf(`+${HEX_LENGTH}`)],
  ['a chunk size past 64 bits', [CHUNKED], chunkOf('10000000000000000')],
  ['a chunk size behind a space', [CHUNKED], chunkOf(` ${HEX_LENGTH}`)],
  ['a chunk size that is a word', [CHUNKED], chunkOf('size')],
  ['no chunk size', [CHUNKED], chunkOf('')],
  ['a chunk size that ends with a bare LF', [CHUNKED], chunkOf(HEX_LENGTH, '\n')],
  ['a chunk size that ends with a bare CR', [CHUNKED], chunkOf(HEX_LENGTH, '\r')],
  ['a chunk extension with a bare LF', [CHUNKED], chunkOf(`${HEX_LENGTH};a\nb`)],
  ['a chunk longer than its size', [CHUNKED], `1\r\nabc\r\n${ENDED}`],
  ['a chunk without its end', [CHUNKED], `1\r\na${ENDED}`]
]

describe('a message with two meanings', () => {
  it('is tried in more than 25 ways', () => {
    expect(SMUGGLED.length).toBeGreaterThan(25)
  })

  describe.each(['GET', 'POST'])('in a %s', method => {
    it.each(SMUGGLED)('is answered once at most and ends: %s', async (_what, fields, body) => {
      const { bytes, end } = await daemon.converse(smuggled(method, fields, body))
      expect(bytes.toString('latin1')).not.toContain(digestOf(HIDDEN))
      expect(headsIn(bytes).length).toBeLessThanOrEqual(1)
      expect(end).toBe('closed')
    })
  })

  it('is answered once at most when HTTP/1.0 has chunks', async () => {
    const { bytes, end } = await daemon.converse(
      `${request('POST', '/hello_world.bin', [CHUNKED, 'Connection: keep-alive'], { version: '1.0' })}${ENDED}`
    )
    expect(bytes.toString('latin1')).not.toContain(digestOf(HIDDEN))
    expect(end).toBe('closed')
  })

  it.each([
    ['a length', [`Content-Length: ${HIDDEN_LENGTH}`], HIDDEN_REQUEST],
    ['chunks', [CHUNKED], `${HEX_LENGTH}\r\n${HIDDEN_REQUEST}\r\n0\r\n\r\n`],
    ['chunks with trailers', [CHUNKED], `${HEX_LENGTH}\r\n${HIDDEN_REQUEST}\r\n0\r\nX-Trailer: ${HIDDEN_REQUEST}`]
  ])('never takes a body for a request: %s', async (_how, fields, body) => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const { bytes } = await daemon.converse(smuggled(method, fields, body), 300)
      expect([method, headsIn(bytes).length]).toEqual([method, 1])
      expect(bytes.toString('latin1')).not.toContain(digestOf(HIDDEN))
    }
  })

  it('does not ask for a body that it does not want', async () => {
    const text = request('POST', '/hello_world.bin', ['Content-Length: 100000', 'Expect: 100-continue'])
    const { bytes } = await daemon.converse(text, 500)
    expect(bytes.toString('latin1')).not.toContain('100 Continue')
    expect([405, 413, 417]).toContain(statusOf(bytes))
  })

  it.each([
    'garbage\r\n\r\n',
    '\0'.repeat(100),
    'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    ' GET / HTTP/1.1\r\n\r\n'
  ])('never gets into the body of the answer before it: %j', async garbage => {
    for (const delayed of [false, true]) {
      const connection = await daemon.connect()
      const text = request('GET', '/big.bin')
      let sent = !delayed
      const answer = await exchange(connection, delayed ? text : `${text}${garbage}`, {
        method: 'GET',
        bodyTimeoutMs: 4000,
        pause: received => {
          if (sent || received < 100_000) return
          sent = true
          connection.socket.write(garbage, 'latin1')
          return
        }
      }).catch(() => undefined)
      connection.socket.destroy()
      // Either the answer was never begun, or what there is of it is the image's own bytes.
      if (answer?.status !== 200) continue
      expect(answer.bodyEnd).not.toBe('stalled')
      expect(BIG.subarray(0, answer.body.length).equals(answer.body)).toBe(true)
    }
  })
})

describe('a malformed message', () => {
  const line = 'GET /hello_world.bin HTTP/1.1\r\n'
  it.each([
    ['a word', 'garbage\r\n\r\n'],
    ['a request without a version', 'GET /hello_world.bin\r\n\r\n'],
    ['a space in the target', 'GET /hello world.bin HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a tab instead of a space', 'GET\t/hello_world.bin HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a version in small letters', 'GET /hello_world.bin http/1.1\r\nHost: a\r\n\r\n'],
    ['a version that does not exist', 'GET /hello_world.bin HTTP/9.9\r\nHost: a\r\n\r\n'],
    ['a version without a point', 'GET /hello_world.bin HTTP/11\r\nHost: a\r\n\r\n'],
    ['another protocol', 'GET /hello_world.bin FTP/1.1\r\nHost: a\r\n\r\n'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a method in small letters', 'get /hello_world.bin HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a space before the request', ' GET /hello_world.bin HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a control character in the target', 'GET /hello\x01world.bin HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a NUL in the target', 'GET /hello\0world.bin HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a field without a colon', `${line}Host: a\r\nno colon\r\n\r\n`],
    ['a field without a name', `${line}Host: a\r\n: value\r\n\r\n`],
    ['a space in the name of a field', `${line}Host: a\r\nX Y: value\r\n\r\n`],
    ['a space before the colon', `${line}Host : a\r\n\r\n`],
    ['a field that begins with a space', `${line} Host: a\r\n\r\n`],
    ['a NUL in a value', `${line}Host: a\r\nX: a\0b\r\n\r\n`],
    ['a bare CR in a value', `${line}Host: a\r\nX: a\rb\r\n\r\n`],
    ['a control character in a name', `${line}Host: a\r\nX\x01: b\r\n\r\n`],
    ['a hello of TLS inside TLS', Buffer.from('16030100c8010000c4', 'hex').toString('latin1')],
    ['noise', Buffer.from(filled(512, 3)).toString('latin1')]
  ])('is 400 and the end: %s', async (_what, text) => {
    const { bytes, end } = await daemon.converse(`${text}${HIDDEN_REQUEST}`)
    expect(end).toBe('closed')
    expect(headsIn(bytes)).toHaveLength(1)
    expect([400, 505]).toContain(statusOf(bytes))
    expectOneShortAnswer(bytes)
    expect(bytes.toString('latin1')).not.toContain(digestOf(HIDDEN))
  })

  it.each([
    ['one long field', request('GET', '/hello_world.bin', [`X-Long: ${'x'.repeat(16 * 1024)}`])],
    [
      'many fields',
      request(
        'GET',
        '/hello_world.bin',
        Array.from({ length: 900 }, (_, n) => `X-Field-${n}: ${'y'.repeat(10)}`)
      )
    ],
    ['a long target', request('GET', `/hello_world.bin?${'q'.repeat(17 * 1024)}`)],
    ['a long name', request('GET', '/hello_world.bin', [`X-${'n'.repeat(17 * 1024)}: 1`])],
    ['a head that never ends', request('GET', '/hello_world.bin', [`X-Long: ${'x'.repeat(200 * 1024)}`]).slice(0, -4)]
  ])('is 431 and the end when the head is over 16 KiB: %s', async (_what, text) => {
    const { bytes, end } = await daemon.converse(text)
    expect(end).toBe('closed')
    expect(headsIn(bytes)).toHaveLength(1)
    expect(statusOf(bytes)).toBe(431)
    expectOneShortAnswer(bytes)
  })

  it('is none when the head stays under 16 KiB', async () => {
    expect((await daemon.ask(request('GET', '/hello_world.bin', [`X-Long: ${'x'.repeat(15 * 1024)}`]))).status).toBe(
      200
    )
    expect((await daemon.ask(request('GET', `/hello_world.bin?${'q'.repeat(15 * 1024)}`))).status).toBe(200)
  })
})

describe('another method', () => {
  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'MKCOL', 'MOVE', 'LOCK', 'REPORT'])(
    'is 405 with what is allowed: %s',
    async method => {
      const targets = [
        '/hello_world.bin',
        '/hello_world.bin.json',
        '/manifest.json',
        '/health',
        '/metrics',
        '/ca_cert.pem'
      ]
      const more = ['/', '/nothing.bin', '/artifacts/x.bin', '/hello_world.bin.md5', '/hello_world.bin?x=1', '/%zz']
      for (const target of [...targets, ...more]) {
        const answer = await daemon.ask(request(method, target, ['Connection: close']))
        if (target === '/%zz' && answer.status === 400) continue
        expect([target, answer.status]).toEqual([target, 405])
        const allowed = (answer.header('allow') ?? '').split(/\s*,\s*/).sort()
        expect(allowed).toEqual(['GET', 'HEAD'])
        expect(answer.rawHead.toString('latin1')).toMatch(/\r\nContent-Length: \d+\r\n/)
        expect(answer.header('content-type')).toMatch(/^text\/plain/)
        expect(answer.body.length).toBeLessThanOrEqual(1024)
      }
    }
  )

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('is 405 with a body too, which is not kept: %s', async method => {
    const image = anImage({ seed: 90 })
    const head = request(method, '/hello_world.bin', [
      `Content-Length: ${image.length}`,
      'Content-Type: application/octet-stream',
      'Connection: close'
    ])
    const { bytes } = await daemon.converse(Buffer.concat([Buffer.from(head, 'latin1'), image]))
    expect(statusOf(bytes)).toBe(405)
    const after = await daemon.ask(request('GET', '/hello_world.bin'))
    expect(after.body.equals(IMAGE)).toBe(true)
    expect((await daemon.ask(request('GET', `/artifacts/${digestOf(image)}.bin`))).status).toBe(404)
  })

  it.each(['{', '[1,', 'not json', '{"__proto__":1}'])('is 405 whatever its body is: %s', async body => {
    for (const type of ['application/json', 'text/plain', 'multipart/form-data', 'nonsense', '']) {
      const fields = [`Content-Type: ${type}`, `Content-Length: ${body.length}`, 'Connection: close']
      const { bytes } = await daemon.converse(`${request('POST', '/hello_world.bin', fields)}${body}`)
      expect([type, statusOf(bytes)]).toEqual([type, 405])
    }
  })

  it('is not a way round the head of another: X-HTTP-Method-Override means nothing', async () => {
    const answer = await daemon.ask(request('GET', '/hello_world.bin', ['X-HTTP-Method-Override: DELETE']))
    expect(answer.body.equals(IMAGE)).toBe(true)
  })

  it.each(['CONNECT otad.test:443', 'CONNECT /hello_world.bin'])('opens no tunnel: %s', async start => {
    const { bytes, end } = await daemon.converse(`${start} HTTP/1.1\r\nHost: otad.test\r\n\r\n${HIDDEN_REQUEST}`)
    expect(end).toBe('closed')
    expect(bytes.toString('latin1')).not.toMatch(/HTTP\/1\.1 2\d\d/)
    expect(bytes.toString('latin1')).not.toContain(digestOf(HIDDEN))
  })

  it.each(['websocket', 'h2c'])('does not upgrade: %s', async protocol => {
    const fields = [
      `Upgrade: ${protocol}`,
      'Connection: Upgrade',
      'Sec-WebSocket-Key: AAAA',
      'Sec-WebSocket-Version: 13'
    ]
    const connection = await daemon.connect()
    const answer = await exchange(connection, request('GET', '/hello_world.bin', fields), { method: 'GET' })
    connection.socket.destroy()
    expect(answer.status).toBe(200)
    expect(answer.body.equals(IMAGE)).toBe(true)
  })
})

describe('what is not TLS', () => {
  const clientHello = '1603010200010001fc0303'
  it.each([
    ['plain HTTP', 'GET /hello_world.bin HTTP/1.1\r\nHost: otad.test\r\n\r\n'],
    ['plain HTTP/1.0', 'GET /hello_world.bin HTTP/1.0\r\n\r\n'],
    ['noise', Buffer.from(filled(4096, 9))],
    ['zeros', Buffer.alloc(4096)],
    ['a hello cut off', Buffer.from(`${clientHello}00`, 'hex')],
    ['a hello of noise', Buffer.concat([Buffer.from(clientHello, 'hex'), Buffer.from(filled(501, 4))])],
    ['a record that is too long', Buffer.concat([Buffer.from('160301ffff', 'hex'), Buffer.from(filled(65535, 4))])],
    ['an alert', Buffer.from('15030100020228', 'hex')],
    ['application data', Buffer.from('1703030005aaaaaaaaaa', 'hex')],
    ['SSL 2', Buffer.from('802e0100020015000000100100800200800300800400800500800600400700c0', 'hex')],
    ['a SOCKS greeting', Buffer.from('050100', 'hex')],
    ['one byte', Buffer.from('16', 'hex')],
    ['nothing', Buffer.alloc(0)]
  ])('is served nothing, and the next client is served: %s', async (_what, bytes) => {
    const connection = await daemon.connect({ tls: false })
    connection.socket.end(bytes)
    const { bytes: got } = await listenTo(connection, 1000)
    expect(got.indexOf(IMAGE.subarray(0, 64))).toBe(-1)
    expect(got.toString('latin1')).not.toMatch(/HTTP\/1\.[01] [23]\d\d/)
    expect((await daemon.ask(request('GET', '/hello_world.bin'))).body.equals(IMAGE)).toBe(true)
  })

  it('leaves the daemon well after hundreds at once', async () => {
    const sockets = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const connection = await daemon.connect({ tls: false })
        connection.socket.write(Buffer.from(filled(1 + (index % 700), index + 1)))
        if (index % 3 === 0) connection.socket.destroy()
        if (index % 3 === 1) connection.socket.resetAndDestroy()
        return connection.socket
      })
    )
    const begun = performance.now()
    expect((await daemon.ask(request('GET', '/hello_world.bin'))).body.equals(IMAGE)).toBe(true)
    expect(performance.now() - begun).toBeLessThan(2000)
    for (const socket of sockets) socket.destroy()
    expect(daemon.log.filter(({ event }) => event === 'bug')).toEqual([])
  })
})

describe('who begins and does not go on', () => {
  it('is closed within 13 s, holds nobody up, and an idle device that did ask is kept', async () => {
    const asked = await daemon.connect()
    expect((await exchange(asked, request('GET', '/hello_world.bin'), { method: 'GET' })).status).toBe(200)

    const begun = performance.now()
    const raw = async (bytes: string): Promise<Connection> => {
      const connection = await daemon.connect({ tls: false })
      connection.socket.write(Buffer.from(bytes, 'hex'))
      return connection
    }
    const inTls = async (text: string): Promise<Connection> => {
      const connection = await daemon.connect()
      if (text !== '') connection.socket.write(text)
      return connection
    }
    const waiting: readonly (readonly [string, Connection])[] = [
      ['says nothing', await raw('')],
      ['begins a handshake', await raw('1603010200010001fc0303')],
      ['begins a record', await raw('16')],
      ['says nothing in TLS', await inTls('')],
      ['begins a head', await inTls('GET /hello_world.bin HTTP/1.1\r\nHost: a\r\nX-')],
      ['begins a request line', await inTls('GE')],
      ['drips a head', await inTls('GET /hello_world.bin HTTP/1.1\r\n')]
    ]
    const dripping = waiting.at(-1)?.[1].socket as Socket
    const drip = setInterval(() => dripping.writable && dripping.write('X: y\r\n'), 500)
    const closings = Promise.all(
      waiting.map(async ([what, connection]) => {
        await listenTo(connection, 15_000)
        return [what, performance.now() - begun] as const
      })
    ).finally(() => clearInterval(drip))

    let slowest = 0
    let all: readonly (readonly [string, number])[] | undefined
    void closings.then(result => {
      all = result
    })
    while (all === undefined && performance.now() - begun < 20_000) {
      const asking = performance.now()
      expect((await daemon.ask(request('GET', '/hello_world.bin'))).body.equals(IMAGE)).toBe(true)
      slowest = Math.max(slowest, performance.now() - asking)
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    expect(slowest).toBeLessThan(1000)
    const late = (await closings).filter(([, afterMs]) => afterMs > 13_000)
    expect(late).toEqual([])

    // Keep-alive goes on for 125 s: a device erases flash between two requests (R13).
    expect((await exchange(asked, request('GET', '/hello_world.bin'), { method: 'GET' })).body.equals(IMAGE)).toBe(true)
    asked.socket.destroy()
  })

  it('and hangs up before TLS leaves the next one served', async () => {
    for (let round = 0; round < 20; round++) {
      const socket = connectTcp({ host: '127.0.0.1', port: daemon.port })
      await new Promise(resolve => socket.once('connect', resolve))
      if (round % 2 === 0) socket.destroy()
      else socket.resetAndDestroy()
    }
    expect((await daemon.ask(request('GET', '/hello_world.bin'))).status).toBe(200)
  })
})
