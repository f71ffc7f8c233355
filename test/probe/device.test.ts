import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { generate } from 'selfsigned'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Device } from '../../src/probe/device.js'
import { arduinoHttpUpdate } from '../../src/probe/device-arduino.js'
import { native, oneShot, resume } from '../../src/probe/device-idf.js'
import { partial } from '../../src/probe/device-idf-partial.js'
import { sketchSocket } from '../../src/probe/device-sketch.js'
import { atRate, onceAfter } from '../../src/probe/pause.js'
import { exchange, NoAnswer, openConnection } from '../../src/probe/raw-http.js'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** 200 KB that begin as an image for chip 9 does; nothing behind the header is looked at here. */
const IMAGE = Buffer.concat([
  Buffer.from([0xe9, 1, 2, 0x20]),
  Buffer.alloc(8),
  Buffer.from([9, 0]),
  randomBytes(204786)
])
const OTHER = Buffer.concat([IMAGE.subarray(0, 14), randomBytes(150000)])

let identity: { cert: string; private: string }
const servers: Server[] = []

beforeAll(async () => {
  identity = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    algorithm: 'sha256',
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 7, ip: '127.0.0.1' },
          { type: 2, value: '127.0.0.1' }
        ]
      }
    ]
  })
})

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
})

async function listen(handler: Handler): Promise<Server> {
  const server = createServer({ cert: identity.cert, key: identity.private }, handler)
  // A device that hangs up in the middle is part of these tests.
  server.on('tlsClientError', () => {})
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function aDevice(handler: Handler, more: Partial<Device> = {}): Promise<Device> {
  const { port } = (await listen(handler)).address() as AddressInfo
  return { ca: identity.cert, url: `https://127.0.0.1:${port}/hello_world.bin`, ...more }
}

const FIRMWARE = { 'Content-Type': 'application/octet-stream' }

/** Serves an image as otad has to (clients.md 4.1 and 4.2); `image` is asked at each request. */
function serving(image: () => Buffer, extra: Record<string, string> = {}): Handler {
  return (request, response) => {
    const bytes = image()
    const found = request.method === 'GET' ? /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') : null
    if (found === null) {
      response.writeHead(200, { ...FIRMWARE, ...extra, 'Content-Length': bytes.length })
      response.end(request.method === 'HEAD' ? undefined : bytes)
      return
    }
    const start = Number(found[1])
    const end = Math.min(Number(found[2] || bytes.length), bytes.length - 1)
    if (start >= bytes.length || end < start) {
      response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}`, 'Content-Length': 0 }).end()
      return
    }
    const range = `bytes ${start}-${end}/${bytes.length}`
    response.writeHead(206, { ...FIRMWARE, 'Content-Range': range, 'Content-Length': end - start + 1 })
    response.end(bytes.subarray(start, end + 1))
  }
}

const whole = serving(() => IMAGE)

/** Answers everything with that status and a short text. */
function refusing(status: number): Handler {
  return (_request, response) => {
    response.writeHead(status, { 'Content-Length': 3 }).end('no\n')
  }
}

/** Promises the whole image, sends `length` bytes and closes. */
function cutAt(length: number): Handler {
  return (_request, response) => {
    response.writeHead(200, { ...FIRMWARE, 'Content-Length': IMAGE.length })
    response.write(IMAGE.subarray(0, length), () => response.socket?.end())
  }
}

describe('exchange', () => {
  async function open(handler: Handler, maxVersion?: 'TLSv1.2') {
    const { port } = (await listen(handler)).address() as AddressInfo
    return openConnection({ host: '127.0.0.1', port, ca: identity.cert, maxVersion })
  }
  const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n'

  it('sends the bytes of the request and gives back the bytes of the head', async () => {
    const seen: string[] = []
    const connection = await open((request, response) => {
      seen.push(...request.rawHeaders)
      response.sendDate = false
      response.writeHead(200, 'Fine', { 'X-mD5': 'a', 'Content-Length': 2 }).end('ok')
    })
    const answer = await exchange(connection, 'GET /a HTTP/1.1\r\nhOST: a\r\n\r\n', { method: 'GET' })
    await connection.close()
    expect(seen).toEqual(['hOST', 'a'])
    const lines = 'HTTP/1.1 200 Fine\r\nX-mD5: a\r\nContent-Length: 2\r\n'
    expect(answer.rawHead.toString()).toBe(`${lines}Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n`)
    expect(answer).toMatchObject({ status: 200, reason: 'Fine', body: Buffer.from('ok'), keepsOpen: true })
    expect(answer.header('x-md5')).toBe('a')
  })

  it('reads no body after HEAD and asks again on the same connection', async () => {
    const connection = await open(whole)
    const head = await exchange(connection, 'HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n', { method: 'HEAD' })
    const get = await exchange(connection, GET, { method: 'GET' })
    await connection.close()
    expect(head.header('Content-Length')).toBe(String(IMAGE.length))
    expect(head.body).toHaveLength(0)
    expect(get.body.equals(IMAGE)).toBe(true)
  })

  it('sends the host as SNI even when it is an address', async () => {
    const server = await listen(whole)
    const secured = once(server, 'secureConnection') as Promise<[TLSSocket & { servername: string }]>
    const { port } = server.address() as AddressInfo
    const connection = await openConnection({ host: '127.0.0.1', port, ca: identity.cert })
    const [socket] = await secured
    await connection.close()
    expect(socket.servername).toBe('127.0.0.1')
  })

  it.each(['TLSv1.2', undefined] as const)('shows the length of the records the server sends (%s)', async version => {
    const server = await listen(whole)
    server.on('secureConnection', socket => socket.setMaxSendFragment(4096))
    const { port } = server.address() as AddressInfo
    const connection = await openConnection({ host: '127.0.0.1', port, ca: identity.cert, maxVersion: version })
    const limited = await exchange(connection, GET, { method: 'GET' })
    await connection.close()
    expect(Math.max(...limited.reads)).toBe(4096)

    const free = await open(whole, 'TLSv1.2')
    const unlimited = await exchange(free, GET, { method: 'GET' })
    await free.close()
    expect(Math.max(...unlimited.reads)).toBe(16384)
  })

  it('refuses chunked coding unless told, and undoes it then', async () => {
    const chunked: Handler = (_request, response) => {
      response.write(IMAGE.subarray(0, 70000))
      response.end(IMAGE.subarray(70000))
    }
    const refused = await open(chunked)
    await expect(exchange(refused, GET, { method: 'GET' })).rejects.toThrow('Transfer-Encoding: chunked')
    await refused.close()
    const told = await open(chunked)
    const answer = await exchange(told, GET, { method: 'GET', chunked: 'decode' })
    await told.close()
    expect(answer.body.equals(IMAGE)).toBe(true)
    expect(answer.bodyEnd).toBe('complete')
  })

  it('gives up when no head comes in time', async () => {
    const connection = await open(() => {})
    const failure = await exchange(connection, GET, { method: 'GET', timeoutMs: 50 }).catch(cause => cause)
    await connection.close()
    expect(failure).toBeInstanceOf(NoAnswer)
    expect(failure.reason).toBe('timeout')
  })

  it('tells a body that stalls from one that ends early', async () => {
    const stalled = await open((_request, response) => {
      response.writeHead(200, { 'Content-Length': 10 }).write('12345')
    })
    expect(await exchange(stalled, GET, { method: 'GET', bodyTimeoutMs: 50 })).toMatchObject({ bodyEnd: 'stalled' })
    await stalled.close()
    const cut = await open(cutAt(5000))
    const answer = await exchange(cut, GET, { method: 'GET' })
    await cut.close()
    expect([answer.bodyEnd, answer.body.length]).toEqual(['cut', 5000])
  })

  it('reads slowly, stops on the way and lets things happen in between', async () => {
    const slow = await open(whole)
    const startedAt = performance.now()
    await exchange(slow, GET, { method: 'GET', pause: atRate(1_000_000) })
    await slow.close()
    expect(performance.now() - startedAt).toBeGreaterThan(150)

    const happened: number[] = []
    const stopped = await open(whole)
    const pause = onceAfter(50000, async () => happened.push(1))
    const answer = await exchange(stopped, GET, { method: 'GET', pause, stopAfter: 123456 })
    expect([answer.bodyEnd, answer.body.length, happened.length]).toEqual(['stopped', 123456, 1])
    expect(stopped.socket.destroyed).toBe(true)
  })

  it('speaks plain TCP', async () => {
    const server = createHttpServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const connection = await openConnection({ host: '127.0.0.1', port, tls: false })
    const answer = await exchange(connection, GET, { method: 'GET' })
    await connection.close()
    server.close()
    expect(answer.body.toString()).toBe('ok')
  })
})

describe('oneShot', () => {
  it.each([
    ['3.x', 'Host: 127.0.0.1\r\nContent-Length: 0\r\n'],
    ['4.4', 'Host: 127.0.0.1:PORT\r\nContent-Length: 0\r\n'],
    ['5.5', 'Host: 127.0.0.1:PORT\r\n']
  ] as const)('asks as %s does and takes the whole image', async (release, expected) => {
    let raw: string[] = []
    const device = await aDevice((request, response) => {
      raw = request.rawHeaders
      whole(request, response)
    })
    const run = await oneShot(device, { release })
    const port = new URL(device.url).port
    const lines = raw.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('')
    expect(lines).toBe(`User-Agent: ESP32 HTTP Client/1.0\r\n${expected.replace('PORT', port)}`)
    expect(run).toMatchObject({ outcome: 'updated', log: [] })
    expect(run.requests).toEqual([{ method: 'GET', status: 200, connection: 1 }])
    expect(run.slot.equals(IMAGE)).toBe(true)
  })

  it('takes a chunked image and one that ends with the connection', async () => {
    const chunked = await oneShot(await aDevice((_request, response) => void response.end(IMAGE)))
    const device = await aDevice((_request, response) => {
      response.removeHeader('Transfer-Encoding')
      response.socket?.write('HTTP/1.1 200 OK\r\n\r\n')
      response.socket?.end(IMAGE)
    })
    const toFin = await oneShot(device)
    expect([chunked.outcome, toFin.outcome]).toEqual(['updated', 'updated'])
    expect(toFin.slot.equals(IMAGE)).toBe(true)
  })

  it.each([
    ['5.5', 404, 'File not found(404)'],
    ['5.5', 403, 'File not found(403)'],
    ['4.4', 410, 'Client error (410)'],
    ['5.5', 503, 'Server error (503)']
  ] as const)('refuses what %s refuses: %i', async (release, status, line) => {
    const run = await oneShot(await aDevice(refusing(status)), { release })
    expect(run.outcome).toBe('failed')
    expect(run.log).toEqual([`esp_https_ota: ${line}`, 'esp_https_ota: Failed to establish HTTP connection'])
  })

  it('writes the text of a 404 on 3.x until the first byte stops it', async () => {
    const run = await oneShot(await aDevice(refusing(404)), { release: '3.x' })
    expect(run.log[0]).toBe('esp_ota_ops: OTA image has invalid magic byte (expected 0xE9, saw 0x6e)')
    expect(run.slot).toHaveLength(0)
  })

  it('takes 304 for no update', async () => {
    const run = await oneShot(await aDevice(refusing(304)), { headers: [['If-None-Match', '"a"']] })
    expect(run.outcome).toBe('not-modified')
  })

  it.each([
    ['4.4', 'esp_https_ota: data read -1, errno 128', 'failed'],
    ['5.5', 'esp_https_ota: Connection closed before complete data was received!', 'failed'],
    ['3.x', 'esp_https_ota: Connection closed,all data received', 'updated']
  ] as const)('meets a cut body as %s does', async (release, line, outcome) => {
    const run = await oneShot(await aDevice(cutAt(100000)), { release })
    expect(run).toMatchObject({ outcome, log: [line] })
    expect(run.slot.equals(IMAGE.subarray(0, 100000))).toBe(true)
  })

  it('refuses less than 1024 bytes, another first byte, another chip and a slot too small', async () => {
    const last = async (image: Buffer, more: Partial<Device> = {}) => {
      const device = await aDevice(
        serving(() => image),
        more
      )
      return (await oneShot(device)).log[0]
    }
    expect(await last(IMAGE.subarray(0, 1023))).toBe('esp_https_ota: Complete headers were not received')
    expect(await last(Buffer.alloc(5000, 0x3c))).toMatch('expected 0xE9, saw 0x3c')
    expect(await last(IMAGE, { chipId: 9 })).toBeUndefined()
    expect(await last(IMAGE, { chipId: 5 })).toBe('esp_https_ota: Mismatch chip id, expected 5, found 9')
    expect(await last(IMAGE, { slotLength: 65536 })).toBe('esp_https_ota: Error: esp_ota_write failed! err=0x104')
  })

  it('follows a redirect on the same connection', async () => {
    const device = await aDevice((request, response) => {
      if (request.url === '/other.bin') return whole(request, response)
      const location = `https://${request.headers.host}/other.bin`
      response.writeHead(302, { Location: location, 'Content-Length': 0 }).end()
    })
    const run = await oneShot(device)
    expect(run.requests.map(({ status, connection }) => [status, connection])).toEqual([
      [302, 1],
      [200, 1]
    ])
    expect(run.slot.equals(IMAGE)).toBe(true)
  })

  it('prints the number of mbedTLS when it does not know the authority', async () => {
    const device = await aDevice(whole)
    const stranger = await generate([{ name: 'commonName', value: 'other' }], { algorithm: 'sha256', keyType: 'ec' })
    const run = await oneShot({ ...device, ca: stranger.cert })
    expect(run.log).toContain('esp-tls-mbedtls: mbedtls_ssl_handshake returned -0x2700')
    expect(run.requests).toEqual([])
  })
})

