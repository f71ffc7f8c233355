// Disks run full, mounts turn read-only, bits flip, and the clock of a board without a battery begins in 1970. None of that is a reason to stop
// serving what is good, or to serve what is not (reliability.md 3, 7).
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, cp, mkdir, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type Answer, exchange } from '../../src/probe/raw-http.js'
import type { ManifestOfAll } from '../../src/releases/manifest.js'
import { renameOver, truncateAndWrite } from '../support/build-folder.js'
import { type DaemonOptions, type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage, withByteFlipped } from '../support/image-builder.js'
import { becomesServed, becomesTrue, digestOf, etagOf, getOnce, type Server } from './line.js'
import { aClock } from './other-clock.js'
import { lacksSmallDisks, mountSmallDisk, type SmallDisk } from './small-disk.js'

const KIB = 1024
const DAY_S = 24 * 60 * 60
const GOOD = anImage({ length: 700 * KIB, seed: 10, version: '1.0.0' })
const NEXT = anImage({ length: 700 * KIB, seed: 20, version: '2.0.0' })
/** What the disk would not take is tried again every two seconds: time for it to be told twice. */
const SEVERAL_TRIES_MS = 6_000

async function folderWith(files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const folder = await temporaryFolder()
  for (const [name, bytes] of Object.entries(files)) await truncateAndWrite(path.join(folder, name), bytes)
  return folder
}

const stateOf = (home: string): string => path.join(home, 'state')
const artifactOf = (home: string, image: Uint8Array): string =>
  path.join(stateOf(home), 'artifacts', `${digestOf(image)}.bin`)
const eventsOf = (daemon: RunningDaemon, name: string) => daemon.log.filter(({ event }) => event === name)

async function expectWhole(server: Server, name: string, image: Uint8Array): Promise<void> {
  const { status, body, bodyEnd } = await getOnce(server, name)
  expect({ name, status, bodyEnd, digest: digestOf(body) }).toEqual({
    name,
    status: 200,
    bodyEnd: 'complete',
    digest: digestOf(image)
  })
}

async function healthOf(server: Server): Promise<string> {
  const { status, body } = await getOnce(server, 'health')
  return `${status} ${JSON.parse(body.toString()).status}`
}

async function manifestOf(server: Server): Promise<ManifestOfAll> {
  return JSON.parse((await getOnce(server, 'manifest.json')).body.toString())
}

/** Ends a daemon without a word to it, and waits until its log has been read to the end. */
async function kill(daemon: RunningDaemon): Promise<void> {
  const closed = once(daemon.child, 'close')
  await daemon.stop('SIGKILL')
  await closed
}

interface Refused {
  readonly code: number | NodeJS.Signals
  readonly said: string
}

