// A request without TLS is answered with the URL it should have gone to. Everything in it comes from whoever connects: none of it may become
// a line of the head, and none of it may end the daemon.
import { connect as connectTcp, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { httpsUrlOf, plainHttpAnswer } from '../../src/server/plain-http.js'
import { type RunningDaemon, startDaemon } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { answerOf, run } from '../support/real-clients-program.js'
import { expectWellFormed, request, useSharedDaemon } from '../support/shared-daemon.js'

const LOCAL = '192.168.1.8:8070'
const hasCurl = (await answerOf('curl', ['--version'])) !== undefined

function urlOf(text: string): string {
  return httpsUrlOf(Buffer.from(text, 'latin1'), LOCAL) ?? 'none'
}

interface Answered {
  readonly statusLine: string
  readonly fields: readonly string[]
  readonly body: string
}

/** Splits an answer; what is no head of HTTP/1.1 fails. */
function answered(text: string): Answered {
  const end = text.indexOf('\r\n\r\n')
  expect(end).toBeGreaterThan(0)
  const [statusLine = '', ...fields] = text.slice(0, end).split('\r\n')
  return { statusLine, fields, body: text.slice(end + 4) }
}

const FIELD_NAMES = ['Content-Type', 'Content-Length', 'Cache-Control', 'Date', 'Connection']

function expectOurs({ statusLine, fields, body }: Answered, isHead: boolean): void {
  expect(statusLine).toBe('HTTP/1.1 400 Bad Request')
  expect(fields.map(field => field.split(': ', 1)[0])).toEqual(expect.arrayContaining(FIELD_NAMES))
  for (const field of fields) expect(field).toMatch(/^[A-Z][A-Za-z-]+: [\x21-\x7e][\x20-\x7e]*$/)
  const length = Number(fields.find(field => field.startsWith('Content-Length: '))?.slice(16))
  if (isHead) expect(body).toBe('')
  else {
    expect(Buffer.byteLength(body)).toBe(length)
    expect(body).toMatch(/^400 this port speaks HTTPS only: https:\/\/[\x21-\x7e]+\n$/)
  }
  expect(length).toBeGreaterThan(0)
  expect(length, 'short').toBeLessThan(900)
}

describe('the URL that a request should have gone to', () => {
  it.each([
    ['GET /hello_world.bin HTTP/1.1\r\nHost: 10.0.0.5:8070\r\n\r\n', 'https://10.0.0.5:8070/hello_world.bin'],
    ['GET /a.bin?mac=1 HTTP/1.0\r\nhOsT:  bench.local \r\n\r\n', 'https://bench.local/a.bin?mac=1'],
    ['GET /a.bin HTTP/1.1\r\nAccept: */*\r\nHost: [fe80::1]:8070\r\n\r\n', 'https://[fe80::1]:8070/a.bin'],
    ['GET /a.bin HTTP/1.0\r\n\r\n', `https://${LOCAL}/a.bin`],
    ['GET /a.bin HTTP/1.1\r\nHost:\r\n\r\n', `https://${LOCAL}/a.bin`],
    ['GET / HTTP/1.1\r\nHost: a.local', 'https://a.local/'],
    ['GET', `https://${LOCAL}/`],
    ['', `https://${LOCAL}/`]
  ])('for %j is %s', (head, url) => {
    expect(urlOf(head)).toBe(url)
  })

  // RFC 9112, 3.2.2: the host of the absolute form counts, whatever Host says.
  it('is the one of the absolute form', () => {
    expect(urlOf('GET http://abs.local:8070/a.bin HTTP/1.1\r\nHost: other\r\n\r\n')).toBe(
      'https://abs.local:8070/a.bin'
    )
  })

  it.each([
    ['a script', 'Host: <script>alert(1)</script>'],
    ['quotes', 'Host: a"b'],
    ['a path', 'Host: a/b'],
    ['credentials', 'Host: user@a'],
    ['a query', 'Host: a?b'],
    ['a fragment', 'Host: a#b'],
    ['a backslash', 'Host: a\\b'],
    ['a space', 'Host: a b'],
    ['a line feed', 'Host: a\nSet-Cookie: x=1'],
    ['a carriage return', 'Host: a\rSet-Cookie: x=1'],
    ['NUL', 'Host: a\0b'],
    ['bytes above ASCII', 'Host: \xe4\xf6\xfc'],
    ['more than a name can have', `Host: ${'a'.repeat(300)}`],
    ['an open bracket', 'Host: [::1'],
    ['a port that is none', 'Host: a:8070x'],
    ['two ports', 'Host: a:1:2']
  ])('takes no host with %s', (_what, field) => {
    expect(urlOf(`GET /a.bin HTTP/1.1\r\n${field}\r\n\r\n`)).toBe(`https://${LOCAL}/a.bin`)
  })

  it.each([
    ['a line feed', '/a\nb'],
    ['a carriage return', '/a\rb'],
    ['a space', '/a b'],
    ['bytes above ASCII', '/\xe4'],
    ['NUL', '/a\0b'],
    ['more than a device would ask for', `/${'a'.repeat(500)}`],
    ['nothing before it', 'a.bin']
  ])('takes no path with %s', (_what, target) => {
    expect(urlOf(`GET ${target} HTTP/1.1\r\nHost: a.local\r\n\r\n`)).toBe('https://a.local/')
  })

  // Whoever is given it reads it as a URL, and so does the daemon for its log.
  it.each([
    'a:99999',
    '%',
    '%zz',
    '[::::]',
    '999.999.999.999',
    '1.2.3.256',
    '0x1ffffffff',
    'xn--zzzzzz--',
    '[fe80::1%eth0]',
    ':80',
    'a,b',
    ';'
  ])('is a URL even where Host is %s', host => {
    const url = urlOf(`GET /a.bin HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    expect(URL.canParse(url), url).toBe(true)
  })
})

const HOSTILE: readonly string[] = [
  'GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
  'GET /\r\nSet-Cookie: a=b HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /"><script>alert(1)</script> HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: a\nSet-Cookie: x=1\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: "a"\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: <script>\r\n\r\n',
  `GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  `GET /a HTTP/1.1\r\nHost: ${'a'.repeat(9000)}\r\n\r\n`,
  'GET http://abs.local/a HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET http://[::1]:8070/a HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: [::1]:8070\r\n\r\n',
  'GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
  'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET  /two HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /\xe4 HTTP/1.1\r\nHost: \xe4\r\n\r\n',
  'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello'
]
/** Hosts that pass for one and are no part of a URL. */
const NEARLY_HOSTS = [
  'a:99999',
  '%',
  '[::::]',
  '999.999.999.999',
  'xn--zzzzzz--',
  '[fe80::1%eth0]',
  '[fe80::1%25eth0]',
  ':80',
  '0x1ffffffff'
]

describe('the answer', () => {
  it.each(HOSTILE.map(head => [head]))('to %j has a head of ours alone', text => {
    const head = Buffer.from(text, 'latin1')
    expectOurs(answered(plainHttpAnswer(head, httpsUrlOf(head, LOCAL))), false)
  })

  it('to HEAD has the length and no body', () => {
    const head = Buffer.from('HEAD /a.bin HTTP/1.1\r\nHost: a.local\r\n\r\n')
    const get = Buffer.from('GET /a.bin HTTP/1.1\r\nHost: a.local\r\n\r\n')
    const lengthOf = (text: string): string | undefined => /Content-Length: (\d+)/.exec(text)?.[1]
    const answer = plainHttpAnswer(head, 'https://a.local/a.bin')
    expectOurs(answered(answer), true)
    expect(lengthOf(answer)).toBe(lengthOf(plainHttpAnswer(get, 'https://a.local/a.bin')))
  })
})

/** Sends bytes without TLS and takes everything until the daemon hangs up. */
function sendPlain(port: number, text: string, then: (socket: Socket) => unknown = () => {}): Promise<string> {
  return new Promise(resolve => {
    let received = ''
    const socket = connectTcp(port, '127.0.0.1')
    socket.on('data', piece => {
      received += piece.toString('latin1')
    })
    socket.on('error', () => {}).on('close', () => resolve(received))
    socket.write(Buffer.from(text, 'latin1'), () => then(socket))
  })
}

describe('the daemon, asked without TLS,', () => {
  const daemon = useSharedDaemon({ firmware: { 'hello_world.bin': anImage() } })

  it('names the host and path over HTTPS, hangs up, and says it in the log', async () => {
    const text = await sendPlain(daemon.port, request('GET', '/hello_world.bin', [], { host: 'bench.local:8070' }))
    const answer = answered(text)
    expectOurs(answer, false)
    expect(answer.body).toContain('https://bench.local:8070/hello_world.bin\n')
    expect(answer.fields).toContain('Connection: close')
    const line = await daemon.event('handshake.failed', ({ servername }) => servername === 'bench.local')
    expect(line).toMatchObject({ device: '127.0.0.1', code: 'ERR_SSL_HTTP_REQUEST', count: 1 })
    expect(line.fix).toContain('https://')
  })

  it('names the address that was come by where there is no Host', async () => {
    expect(await sendPlain(daemon.port, 'GET /a.bin HTTP/1.0\r\n\r\n')).toContain(
      `https://127.0.0.1:${daemon.port}/a.bin\n`
    )
  })

  it('answers HEAD without a body', async () => {
    expectOurs(answered(await sendPlain(daemon.port, request('HEAD', '/a.bin', [], { host: 'head.local' }))), true)
  })

  it('answers a head that comes byte by byte', async () => {
    const socket = connectTcp(daemon.port, '127.0.0.1').setNoDelay()
    let received = ''
    socket.on('data', piece => {
      received += piece.toString('latin1')
    })
    for (const letter of request('GET', '/slow.bin', [], { host: 'slow.local' })) {
      await new Promise(resolve => socket.write(letter, resolve))
    }
    await new Promise(resolve => socket.once('close', resolve))
    expect(received).toContain('https://slow.local/slow.bin\n')
  })

  it.skipIf(!hasCurl)('is understood by curl, which gets 400 and the URL', async () => {
    const url = `http://127.0.0.1:${daemon.port}/hello_world.bin`
    const { code, stdout, stderr } = await run('curl', ['-sS', '-w', '%{stderr}%{http_code}', url])
    expect([code, stderr]).toEqual([0, '400'])
    expect(stdout.toString()).toContain(url.replace('http:', 'https:'))
  })

  it('answers everything hostile with a head of its own, and goes on serving', async () => {
    for (const head of HOSTILE) {
      const text = await sendPlain(daemon.port, head)
      expect(text, `no answer to ${head.slice(0, 200)}`).not.toBe('')
      expectOurs(answered(text), false)
    }
    const answer = await daemon.ask(request('HEAD', '/hello_world.bin'))
    expect(answer.status).toBe(200)
    expectWellFormed(answer)
    expect(daemon.log.filter(({ event }) => event === 'bug')).toEqual([])
  })
})

// `new URL()` of such a host threw where nobody catches: one packet of anybody ended the daemon.
describe('the daemon is not ended by', () => {
  async function expectAlive(daemon: RunningDaemon): Promise<void> {
    await daemon.event('handshake.failed')
    expect(await sendPlain(daemon.port, request('GET', '/', [], { host: 'alive.local' }))).toContain('alive.local')
    expect(await daemon.stop()).toBe(0)
    expect(daemon.complaints()).not.toContain('a bug in otad')
  }

  it.each(NEARLY_HOSTS)('Host: %s', async host => {
    const daemon = await startDaemon()
    expectOurs(answered(await sendPlain(daemon.port, request('GET', '/a.bin', [], { host }))), false)
    await expectAlive(daemon)
  })

  it('a head without Host that is cut by a reset', async () => {
    const daemon = await startDaemon()
    await sendPlain(daemon.port, 'GET /a.bin HTTP/1.1\r\n', socket => socket.resetAndDestroy())
    await expectAlive(daemon)
  })

  it('a head that ends in bare line feeds and a hang-up', async () => {
    const daemon = await startDaemon()
    await sendPlain(daemon.port, 'GET /a.bin HTTP/1.0\n\n', socket => socket.end())
    await expectAlive(daemon)
  })
})

describe('one that was answered', () => {
  // It has two seconds to read the answer; what it goes on sending does not hold the connection.
  it('is hung up on though it goes on sending', async () => {
    const daemon = await startDaemon()
    const socket = connectTcp({ port: daemon.port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => {}).resume()
    socket.write(request('GET', '/a.bin', [], { host: 'chatty.local' }))
    const chatter = setInterval(() => socket.write('x'), 500)
    const isClosed = new Promise(resolve => socket.once('close', () => resolve('closed')))
    const isLate = new Promise(resolve => setTimeout(resolve, 8000, 'still open after 8 s'))
    expect(await Promise.race([isClosed, isLate])).toBe('closed')
    clearInterval(chatter)
    socket.destroy()
  })
})
