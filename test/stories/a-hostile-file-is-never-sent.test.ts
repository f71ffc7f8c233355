// A build folder holds what people and tools put there. Nothing but a whole image is sent, and nothing makes the daemon hang.
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, open, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { truncateAndWrite } from '../support/build-folder.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { aBootloader, aMergedImage, anImage, aPartitionTable, truncatedTo } from '../support/image-builder.js'
import { becomesServed, becomesTrue, createLine, getOnce, percentile, statusesOf } from './line.js'
import { HAS_PROC, peakBytes, residentBytes } from './process-figures.js'

const IMAGE = anImage({ length: 128 * 1024, seed: 10 })
const MIB = 1024 * 1024
const HAS_PIPES = process.platform !== 'win32'
const IS_ROOT = process.getuid?.() === 0
/** A whole rescan lies inside, whatever events were lost. */
const RESCAN_MS = 2500

/** The daemon still takes builds, so whatever it met before did not stop it. */
async function takesABuild(daemon: RunningDaemon, seed: number): Promise<void> {
  const image = anImage({ length: 128 * 1024, seed, version: `1.${seed}.0` })
  await truncateAndWrite(path.join(daemon.folder, `marker${seed}.bin`), image)
  await becomesServed(daemon, `marker${seed}.bin`, image, 5000)
}

/** Neither now nor after a rescan. */
async function staysMissing(daemon: RunningDaemon, names: readonly string[]): Promise<void> {
  const missing = names.map(() => 404)
  await takesABuild(daemon, 501)
  expect(await statusesOf(daemon, names), names.join(' ')).toEqual(missing)
  await elapse(RESCAN_MS)
  await takesABuild(daemon, 502)
  expect(await statusesOf(daemon, names), names.join(' ')).toEqual(missing)
}

describe('what is no regular file', () => {
  it.skipIf(!HAS_PIPES)('does not hang the daemon when it is a pipe, not even a dozen of them', async () => {
    const folder = await temporaryFolder()
    // More pipes than there are threads to open them: each that is waited for would stop one for ever.
    const before = Array.from({ length: 8 }, (_, index) => `before${index}.bin`)
    const after = Array.from({ length: 4 }, (_, index) => `after${index}.bin`)
    const makePipe = (name: string) => promisify(execFile)('mkfifo', [path.join(folder, name)])
    await Promise.all(before.map(makePipe))
    const daemon = await startDaemon({ folders: [folder] })
    await takesABuild(daemon, 1)
    await Promise.all(after.map(makePipe))
    await staysMissing(daemon, [...before, ...after])
    expect(await daemon.stop()).toBe(0)
  })

  it.skipIf(!HAS_PIPES)('is 404 when it is a socket', async () => {
    const folder = await temporaryFolder()
    const server = createServer().listen(path.join(folder, 'y.bin'))
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    await staysMissing(await startDaemon({ folders: [folder] }), ['y.bin'])
  })

  it('is 404 when it is a folder, and what lies in the folder is served under its path', async () => {
    const folder = await temporaryFolder()
    await mkdir(path.join(folder, 'z.bin'))
    await truncateAndWrite(path.join(folder, 'z.bin', 'inner.bin'), IMAGE)
    const daemon = await startDaemon({ folders: [folder] })
    await becomesServed(daemon, 'z.bin/inner.bin', IMAGE, 5000)
    await staysMissing(daemon, ['z.bin', 'z.bin/'])
  })
})

