// Ranges and preconditions over the wire. Devices join the parts in flash: a part that is not exactly what it says it is
// bricks an update (clients.md 4.2), and where RFC 9110 leaves room reliability.md 5 has chosen.
import { describe, expect, it } from 'vitest'
import { exchange } from '../../src/probe/raw-http.js'
import { anImage } from '../support/image-builder.js'
import { digestOf, expectWellFormed, HTTP_DATE, request, useSharedDaemon } from '../support/shared-daemon.js'

const IMAGE = anImage({ version: '1.4.2' })
const DIGEST = digestOf(IMAGE)
const ETAG = `"${DIGEST}"`
const LENGTH = IMAGE.length
const LAST = LENGTH - 1
const TARGETS = ['/hello_world.bin', `/artifacts/${DIGEST}.bin`]
const HUGE = '9'.repeat(40)

const daemon = useSharedDaemon({ firmware: { 'hello_world.bin': IMAGE, 'changing.bin': anImage({ seed: 2 }) } })

const get = (fields: readonly string[], target = '/hello_world.bin') => daemon.ask(request('GET', target, fields))
const head = (fields: readonly string[], target = '/hello_world.bin') => daemon.ask(request('HEAD', target, fields))

/** Last-Modified of the image, moved by that many seconds. */
async function dateOf(seconds: number): Promise<string> {
  const modified = Date.parse((await head([])).header('last-modified') ?? '')
  return new Date(modified + seconds * 1000).toUTCString()
}

