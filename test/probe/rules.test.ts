// Each rule by itself: a server that keeps all of them, and one that breaks it and nothing else where that can be.
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { beforeAll, describe, expect, it } from 'vitest'
import { type ProbeResult, probe } from '../../src/probe/probe.js'
import { RULES } from '../../src/probe/rules.js'
import { PATIENCE } from '../../src/probe/scene.js'
import { readTarget } from '../../src/probe/target.js'
import { type Authority, anAuthority, aSelfSigned, type Pair } from '../support/certificates.js'
import { anImage } from '../support/image-builder.js'
import { hexOf, type ModelOptions, type Reply, startModel } from '../support/model-server.js'

const IMAGE = anImage({ project: 'probed', version: '1.4.2' })
const IMPATIENT = { ...PATIENCE, headMs: 4000, silenceMs: 1000, closeMs: 500, idleMs: 700 }

async function probed(
  options: Partial<ModelOptions>,
  { ca, isLong = false, isInsecure = false }: { ca?: string; isLong?: boolean; isInsecure?: boolean } = {}
): Promise<ProbeResult> {
  const url = await startModel({ image: IMAGE, ...options })
  const candidates = ca === undefined ? [] : [{ file: 'ca_cert.pem', certificate: ca }]
  return probe({ target: readTarget(url), candidates, isInsecure, isLong, patience: IMPATIENT })
}

function failing({ rules }: ProbeResult): string[] {
  return rules.filter(({ outcome }) => outcome === 'fail').map(({ rule }) => rule.id)
}

function seenOf({ rules }: ProbeResult, id: string): string {
  return rules.find(({ rule }) => rule.id === id)?.seen ?? ''
}

const isFirmware = ({ status }: Reply): boolean => status === 200 || status === 206
const withFields = (reply: Reply, fields: Readonly<Record<string, string>>): Reply => ({
  ...reply,
  fields: { ...reply.fields, ...fields }
})
const without = (reply: Reply, ...names: string[]): Reply => ({
  ...reply,
  fields: Object.fromEntries(Object.entries(reply.fields).filter(([name]) => !names.includes(name)))
})
const asStatus = (reply: Reply, status: number, reason: string): Reply => ({ ...reply, status, reason })
const whole = (reply: Reply): Reply => ({
  ...without(asStatus(reply, 200, 'OK'), 'Content-Range'),
  body: IMAGE,
  fields: {
    ...without(reply, 'Content-Range').fields,
    'Content-Length': String(IMAGE.length),
    'Content-Type': 'application/octet-stream',
    'Accept-Ranges': 'bytes'
  }
})