describe('a link', () => {
  it('is 404 when it dangles, leads in a circle or leads out of the folder', async () => {
    const folder = await temporaryFolder()
    const outside = await temporaryFolder()
    await truncateAndWrite(path.join(outside, 'secret.bin'), IMAGE)
    await symlink(path.join(folder, 'nothing'), path.join(folder, 'dangling.bin'))
    await symlink(path.join(folder, 'loop-b.bin'), path.join(folder, 'loop-a.bin'))
    await symlink(path.join(folder, 'loop-a.bin'), path.join(folder, 'loop-b.bin'))
    await symlink('self.bin', path.join(folder, 'self.bin'))
    await symlink(path.join(outside, 'secret.bin'), path.join(folder, 'out.bin'))
    await symlink(outside, path.join(folder, 'out'))
    await symlink(folder, path.join(folder, 'round'))
    const daemon = await startDaemon({ folders: [folder] })
    const names = ['dangling.bin', 'loop-a.bin', 'loop-b.bin', 'self.bin', 'out.bin', 'out/secret.bin']
    await staysMissing(daemon, names)
    expect(await daemon.stop()).toBe(0)
  })

  it('is served when it leads to an image inside the folder, and follows it', async () => {
    const folder = await temporaryFolder()
    await mkdir(path.join(folder, 'v1'))
    await mkdir(path.join(folder, 'v2'))
    const next = anImage({ length: 128 * 1024, seed: 20, version: '2.0.0' })
    await truncateAndWrite(path.join(folder, 'v1', 'app.bin'), IMAGE)
    await truncateAndWrite(path.join(folder, 'v2', 'app.bin'), next)
    await symlink(path.join('v1', 'app.bin'), path.join(folder, 'latest.bin'))
    const daemon = await startDaemon({ folders: [folder] })
    await becomesServed(daemon, 'latest.bin', IMAGE, 5000)
    await truncateAndWrite(path.join(folder, 'v1', 'app.bin'), next)
    await becomesServed(daemon, 'latest.bin', next, 5000)
  })

  it('may be the watched folder itself', async () => {
    const outside = await temporaryFolder()
    const folder = path.join(await temporaryFolder(), 'build')
    await truncateAndWrite(path.join(outside, 'app.bin'), IMAGE)
    await symlink(outside, folder)
    const daemon = await startDaemon({ folders: [folder] })
    await becomesServed(daemon, 'app.bin', IMAGE, 5000)
  })
})

describe('a file that cannot be an image', () => {
  it.skipIf(IS_ROOT)('is 404 while it cannot be read, and served when it can', async () => {
    const folder = await temporaryFolder()
    const file = path.join(folder, 'closed.bin')
    await truncateAndWrite(file, IMAGE)
    await chmod(file, 0o000)
    const daemon = await startDaemon({ folders: [folder] })
    await staysMissing(daemon, ['closed.bin'])
    await daemon.event('candidate.unreadable', ({ name }) => name === 'closed.bin')
    await chmod(file, 0o644)
    await becomesServed(daemon, 'closed.bin', IMAGE, 5000)
  })

  it.skipIf(!HAS_PROC)('is not read when it is 3 GiB long, and the others are served as fast as ever', async () => {
    const folder = await temporaryFolder()
    await truncateAndWrite(path.join(folder, 'app.bin'), IMAGE)
    const daemon = await startDaemon({ folders: [folder] })
    await becomesServed(daemon, 'app.bin', IMAGE, 5000)
    const before = residentBytes(daemon)
    const huge = path.join(folder, 'huge.bin')
    // The length comes first: at no moment is the image at its beginning a file of its own.
    const handle = await open(huge, 'w')
    await handle.truncate(3 * 1024 * MIB)
    await handle.write(IMAGE, 0, IMAGE.length, 0)
    await handle.close()
    const line = createLine(daemon)
    const times: number[] = []
    const until = performance.now() + 2 * RESCAN_MS
    while (performance.now() < until) {
      const askedAt = performance.now()
      expect((await line.get('app.bin')).status).toBe(200)
      times.push(performance.now() - askedAt)
      await elapse(20)
    }
    await line.close()
    expect(percentile(times, 0.99)).toBeLessThanOrEqual(1500)
    await staysMissing(daemon, ['huge.bin'])
    expect((peakBytes(daemon) - before) / MIB).toBeLessThan(150)
  })

  const kinds: readonly (readonly [what: string, bytes: Uint8Array])[] = [
    ['empty', Buffer.alloc(0)],
    ['text', Buffer.from('This is no firmware.\n'.repeat(200))],
    ['an ELF', Buffer.concat([Buffer.from([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0]), Buffer.alloc(5000)])],
    ['a gzip of an image', gzipSync(IMAGE)],
    ['a bootloader', aBootloader()],
    ['a partition table', aPartitionTable()],
    ['a whole flash', aMergedImage()],
    ['erased flash', Buffer.alloc(0x2000, 0xff)],
    ['half an image', truncatedTo(IMAGE, IMAGE.length / 2)],
    ['an image but one byte', truncatedTo(IMAGE, IMAGE.length - 1)],
    ['the head of an image', truncatedTo(IMAGE, 24)]
  ]
  it('is 404 with a reason that gives nothing away', async () => {
    const folder = await temporaryFolder()
    const names = kinds.map((_, index) => `kind${index}.bin`)
    for (const [index, [, bytes]] of kinds.entries()) await writeFile(path.join(folder, names[index] ?? ''), bytes)
    const daemon = await startDaemon({ folders: [folder] })
    await Promise.all(names.map(rejected => daemon.event('candidate.rejected', ({ name }) => name === rejected)))
    for (const [index, [what]] of kinds.entries()) {
      const answer = await getOnce(daemon, names[index] ?? '')
      const text = answer.body.toString()
      const { sentence } = await daemon.event('candidate.rejected', ({ name }) => name === names[index])
      expect(answer.status, what).toBe(404)
      expect(answer.header('etag'), what).toBeUndefined()
      expect(text, what).toContain(sentence)
      expect(answer.body.length, what).toBeLessThanOrEqual(1024)
      expect(text, what).not.toContain(folder)
      expect(text, what).not.toMatch(/E[A-Z]{3,}|\n\s+at /)
    }
    await staysMissing(daemon, names)
    expect(daemon.log.filter(({ event }) => event === 'candidate.rejected')).toHaveLength(kinds.length)
  })

  it('does not take the place of the good one that was there before', async () => {
    const folder = await temporaryFolder()
    const file = path.join(folder, 'app.bin')
    await truncateAndWrite(file, IMAGE)
    const daemon = await startDaemon({ folders: [folder] })
    await becomesServed(daemon, 'app.bin', IMAGE, 5000)
    for (const [index, [what, bytes]] of kinds.entries()) {
      await writeFile(file, bytes)
      // Two kinds may have one reason; each is refused anew.
      await becomesTrue(`${what} is refused`, 5000, () => {
        return daemon.log.filter(({ event }) => event === 'candidate.rejected').length > index
      })
      const answer = await getOnce(daemon, 'app.bin')
      expect(answer.status, what).toBe(200)
      expect(answer.body.equals(IMAGE), what).toBe(true)
    }
  })
})

