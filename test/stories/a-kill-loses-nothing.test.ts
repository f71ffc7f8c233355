// Power cuts and the OOM killer ask nobody. A device that was told of a release must get it from the next start too, and a
// certificate that changed would lock every device out (reliability.md 1.7).
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { renameOver, truncateAndWrite } from '../support/build-folder.js'
import { type LoggedEvent, type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { becomesServed, becomesTrue, createChance, createLine, digestOf } from './line.js'

const SEED = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000)
const KEEP_RELEASES = 2
const NAMES = ['left.bin', 'right.bin']
const BUILD_LENGTH = 100 * 1024

/** Waits until the last line of its log is read, so that what it had said before it died is known. */
async function kill(daemon: RunningDaemon): Promise<void> {
  const closed = once(daemon.child, 'close')
  daemon.child.kill('SIGKILL')
  await closed
}

/** Builds all the time: each name in turn, one written in pieces and one renamed into place. */
interface Builder {
  /** The number of each build by its digest; a build that is still being written has its number already. */
  readonly numbers: ReadonlyMap<string, number>
  /** The newest build of each name that was written to its end. */
  readonly finished: ReadonlyMap<string, Buffer>
  stop(): Promise<void>
}

function createBuilder(folder: string): Builder {
  const numbers = new Map<string, number>()
  const finished = new Map<string, Buffer>()
  let stopped = false
  const build = async () => {
    for (let number = 1; !stopped; number++) {
      const name = NAMES[number % NAMES.length] as string
      const image = anImage({ length: BUILD_LENGTH, seed: number * 10, version: `1.${number}.0`, project: name })
      numbers.set(digestOf(image), number)
      const write = number % NAMES.length === 0 ? renameOver : truncateAndWrite
      await write(path.join(folder, name), image, { pieceLength: 20_000, pauseMs: 5 })
      finished.set(name, image)
      await elapse(30)
    }
  }
  const ended = build()
  return {
    numbers,
    finished,
    async stop() {
      stopped = true
      await ended
    }
  }
}

/** The newest number that the log of a daemon names as published, for each name. */
function promisedBy(daemon: RunningDaemon, builder: Builder): Map<string, number> {
  const promised = new Map<string, number>()
  for (const event of daemon.log as readonly LoggedEvent[]) {
    if (event.event !== 'release.published') continue
    const { name, digest } = event as LoggedEvent<'release.published'>
    const number = builder.numbers.get(digest)
    if (number === undefined) throw new Error(`${name}: what was published is no build (${digest})`)
    promised.set(name, Math.max(number, promised.get(name) ?? 0))
  }
  return promised
}

async function expectKept(daemon: RunningDaemon, promised: ReadonlyMap<string, number>, builder: Builder) {
  const line = createLine(daemon)
  for (const [name, number] of promised) {
    const { status, body, bodyEnd, header } = await line.get(name)
    expect({ name, status, bodyEnd }).toEqual({ name, status: 200, bodyEnd: 'complete' })
    expect(header('etag')).toBe(`"${digestOf(body)}"`)
    expect(
      builder.numbers.get(digestOf(body)),
      `${name}: a build, and none older than ${number}`
    ).toBeGreaterThanOrEqual(number)
  }
  await line.close()
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => entry.isFile())
    .map(entry => path.relative(folder, path.join(entry.parentPath, entry.name)))
}

async function digestsOfCerts(home: string): Promise<Record<string, string>> {
  const names = ['ca_cert.pem', 'ca_key.pem', 'server_key.pem']
  const digests = names.map(async name => [name, digestOf(await readFile(path.join(home, 'certs', name)))] as const)
  return Object.fromEntries(await Promise.all(digests))
}

interface Lane {
  readonly kills: number
  readonly chance: () => number
}

/** One home through many kills: the moment is drawn anew each time, a third of them before it even listens. */
async function survive({ kills, chance }: Lane): Promise<void> {
  const folder = await temporaryFolder()
  const home = await temporaryFolder()
  const builder = createBuilder(folder)
  const options = { folders: [folder], home, args: ['--keep-releases', String(KEEP_RELEASES)] }
  const promised = new Map<string, number>()
  let downloads = 0
  let certs: Record<string, string> | undefined
  try {
    for (let killed = 0; killed < kills; killed++) {
      const isEarly = certs !== undefined && chance() < 0.33
      const daemon = await startDaemon(isEarly ? { ...options, waits: false } : options)
      if (!isEarly) {
        certs ??= await digestsOfCerts(home)
        await expectKept(daemon, promised, builder)
        downloads += promised.size
      }
      await elapse(chance() * (isEarly ? 700 : 350))
      await kill(daemon)
      for (const [name, number] of promisedBy(daemon, builder))
        promised.set(name, Math.max(number, promised.get(name) ?? 0))
      expect(daemon.complaints()).toBe('')
    }
  } finally {
    await builder.stop()
  }
  const last = await startDaemon(options)
  await expectKept(last, promised, builder)
  downloads += promised.size
  for (const [name, image] of builder.finished) await becomesServed(last, name, image, 5000)
  expect(promised.size, 'something was published at all').toBe(NAMES.length)
  expect(await digestsOfCerts(home)).toEqual(certs)
  expect((await filesBelow(folder)).sort()).toEqual([...NAMES].sort())
  const artifacts = () => filesBelow(path.join(home, 'state', 'artifacts'))
  expect((await filesBelow(path.join(home, 'state'))).filter(file => /tmp|part|~/.test(file))).toEqual([])
  expect((await artifacts()).filter(file => !/^[0-9a-f]{64}(\.bin)?$/.test(file))).toEqual([])
  // Current, the earlier ones, and what this test's own runs still hold.
  const most = NAMES.length * (1 + KEEP_RELEASES) + downloads
  await becomesTrue(`at most ${most} artifacts are left`, 10_000, async () => (await artifacts()).length <= most)
  expect(await last.stop()).toBe(0)
}