/** Writes an answer by hand; the connection ends with it unless told otherwise. */
function writeRaw(socket: Socket, { status, reason, fields, body }: Reply, isHead: boolean, version = '1.1'): true {
  const lines = [
    `HTTP/${version} ${status} ${reason}`,
    ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
  ]
  socket.end(
    Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`), isHead ? Buffer.alloc(0) : body])
  )
  return true
}

describe('a server that keeps all rules', () => {
  it('passes over HTTP, and every device has the image', async () => {
    const result = await probed({})
    expect(failing(result)).toEqual([])
    expect(result.flows.filter(({ outcome }) => outcome === 'fail')).toEqual([])
    expect(result.flows.filter(({ outcome }) => outcome === 'pass').length).toBeGreaterThan(15)
  })

  it('is never said to keep what cannot be seen from here', async () => {
    const { rules } = await probed({})
    const unseen = rules.filter(({ outcome }) => outcome === 'not-seen').map(({ rule }) => rule.id)
    expect(unseen).toEqual(
      expect.arrayContaining(['R12', 'R13', 'R24', 'R27', 'R36', 'R40', 'R37', 'R38', 'R39', 'trust', 'name'])
    )
  })

  it('is waited for with --long: a reader that stands still, and a connection that lies idle', async () => {
    const { rules } = await probed({}, { isLong: true })
    for (const id of ['R12', 'R13']) expect(rules.find(({ rule }) => rule.id === id)?.outcome).toBe('pass')
  })
})

/** What was broken, by the id of its rule; `also` are the rules that no server could keep then. */
interface Spoilt {
  readonly id: string
  readonly what: string
  readonly also?: readonly string[]
  readonly server: Partial<ModelOptions>
}

type Change = (reply: Reply, request: IncomingMessage) => Reply

const spoilt = (id: string, what: string, spoil: Change, also: readonly string[] = []): Spoilt => ({
  id,
  what,
  also,
  server: { spoil }
})
const missing = (reply: Reply): boolean => reply.status === 404
const rangeOf = ({ headers }: IncomingMessage): string => headers.range ?? ''
const plain = (status: number, reason: string, text = 'no\n'): Reply => ({
  status,
  reason,
  fields: { 'Content-Length': String(text.length), 'Content-Type': 'text/plain' },
  body: Buffer.from(text, 'latin1')
})
const aPart = (reply: Reply, start: number, end: number): Reply =>
  withFields(
    { ...asStatus(reply, 206, 'Partial Content'), body: IMAGE.subarray(start, end) },
    { 'Content-Length': String(end - start), 'Content-Range': `bytes ${start}-${end - 1}/${IMAGE.length}` }
  )

const OF_ANSWERS: readonly Spoilt[] = [
  spoilt('R1', 'errors in chunks', reply => (missing(reply) ? without(reply, 'Content-Length') : reply)),
  spoilt('R2', 'compression where it is offered', (reply, { headers }) =>
    /gzip/.test(String(headers['accept-encoding'])) ? withFields(reply, { 'Content-Encoding': 'gzip' }) : reply
  ),
  spoilt('R3', 'a name in lower case', reply =>
    withFields(without(reply, 'Content-Type'), { 'content-type': reply.fields['Content-Type'] ?? 'text/plain' })
  ),
  spoilt('R4', 'a type with a parameter', reply =>
    isFirmware(reply) && 'ETag' in reply.fields
      ? withFields(reply, { 'Content-Type': 'application/octet-stream; charset=binary' })
      : reply
  ),
  spoilt('R6', 'HTTP/1.0 that is never kept', (reply, { httpVersion }) =>
    httpVersion === '1.0' ? withFields(reply, { Connection: 'close' }) : reply
  ),
  spoilt('R7', 'HEAD refused', (reply, { method }) => (method === 'HEAD' ? plain(405, 'Method Not Allowed') : reply), [
    'R22'
  ]),
  spoilt(
    'R7',
    'HEAD without a length',
    (reply, { method }) => (method === 'HEAD' ? without(reply, 'Content-Length') : reply),
    ['R1', 'R22']
  ),
  spoilt('R8', 'an empty request body refused', (reply, { headers }) =>
    headers['content-length'] === '0' ? plain(400, 'Bad Request') : reply
  ),
  spoilt('R9', 'a Host without port refused', (reply, { headers }) =>
    headers.host === '127.0.0.1' ? plain(404, 'Not Found') : reply
  ),
  spoilt('R9', 'no Host refused', (reply, { headers }) =>
    headers.host === undefined ? plain(400, 'Bad Request') : reply
  ),
  spoilt('R10', 'queries taken for a part of the name', (reply, { url }) =>
    url?.includes('?') ? plain(404, 'Not Found') : reply
  ),
  spoilt('R10', 'a path that leads out', (reply, { url }) =>
    url?.includes('hosts') ? plain(200, 'OK', '127.0.0.1\n') : reply
  ),
  spoilt('R16', 'no Accept-Ranges', reply => without(reply, 'Accept-Ranges')),
  spoilt('R17', 'an end behind the image refused', (reply, request) =>
    reply.status === 206 && Number(/-(\d+)$/.exec(rangeOf(request))?.[1] ?? 0) >= IMAGE.length
      ? withFields(plain(416, 'Range Not Satisfiable', ''), { 'Content-Range': `bytes */${IMAGE.length}` })
      : reply
  ),
  spoilt('R18', 'bytes=0- as if it were not there', (reply, request) =>
    rangeOf(request) === 'bytes=0-' ? whole(reply) : reply
  ),
  spoilt('R18', 'other bytes under the right head', (reply, request) =>
    rangeOf(request) === 'bytes=0-' ? { ...reply, body: Buffer.alloc(IMAGE.length) } : reply
  ),
  spoilt('R19', 'no total', (reply, request) =>
    rangeOf(request) === 'bytes=0-0' && reply.status === 206
      ? withFields(reply, { 'Content-Range': 'bytes 0-0/*' })
      : reply
  ),
  spoilt('R20', 'an inverted range answered with the whole', (reply, request) => {
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(rangeOf(request)) ?? []
    return Number(end) < Number(start) ? whole(reply) : reply
  }),
  spoilt('R20', 'no length of the image', reply =>
    reply.status === 416 ? withFields(reply, { 'Content-Range': 'bytes */*' }) : reply
  ),
  spoilt('R21', 'a suffix as if it were not there', (reply, request) =>
    rangeOf(request).startsWith('bytes=-') ? whole(reply) : reply
  ),
  spoilt('R22', 'Range on HEAD', (reply, request) =>
    request.method === 'HEAD' && rangeOf(request) !== '' ? aPart(reply, 0, 10) : reply
  ),
  spoilt('R23', 'any If-Range', (reply, { headers }) =>
    headers['if-range'] !== undefined && reply.status === 200 ? aPart(reply, 0, 10) : reply
  ),
  spoilt('R23', 'no If-Range', (reply, { headers }) => (headers['if-range'] === undefined ? reply : whole(reply))),
  spoilt('R25', 'a page where there is nothing', reply => (missing(reply) ? { ...reply, status: 200 } : reply), [
    'R10'
  ]),
  spoilt('R26', '304 to who asks for a file system', (reply, { headers }) =>
    headers['x-esp32-mode'] === 'spiffs'
      ? { status: 304, reason: 'Not Modified', fields: {}, body: Buffer.alloc(0) }
      : reply
  ),
  spoilt('R26', '304 to another tag', (reply, { headers }) =>
    headers['if-none-match'] === undefined
      ? reply
      : { status: 304, reason: 'Not Modified', fields: {}, body: Buffer.alloc(0) }
  ),
  spoilt('R29', 'HTML as an error', reply =>
    missing(reply) ? withFields(reply, { 'Content-Type': 'text/html' }) : reply
  ),
  spoilt('R29', 'an error that begins as an image does', reply =>
    missing(reply) ? plain(404, 'Not Found', '\xe9 no\n') : reply
  ),
  spoilt('R29', 'no reason', reply => (missing(reply) ? plain(404, 'Not Found', '') : reply)),
  spoilt('R30', 'a weak tag', reply =>
    'ETag' in reply.fields ? withFields(reply, { ETag: `W/${reply.fields.ETag}` }) : reply
  ),
  spoilt('R30', 'no date', reply => without(reply, 'Last-Modified')),
  spoilt('R31', 'an MD5 in upper case', reply =>
    'x-MD5' in reply.fields ? withFields(reply, { 'x-MD5': hexOf(IMAGE, 'md5').toUpperCase() }) : reply
  ),
  spoilt('R32', 'no SHA-512', reply => without(reply, 'x-SHA512')),
  spoilt('R33', 'no version', reply => without(reply, 'x-version')),
  spoilt('R34', 'a sidecar of another image', (reply, { url }) =>
    url?.endsWith('.md5') ? plain(200, 'OK', `${'0'.repeat(32)}  app.bin\n`) : reply
  ),
  spoilt('R34', 'a sidecar with the name first', (reply, { url }) =>
    url?.endsWith('.sha256') ? plain(200, 'OK', `app.bin: ${hexOf(IMAGE, 'sha256')}\n`) : reply
  ),
  spoilt('R35', 'a long manifest', (reply, { url }) =>
    url?.endsWith('.json') && !missing(reply) ? plain(200, 'OK', JSON.stringify({ notes: 'x'.repeat(3000) })) : reply
  ),
  spoilt('R35', 'a byte order mark', (reply, { url }) =>
    url?.endsWith('.json') && !missing(reply) ? plain(200, 'OK', '\xef\xbb\xbf{"name":"app"}') : reply
  )
]

const REDIRECT = { status: 302, reason: 'Found', body: Buffer.alloc(0) }
const CHALLENGED = plain(401, 'Unauthorized')

describe('one broken promise', () => {
  it.each(OF_ANSWERS)('is told, and no other: $id, $what', async ({ id, also = [], server }) => {
    expect(failing(await probed(server)).sort()).toEqual([id, ...also].sort())
  })

  it('is told of the status line: R5', async () => {
    const send: ModelOptions['send'] = (reply, { method, url }, socket) =>
      url?.includes('otad-probe') === true && writeRaw(socket, reply, method === 'HEAD', '1.0')
    expect(failing(await probed({ send }))).toEqual(['R5'])
  })

  it('is told of a head that comes late: R11', async () => {
    const delayMs = ({ url }: IncomingMessage): number => (url?.endsWith('.sha512') ? 3200 : 0)
    const result = await probed({ delayMs })
    expect(failing(result)).toEqual(['R11'])
    expect(seenOf(result, 'R11')).toContain('.sha512')
  })

  /** Nobody may stay longer, whatever he does. */
  const closesEarly = (socket: Socket): void => void setTimeout(() => socket.destroy(), 350)

  it('is told of a reader that is not waited for, with --long: R12', async () => {
    // More than the buffers of the kernel take.
    const image = anImage({ length: 12 * 1024 * 1024 })
    expect(failing(await probed({ image, meet: closesEarly }, { isLong: true }))).toContain('R12')
  })

  it('is told of an idle connection that is closed: with --long, or when the server says so: R13', async () => {
    expect(failing(await probed({ meet: closesEarly }, { isLong: true }))).toEqual(['R13'])
    expect(failing(await probed({ http: { keepAliveTimeout: 5000 } }))).toEqual(['R13'])
  })

  it('is told of a server that serves one by one: R14', async () => {
    expect(failing(await probed({ isOneByOne: true }))).toEqual(['R14'])
  }, 60_000)

  it('is told of bodies that are shorter, longer, or never end: R15', async () => {
    const isGet = (reply: Reply, { method }: IncomingMessage) => method === 'GET' && reply.status === 200
    const shorter: ModelOptions['send'] = (reply, request, socket) =>
      isGet(reply, request) &&
      request.url?.endsWith('.md5') === true &&
      writeRaw(socket, { ...reply, body: reply.body.subarray(1) }, false)
    expect(failing(await probed({ send: shorter }))).toContain('R15')
    const longer: ModelOptions['send'] = (reply, request, socket) =>
      isGet(reply, request) &&
      request.headers.connection === 'close' &&
      request.headers['user-agent'] === 'ESP32 HTTP Client/1.0' &&
      request.httpVersion === '1.1' &&
      writeRaw(socket, { ...reply, body: Buffer.concat([reply.body, Buffer.from('more')]) }, false)
    expect(failing(await probed({ send: longer }))).toEqual(['R15'])
    const stalls: ModelOptions['send'] = (reply, request, socket) => {
      if (!isGet(reply, request) || request.headers.range !== undefined || request.url?.includes('?') !== true)
        return false
      const head = Object.entries(reply.fields).map(([name, value]) => `${name}: ${value}\r\n`)
      return socket.write(`HTTP/1.1 200 OK\r\n${head.join('')}\r\n`)
    }
    const result = await probed({ send: stalls })
    expect(failing(result)).toEqual(['R15'])
    expect(seenOf(result, 'R15')).toContain('stays open')
  })

  it('is told of a redirect: R28', async () => {
    const spoil: Change = (reply, { url }) =>
      url?.split('?')[0] === '/fw/app.bin'
        ? { ...REDIRECT, fields: { Location: 'https://elsewhere.invalid/app.bin', 'Content-Length': '0' } }
        : reply
    const result = await probed({ spoil })
    expect(failing(result)).toContain('R28')
    expect(seenOf(result, 'R28')).toContain('another server')
  })

  it('is told of a challenge that devices put together wrong: R27', async () => {
    const challenge =
      (value: string): Change =>
      reply =>
        isFirmware(reply) ? withFields(CHALLENGED, { 'WWW-Authenticate': value }) : reply
    expect(failing(await probed({ spoil: challenge('Basic realm="a", Digest realm="a"') }))).toContain('R27')
    expect(failing(await probed({ spoil: challenge('Basic realm="a"') }))).not.toContain('R27')
  })

  it('is known by each rule that can be seen', () => {
    const tested = new Set([...OF_ANSWERS.map(({ id }) => id), 'R5', 'R11', 'R12', 'R13', 'R14', 'R15', 'R27', 'R28'])
    const overTls = new Set(['trust', 'name', 'R37', 'R38', 'R39'])
    const others = RULES.filter(({ id }) => !tested.has(id) && !overTls.has(id)).map(({ id }) => id)
    // Opt-in, and what cannot be seen from here.
    expect(others).toEqual(['R24', 'R36', 'R40'])
  })
})

describe('a server that stands still', () => {
  const IN_A_HURRY = { ...IMPATIENT, headMs: 500, silenceMs: 500, againMs: 100, closeMs: 200 }
  const wayOf = ({ flows }: ProbeResult, client: string) => flows.find(({ flow }) => flow.client === client)
  async function met(options: Partial<ModelOptions>, patience = IN_A_HURRY) {
    const target = readTarget(await startModel({ image: IMAGE, ...options }))
    const startedAt = performance.now()
    const result = await probe({ target, candidates: [], isInsecure: false, isLong: false, patience })
    return { result, tookMs: performance.now() - startedAt }
  }
  const begun = (reply: Reply, length: number): Buffer => {
    const fields = Object.entries(reply.fields).map(([name, value]) => `${name}: ${value}\r\n`)
    return Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${fields.join('')}\r\n`), reply.body.subarray(0, length)])
  }
  const isImage = (reply: Reply, { method }: IncomingMessage): boolean =>
    method === 'GET' && reply.status === 200 && reply.body.length === IMAGE.length

  // The same five seconds were waited for with every rule and every flow: 172 s in all.
  it('and never answers breaks R11 alone; nothing else is asked', async () => {
    let requests = 0
    const { result, tookMs } = await met({
      send: () => {
        requests++
        return true
      }
    })
    expect(failing(result)).toEqual(['R11'])
    expect(requests).toBe(1)
    expect(tookMs).toBeLessThan(3000)
    expect(result.obstacle?.seen).toContain('no answer within 0.5 s')
    expect(seenOf(result, 'R18')).toContain('no answer within 0.5 s')
    expect(result.flows.every(({ outcome }) => outcome === 'not-seen')).toBe(true)
  })

  // R13 and R14 were blamed for it too, and each body was waited for as long as the first.
  it('in the middle of a body breaks R15 alone, and each device says what it would say', async () => {
    const send: ModelOptions['send'] = (reply, request, socket) =>
      isImage(reply, request) && socket.write(begun(reply, 20_000))
    const { result, tookMs } = await met({ send })
    expect(failing(result)).toEqual(['R15'])
    expect(tookMs).toBeLessThan(10_000)
    expect(wayOf(result, 'ESP-IDF 5.5')?.seen).toBe('(the device waits for ever)')
    expect(wayOf(result, 'RainMaker')?.seen).toBe('(the device waits for ever)')
  })

  // RainMaker was said to find the name of another project, for there was nothing to compare with.
  it.each([
    ['cut', (reply: Reply) => begun(reply, 20_000)],
    [
      'promised too long',
      (reply: Reply) => begun(withFields(reply, { 'Content-Length': String(IMAGE.length + 1000) }), IMAGE.length)
    ]
  ])('a body that is %s breaks R15, and devices say that it is not whole', async (_what, bytes) => {
    const send: ModelOptions['send'] = (reply, request, socket) =>
      isImage(reply, request) && socket.end(bytes(reply)) !== undefined
    const { result } = await met({ send })
    expect(failing(result)).toContain('R15')
    for (const id of ['R6', 'R13', 'R14']) expect(failing(result)).not.toContain(id)
    expect(wayOf(result, 'RainMaker')?.seen).toBe('esp_https_ota: Connection closed before complete data was received!')
  })

  it('with every head breaks R11, and is judged in time', async () => {
    const { result, tookMs } = await met({ delayMs: () => 3100 }, { ...IMPATIENT, rulesMs: 5000, flowsMs: 2000 })
    expect(failing(result)).toEqual(['R11'])
    expect(tookMs).toBeLessThan(15_000)
    expect(seenOf(result, 'R36')).toContain('time is up')
    expect(result.flows.some(({ outcome }) => outcome === 'fail')).toBe(false)
  }, 20_000)

  it('with a body that drips is not said to stop', async () => {
    const send: ModelOptions['send'] = (reply, request, socket) => {
      if (!isImage(reply, request)) return false
      socket.write(begun(reply, 0))
      let sent = 0
      const dripping = setInterval(() => socket.write(reply.body.subarray(sent, ++sent)), 50)
      socket.once('close', () => clearInterval(dripping))
      return true
    }
    const { result, tookMs } = await met({ send }, { ...IN_A_HURRY, wholeMs: 300 })
    expect(failing(result)).toEqual([])
    expect(tookMs).toBeLessThan(5000)
    expect(result.obstacle).toEqual({ seen: 'the image takes more than 0.3 s', fix: '--long waits for it' })
    expect(seenOf(result, 'R15')).toContain('--long waits for it')
    expect(result.flows.every(({ outcome }) => outcome === 'not-seen')).toBe(true)
  })
})

