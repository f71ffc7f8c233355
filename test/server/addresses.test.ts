// What is reachable, and nothing else: every address of product.md 4, hostile names, and spellings that try to get out.
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Answer } from '../../src/probe/raw-http.js'
import { aBootloader, anImage, withByteFlipped, withSegmentLength } from '../support/image-builder.js'
import { digestOf, expectWellFormed, HTTP_DATE, request, useSharedDaemon } from '../support/shared-daemon.js'

const IMAGE = anImage({ project: 'hello_world', version: '1.4.2', idfVersion: 'v5.2.2', secureVersion: 3, seed: 7 })
const DIGEST = digestOf(IMAGE)
/** A file of the build folder whose name is the address of another image's artifact. */
const AT_AN_ARTIFACT = `artifacts/${DIGEST}.bin`
const S3 = anImage({ chip: 'esp32s3', version: '2.0', seed: 11, minChipRevision: 1, maxChipRevision: 99 })
const OUTSIDE = anImage({ project: 'outside', version: '6.6.6', seed: 66 })
const REFUSED = withSegmentLength(IMAGE, 1, 0xffffffff)

/** Each with another content, so that one cannot pass for another. */
const HOSTILE_NAMES = [
  'with space.bin',
  ' leading space.bin',
  'two  spaces.bin',
  'quote".bin',
  "apostrophe'.bin",
  'back`tick.bin',
  'plus+plus.bin',
  'per%cent.bin',
  'per%20cent.bin',
  'per%2Fcent.bin',
  'hash#tag.bin',
  'question?mark.bin',
  'amp&=semi;colon,.bin',
  '<script>alert(1)<',
  'rocket 🚀.bin',
  'žluťoučký kůň.bin',
  'cafe\u0301.bin',
  '日本語/ファームウェア.bin',
  'brace{}[]|^~.bin',
  'new\nline.bin',
  'tab\there.bin',
  'colon:8070.bin',
  '@at!$().bin',
  'dots...bin',
  '..two.dots.bin.bin',
  'a.bin.json.bin',
  'deep/er/and/deep/er.bin',
  'CAPITAL.BIN.bin',
  `${'long'.repeat(45)}.bin`
].map(name => (name.endsWith('<') ? `${name}/script>.bin` : name))