describe(`50 kills while builds come in (KILL_SEED=${SEED})`, () => {
  it('lose no release that was published, leave nothing half and no new certificate', {
    timeout: 120_000
  }, async () => {
    const lanes = [0, 1].map(lane => ({ kills: 25, chance: createChance(SEED + lane) }))
    await Promise.all(lanes.map(survive))
  })
})

describe(`a kill during the very first start (KILL_SEED=${SEED})`, () => {
  it('leaves certificates that fit together and a home that starts', { timeout: 60_000 }, async () => {
    const chance = createChance(SEED + 2)
    const folder = await temporaryFolder()
    const image = anImage({ length: BUILD_LENGTH })
    await truncateAndWrite(path.join(folder, 'app.bin'), image)
    for (let round = 0; round < 8; round++) {
      const home = await temporaryFolder()
      const first = await startDaemon({ folders: [folder], home, waits: false })
      await elapse(150 + 650 * chance())
      await kill(first)
      const second = await startDaemon({ folders: [folder], home })
      // A TLS handshake that the CA of this home vouches for, and a whole image behind it.
      await becomesServed(second, 'app.bin', image, 5000)
      expect((await filesBelow(path.join(home, 'certs'))).sort()).toEqual([
        'ca_cert.pem',
        'ca_key.pem',
        'server_cert.pem',
        'server_key.pem'
      ])
      await kill(second)
    }
  })
})

describe('a kill in the middle of a download', () => {
  it('is followed by a start within 3 s that resumes the same build with the same tag', async () => {
    const folder = await temporaryFolder()
    const image = anImage({ length: 1024 * 1024, seed: 7 })
    await truncateAndWrite(path.join(folder, 'app.bin'), image)
    const daemon = await startDaemon({ folders: [folder] })
    await becomesServed(daemon, 'app.bin', image, 5000)
    const line = createLine(daemon)
    const cut = await line.get('app.bin', { stopAfter: 300_000 })
    await kill(daemon)
    await line.close()
    const startedAt = performance.now()
    const again = await startDaemon({ folders: [folder], home: daemon.home })
    expect(performance.now() - startedAt).toBeLessThanOrEqual(3000)
    expect(again.ca).toBe(daemon.ca)
    const rest = createLine(again)
    const answer = await rest.get('app.bin', { headers: [['Range', `bytes=${cut.body.length}-`]] })
    await rest.close()
    expect(answer.status).toBe(206)
    expect(answer.header('etag')).toBe(cut.header('etag'))
    expect(Buffer.concat([cut.body, answer.body]).equals(image)).toBe(true)
  })
})

describe('a file that changed while the daemon was dead', () => {
  it('is served within 5 s of the next start, and the old build until then', async () => {
    const folder = await temporaryFolder()
    const home = await temporaryFolder()
    const before = anImage({ length: BUILD_LENGTH, seed: 1 })
    const after = anImage({ length: BUILD_LENGTH, seed: 2, version: '2.0.0' })
    await truncateAndWrite(path.join(folder, 'app.bin'), before)
    const first = await startDaemon({ folders: [folder], home })
    await becomesServed(first, 'app.bin', before, 5000)
    await kill(first)
    // Half written: the good one of before stays.
    await truncateAndWrite(path.join(folder, 'app.bin'), after, { stopAfter: 50_000 })
    const second = await startDaemon({ folders: [folder], home })
    await becomesServed(second, 'app.bin', before, 1000)
    await truncateAndWrite(path.join(folder, 'app.bin'), after)
    await becomesServed(second, 'app.bin', after, 5000)
    await kill(second)
    await truncateAndWrite(path.join(folder, 'app.bin'), before)
    const third = await startDaemon({ folders: [folder], home })
    const tookMs = await becomesTrue('the build is back', 5000, async () => {
      const line = createLine(third)
      const { status, header } = await line.head('app.bin')
      await line.close()
      expect(status).toBe(200)
      return header('etag') === `"${digestOf(before)}"`
    })
    expect(tookMs).toBeLessThanOrEqual(5000)
  })
})