describe('over TLS', () => {
  let authority: Authority
  let leaf: Pair
  beforeAll(async () => {
    authority = await anAuthority()
    leaf = await authority.issue({ purpose: 'server', names: ['127.0.0.1'], addresses: ['127.0.0.1'] })
  })
  const tlsOf = ({ certificate, key }: Pair) => ({ cert: certificate, key, minVersion: 'TLSv1.2' as const })
  const overTls = (options: Partial<ModelOptions>) =>
    probed({ tls: tlsOf(leaf), ...options }, { ca: authority.certificate })

  it('a server that keeps all rules passes', async () => {
    const result = await overTls({})
    expect(failing(result)).toEqual([])
    expect(result.flows.filter(({ outcome }) => outcome === 'fail')).toEqual([])
  })

  it('another CA is told in the words of the device, and nothing behind it is said to be good', async () => {
    const other = await anAuthority()
    const result = await probed({ tls: tlsOf(leaf) }, { ca: other.certificate })
    expect(failing(result)).toEqual(['trust'])
    expect(seenOf(result, 'trust')).toContain('-0x2700')
    expect(result.flows.every(({ outcome }) => outcome === 'not-seen')).toBe(true)
    const goesOn = await probed({ tls: tlsOf(leaf) }, { ca: other.certificate, isInsecure: true })
    expect(failing(goesOn)).toEqual(['trust'])
    expect(goesOn.flows.some(({ outcome }) => outcome === 'pass')).toBe(true)
  })

  it('a certificate of nobody known is told as the bundle tells it', async () => {
    const result = await probed({ tls: tlsOf(leaf) })
    expect(seenOf(result, 'trust')).toContain('-0x3000')
  })

  it('a self-signed certificate that the device holds is trusted', async () => {
    const own = await aSelfSigned({ purpose: 'server', names: ['127.0.0.1'] })
    expect(failing(await probed({ tls: tlsOf(own) }, { ca: own.certificate }))).toEqual([])
  })

  it('a leaf that the device holds is not, where another signed it', async () => {
    expect(failing(await probed({ tls: tlsOf(leaf) }, { ca: leaf.certificate }))).toEqual(['trust'])
  })

  it('an address that stands as iPAddress alone locks out old devices, and only those', async () => {
    const modern = await authority.issue({ purpose: 'server', addresses: ['127.0.0.1'] })
    const result = await overTls({ tls: tlsOf(modern) })
    expect(failing(result)).toEqual(['name'])
    const failed = result.flows.filter(({ outcome }) => outcome === 'fail').map(({ flow }) => flow.client)
    expect(new Set(failed)).toEqual(new Set(['ESP-IDF 4.4', 'ESP-IDF 3.2']))
  })

  it('another name locks out all', async () => {
    const named = await authority.issue({ purpose: 'server', names: ['elsewhere.example'] })
    const result = await overTls({ tls: tlsOf(named) })
    expect(failing(result)).toEqual(['name'])
    expect(result.flows.some(({ outcome }) => outcome === 'pass')).toBe(false)
  })

  it('old versions, and a missing one, are told: R37', async () => {
    const old = { ...tlsOf(leaf), minVersion: 'TLSv1' as const, ciphers: 'DEFAULT@SECLEVEL=0' }
    expect(seenOf(await overTls({ tls: old }), 'R37')).toMatch(/TLS 1.0 is spoken.*TLS 1.1 is spoken/)
    const only12 = await overTls({ tls: { ...tlsOf(leaf), maxVersion: 'TLSv1.2' } })
    expect(failing(only12)).toEqual(['R37'])
    expect(seenOf(only12, 'R37')).toContain('TLS 1.3 is not spoken')
    const only13 = await overTls({ tls: { ...tlsOf(leaf), minVersion: 'TLSv1.3' } })
    expect(failing(only13)).toEqual(['R37'])
    expect(only13.flows.some(({ outcome }) => outcome === 'pass')).toBe(false)
  })

  // R6, R7, R11, R13 and R25 were said to be broken, with what that does to a flash and in the words of OpenSSL.
  it('a server of TLS 1.3 alone breaks R37, and nothing that cannot be asked is said to be broken', async () => {
    const result = await overTls({ tls: { ...tlsOf(leaf), minVersion: 'TLSv1.3' } })
    expect(failing(result)).toEqual(['R37'])
    expect(result.obstacle).toEqual({
      seen: expect.stringContaining('TLS 1.3 alone'),
      fix: 'let the server speak TLS 1.2 too'
    })
    expect(result.flows.every(({ outcome }) => outcome === 'not-seen')).toBe(true)
    expect(seenOf(result, 'R6')).toBe(result.obstacle?.seen)
  })

  it('the root in the chain is told: R38', async () => {
    const tls = { ...tlsOf(leaf), cert: leaf.certificate + authority.certificate }
    expect(failing(await overTls({ tls }))).toEqual(['R38'])
  })

  it('large records are told: R39', async () => {
    expect(failing(await overTls({ maxRecord: 16_384 }))).toEqual(['R39'])
  })

  it('a server that speaks no TLS is told of, and nothing is said to be good', async () => {
    const url = (await startModel({ image: IMAGE })).replace('http:', 'https:')
    const result = await probe({ target: readTarget(url), candidates: [], isInsecure: false, isLong: false })
    expect(failing(result)).toEqual(['R37'])
    expect(result.obstacle?.fix).toContain('write http://')
    expect(result.rules.filter(({ outcome }) => outcome === 'pass')).toEqual([])
  })
})