describe('a range', () => {
  const parts: readonly (readonly [range: string, start: number, end: number])[] = [
    ['bytes=0-', 0, LAST],
    [`bytes=0-${LAST}`, 0, LAST],
    [`bytes=0-${LENGTH}`, 0, LAST],
    [`bytes=0-${LENGTH + 4096}`, 0, LAST],
    [`bytes=0-${HUGE}`, 0, LAST],
    ['bytes=0-9007199254740993', 0, LAST],
    ['bytes=0-4294967296', 0, LAST],
    ['bytes=0-0', 0, 0],
    ['bytes=1-1', 1, 1],
    ['bytes=0-4095', 0, 4095],
    ['bytes=4095-4096', 4095, 4096],
    ['bytes=1000-', 1000, LAST],
    [`bytes=${LAST}-`, LAST, LAST],
    [`bytes=${LAST}-${LAST}`, LAST, LAST],
    [`bytes=${LAST}-${LENGTH}`, LAST, LAST],
    [`bytes=4096-${LENGTH}`, 4096, LAST],
    ['bytes=-1', LAST, LAST],
    ['bytes=-4096', LENGTH - 4096, LAST],
    [`bytes=-${LENGTH}`, 0, LAST],
    [`bytes=-${LENGTH + 1}`, 0, LAST],
    [`bytes=-${HUGE}`, 0, LAST],
    ['bytes=000-0003', 0, 3]
  ]
  describe.each(TARGETS)('of %s', target => {
    it.each(parts)('is the bytes it says: %s', async (range, start, end) => {
      const answer = await get([`Range: ${range}`], target)
      expect(answer.status).toBe(206)
      expectWellFormed(answer)
      expect(answer.header('content-range')).toBe(`bytes ${start}-${end}/${LENGTH}`)
      expect(answer.header('content-length')).toBe(String(end - start + 1))
      expect(answer.header('accept-ranges')).toBe('bytes')
      expect(answer.header('content-type')).toBe('application/octet-stream')
      expect(answer.header('etag')).toBe(ETAG)
      expect(answer.body.equals(IMAGE.subarray(start, end + 1))).toBe(true)
    })

    it.each([
      `bytes=${LENGTH}-`,
      `bytes=${LENGTH}-${LENGTH}`,
      `bytes=${LENGTH + 1}-${LENGTH + 9}`,
      `bytes=${LENGTH}-${LENGTH - 1}`,
      'bytes=500-400',
      'bytes=1-0',
      `bytes=${LENGTH + 30000}-${LENGTH}`,
      'bytes=-0',
      'bytes=-000',
      `bytes=${HUGE}-`,
      `bytes=${HUGE}-${HUGE}`,
      'bytes=18446744073709551616-18446744073709551617',
      'bytes=4294967296-4294967300'
    ])('is 416 with the whole length when nothing fits: %s', async range => {
      const answer = await get([`Range: ${range}`], target)
      expect(answer.status).toBe(416)
      expectWellFormed(answer)
      expect(answer.header('content-range')).toBe(`bytes */${LENGTH}`)
      expect(answer.body.length).toBeLessThan(256)
      expect([0xe9, 0x1f]).not.toContain(answer.body[0])
    })

    it.each([
      'bytes=0-0,2-3',
      'bytes=0-0, -1',
      'bytes=0-10,5-20',
      `bytes=${LENGTH}-,${LENGTH + 1}-`,
      `bytes=${'0-,'.repeat(2000)}0-`,
      'bytes=0-5abc',
      'bytes=1.5-3',
      'bytes=0x0-0x5',
      'bytes=1e1-20',
      'bytes=abc-',
      'bytes=-',
      'bytes=',
      'bytes',
      'bytes=0',
      'bytes=--5',
      'bytes=0--5',
      'bytes=-5-',
      'bytes=-1-5',
      'bytes=+0-5',
      'bytes=0-+5',
      'bytes=0-5;q=1',
      'bytes=0-5-9',
      'bytes=0 5',
      'bytes 0-5',
      'bytes:0-5',
      'bytes= 0-5',
      'bytes=0 - 5',
      'bytes==0-5',
      'bytes=0-\xb2',
      '0-5',
      '=0-5',
      'items=0-5',
      'byte=0-5',
      'bytesx=0-5',
      'xbytes=0-5',
      'none',
      '*'
    ])('is taken for absent when it is malformed, in another unit or one of several: %s', async range => {
      const answer = await get([`Range: ${range}`], target)
      expect(answer.status).toBe(200)
      expectWellFormed(answer)
      expect(answer.header('content-range')).toBeUndefined()
      expect(answer.body.equals(IMAGE)).toBe(true)
    })
  })

  it('is taken for absent when two fields ask for it', async () => {
    const answer = await get(['Range: bytes=0-0', 'Range: bytes=2-3'])
    expect(answer.status).toBe(200)
    expect(answer.body.equals(IMAGE)).toBe(true)
  })

  it('never sends more than the image for a flood of ranges', async () => {
    const flood = Array.from({ length: 1300 }, (_, index) => `${index}-${LAST}`).join(',')
    const answer = await get([`Range: bytes=${flood}`])
    expect(answer.status).toBe(200)
    expect(answer.body.length).toBe(LENGTH)
  })

  it.each(['bytes=0-9', 'bytes=0-', 'bytes=0-0', `bytes=${LENGTH}-`, 'bytes=500-400', 'bytes=-0', 'bytes=0-5abc'])(
    'is ignored on HEAD: %s',
    async range => {
      const answer = await head([`Range: ${range}`])
      expect(answer.status).toBe(200)
      expect(answer.header('content-length')).toBe(String(LENGTH))
      expect(answer.header('content-range')).toBeUndefined()
      expect(answer.header('accept-ranges')).toBe('bytes')
    }
  )

  it('puts an image together window by window, the last one asked up to one past the end', async () => {
    const connection = await daemon.connect({ maxVersion: 'TLSv1.2' })
    const parts: Buffer[] = []
    for (let offset = 0; offset < LENGTH; offset += 4096) {
      const end = Math.min(offset + 4095, LENGTH)
      const answer = await exchange(connection, request('GET', '/hello_world.bin', [`Range: bytes=${offset}-${end}`]), {
        method: 'GET'
      })
      expect(answer.status).toBe(206)
      expect(answer.keepsOpen).toBe(true)
      parts.push(answer.body)
    }
    expect(Buffer.concat(parts).equals(IMAGE)).toBe(true)
    await connection.close()
  })

  it('is a part or all of a small text, never something else', async () => {
    for (const target of ['/hello_world.bin.json', '/hello_world.bin.md5', '/manifest.json', '/ca_cert.pem', '/']) {
      const whole = await get([], target)
      const answer = await get(['Range: bytes=2-5'], target)
      expectWellFormedPart(answer, whole.body)
    }
  })
})