/** A name that begins with a dot is a dot file (product.md 3.2); Windows has no files with some of these characters. */
const SERVABLE = HOSTILE_NAMES.filter(name => !name.startsWith('.')).filter(
  name => process.platform !== 'win32' || !/[<>:"|?*\n\t\\]/.test(name)
)
const POSIX = process.platform !== 'win32'

const HOSTILE = new Map(SERVABLE.map((name, index) => [name, anImage({ seed: 100 + index, length: 4096 })]))

/** Names and fields that become longest when JSON and URLs escape them. */
const WIDE_NAME = `${'🚀'.repeat(15)}.bin`
const TOO_LONG_NAME = `${'🚀'.repeat(60)}.bin`
const WIDE = anImage({
  project: '"\\'.repeat(15),
  version: '\u0001\u001f'.repeat(15),
  idfVersion: '"'.repeat(31),
  time: '\u0002'.repeat(15),
  date: '\u0003'.repeat(15),
  seed: 13
})

const daemon = useSharedDaemon({
  firmware: {
    'hello_world.bin': IMAGE,
    'esp32s3/firmware.bin': S3,
    'rebuilt.bin': anImage({ seed: 21, version: '1.0.0' }),
    'refused.bin': REFUSED,
    'cut.bin': IMAGE.subarray(0, 30000),
    'empty.bin': Buffer.alloc(0),
    'bootloader.bin': aBootloader(),
    '.hidden.bin': anImage({ seed: 31 }),
    '.git/firmware.bin': anImage({ seed: 32 }),
    '.env': Buffer.from('PASSWORD=1'),
    'server_key.pem': Buffer.from('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'),
    'hello_world.elf': Buffer.from('\x7fELF'),
    'hello_world.map': Buffer.from('Archive member included'),
    sdkconfig: Buffer.from('CONFIG_SECRET="1"'),
    [AT_AN_ARTIFACT]: anImage({ seed: 41 }),
    [WIDE_NAME]: WIDE,
    [TOO_LONG_NAME]: anImage({ seed: 51 }),
    'back/slash.bin': anImage({ seed: 61 }),
    ...(POSIX && { 'back\\slash.bin': anImage({ seed: 62 }) }),
    ...Object.fromEntries(HOSTILE)
  },
  unserved: [
    'refused.bin',
    'cut.bin',
    'empty.bin',
    'bootloader.bin',
    '.hidden.bin',
    '.git/firmware.bin',
    '.env',
    'server_key.pem',
    'hello_world.elf',
    'hello_world.map',
    'sdkconfig',
    // Whether a name that looks like an artifact's address is served is not the question: its bytes must not be.
    AT_AN_ARTIFACT,
    // No device could ask for it: its URL is longer than what their buffers hold.
    TOO_LONG_NAME,
    'back\\slash.bin'
  ],
  beside: { 'outside.bin': OUTSIDE, 'home/config/otad.json': Buffer.from('{}\n'), 'home/outside.bin': OUTSIDE },
  links: POSIX ? { 'link-out.bin': '../outside.bin', 'dangling.bin': 'nowhere.bin', 'loop.bin': 'loop.bin' } : {}
})

const get = (target: string, fields: readonly string[] = [], host = 'otad.test:8070') =>
  daemon.ask(request('GET', target, fields, { host }))
const json = async (target: string, host?: string) => JSON.parse((await get(target, [], host)).body.toString('utf8'))
const addressOf = (name: string) => `/${name.split('/').map(encodeURIComponent).join('/')}`

/** Short plain text that a device cannot take for an image and that tells nothing about the machine (R29). */
function expectShortText(answer: Answer): void {
  expectWellFormed(answer)
  expect(answer.header('content-type')).toMatch(/^text\/plain(;|$)/)
  expect(answer.body.length).toBeGreaterThan(0)
  expect(answer.body.length).toBeLessThanOrEqual(1024)
  expect([0xe9, 0x1f]).not.toContain(answer.body[0])
  const text = answer.body.toString('utf8')
  expect(text).not.toContain(daemon.root)
  expect(text).not.toContain(path.basename(daemon.root))
  expect(text).not.toMatch(/\bE[A-Z]{4,}\b|errno|node:|node_modules|\bat .*:\d+|\.[jt]s\b|PRIVATE/)
}

describe('the manifest of a release', () => {
  it('has every field of product.md 4 and no other, all of them right', async () => {
    const answer = await get('/hello_world.bin.json')
    expect(answer.status).toBe(200)
    expect(answer.header('content-type')).toMatch(/^application\/json(;|$)/)
    const manifest = JSON.parse(answer.body.toString('utf8'))
    expect(manifest).toEqual({
      name: 'hello_world.bin',
      url: 'https://otad.test:8070/hello_world.bin',
      artifactUrl: `https://otad.test:8070/artifacts/${DIGEST}.bin`,
      size: IMAGE.length,
      sha256: DIGEST,
      md5: digestOf(IMAGE, 'md5'),
      kind: 'app',
      chip: 'esp32',
      chipId: 0,
      project: 'hello_world',
      version: '1.4.2',
      secureVersion: 3,
      idfVersion: 'v5.2.2',
      builtAt: expect.stringMatching(/^2026-01-02T12:00:00/),
      elfSha256: IMAGE.subarray(0x20 + 0x90, 0x20 + 0xb0).toString('hex'),
      minChipRevision: 0,
      maxChipRevision: 399,
      mmuPageSize: 65536,
      flashMode: 'dio',
      signature: null,
      publishedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
      warnings: []
    })
    expect(Math.abs(Date.parse(manifest.publishedAt) - Date.now())).toBeLessThan(120_000)
  })

  it('is right for another chip in a folder', async () => {
    expect(await json('/esp32s3/firmware.bin.json')).toMatchObject({
      name: 'esp32s3/firmware.bin',
      url: 'https://otad.test:8070/esp32s3/firmware.bin',
      chip: 'esp32s3',
      chipId: 9,
      version: '2.0',
      size: S3.length,
      sha256: digestOf(S3),
      minChipRevision: 1,
      maxChipRevision: 99
    })
  })

  it('is under 2 KiB and without a byte order mark, for hostile names too', async () => {
    for (const name of ['hello_world.bin', 'esp32s3/firmware.bin', ...SERVABLE]) {
      const answer = await get(`${addressOf(name)}.json`)
      expect([name, answer.status]).toEqual([name, 200])
      expect(answer.body.length).toBeLessThan(2048)
      expect(answer.body[0]).toBe('{'.charCodeAt(0))
      expect(JSON.parse(answer.body.toString('utf8')).name).toBe(name)
    }
  })

  it('is under 2 KiB even where every character has to be escaped', async () => {
    const answer = await get(`${addressOf(WIDE_NAME)}.json`)
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body.toString('utf8'))).toMatchObject({ name: WIDE_NAME, sha256: digestOf(WIDE) })
    expect(answer.body.length).toBeLessThan(2048)
  })

  it.each(['127.0.0.1:8070', 'otad.local:1234', '[fd00::2]:8070', 'OTA.lab.example:443'])(
    'names the host that the client asked: %s',
    async host => {
      const { url, artifactUrl } = await json('/hello_world.bin.json', host)
      for (const address of [url, artifactUrl]) {
        expect(address.toLowerCase().startsWith(`https://${host.toLowerCase()}/`)).toBe(true)
      }
    }
  )

  it('names the host without a port, or with our own, when none was asked', async () => {
    const { url } = await json('/hello_world.bin.json', 'otad.local')
    expect(['https://otad.local/hello_world.bin', `https://otad.local:${daemon.port}/hello_world.bin`]).toContain(url)
  })

  it('names a host that works for HTTP/1.0 without Host', async () => {
    const text = request('GET', '/hello_world.bin.json', [], { version: '1.0', host: null })
    const { url } = JSON.parse((await daemon.ask(text)).body.toString('utf8'))
    expect(url).toBe(`https://127.0.0.1:${daemon.port}/hello_world.bin`)
  })

  it('does not let other fields choose the host', async () => {
    const fields = ['X-Forwarded-Host: evil.example', 'X-Forwarded-Proto: http', 'Forwarded: host=evil.example']
    expect((await get('/hello_world.bin.json', fields)).body.toString()).not.toContain('evil')
  })
})