describe('a file that is nobody’s business', () => {
  it('is 404 when it or its folder begins with a dot', async () => {
    const folder = await temporaryFolder()
    await mkdir(path.join(folder, '.git'))
    await truncateAndWrite(path.join(folder, '.hidden.bin'), IMAGE)
    await truncateAndWrite(path.join(folder, '.git', 'object.bin'), IMAGE)
    const daemon = await startDaemon({ folders: [folder] })
    await staysMissing(daemon, ['.hidden.bin', '.git/object.bin', '%2ehidden.bin', './.hidden.bin'])
  })

  it('is 404 when it is no .bin', async () => {
    const folder = await temporaryFolder()
    const names = ['app.elf', 'app.map', 'sdkconfig', '.env', 'flasher_args.json', 'app.bin.part', 'app.bin~', 'bin']
    for (const name of names) await truncateAndWrite(path.join(folder, name), IMAGE)
    const daemon = await startDaemon({ folders: [folder] })
    await staysMissing(daemon, names)
  })

  it('is 404 when it is a private key, and the daemon warns of it loudly', async () => {
    const folder = await temporaryFolder()
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
    const names = ['ca_key.pem', 'key.bin']
    for (const name of names) await writeFile(path.join(folder, name), pem)
    const daemon = await startDaemon({ folders: [folder] })
    const { file } = await daemon.event('key.exposed')
    expect(file).toContain('ca_key.pem')
    await staysMissing(daemon, names)
    expect((await getOnce(daemon, 'key.bin')).body.toString()).not.toContain('PRIVATE KEY')
  })

  it('is 404 when it is a key of the daemon, though its home is watched', async () => {
    const home = await temporaryFolder()
    const daemon = await startDaemon({ home, folders: [home] })
    await daemon.event('key.exposed', ({ file }) => file.includes('ca_key.pem'))
    await staysMissing(daemon, ['certs/ca_key.pem', 'certs/server_key.pem', 'ca_key.pem', 'state/catalog.jsonl'])
    expect((await getOnce(daemon, 'ca_cert.pem')).body.toString()).toBe(daemon.ca)
  })
})