describe('If-Range', () => {
  it.each([
    ['the tag', ETAG, 206],
    ['the tag, weak', `W/${ETAG}`, 200],
    ['another tag', '"other"', 200],
    ['another tag, weak', 'W/"other"', 200],
    ['the tag without quotes', DIGEST, 200],
    ['the start of the tag', `"${DIGEST.slice(0, 8)}"`, 200],
    ['the tag and more', `"${DIGEST}0"`, 200],
    ['the tag in capitals', `"${DIGEST.toUpperCase()}"`, 200],
    ['a list that holds the tag', `"other", ${ETAG}`, 200],
    ['an asterisk', '*', 200],
    ['an open quote', `"${DIGEST}`, 200],
    ['empty quotes', '""', 200],
    ['no date at all', 'yesterday', 200],
    ['a number', '0', 200]
  ] as const)('gives the part only for the exact tag: %s', async (_what, tag, status) => {
    const answer = await get(['Range: bytes=10-19', `If-Range: ${tag}`])
    expect(answer.status).toBe(status)
    expect(answer.body.equals(status === 206 ? IMAGE.subarray(10, 20) : IMAGE)).toBe(true)
  })

  it.each([
    ['the date itself', 0, 206],
    ['one second later', 1, 200],
    ['one second earlier', -1, 200],
    ['a day later', 86_400, 200],
    ['a year earlier', -31_536_000, 200]
  ] as const)('gives the part only for the exact date: %s', async (_what, seconds, status) => {
    const answer = await get(['Range: bytes=10-19', `If-Range: ${await dateOf(seconds)}`])
    expect(answer.status).toBe(status)
    expect(answer.body.length).toBe(status === 206 ? 10 : LENGTH)
  })

  it('means nothing without a range', async () => {
    expect((await get([`If-Range: ${ETAG}`])).status).toBe(200)
    expect((await get(['If-Range: "other"'])).status).toBe(200)
  })

  it('that fails gives the whole even for a range that fits nowhere', async () => {
    const answer = await get([`Range: bytes=${LENGTH}-`, 'If-Range: "other"'])
    expect(answer.status).toBe(200)
    expect(answer.body.equals(IMAGE)).toBe(true)
  })

  it('that holds is 416 or the whole for a range that fits nowhere', async () => {
    expect([416, 200]).toContain((await get([`Range: bytes=${LENGTH}-`, `If-Range: ${ETAG}`])).status)
  })
})

type Condition = readonly [what: string, fields: readonly string[], status: number]