/** A start that is refused: one sentence with the folder, one hint, no stack. */
async function refusedStart(options: DaemonOptions): Promise<Refused> {
  const daemon = await startDaemon({ ...options, waits: false })
  const closed = once(daemon.child, 'close', { signal: AbortSignal.timeout(5000) })
  const [code, signal] = (await closed) as [number | null, NodeJS.Signals | null]
  const said = daemon.complaints()
  expect(said).toContain('(OTAD_ERR_STATE_NOT_WRITABLE)')
  expect(said.trim().split('\n'), said).toHaveLength(2)
  expect(said, 'no stack').not.toMatch(/\n\s+at |node:internal|file:\/\//)
  return { code: (code ?? signal) as number | NodeJS.Signals, said }
}

interface Setting {
  readonly home: string
  readonly folder: string
  readonly disk: SmallDisk
  readonly options: DaemonOptions
}

/** A home whose state/ is a disk of its own, and a build folder with one good image. */
async function withSmallState(mebibytes: number, mountOptions = ''): Promise<Setting> {
  const [home, folder] = [await temporaryFolder(), await folderWith({ 'app.bin': GOOD })]
  await mkdir(stateOf(home), { mode: 0o700 })
  const disk = await mountSmallDisk(stateOf(home), mebibytes, mountOptions)
  return { home, folder, disk, options: { home, folders: [folder], through: disk.through } }
}

/** What is good stays, the new build is told once to be missing, and comes by itself when `mend` has been called. */
async function expectMended(
  daemon: RunningDaemon,
  failing: Promise<{ readonly name: string; readonly reason: string; readonly hint: string }>,
  reason: string,
  mend: () => Promise<void>
): Promise<void> {
  const failed = await failing
  expect(failed).toMatchObject({ name: 'app.bin', reason })
  expect(failed.hint).toContain('otad tries again by itself')
  await elapse(SEVERAL_TRIES_MS)
  await expectWhole(daemon, 'app.bin', GOOD)
  await expectWhole(daemon, `artifacts/${digestOf(GOOD)}.bin`, GOOD)
  expect(await healthOf(daemon)).toBe('200 serving')
  expect(eventsOf(daemon, 'store.failed'), 'it is told once').toHaveLength(1)
  await mend()
  await becomesServed(daemon, 'app.bin', NEXT, 5000)
  await expectWhole(daemon, 'app.bin', NEXT)
  await expectWhole(daemon, `artifacts/${digestOf(GOOD)}.bin`, GOOD)
  expect(eventsOf(daemon, 'store.failed')).toHaveLength(1)
  expect(eventsOf(daemon, 'release.published')).toHaveLength(2)
  expect(eventsOf(daemon, 'bug')).toEqual([])
}

describe.skipIf(lacksSmallDisks)('a disk for state/ that runs full', () => {
  it.each([
    ['not a byte is left', 0],
    ['there is room for half of a build', 350 * KIB]
  ])('costs the new build until there is room, and nothing else: %s', { timeout: 60_000 }, async (_what, room) => {
    const { folder, disk, options } = await withSmallState(4)
    const daemon = await startDaemon(options)
    await becomesServed(daemon, 'app.bin', GOOD, 5000)
    await disk.fill(room)
    await renameOver(path.join(folder, 'app.bin'), NEXT)
    await expectMended(daemon, daemon.event('store.failed'), 'the disk that holds state/ is full', disk.makeRoom)
    expect(await readdir(disk.seen(path.join(stateOf(daemon.home), 'artifacts')))).toHaveLength(2)
  })

  it('is no reason not to start: what is there is served, and a device in the middle of ranges keeps its build', {
    timeout: 60_000
  }, async () => {
    const { home, folder, disk, options } = await withSmallState(4)
    const first = await startDaemon(options)
    await becomesServed(first, 'app.bin', GOOD, 5000)
    await renameOver(path.join(folder, 'app.bin'), NEXT)
    await becomesServed(first, 'app.bin', NEXT, 5000)
    const begun = await getOnce(first, 'app.bin', { headers: [['Range', 'bytes=0-65535']] })
    expect(begun.status).toBe(206)
    await kill(first)
    await disk.fill()

    const second = await startDaemon(options)
    expect(second.complaints()).toBe('')
    await expectWhole(second, 'app.bin', NEXT)
    await expectWhole(second, `artifacts/${digestOf(GOOD)}.bin`, GOOD)
    expect(await healthOf(second)).toBe('200 serving')
    expect(eventsOf(second, 'runs.failed').map(event => 'reason' in event && event.reason)).toEqual([
      'state/runs.jsonl cannot be written (ENOSPC)'
    ])
    const more = await getOnce(second, 'app.bin', { headers: [['Range', 'bytes=65536-131071']] })
    expect(more.status).toBe(206)
    expect(Buffer.concat([begun.body, more.body]).equals(NEXT.subarray(0, 131072))).toBe(true)

    await disk.makeRoom()
    const third = anImage({ length: 700 * KIB, seed: 30, version: '3.0.0' })
    await renameOver(path.join(folder, 'app.bin'), third)
    await becomesServed(second, 'app.bin', third, 5000)
    expect(await second.stop()).toBe(0)
    const again = await startDaemon(options)
    await expectWhole(again, 'app.bin', third)
    expect(eventsOf(again, 'runs.failed')).toEqual([])
    expect(await readFile(disk.seen(path.join(stateOf(home), 'runs.jsonl')), 'utf8')).toMatch(/\n$/)
  })

  it('is no reason not to start with a catalog of which a line is damaged', { timeout: 60_000 }, async () => {
    const { home, folder, disk, options } = await withSmallState(4)
    const catalog = disk.seen(path.join(stateOf(home), 'catalog.jsonl'))
    const first = await startDaemon(options)
    await becomesServed(first, 'app.bin', GOOD, 5000)
    await kill(first)
    await writeFile(catalog, `${await readFile(catalog, 'utf8')}deadbeef {"type":"publ`)
    await disk.fill()
    const second = await startDaemon(options)
    await expectWhole(second, 'app.bin', GOOD)
    expect(await second.event('catalog.repaired')).toMatchObject({ file: 'catalog.jsonl' })
    await disk.makeRoom()
    await renameOver(path.join(folder, 'app.bin'), NEXT)
    await becomesServed(second, 'app.bin', NEXT, 5000)
    await kill(second)
    const third = await startDaemon(options)
    await expectWhole(third, 'app.bin', NEXT)
    await expectWhole(third, `artifacts/${digestOf(GOOD)}.bin`, GOOD)
    expect(eventsOf(third, 'catalog.repaired'), 'the torn line is gone').toEqual([])
  })

  it('may lack inodes instead of bytes: it starts, and says what it cannot keep', { timeout: 60_000 }, async () => {
    const { home, folder, disk, options } = await withSmallState(8)
    const first = await startDaemon(options)
    await becomesServed(first, 'app.bin', GOOD, 5000)
    await kill(first)
    const used = (await readdir(disk.seen(stateOf(home)), { recursive: true })).length + 1
    await disk.inside('mount', '-o', `remount,nr_inodes=${used}`, stateOf(home))
    const second = await startDaemon(options)
    await expectWhole(second, 'app.bin', GOOD)
    await renameOver(path.join(folder, 'app.bin'), NEXT)
    expect(await second.event('store.failed')).toMatchObject({ reason: 'the disk that holds state/ is full' })
    await expectWhole(second, 'app.bin', GOOD)
    await disk.inside('mount', '-o', 'remount,nr_inodes=1000', stateOf(home))
    await becomesServed(second, 'app.bin', NEXT, 5000)
  })
})

describe.skipIf(lacksSmallDisks)('a state/ on a mount that is read-only', () => {
  it('is a reason not to start, and the reason is said', async () => {
    const { home, disk, options } = await withSmallState(4)
    const first = await startDaemon(options)
    await becomesServed(first, 'app.bin', GOOD, 5000)
    expect(await first.stop()).toBe(0)
    await disk.makeReadOnly()
    const { code, said } = await refusedStart(options)
    expect(code).toBe(1)
    expect(said).toContain(`${stateOf(home)} cannot be used (EROFS)`)
    expect(said).toContain('--home')
    await disk.makeWritable()
    await expectWhole(await startDaemon(options), 'app.bin', GOOD)
  })

  it('costs the new build until it can be written again when it turns so while otad runs', {
    timeout: 60_000
  }, async () => {
    const { folder, disk, options } = await withSmallState(4)
    const daemon = await startDaemon(options)
    await becomesServed(daemon, 'app.bin', GOOD, 5000)
    await disk.makeReadOnly()
    await renameOver(path.join(folder, 'app.bin'), NEXT)
    await expectMended(daemon, daemon.event('store.failed'), 'state/ cannot be written (EROFS)', disk.makeWritable)
  })
})

const NOBODY = 65534
const run = promisify(execFile)
const isRoot = process.getuid?.() === 0
/** root may write everywhere: started through this, a daemon may not. */
const asNobody = isRoot ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : []
const lacksPermissions =
  process.platform === 'win32' ||
  (isRoot &&
    (await run('setpriv', [...asNobody.slice(1), 'true']).then(
      () => false,
      () => true
    )))

describe.skipIf(lacksPermissions)('a state/ that otad may not write', () => {
  /** A home and a build folder that belong to the user of the daemon. */
  async function ofNobody(): Promise<Omit<Setting, 'disk'>> {
    const [home, folder] = [await temporaryFolder(), await folderWith({ 'app.bin': GOOD })]
    if (isRoot) await run('chown', ['-R', `${NOBODY}:${NOBODY}`, home, folder])
    return { home, folder, options: { home, folders: [folder], through: asNobody } }
  }

  it('is a reason not to start: one sentence, one hint, code 1', async () => {
    const { home, options } = await ofNobody()
    const first = await startDaemon(options)
    await becomesServed(first, 'app.bin', GOOD, 5000)
    expect(await first.stop()).toBe(0)
    await chmod(stateOf(home), 0o500)
    const { code, said } = await refusedStart(options)
    expect(code).toBe(1)
    expect(said).toContain(`${stateOf(home)} cannot be used (EACCES)`)
    await chmod(stateOf(home), 0o700)
    await expectWhole(await startDaemon(options), 'app.bin', GOOD)
  })

  it('is a reason not to start when it cannot even be looked into', async () => {
    const { home, options } = await ofNobody()
    await mkdir(stateOf(home), { mode: 0o000 })
    const { code, said } = await refusedStart({ ...options })
    expect(code).toBe(1)
    expect(said).toContain(`${stateOf(home)} cannot be used (EACCES)`)
    await chmod(stateOf(home), 0o700)
  })

  it('costs the new build until it may be written again when that happens while otad runs', {
    timeout: 60_000
  }, async () => {
    const { home, folder, options } = await ofNobody()
    const daemon = await startDaemon(options)
    await becomesServed(daemon, 'app.bin', GOOD, 5000)
    const all = [stateOf(home), path.join(stateOf(home), 'artifacts')]
    for (const place of all) await chmod(place, 0o500)
    await writeFile(path.join(folder, 'app.bin'), NEXT)
    await expectMended(daemon, daemon.event('store.failed'), 'state/ cannot be written (EACCES)', async () => {
      for (const place of all) await chmod(place, 0o700)
    })
  })
})

describe('a catalog.jsonl that was damaged', () => {
  const NAMES = ['left.bin', 'right.bin', 'größe.bin']
  const image = (name: string, build: number): Buffer =>
    anImage({ seed: 100 * NAMES.indexOf(name) + build, version: `${build}.0`, project: 'Küche' })

  /** A home that knows two builds of each name, and the folder with the second ones. */
  async function aHome(): Promise<{ home: string; folder: string; journal: Buffer }> {
    const [home, folder] = [await temporaryFolder(), await temporaryFolder()]
    const daemon = await startDaemon({ home, folders: [folder] })
    for (const build of [1, 2])
      for (const name of NAMES) {
        await renameOver(path.join(folder, name), image(name, build))
        await becomesServed(daemon, encodeURIComponent(name), image(name, build), 5000)
      }
    expect(await daemon.stop()).toBe(0)
    return { home, folder, journal: await readFile(path.join(stateOf(home), 'catalog.jsonl')) }
  }

  /** Starts with another journal in a copy of a home: nothing that its whole lines tell of may be lost. */
  async function expectRepaired(
    { home, folder, journal }: Awaited<ReturnType<typeof aHome>>,
    damaged: Buffer
  ): Promise<RunningDaemon> {
    const copy = await temporaryFolder()
    await cp(home, copy, { recursive: true, filter: file => !file.endsWith('.sock') })
    await writeFile(path.join(stateOf(copy), 'catalog.jsonl'), damaged)
    const daemon = await startDaemon({ home: copy, folders: [folder] })
    // Where only the line of the first build is left, that one is served until the file has been looked at.
    for (const name of NAMES) await becomesServed(daemon, encodeURIComponent(name), image(name, 2), 1000)
    for (const name of NAMES) await expectWhole(daemon, encodeURIComponent(name), image(name, 2))
    const lines = new Set(damaged.toString('latin1').split('\n').slice(0, -1))
    const known = journal
      .toString('latin1')
      .split('\n')
      .filter(line => lines.has(line))
    for (const name of NAMES)
      for (const build of [1, 2])
        if (known.some(line => line.includes(digestOf(image(name, build)))))
          await expectWhole(daemon, `artifacts/${digestOf(image(name, build))}.bin`, image(name, build))
    expect(eventsOf(daemon, 'bug')).toEqual([])
    expect(await daemon.stop()).toBe(0)
    const again = await startDaemon({ home: copy, folders: [folder] })
    expect(eventsOf(again, 'catalog.repaired'), 'it is told once').toEqual([])
    for (const name of NAMES) await expectWhole(again, encodeURIComponent(name), image(name, 2))
    expect(await again.stop()).toBe(0)
    return daemon
  }

  const repairs = (daemon: RunningDaemon) =>
    eventsOf(daemon, 'catalog.repaired').map(event => 'file' in event && event.file)

  it('is repaired wherever it was cut, in the middle of a letter too', { timeout: 60_000 }, async () => {
    const home = await aHome()
    const { journal } = home
    const second = journal.indexOf('\n') + 1
    const cuts = [1, 8, second - 1, second + 200, journal.indexOf('ü', second) + 1, journal.length - 1]
    for (const cut of cuts)
      expect(repairs(await expectRepaired(home, journal.subarray(0, cut)))).toEqual(['catalog.jsonl'])
    // Between two lines nothing is damaged: what stood behind was never there.
    expect(repairs(await expectRepaired(home, journal.subarray(0, second)))).toEqual([])
  })

  it('is repaired when one bit of it has turned, and every other line counts', { timeout: 60_000 }, async () => {
    const home = await aHome()
    const { journal } = home
    const end = journal.indexOf('\n')
    for (const at of [0, 8, 12, end >> 1, end, journal.indexOf('ö'), journal.length - 1])
      expect(repairs(await expectRepaired(home, withByteFlipped(journal, at, 0x04))), `byte ${at}`).toEqual([
        'catalog.jsonl'
      ])
  })

  it.each([
    ['is garbage from end to end', (length: number) => randomBytes(length), ['catalog.jsonl']],
    ['is nothing but zeros, as after the power went', (length: number) => Buffer.alloc(length), ['catalog.jsonl']],
    ['is one endless line', (length: number) => Buffer.alloc(length, 'x'), ['catalog.jsonl']],
    ['is empty', () => Buffer.alloc(0), []]
  ])('costs the earlier releases at most when it %s', { timeout: 60_000 }, async (_what, damaged, told) => {
    const home = await aHome()
    expect(repairs(await expectRepaired(home, damaged(home.journal.length)))).toEqual(told)
  })
})

/** What can happen to the file of an artifact. */
const DAMAGES: readonly (readonly [what: string, how: RegExp, damage: (file: string) => Promise<void>])[] = [
  [
    'has one bit turned',
    /^is damaged$/,
    async file => writeFile(file, withByteFlipped(await readFile(file), 300 * KIB, 1))
  ],
  ['is gone', /^is missing$/, file => rm(file)],
  ['is cut short', /^is damaged$/, file => truncate(file, 400 * KIB)],
  ['is empty', /^is damaged$/, file => truncate(file, 0)],
  [
    'is a folder',
    /^is (damaged|a folder)$/,
    async file => {
      await rm(file)
      await mkdir(file)
      await writeFile(path.join(file, 'something'), 'in the way')
    }
  ]
]

describe.each(DAMAGES)('an artifact that %s', (_what, how, damage) => {
  const damagedEvents = (daemon: RunningDaemon) =>
    eventsOf(daemon, 'artifact.damaged').map(event => 'digest' in event && 'reason' in event && event)
  const toldOf = (image: Uint8Array) => [
    expect.objectContaining({ name: 'app.bin', digest: digestOf(image), reason: expect.stringMatching(how) })
  ]

  /** Asks until it is served whole; whatever comes until then is its beginning, or a 404 with a reason. */
  async function becomesWhole(server: Server, name: string, image: Buffer): Promise<void> {
    await becomesTrue(`${name} is whole again`, 5000, async () => {
      const answer = await getOnce(server, name).catch(() => undefined)
      if (answer === undefined) return false
      if (answer.status === 404) expect(answer.body.toString()).toMatch(/^404 (no firmware|no such artifact)/)
      else expect(image.subarray(0, answer.body.length).equals(answer.body), 'not a damaged byte').toBe(true)
      return answer.status === 200 && answer.bodyEnd === 'complete'
    })
  }

  it('between two runs is told once, and made anew from the build folder', async () => {
    const folder = await folderWith({ 'app.bin': GOOD })
    const first = await startDaemon({ folders: [folder] })
    await becomesServed(first, 'app.bin', GOOD, 5000)
    expect(await first.stop()).toBe(0)
    await damage(artifactOf(first.home, GOOD))
    const second = await startDaemon({ home: first.home, folders: [folder] })
    await becomesWhole(second, 'app.bin', GOOD)
    await expectWhole(second, `artifacts/${digestOf(GOOD)}.bin`, GOOD)
    expect(damagedEvents(second)).toEqual(toldOf(GOOD))
    expect(await second.stop()).toBe(0)
    const third = await startDaemon({ home: first.home, folders: [folder], args: ['--cache-bytes', '0'] })
    await expectWhole(third, 'app.bin', GOOD)
    expect(damagedEvents(third)).toEqual([])
  })

  it('between two runs is 404 when its file is gone too, and what else there is stays', async () => {
    const folder = await folderWith({ 'app.bin': GOOD, 'other.bin': NEXT })
    const first = await startDaemon({ folders: [folder] })
    await becomesServed(first, 'app.bin', GOOD, 5000)
    await becomesServed(first, 'other.bin', NEXT, 5000)
    expect(await first.stop()).toBe(0)
    await damage(artifactOf(first.home, GOOD))
    await rm(path.join(folder, 'app.bin'))
    const second = await startDaemon({ home: first.home, folders: [folder] })
    for (const name of ['app.bin', `artifacts/${digestOf(GOOD)}.bin`]) {
      const { status, body } = await getOnce(second, name)
      expect(status).toBe(404)
      expect(body.toString()).toMatch(/^404 (no firmware of this name|no such artifact)/)
    }
    await expectWhole(second, 'other.bin', NEXT)
    expect(damagedEvents(second)).toEqual(toldOf(GOOD))
    await truncateAndWrite(path.join(folder, 'app.bin'), GOOD)
    await becomesServed(second, 'app.bin', GOOD, 5000)
    await expectWhole(second, 'app.bin', GOOD)
  })

  it('while it is served from disk is told once, and made anew from the build folder', async () => {
    const folder = await folderWith({ 'app.bin': GOOD })
    const daemon = await startDaemon({ folders: [folder], args: ['--cache-bytes', '0'] })
    await becomesServed(daemon, 'app.bin', GOOD, 5000)
    await expectWhole(daemon, 'app.bin', GOOD)
    await damage(artifactOf(daemon.home, GOOD))
    await becomesWhole(daemon, 'app.bin', GOOD)
    await expectWhole(daemon, `artifacts/${digestOf(GOOD)}.bin`, GOOD)
    expect(damagedEvents(daemon)).toEqual(toldOf(GOOD))
    expect(eventsOf(daemon, 'bug')).toEqual([])
  })

  it('while it is kept on disk for going back is 404 from then on, and the current one stays', async () => {
    const folder = await folderWith({ 'app.bin': GOOD })
    const daemon = await startDaemon({ folders: [folder], args: ['--cache-bytes', '0'] })
    await becomesServed(daemon, 'app.bin', GOOD, 5000)
    await renameOver(path.join(folder, 'app.bin'), NEXT)
    await becomesServed(daemon, 'app.bin', NEXT, 5000)
    await damage(artifactOf(daemon.home, GOOD))
    const name = `artifacts/${digestOf(GOOD)}.bin`
    await becomesTrue('it is 404', 5000, async () => {
      const { status, body = Buffer.alloc(0) } = await getOnce(daemon, name).catch(() => ({}) as Partial<Answer>)
      if (status === 404) return true
      expect(GOOD.subarray(0, body.length).equals(body), 'not a damaged byte').toBe(true)
      return false
    })
    expect(damagedEvents(daemon)).toEqual(toldOf(GOOD))
    const [entry] = (await manifestOf(daemon)).releases
    expect(entry).toMatchObject({ current: { sha256: digestOf(NEXT) }, earlier: [] })
    await expectWhole(daemon, 'app.bin', NEXT)
  })
})

describe('an artifact that is written to in the middle of a download', () => {
  it('is cut there, and every byte before is of the build', async () => {
    const image = anImage({ length: 8 * 1024 * KIB, seed: 40 })
    const folder = await folderWith({ 'app.bin': image })
    const daemon = await startDaemon({ folders: [folder], args: ['--cache-bytes', '0'] })
    await becomesServed(daemon, 'app.bin', image, 5000)
    let isDamaged = false
    const { status, body, bodyEnd } = await getOnce(daemon, 'app.bin', {
      pause: async () => {
        if (isDamaged) return
        isDamaged = true
        const handle = await open(artifactOf(daemon.home, image), 'r+')
        await handle.write(Buffer.from([0x55]), 0, 1, 7 * 1024 * KIB)
        await handle.close()
      }
    })
    expect({ status, bodyEnd }).toEqual({ status: 200, bodyEnd: 'cut' })
    expect(body.length).toBeLessThan(image.length)
    expect(image.subarray(0, body.length).equals(body)).toBe(true)
    await becomesServed(daemon, 'app.bin', image, 5000)
    await expectWhole(daemon, 'app.bin', image)
    expect(eventsOf(daemon, 'artifact.damaged')).toHaveLength(1)
  })
})

describe.each([
  ['two days back', -2 * DAY_S],
  ['ten years on', 3652 * DAY_S]
])('a clock that jumps %s', (_where, jumpS) => {
  /** Certificates end and begin with the clock of the daemon; here it is the firmware that is looked at. */
  async function ask(daemon: RunningDaemon, name: string, headers: readonly string[] = []): Promise<Answer> {
    const socket = connect({ host: '127.0.0.1', port: daemon.port, rejectUnauthorized: false })
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(5000) })
    socket.on('error', () => {}).pause()
    const close = async (): Promise<void> => void socket.destroy()
    const lines = [`GET /${name} HTTP/1.1`, 'Host: otad', 'User-Agent: clock', ...headers, '', '']
    const answer = await exchange({ socket, rest: Buffer.alloc(0), close }, lines.join('\r\n'), { method: 'GET' })
    await close()
    return answer
  }

  const dateIn = (answer: Answer, name: string): number => Date.parse(answer.header(name) ?? '')

  const becomesCurrent = (daemon: RunningDaemon, image: Buffer): Promise<number> =>
    becomesTrue(
      'the build is served',
      5000,
      async () => (await ask(daemon, 'app.bin')).header('etag') === etagOf(image)
    )

  it('disturbs nobody, there and back, nor does a start after it', { timeout: 90_000 }, async () => {
    const clock = await aClock()
    const jumpTo = async (daemon: RunningDaemon, offsetS: number): Promise<void> => {
      await clock.jumpTo(offsetS)
      const isThere = (date: number): boolean => Math.abs(date - Date.now() - 1000 * offsetS) < 60_000
      if (!clock.isWhole) await elapse(500)
      else
        await becomesTrue('its clock has jumped', 5000, async () =>
          isThere(dateIn(await ask(daemon, 'health'), 'date'))
        )
    }
    const expectDated = async (daemon: RunningDaemon, name: string, image: Buffer): Promise<void> => {
      const answer = await ask(daemon, name)
      expect({ status: answer.status, whole: answer.body.equals(image) }).toEqual({ status: 200, whole: true })
      if (clock.isWhole) expect(dateIn(answer, 'last-modified')).toBeLessThanOrEqual(dateIn(answer, 'date'))
      expect((await ask(daemon, name, [`If-None-Match: ${etagOf(image)}`])).status).toBe(304)
    }
    const folder = await folderWith({ 'app.bin': GOOD })
    const file = path.join(folder, 'app.bin')
    const options = { folders: [folder], env: clock.env }
    const first = await startDaemon(options)
    await becomesCurrent(first, GOOD)
    /** A device in the middle of its ranges. */
    const taken: Buffer[] = []
    const takeMore = async (daemon: RunningDaemon): Promise<number> => {
      const start = Buffer.concat(taken).length
      const { status, body } = await ask(daemon, 'app.bin', [
        'x-ESP32-STA-MAC: 24:6F:28:AA:BB:CC',
        `Range: bytes=${start}-${start + 65535}`
      ])
      if (status === 206) taken.push(body)
      return status
    }
    expect(await takeMore(first)).toBe(206)

    await jumpTo(first, jumpS)
    await expectDated(first, 'app.bin', GOOD)
    expect(await takeMore(first)).toBe(206)
    await renameOver(file, NEXT)
    await becomesCurrent(first, NEXT)
    await expectDated(first, 'app.bin', NEXT)
    await expectDated(first, `artifacts/${digestOf(GOOD)}.bin`, GOOD)
    expect(await takeMore(first)).toBe(206)
    expect(await first.stop()).toBe(0)

    const second = await startDaemon({ ...options, home: first.home })
    await expectDated(second, 'app.bin', NEXT)
    await expectDated(second, `artifacts/${digestOf(GOOD)}.bin`, GOOD)
    // After ten years nobody knows any more what a device was about: it begins again then.
    const goesOn = jumpS > 0 ? [206, 416] : [206]
    expect(goesOn).toContain(await takeMore(second))
    await jumpTo(second, 0)
    await expectDated(second, 'app.bin', NEXT)
    expect(goesOn).toContain(await takeMore(second))
    const third = anImage({ length: 300 * KIB, seed: 30, version: '3.0.0' })
    await renameOver(file, third)
    await becomesCurrent(second, third)
    await expectDated(second, 'app.bin', third)
    await kill(second)

    const last = await startDaemon({ ...options, home: first.home })
    await expectDated(last, 'app.bin', third)
    expect(goesOn).toContain(await takeMore(last))
    const bytes = Buffer.concat(taken)
    expect(bytes.equals(GOOD.subarray(0, bytes.length)), 'all of one build').toBe(true)
    for (const daemon of [first, second, last]) expect(eventsOf(daemon, 'bug')).toEqual([])
  })
})