describe('sidecars', () => {
  it.each(['md5', 'sha256', 'sha512'] as const)('begin with the digest, then the file name: .%s', async algorithm => {
    for (const [name, bytes] of [
      ['hello_world.bin', IMAGE],
      ['esp32s3/firmware.bin', S3]
    ] as const) {
      const answer = await get(`/${name}.${algorithm}`)
      expect(answer.status).toBe(200)
      expectWellFormed(answer)
      const text = answer.body.toString('utf8')
      expect([name, path.posix.basename(name)].map(file => `${digestOf(bytes, algorithm)}  ${file}\n`)).toContain(text)
    }
  })

  it('are plain 200 for HTTP/1.0', async () => {
    const answer = await daemon.ask(request('GET', '/hello_world.bin.md5', [], { version: '1.0', host: null }))
    expect(answer.status).toBe(200)
    expect(answer.body.toString('latin1', 0, 32)).toBe(digestOf(IMAGE, 'md5'))
  })

  it('are one line, whatever the name is', async () => {
    for (const [name, bytes] of HOSTILE) {
      const answer = await get(`${addressOf(name)}.sha256`)
      expect([name, answer.status]).toEqual([name, 200])
      expect(answer.body.toString('latin1', 0, 64)).toBe(digestOf(bytes))
      expect(answer.body.toString('utf8').split('\n').length).toBe(2)
    }
  })

  it('are not there for what is not served', async () => {
    for (const name of ['refused.bin', 'nothing.bin', 'hello_world', '.hidden.bin']) {
      for (const kind of ['md5', 'sha256', 'sha512', 'json']) {
        expect((await get(`/${name}.${kind}`)).status).toBe(404)
      }
    }
  })
})