describe('resume', () => {
  it('asks for bytes=0- when nothing is there and goes on where the plug was pulled', async () => {
    const device = await aDevice(whole)
    const first = await resume(device, { stopAfter: 81920 })
    const second = await resume({ ...device, slot: first.slot })
    expect(first).toMatchObject({ outcome: 'failed', log: ['(the plug was pulled)'] })
    expect([first.requests[0]?.range, second.requests[0]?.range]).toEqual(['bytes=0-', 'bytes=81920-'])
    expect(second.outcome).toBe('updated')
    expect(second.slot.equals(IMAGE)).toBe(true)
  })

  it('starts again on a new connection after 416, and after a 200', async () => {
    const shorter = await aDevice(
      serving(() => OTHER),
      { slot: IMAGE.subarray(0, 160000) }
    )
    const refused = await resume(shorter)
    expect(refused.requests).toEqual([
      { method: 'GET', range: 'bytes=160000-', status: 416, connection: 1 },
      { method: 'GET', status: 200, connection: 2 }
    ])
    expect(refused.slot.equals(OTHER)).toBe(true)

    const rangeless = await aDevice(ignoringRange, { slot: IMAGE.subarray(0, 2048) })
    const ignored = await resume(rangeless)
    expect(ignored.log).toContain('esp_https_ota: Server ignored the requested Range header')
    expect(ignored.slot.equals(IMAGE)).toBe(true)
  })

  it('appends a 200 where 206 is not required', async () => {
    const device = await aDevice(ignoringRange, { slot: IMAGE.subarray(0, 2048) })
    const run = await resume(device, { requires206: false })
    expect(run.slot.equals(Buffer.concat([IMAGE.subarray(0, 2048), IMAGE]))).toBe(true)
  })
})