/** Dates are written as seconds from Last-Modified in braces. */
const CONDITIONS: readonly Condition[] = [
  ['If-Match: the tag', [`If-Match: ${ETAG}`], 200],
  ['If-Match: any', ['If-Match: *'], 200],
  ['If-Match: a list with the tag', [`If-Match: "a", ${ETAG}, "b"`], 200],
  ['If-Match: a list with a tab', [`If-Match: "a",\t${ETAG}`], 200],
  ['If-Match: a list without spaces', [`If-Match: "a",${ETAG}`], 200],
  ['If-Match: a list with empty elements', [`If-Match: "a", ,, ${ETAG},`], 200],
  ['If-Match: two fields', ['If-Match: "a"', `If-Match: ${ETAG}`], 200],
  ['If-Match: the tag, weak', [`If-Match: W/${ETAG}`], 412],
  ['If-Match: another tag', ['If-Match: "other"'], 412],
  ['If-Match: other tags', ['If-Match: "a", "b"'], 412],
  ['If-Match: a tag that holds a comma and the tag', [`If-Match: "a,${DIGEST}"`], 412],
  ['If-Match: the tag without quotes', [`If-Match: ${DIGEST}`], 412],
  ['If-Unmodified-Since: the date', ['If-Unmodified-Since: {0}'], 200],
  ['If-Unmodified-Since: later', ['If-Unmodified-Since: {60}'], 200],
  ['If-Unmodified-Since: earlier', ['If-Unmodified-Since: {-1}'], 412],
  ['If-Unmodified-Since: long ago', ['If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT'], 412],
  ['If-Unmodified-Since: no date', ['If-Unmodified-Since: soon'], 200],
  ['If-Unmodified-Since: a date of another kind', ['If-Unmodified-Since: 1970-01-01T00:00:00Z'], 200],
  ['If-None-Match: the tag', [`If-None-Match: ${ETAG}`], 304],
  ['If-None-Match: the tag, weak', [`If-None-Match: W/${ETAG}`], 304],
  ['If-None-Match: any', ['If-None-Match: *'], 304],
  ['If-None-Match: a list with the tag', [`If-None-Match: "a", ${ETAG}`], 304],
  ['If-None-Match: a list with a tab', [`If-None-Match: "a",\t${ETAG}`], 304],
  ['If-None-Match: a list with tabs around', [`If-None-Match: "a"\t,\tW/${ETAG}\t,"b"`], 304],
  ['If-None-Match: a list with a tag that holds a comma', [`If-None-Match: "a,b", ${ETAG}`], 304],
  ['If-None-Match: two fields', ['If-None-Match: "a"', `If-None-Match: ${ETAG}`], 304],
  ['If-None-Match: another tag', ['If-None-Match: "other"'], 200],
  ['If-None-Match: the start of the tag', [`If-None-Match: "${DIGEST.slice(0, 8)}"`], 200],
  ['If-None-Match: a tag that holds the tag', [`If-None-Match: "x${DIGEST}"`], 200],
  ['If-Modified-Since: the date', ['If-Modified-Since: {0}'], 304],
  ['If-Modified-Since: earlier', ['If-Modified-Since: {-1}'], 200],
  ['If-Modified-Since: long ago', ['If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT'], 200],
  ['If-Modified-Since: no date', ['If-Modified-Since: soon'], 200],
  ['If-Modified-Since: a number', ['If-Modified-Since: 0'], 200],
  ['If-Match holds, so If-Unmodified-Since is not looked at', [`If-Match: ${ETAG}`, 'If-Unmodified-Since: {-60}'], 200],
  ['If-Match fails, whatever If-Unmodified-Since says', ['If-Match: "other"', 'If-Unmodified-Since: {60}'], 412],
  ['If-None-Match fits, whatever If-Modified-Since says', [`If-None-Match: ${ETAG}`, 'If-Modified-Since: {-60}'], 304],
  [
    'If-None-Match does not fit, so If-Modified-Since is not looked at',
    ['If-None-Match: "a"', 'If-Modified-Since: {0}'],
    200
  ],
  ['If-Match fails before If-None-Match', ['If-Match: "other"', `If-None-Match: ${ETAG}`], 412],
  ['If-Match fails before If-None-Match in the other order', [`If-None-Match: ${ETAG}`, 'If-Match: "other"'], 412],
  ['If-Match holds, then If-None-Match', [`If-Match: ${ETAG}`, `If-None-Match: ${ETAG}`], 304],
  ['If-Unmodified-Since fails before If-None-Match', ['If-Unmodified-Since: {-60}', `If-None-Match: ${ETAG}`], 412],
  ['If-Unmodified-Since holds, then If-None-Match', ['If-Unmodified-Since: {0}', `If-None-Match: ${ETAG}`], 304],
  ['If-Unmodified-Since fails before If-Modified-Since', ['If-Unmodified-Since: {-60}', 'If-Modified-Since: {0}'], 412]
]