describe('the list of all names', () => {
  it('has the current release of each, the earlier ones and the last rejection', async () => {
    const published = daemon.event('release.published', one => one.name === 'rebuilt.bin' && one.version === '1.0.1')
    await daemon.build('rebuilt.bin', anImage({ seed: 22, version: '1.0.1' }))
    await published
    const rejected = daemon.event('candidate.rejected', one => one.name === 'rebuilt.bin')
    await daemon.build('rebuilt.bin', withByteFlipped(anImage({ seed: 23, version: '1.0.2' }), 9000))
    await rejected

    const { releases } = await json('/manifest.json')
    const rebuilt = releases.find((one: { name: string }) => one.name === 'rebuilt.bin')
    expect(rebuilt.current).toMatchObject({ name: 'rebuilt.bin', version: '1.0.1' })
    expect(rebuilt.earlier).toHaveLength(1)
    expect(rebuilt.earlier[0]).toMatchObject({
      version: '1.0.0',
      sha256: digestOf(anImage({ seed: 21, version: '1.0.0' }))
    })
    expect(rebuilt.rejection.sentence).toEqual(expect.any(String))
    expect(JSON.stringify(releases)).not.toContain(daemon.root)

    // The last good release of the name stays current (R25).
    const answer = await get('/rebuilt.bin')
    expect(answer.status).toBe(200)
    expect(answer.body.equals(anImage({ seed: 22, version: '1.0.1' }))).toBe(true)
  })

  it('says of each release what its own manifest says, and every URL in it leads to those bytes', async () => {
    const host = `127.0.0.1:${daemon.port}`
    const { releases } = await json('/manifest.json', host)
    const current = releases
      .filter((one: { current: unknown }) => one.current !== null)
      .filter((one: { name: string }) => one.name !== AT_AN_ARTIFACT)
    const names = current.map((one: { name: string }) => one.name)
    expect(names).toEqual(expect.arrayContaining(['hello_world.bin', 'esp32s3/firmware.bin', ...SERVABLE]))
    for (const { current: manifest } of current) {
      for (const address of [manifest.url, manifest.artifactUrl]) {
        expect(address.startsWith(`https://${host}/`)).toBe(true)
        const answer = await get(address.slice(`https://${host}`.length), [], host)
        expect([address, answer.status]).toEqual([address, 200])
        expect(digestOf(answer.body)).toBe(manifest.sha256)
        expect(answer.body.length).toBe(manifest.size)
        expect(digestOf(answer.body, 'md5')).toBe(manifest.md5)
      }
      const own = await json(`${manifest.url.slice(`https://${host}`.length)}.json`, host)
      expect(own).toEqual(manifest)
    }
  })
})

describe('other addresses', () => {
  it('/health is 200 and says what is served and since when', async () => {
    const answer = await get('/health')
    expect(answer.status).toBe(200)
    const health = JSON.parse(answer.body.toString('utf8'))
    expect(JSON.stringify(health)).toContain('hello_world.bin')
    expect(Date.parse(health.since)).toBeLessThanOrEqual(Date.now())
    expect(JSON.stringify(health)).not.toContain(daemon.root)
  })

  it('/ca_cert.pem is the file in certs/, to the byte', async () => {
    const answer = await get('/ca_cert.pem')
    expect(answer.status).toBe(200)
    expect(answer.body.equals(await readFile(path.join(daemon.home, 'certs', 'ca_cert.pem')))).toBe(true)
    expect(answer.body.toString()).not.toContain('PRIVATE')
  })

  it('/metrics is Prometheus text that tells nothing about the machine', async () => {
    const answer = await get('/metrics')
    expect(answer.status).toBe(200)
    expect(answer.header('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    const text = answer.body.toString('utf8')
    expect(text).not.toContain(daemon.root)
    const value = /(?:N[aA][nN]|[+-]?Inf|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)/.source
    const sample = new RegExp(
      `^[a-zA-Z_:][\\w:]*(?:\\{(?:[a-zA-Z_]\\w*="(?:[^"\\\\\\n]|\\\\["\\\\n])*",?)*\\})? ${value}$`
    )
    for (const line of text.split('\n')) expect(line).toMatch(line.startsWith('#') || line === '' ? /^/ : sample)
    expect(text).toMatch(/^otad_/m)
  })

  it('/ is a page for people that no other origin feeds', async () => {
    const answer = await get('/')
    expect(answer.status).toBe(200)
    expect(answer.header('content-type')).toMatch(/^text\/html/)
    const page = answer.body.toString('utf8')
    expect(page).not.toMatch(/(?:src|href)="?(?:https?:)?\/\//)
    for (const [, asset = ''] of page.matchAll(/(?:src|href)="([^"#]+)"/g)) {
      expect([asset, (await get(`/${asset}`)).status]).toEqual([asset, 200])
    }
  })

  it('a query changes nothing', async () => {
    for (const query of [
      '?',
      '?id=253421',
      '?id=1&x=2',
      '?%',
      '?%zz',
      '?/../../x',
      '?a?b',
      '?x=/nothing.bin',
      '?\\',
      '?"'
    ]) {
      const answer = await get(`/hello_world.bin${query}`)
      expect([query, answer.status]).toEqual([query, 200])
      expect(answer.body.equals(IMAGE)).toBe(true)
    }
    const pages = [
      '/hello_world.bin.json',
      '/hello_world.bin.md5',
      '/manifest.json',
      '/health',
      '/ca_cert.pem',
      '/metrics',
      '/'
    ]
    for (const target of [...pages, `/artifacts/${DIGEST}.bin`]) {
      expect([target, (await get(`${target}?id=1`)).status]).toEqual([target, 200])
    }
  })

  it('an artifact is the bytes of its digest, even where a build folder holds a file at that very address', async () => {
    const answer = await get(`/artifacts/${DIGEST}.bin`)
    expect(answer.status).toBe(200)
    expect(digestOf(answer.body)).toBe(DIGEST)
    const { releases } = await json('/manifest.json')
    const listed = releases.find((one: { name: string }) => one.name === AT_AN_ARTIFACT)
    expect(listed?.current ?? null, 'a release whose address leads to other bytes is not listed').toBeNull()
  })
})

describe('a name', () => {
  it.each([...HOSTILE].map(([name, bytes]) => ({ name, bytes })))(
    '$name is served under its own address',
    async ({ name, bytes }) => {
      const answer = await get(addressOf(name))
      expect(answer.status).toBe(200)
      expectWellFormed(answer)
      expect(answer.body.equals(bytes)).toBe(true)
      expect((await daemon.ask(request('HEAD', addressOf(name)))).status).toBe(200)
      expect(await json(`${addressOf(name)}.json`)).toMatchObject({ name, sha256: digestOf(bytes) })
    }
  )

  it.each([
    ['/hello%5fworld.bin', 'hello_world.bin'],
    ['/hello_world%2Ebin', 'hello_world.bin'],
    ['/%68%65%6C%6c%6F_world.bin', 'hello_world.bin'],
    ['/esp32s3/%66irmware.bin', 'esp32s3/firmware.bin']
  ])('may be written with escapes that it does not need: %s', async (target, name) => {
    const answer = await get(target)
    expect(answer.status).toBe(200)
    expect(digestOf(answer.body)).toBe(digestOf(name === 'hello_world.bin' ? IMAGE : S3))
  })

  it('may hold a plus that is not escaped', async () => {
    expect((await get('/plus+plus.bin')).status).toBe(200)
    expect((await get('/plus%2Bplus.bin')).status).toBe(200)
    expect((await get('/plus%20plus.bin')).status).toBe(404)
    expect((await get('/with+space.bin')).status).toBe(404)
  })

  it('is decoded once', async () => {
    const twice = await get('/per%2520cent.bin')
    expect(digestOf(twice.body)).toBe(digestOf(HOSTILE.get('per%20cent.bin') ?? Buffer.alloc(0)))
    expect((await get('/per%20cent.bin')).status).toBe(404)
    expect((await get('/hello%255fworld.bin')).status).toBe(404)
    expect((await get('/with%2520space.bin')).status).toBe(404)
    const slash = await get('/per%252Fcent.bin')
    expect(digestOf(slash.body)).toBe(digestOf(HOSTILE.get('per%2Fcent.bin') ?? Buffer.alloc(0)))
  })

  it.runIf(POSIX)('with a backslash is a name of its own, not a folder', async () => {
    const inFolder = await get('/back/slash.bin')
    expect(inFolder.status).toBe(200)
    expect(inFolder.body.equals(anImage({ seed: 61 }))).toBe(true)
    const own = await get('/back%5Cslash.bin')
    expect([200, 404]).toContain(own.status)
    if (own.status === 200) expect(own.body.equals(anImage({ seed: 62 }))).toBe(true)
    const { releases } = await json('/manifest.json')
    const name = releases.find((one: { name: string }) => one.name === 'back/slash.bin')
    expect(name.earlier).toEqual([])
  })

  it('that no device could ask for is 404 in a short text', async () => {
    const answer = await get(addressOf(TOO_LONG_NAME))
    expect(answer.status).toBe(404)
    expectShortText(answer)
  })

  it('is composed as the file is: another normal form is another name', async () => {
    expect((await get(`/${encodeURIComponent('caf\u00e9.bin')}`)).status).toBe(404)
  })

  it.each([
    '/%',
    '/%f',
    '/%zz',
    '/hello%',
    '/%ff.bin',
    '/%c0%ae%c0%ae/outside.bin',
    '/%ed%a0%80.bin',
    '/%u0041.bin',
    '/%E9%1F.bin',
    '/%1f%8b'
  ])('that cannot be decoded is refused in a short text: %s', async target => {
    const answer = await get(target)
    expect([400, 404]).toContain(answer.status)
    expectShortText(answer)
  })
})

describe('what is not there', () => {
  it.each([
    ['/hello_wrld.bin', '/hello_world.bin'],
    ['/HELLO_WORLD.BIN', '/hello_world.bin'],
    ['/hello_world', '/hello_world.bin'],
    ['/hello_world.bi', '/hello_world.bin'],
    ['/hello-world.bin', '/hello_world.bin'],
    ['/hello_world.bin/', '/hello_world.bin'],
    ['/esp32s3/firmwar.bin', '/esp32s3/firmware.bin'],
    ['/helth', '/health'],
    ['/ca_crt.pem', '/ca_cert.pem'],
    ['/manifest.jsn', '/manifest.json']
  ])('is 404 with the closest thing there is: %s', async (target, closest) => {
    const answer = await get(target)
    expect(answer.status).toBe(404)
    expectShortText(answer)
    expect(answer.body.toString('utf8')).toContain(closest)
  })

  it.each([`/${'a'.repeat(8000)}.bin`, `/${'%F0%9F%9A%80'.repeat(900)}`, `/${'/'.repeat(8000)}`])(
    'is 404 in a short plain text for a target of thousands of bytes ($#)',
    async target => {
      const answer = await get(target)
      expect(answer.status).toBe(404)
      expectShortText(answer)
    }
  )

  it.each([
    '/x.bin',
    '/<script>alert(1)</script>',
    '/%3Cscript%3E.bin',
    '/%0d%0aX-Injected:%201',
    '/%00',
    '/hello_world.bin%00',
    '/hello_world.bin%00.txt',
    '/hello_world.bin%20',
    '/hello_world.bin.',
    '/hello_world.bin::$DATA',
    '/favicon.ico',
    '/robots.txt',
    '/.well-known/security.txt',
    '/con',
    '/__proto__',
    '/constructor',
    '/toString',
    '/hasOwnProperty.json',
    '/__proto__.json',
    '/constructor.md5',
    '/artifacts/__proto__.bin',
    '/*'
  ])('is 404 in a short plain text: %s', async target => {
    const answer = await get(target)
    expect(answer.status).toBe(404)
    expectShortText(answer)
    expect(answer.header('x-injected')).toBeUndefined()
  })

  it.each(['*', 'hello_world.bin', '?', ''])('is refused when the target is no path: "%s"', async target => {
    const answer = await get(target)
    expect([400, 404]).toContain(answer.status)
    expectShortText(answer)
  })

  it.each([
    ['refused.bin', /segment 1|4294967295|0xffffffff/i],
    ['cut.bin', /end|cut|left|short|byte/i]
  ])('is 404 with the reason when its image was refused: %s', async (name, reason) => {
    const rejected = await daemon.event('candidate.rejected', one => one.name === name)
    const answer = await get(`/${name}`)
    expect(answer.status).toBe(404)
    expectShortText(answer)
    expect(answer.body.toString('utf8')).toMatch(reason)
    expect(answer.body.toString('utf8')).toContain(rejected.sentence)
    const head = await daemon.ask(request('HEAD', `/${name}`))
    expect(head.status).toBe(404)
    expect((await get(`/${name}`, ['Range: bytes=0-99'])).status).toBe(404)
    expect((await get(`/artifacts/${digestOf(REFUSED)}.bin`)).status).toBe(404)
  })

  it.each([
    '/empty.bin',
    '/bootloader.bin',
    '/.hidden.bin',
    '/%2ehidden.bin',
    '/.git/firmware.bin',
    '/.env',
    '/server_key.pem',
    '/hello_world.elf',
    '/hello_world.map',
    '/sdkconfig',
    '/link-out.bin',
    '/dangling.bin',
    '/loop.bin',
    '/esp32s3',
    '/esp32s3/'
  ])('is 404 though the folder holds it: %s', async target => {
    const answer = await get(target)
    expect(answer.status).toBe(404)
    expectShortText(answer)
  })

  it('is 404 for every other file of certs/, state/ and config/, under any address it might have', async () => {
    const files = await readdir(daemon.home, { recursive: true, withFileTypes: true })
    const found = files.filter(file => file.isFile()).map(file => path.join(file.parentPath, file.name))
    expect(found.map(file => path.basename(file))).toEqual(
      expect.arrayContaining(['ca_key.pem', 'server_key.pem', 'server_cert.pem', 'otad.json', 'catalog.jsonl'])
    )
    const targets = found.flatMap(file => {
      const inside = path.relative(daemon.home, file).split(path.sep).join('/')
      const base = path.basename(file)
      return [`/${inside}`, `/${base}`, `/home/${inside}`, `/artifacts/../${inside}`, `/artifacts/${base}.bin`, file]
        .flatMap(target => [target, `${target}.json`])
        .filter(target => target !== '/ca_cert.pem')
    })
    for (const target of targets) {
      const answer = await get(encodeURI(target))
      expect([target, answer.status]).toEqual([target, 404])
      expect(answer.body.toString('latin1')).not.toContain('PRIVATE')
    }
  })
})

describe('traversal', () => {
  const UP = [
    '..',
    '.%2e',
    '%2e.',
    '%2e%2e',
    '%2E%2E',
    '%252e%252e',
    '%25252e%25252e',
    '..;',
    '..%00',
    '..%20',
    '..%09',
    '...',
    '....',
    '%c0%ae%c0%ae',
    '%e0%80%ae%e0%80%ae',
    '%uff0e%uff0e',
    '%ef%bc%8e%ef%bc%8e',
    '.%00.',
    '..%0d%0a'
  ]
  const spellings = [
    ...UP.map(up => `/${up}/outside.bin`),
    '/../../outside.bin',
    '//../outside.bin',
    '/./../outside.bin',
    '/esp32s3/../../outside.bin',
    '/esp32s3/../hello_world.bin',
    '/./hello_world.bin',
    '//hello_world.bin',
    '///hello_world.bin',
    '/esp32s3//firmware.bin',
    '/esp32s3/./firmware.bin',
    '/hello_world.bin/../hello_world.bin',
    '/..%2foutside.bin',
    '/..%2Foutside.bin',
    '/%2e%2e%2foutside.bin',
    '/..%252foutside.bin',
    '/..%255coutside.bin',
    '/..%c0%afoutside.bin',
    '/..\\outside.bin',
    '/..%5coutside.bin',
    '/%5c..%5coutside.bin',
    '/..%5C..%5Coutside.bin',
    '/esp32s3%5cfirmware.bin',
    '/esp32s3/..%2f..%2foutside.bin',
    '/....//outside.bin',
    '/..//outside.bin',
    '/~/outside.bin',
    '/home/outside.bin',
    '/../home/certs/ca_key.pem',
    '/%2e%2e/home/certs/server_key.pem',
    '/..%2fhome%2fstate%2fcatalog.jsonl',
    '/artifacts/../../certs/ca_key.pem',
    '/artifacts/..%2f..%2fcerts%2fca_key.pem',
    '/artifacts/%2e%2e%2fcatalog.jsonl',
    '/../../../../../../etc/passwd',
    '/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
    '/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd',
    '//etc/passwd',
    '/file:///etc/passwd',
    '/C:/Windows/win.ini',
    '/C:%5cWindows%5cwin.ini',
    '/%5c%5cserver%5cshare%5cx.bin',
    '/proc/self/environ',
    '/dev/zero',
    '../outside.bin',
    'https://otad.test/../outside.bin',
    'https://otad.test/..%2foutside.bin',
    'file:///etc/passwd'
  ]

  it('is tried in more than 40 spellings', () => {
    expect(new Set(spellings).size).toBeGreaterThanOrEqual(40)
  })

  it.each(spellings)('reads nothing: %s', async target => {
    const answer = await get(target)
    expect([400, 404]).toContain(answer.status)
    expectShortText(answer)
    expect(answer.body.toString('latin1')).not.toMatch(/root:|for 16-bit/)
    expect((await daemon.ask(request('HEAD', target))).status).toBe(answer.status)
  })

  it('does not get out by an absolute path of the machine', async () => {
    for (const file of [path.join(daemon.root, 'outside.bin'), path.join(daemon.folder, 'hello_world.bin')]) {
      for (const target of [file, `/${file}`, encodeURIComponent(file), `/${encodeURIComponent(file)}`]) {
        expect([400, 404]).toContain((await get(target.replaceAll('\\', '/'))).status)
      }
    }
  })

  it('left no trace of the image outside: it is not an artifact either', async () => {
    expect((await get(`/artifacts/${digestOf(OUTSIDE)}.bin`)).status).toBe(404)
    expect(daemon.log.some(line => 'digest' in line && line.digest === digestOf(OUTSIDE))).toBe(false)
  })

  it('does not end or upset the daemon', async () => {
    const answer = await get('/hello_world.bin')
    expect(answer.body.equals(IMAGE)).toBe(true)
    expect(answer.header('last-modified')).toMatch(HTTP_DATE)
    expect(daemon.log.filter(line => line.event === 'bug')).toEqual([])
  })
})