const ignoringRange: Handler = (request, response) => {
  delete request.headers.range
  whole(request, response)
}

describe('partial', () => {
  const LAST = 204800 - 16384 * 12

  it('asks for the length on a connection of its own and for all ranges on a second one', async () => {
    const run = await partial(await aDevice(whole), { maxHttpRequestSize: 16384 })
    expect(run.requests.slice(0, 3)).toEqual([
      { method: 'HEAD', status: 200, connection: 1 },
      { method: 'GET', range: 'bytes=0-16383', status: 206, connection: 2 },
      { method: 'GET', range: 'bytes=16384-32767', status: 206, connection: 2 }
    ])
    const tail = { method: 'GET', range: `bytes=${IMAGE.length - LAST}-`, status: 206, connection: 2 }
    expect(run.requests.at(-1)).toEqual(tail)
    expect(run.outcome).toBe('updated')
    expect(run.slot.equals(IMAGE)).toBe(true)
  })

  it('opens a connection for every range on releases before that', async () => {
    const run = await partial(await aDevice(whole), { release: '5.3', maxHttpRequestSize: 65536 })
    expect(run.requests.map(({ connection }) => connection)).toEqual([1, 2, 3, 4, 5])
    expect(run.slot.equals(IMAGE)).toBe(true)
  })

  it('sends no range when one request is enough', async () => {
    const run = await partial(await aDevice(whole), { maxHttpRequestSize: IMAGE.length })
    expect(run.requests.map(({ range }) => range)).toEqual([undefined, undefined])
    expect(run.outcome).toBe('updated')
  })

  it('ends one past the end when it resumes and the rest is short', async () => {
    const device = await aDevice(whole, { slot: IMAGE.subarray(0, 200000) })
    const run = await partial(device, { resumes: true })
    expect(run.requests[1]).toMatchObject({ range: `bytes=200000-${IMAGE.length}`, status: 206 })
    expect(run.slot.equals(IMAGE)).toBe(true)
  })

  it('starts again from the first range when the resumed one is refused', async () => {
    const device = await aDevice(
      serving(() => OTHER),
      { slot: IMAGE.subarray(0, 160000) }
    )
    const run = await partial(device, { resumes: true })
    const ranges = run.requests.map(({ range, status }) => `${range} ${status}`)
    expect(ranges.slice(1, 3)).toEqual([`bytes=160000-${OTHER.length} 416`, 'bytes=0-65535 206'])
    expect(run.slot.equals(OTHER)).toBe(true)
  })

  it('mixes two images when the server lets it', async () => {
    let current = IMAGE
    const device = await aDevice(serving(() => current))
    const run = await partial(device, {
      afterRequest: async ({ range }) => {
        if (range === 'bytes=0-65535') current = Buffer.alloc(IMAGE.length, 7)
      }
    })
    expect(run.outcome).toBe('updated')
    expect(run.slot.subarray(0, 65536).equals(IMAGE.subarray(0, 65536))).toBe(true)
    expect(run.slot.subarray(65536).every(byte => byte === 7)).toBe(true)
  })

  it('appends a 200 to a range and then boots nothing', async () => {
    let asked = 0
    const device = await aDevice((request, response) =>
      ++asked === 3 ? ignoringRange(request, response) : whole(request, response)
    )
    const run = await partial(device)
    expect(run.slot.equals(Buffer.concat([IMAGE.subarray(0, 65536), IMAGE]))).toBe(true)
    expect(run.outcome).toBe('failed')
    expect(run.log).toEqual(['advanced_https_ota_example: Complete data was not received.'])
  })

  it('fails when the server drops the connection between two ranges', async () => {
    const device = await aDevice(whole)
    const run = await partial(device, { afterRequest: async () => servers.at(-1)?.closeAllConnections() })
    expect(run.requests.map(({ status }) => status)).toEqual([200, 206, undefined])
    expect(run.log.at(-1)).toBe('esp_https_ota: Failed to establish HTTP connection')
    expect(run.outcome).toBe('failed')
  })

  it('connects again when the server says that it closes', async () => {
    const device = await aDevice((request, response) => {
      response.shouldKeepAlive = false
      whole(request, response)
    })
    const run = await partial(device)
    expect(run.requests.map(({ connection }) => connection)).toEqual([1, 2, 3, 4, 5])
    expect(run.outcome).toBe('updated')
  })

  it('needs 200 to HEAD before 6.0 and asks for one byte from then on', async () => {
    const headless: Handler = (request, response) =>
      request.method === 'HEAD' ? refusing(405)(request, response) : whole(request, response)
    const older = await partial(await aDevice(headless), { release: '5.5' })
    expect(older.log).toEqual(['esp_https_ota: Received incorrect http status 405'])
    const newer = await partial(await aDevice(headless), { release: '6.0' })
    expect(newer.requests[1]).toMatchObject({ range: 'bytes=0-0', status: 206 })
    expect(newer.slot.equals(IMAGE)).toBe(true)
  })
})

