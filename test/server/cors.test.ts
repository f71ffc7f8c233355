// CORS on the wire (the Fetch standard, 3.2; clients.md R36): pages that the operator names may read, the rest of what otad answers stays as it is.
import { describe, expect, it } from 'vitest'
import { startDaemon } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { digestOf, expectWellFormed, request, useSharedDaemon } from '../support/shared-daemon.js'

const NAME = 'hello_world.bin'
const IMAGE = anImage({ length: 100_000, seed: 3 })
const PAGE = 'https://flash.example.com'

const some = useSharedDaemon({ firmware: { [NAME]: IMAGE }, args: ['--cors', `${PAGE},http://localhost:3000/`] })
const all = useSharedDaemon({ firmware: { [NAME]: IMAGE }, args: ['--cors', '*'] })
const none = useSharedDaemon({ firmware: { [NAME]: IMAGE } })

const SHARED = [
  `/${NAME}`,
  `/${NAME}.json`,
  `/${NAME}.webtools.json`,
  `/${NAME}.sha256`,
  `/artifacts/${digestOf(IMAGE)}.bin`,
  '/manifest.json'
]
const preflight = (target: string, origin = PAGE, more: readonly string[] = []): string =>
  request('OPTIONS', target, [`Origin: ${origin}`, 'Access-Control-Request-Method: GET', ...more])

describe('a page that is named', () => {
  it.each(SHARED)('may read %s, with the fields that it needs', async target => {
    for (const origin of [PAGE, 'http://localhost:3000'])
      for (const method of ['GET', 'HEAD']) {
        const answer = await some.ask(request(method, target, [`Origin: ${origin}`]))
        expectWellFormed(answer)
        expect(answer.status).toBe(200)
        expect(answer.header('access-control-allow-origin')).toBe(origin)
        expect(answer.header('vary')).toBe('Origin')
        expect(answer.header('access-control-expose-headers')).toBe(
          'ETag, Content-Length, Content-Range, X-Otad-Release'
        )
      }
  })

  it('may ask for a part, and is told what it got', async () => {
    const answer = await some.ask(request('GET', `/${NAME}`, [`Origin: ${PAGE}`, 'Range: bytes=10-19']))
    expectWellFormed(answer)
    expect(answer.status).toBe(206)
    expect(answer.header('access-control-allow-origin')).toBe(PAGE)
    expect(answer.body.equals(IMAGE.subarray(10, 20))).toBe(true)
  })

  it('reads why there is nothing', async () => {
    const answer = await some.ask(request('GET', '/nothing.bin', [`Origin: ${PAGE}`]))
    expect(answer.status).toBe(404)
    expect(answer.header('access-control-allow-origin')).toBe(PAGE)
  })

  it('is told before what it may send, on a connection that goes on', async () => {
    const answer = await some.ask(preflight(`/${NAME}`, PAGE, ['Access-Control-Request-Headers: range']))
    expectWellFormed(answer)
    expect(answer.status).toBe(200)
    expect(answer.header('content-length')).toBe('0')
    expect(answer.header('access-control-allow-origin')).toBe(PAGE)
    expect(answer.header('access-control-allow-methods')).toBe('GET, HEAD')
    expect(answer.header('access-control-allow-headers')).toContain('Range')
    expect(answer.header('access-control-allow-private-network')).toBeUndefined()
    expect(answer.keepsOpen).toBe(true)
  })

  it('on the internet is let to the local network when it asks', async () => {
    const asked = preflight(`/${NAME}`, PAGE, ['Access-Control-Request-Private-Network: true'])
    expect((await some.ask(asked)).header('access-control-allow-private-network')).toBe('true')
  })

  it('is not told of what is for people here', async () => {
    for (const target of ['/', '/health', '/metrics', '/ca_cert.pem']) {
      const answer = await some.ask(request('GET', target, [`Origin: ${PAGE}`]))
      expect(answer.header('access-control-allow-origin'), target).toBeUndefined()
      expect((await some.ask(preflight(target))).status, target).toBe(405)
    }
  })
})

describe('any other page', () => {
  it.each(['https://evil.example', `${PAGE}.evil.example`, 'http://flash.example.com', 'null'])(
    '%s is told nothing, and caches are told that it depends',
    async origin => {
      const answer = await some.ask(request('GET', `/${NAME}`, [`Origin: ${origin}`]))
      expect(answer.status).toBe(200)
      expect(answer.header('access-control-allow-origin')).toBeUndefined()
      expect(answer.header('vary')).toBe('Origin')
      expect((await some.ask(preflight(`/${NAME}`, origin))).status).toBe(405)
    }
  )

  it('is told the same as devices where no page is named', async () => {
    const answer = await none.ask(request('GET', `/${NAME}`, [`Origin: ${PAGE}`]))
    for (const name of ['access-control-allow-origin', 'access-control-expose-headers', 'vary'])
      expect(answer.header(name)).toBeUndefined()
    expect((await none.ask(preflight(`/${NAME}`))).status).toBe(405)
  })

  it('may read where every page may', async () => {
    const answer = await all.ask(request('GET', `/${NAME}.webtools.json`, ['Origin: https://anybody.example']))
    expectWellFormed(answer)
    expect(answer.header('access-control-allow-origin')).toBe('*')
    expect(answer.header('vary')).toBeUndefined()
  })
})

describe('a method that writes', () => {
  it.each(['POST', 'PUT', 'DELETE'])('%s stays refused, whoever asks', async method => {
    const answer = await all.ask(request(method, `/${NAME}`, [`Origin: ${PAGE}`]))
    expect(answer.status).toBe(405)
    expect(answer.header('allow')).toBe('GET, HEAD')
  })

  it('is not let in by the preflight of another: OPTIONS without a method, or with a body, is refused', async () => {
    expect((await all.ask(request('OPTIONS', `/${NAME}`, [`Origin: ${PAGE}`]))).status).toBe(405)
    expect((await all.ask(`${preflight(`/${NAME}`, PAGE, ['Content-Length: 3'])}abc`)).status).toBe(405)
  })
})

describe('a setting that is no origin', () => {
  it.each(['flash.example.com', 'https://flash.example.com/install', 'file:///page.html'])(
    '%s stops the start with a sentence',
    async origin => {
      const daemon = await startDaemon({ args: ['--cors', origin], waits: false })
      expect(await new Promise(resolve => daemon.child.once('exit', resolve))).toBe(2)
      expect(daemon.complaints()).toContain(`cors: ${origin} is not the origin of a web page`)
    }
  )
})