describe('preconditions (RFC 9110, section 13.2.2)', () => {
  const dated = async (fields: readonly string[]) =>
    Promise.all(
      fields.map(async field => {
        const found = /\{(-?\d+)\}/.exec(field)
        return found === null ? field : field.replace(found[0], await dateOf(Number(found[1])))
      })
    )

  it.each(CONDITIONS)('%s', async (_what, fields, status) => {
    const sent = await dated(fields)
    const whole = await get(sent)
    expect(whole.status).toBe(status)
    expectWellFormed(whole)
    if (status === 200) expect(whole.body.equals(IMAGE)).toBe(true)
    if (status === 304) expect(whole.body.length).toBe(0)

    const bodiless = await head(sent)
    expect(bodiless.status, 'HEAD decides as GET').toBe(status)
    const part = await get([...sent, 'Range: bytes=0-9'])
    expect(part.status, 'a range is looked at last').toBe(status === 200 ? 206 : status)
    const beyond = await get([...sent, `Range: bytes=${LENGTH}-`])
    expect(beyond.status, 'even one that fits nowhere').toBe(status === 200 ? 416 : status)
  })

  it('a 304 says what a cache needs', async () => {
    const answer = await get([`If-None-Match: ${ETAG}`])
    expect(answer.header('etag')).toBe(ETAG)
    expect(answer.header('date')).toMatch(HTTP_DATE)
    expect(answer.header('cache-control')).toBe((await get([])).header('cache-control'))
    expect(answer.header('content-length')).not.toBe('0')
  })

  it('a 412 has a short text with its reason', async () => {
    const answer = await get(['If-Match: "other"'])
    expect(answer.header('content-type')).toMatch(/^text\/plain/)
    expect(answer.body.length).toBeGreaterThan(0)
    expect(answer.body.length).toBeLessThanOrEqual(1024)
    expect([0xe9, 0x1f]).not.toContain(answer.body[0])
  })

  it.each([
    'If-Match: "other"',
    'If-Match: *',
    'If-None-Match: *',
    'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT'
  ])('do not count for what is not there: %s', async field => {
    expect((await get([field], '/nothing.bin')).status).toBe(404)
  })

  it('If-Range comes behind all of them', async () => {
    const earlier = `If-Unmodified-Since: ${await dateOf(-60)}`
    expect((await get([earlier, 'Range: bytes=0-9', `If-Range: ${ETAG}`])).status).toBe(412)
    expect((await get([`If-None-Match: ${ETAG}`, 'Range: bytes=0-9', `If-Range: ${ETAG}`])).status).toBe(304)
    expect((await get([`If-Match: ${ETAG}`, 'Range: bytes=0-9', `If-Range: ${ETAG}`])).status).toBe(206)
    expect((await get([`If-Match: ${ETAG}`, 'Range: bytes=0-9', 'If-Range: "other"'])).status).toBe(200)
  })
})

describe('an artifact', () => {
  it('is immutable, as its Cache-Control says', async () => {
    const answer = await get([], `/artifacts/${DIGEST}.bin`)
    expect(answer.header('cache-control')).toMatch(/(^|, ?)immutable(,|$)/)
    expect(answer.header('etag')).toBe(ETAG)
    expect(digestOf(answer.body)).toBe(DIGEST)
  })

  it('is not what the name says: a name may change', async () => {
    expect((await get([])).header('cache-control')).not.toContain('immutable')
  })

  it('keeps its bytes when its name moves on, and the tag of the name changes with the bytes', async () => {
    const before = anImage({ seed: 2 })
    const after = anImage({ seed: 3, version: '1.4.3' })
    const published = daemon.event('release.published', one => one.digest === digestOf(after))
    await daemon.build('changing.bin', after)
    await published

    const now = await get([], '/changing.bin')
    expect(now.header('etag')).toBe(`"${digestOf(after)}"`)
    expect(now.body.equals(after)).toBe(true)
    const old = await get([], `/artifacts/${digestOf(before)}.bin`)
    expect(old.status).toBe(200)
    expect(old.body.equals(before)).toBe(true)
    expect((await get([`If-None-Match: "${digestOf(before)}"`], '/changing.bin')).status).toBe(200)
    expect((await get(['Range: bytes=5-', `If-Range: "${digestOf(before)}"`], '/changing.bin')).status).toBe(200)
  })

  it.each([
    ['an unknown digest', `/artifacts/${'0'.repeat(64)}.bin`],
    ['a short digest', `/artifacts/${DIGEST.slice(0, 63)}.bin`],
    ['a long digest', `/artifacts/${DIGEST}0.bin`],
    ['no extension', `/artifacts/${DIGEST}`],
    ['another extension', `/artifacts/${DIGEST}.elf`],
    ['no digest', '/artifacts/.bin'],
    ['a name', '/artifacts/hello_world.bin'],
    ['the folder', '/artifacts/'],
    ['the folder without a slash', '/artifacts']
  ])('is 404 for %s', async (_what, target) => {
    const answer = await get([], target)
    expect(answer.status).toBe(404)
    expectWellFormed(answer)
  })
})

function expectWellFormedPart(
  answer: { readonly status: number; readonly body: Buffer; header(name: string): string | undefined },
  whole: Buffer
): void {
  expect([200, 206]).toContain(answer.status)
  if (answer.status === 200) expect(answer.body.equals(whole)).toBe(true)
  if (answer.status === 206) expect(answer.body.equals(whole.subarray(2, 6))).toBe(true)
  if (answer.status === 206) expect(answer.header('content-range')).toBe(`bytes 2-5/${whole.length}`)
}