describe('native', () => {
  it('takes the whole image', async () => {
    const run = await native(await aDevice(whole))
    expect(run).toMatchObject({ outcome: 'updated', log: [] })
    expect(run.slot.equals(IMAGE)).toBe(true)
  })

  it('looks at no status, and at the first 288 bytes at once', async () => {
    const missing = await native(await aDevice(refusing(404)))
    expect(missing.log).toEqual(['native_ota_example: received package is not fit len'])
    const trickling = await aDevice((_request, response) => {
      response.writeHead(200, { 'Content-Length': IMAGE.length })
      response.write(IMAGE.subarray(0, 200), () => response.end(IMAGE.subarray(200)))
    })
    expect((await native(trickling)).log).toEqual(['native_ota_example: received package is not fit len'])
  })

  it('notices a cut body and, at the end, another chip', async () => {
    const cut = await native(await aDevice(cutAt(100000)))
    expect(cut.log).toEqual(['native_ota_example: Error in receiving complete file'])
    const other = await native(await aDevice(whole, { chipId: 5 }))
    expect(other.log[0]).toBe('esp_image: mismatch chip ID, expected 5, found 9')
  })
})

describe('arduinoHttpUpdate', () => {
  const md5 = createHash('md5').update(IMAGE).digest('hex')
  const error = async (handler: Handler) => (await arduinoHttpUpdate(await aDevice(handler))).log[0]

  it('sends its headers in its order and letter case over HTTP/1.0', async () => {
    let seen: IncomingMessage | undefined
    const device = await aDevice((request, response) => {
      seen = request
      serving(() => IMAGE, { 'x-MD5': md5 })(request, response)
    })
    const run = await arduinoHttpUpdate(device, { version: '1.2.3', sketchMd5: 'a'.repeat(32) })
    expect(seen?.httpVersion).toBe('1.0')
    expect(seen?.rawHeaders.filter((_text, index) => index % 2 === 0)).toEqual([
      ...['Host', 'User-Agent', 'Connection', 'Cache-Control', 'x-ESP32-STA-MAC', 'x-ESP32-AP-MAC'],
      ...['x-ESP32-free-space', 'x-ESP32-sketch-size', 'x-ESP32-sketch-md5', 'x-ESP32-sketch-sha256'],
      ...['x-ESP32-chip-size', 'x-ESP32-sdk-version', 'x-ESP32-mode', 'x-ESP32-version']
    ])
    expect(run).toMatchObject({ outcome: 'updated', log: ['HTTP_UPDATE_OK'] })
    expect(run.slot.equals(IMAGE)).toBe(true)
  })

  it('takes 304 for no update', async () => {
    expect((await arduinoHttpUpdate(await aDevice(refusing(304)))).outcome).toBe('not-modified')
  })

  it('fails in its own numbers', async () => {
    const lengthless: Handler = (_request, response) => void response.end(IMAGE)
    expect(await error(lengthless)).toBe('HTTP_UPDATE_FAILED Error (-101): Server Did Not Report Size')
    expect(await error(refusing(404))).toBe('HTTP_UPDATE_FAILED Error (-102): File Not Found (404)')
    expect(await error(refusing(403))).toBe('HTTP_UPDATE_FAILED Error (-103): Forbidden (403)')
    expect(await error(refusing(302))).toBe('HTTP_UPDATE_FAILED Error (-104): Wrong HTTP Code')
    expect(await error(refusing(200))).toBe('HTTP_UPDATE_FAILED Error (-106): Verify Bin Header Failed')
    expect(await error(cutAt(100000))).toBe('HTTP_UPDATE_FAILED Error (6): Stream Read Timeout')
    const large = serving(() => Buffer.alloc(1310724, 0xe9))
    expect(await error(large)).toBe('HTTP_UPDATE_FAILED Error (-100): Not Enough space')
  })

  it('compares the MD5 as text', async () => {
    const upper = serving(() => IMAGE, { 'x-MD5': md5.toUpperCase() })
    expect(await error(upper)).toBe('HTTP_UPDATE_FAILED Error (7): MD5 Check Failed')
  })
})

describe('sketchSocket', () => {
  it('takes an image whose headers are written as it expects', async () => {
    const run = await sketchSocket(await aDevice(whole))
    expect(run.outcome).toBe('updated')
    expect(run.slot.equals(IMAGE)).toBe(true)
  })

  it.each([
    ['a lower-case length', { 'content-length': IMAGE.length, 'Content-Type': 'application/octet-stream' }],
    ['a lower-case type', { 'Content-Length': IMAGE.length, 'content-type': 'application/octet-stream' }],
    ['a type with parameters', { 'Content-Length': IMAGE.length, 'Content-Type': 'application/octet-stream; a=b' }]
  ])('finds no content behind %s', async (_name, headers) => {
    const device = await aDevice((_request, response) => response.writeHead(200, headers).end(IMAGE))
    const run = await sketchSocket(device)
    expect(run.outcome).toBe('failed')
    expect(run.log.at(-1)).toBe('There was no content in the response')
  })

  it('finds no content behind another status, and too little of it behind a cut', async () => {
    const missing = await sketchSocket(await aDevice(refusing(404)))
    expect(missing.log).toContain('Got a non 200 status code from server. Exiting OTA Update.')
    const cut = await sketchSocket(await aDevice(cutAt(100000)))
    expect(cut.log.at(-1)).toBe(`Written only : 100000/${IMAGE.length}. Retry?`)
  })
})
