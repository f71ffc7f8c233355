// Power cuts and the OOM killer ask nobody. A device that was told of a release must get it from the next start too, what a person has put
// back stays back, and a certificate that changed would lock every device out (reliability.md 1.7).
import { once } from 'node:events'
import { readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Status } from '../../src/answers.js'
import { askDaemon } from '../../src/control/control-client.js'
import { OperatorError } from '../../src/errors.js'
import type { ManifestOfAll } from '../../src/releases/manifest.js'
import { renameOver, truncateAndWrite } from '../support/build-folder.js'
import { type LoggedEvent, type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { becomesServed, becomesTrue, createChance, createLine, digestOf, type Line } from './line.js'

const SEED = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000)
/** Two hundred at a desk; fewer where the time is short. */
const KILLS = Number(process.env.KILLS ?? 200)
/** Of one home from which files go, and of each of two in which builds come in and go back. */
const WITHDRAWING_KILLS = 10
const BUSY_KILLS = Math.ceil((KILLS - WITHDRAWING_KILLS) / 2)
const KEEP_RELEASES = 1
/** Built all the time. */
const NAMES = ['left.bin', 'right.bin']
const BUILD_LENGTH = 70 * 1024
/** Not a run of a device: nothing is held for whoever asks like this. */
const ONLY_LOOKS = { headers: [['If-Match', '*']] } as const

/** Waits until the last line of its log is read, so that what it had said before it died is known. */
async function kill(daemon: RunningDaemon): Promise<void> {
  const closed = once(daemon.child, 'close')
  daemon.child.kill('SIGKILL')
  await closed
}

/** Builds each name in turn, one written in pieces and one renamed into place. */
interface Builder {
  /** The number of a build by its digest; one that is still being written has its number already. */
  numberOf(digest: string): number
  /** The newest build of each name that was written to its end. */
  readonly finished: ReadonlyMap<string, Buffer>
  /** Nothing is built while this is set, but for what has begun. */
  pauses: boolean
  stop(): Promise<void>
}

function createBuilder(folder: string): Builder {
  const numbers = new Map<string, number>()
  const finished = new Map<string, Buffer>()
  let stopped = false
  const builder: Builder = {
    numberOf: digest => numbers.get(digest) ?? expect.fail(`what is served is no build (${digest})`),
    finished,
    pauses: false,
    async stop() {
      stopped = true
      await ended
    }
  }
  const build = async () => {
    for (let number = 1; !stopped; number++) {
      const name = NAMES[number % NAMES.length] as string
      const image = anImage({ length: BUILD_LENGTH, seed: number * 10, version: `1.${number}.0`, project: name })
      numbers.set(digestOf(image), number)
      const write = number % NAMES.length === 0 ? renameOver : truncateAndWrite
      await write(path.join(folder, name), image, { pieceLength: 20_000, pauseMs: 5 })
      finished.set(name, image)
      do await elapse(50)
      while (builder.pauses && !stopped)
    }
  }
  const ended = build()
  return builder
}

/** What was promised of a name: by the log, by an answer, or by what was seen to be served. */
interface Promised {
  /** The newest build that is known to have been published. */
  readonly newest: number
  readonly rollback: { readonly to: number; readonly from: number; readonly hold: boolean } | undefined
}

/** What a person has asked for, and has not been seen in the log yet. */
type Operation =
  | { readonly is: 'rollback'; readonly name: string; readonly to: number; readonly hold: boolean }
  | { readonly is: 'unpin'; readonly name: string }

const NOTHING: Promised = { newest: 0, rollback: undefined }

function afterEvent(before: Promised, event: LoggedEvent, builder: Builder): Promised {
  switch (event.event) {
    case 'release.published': {
      const number = builder.numberOf((event as LoggedEvent<'release.published'>).digest)
      const { rollback } = before
      const newest = Math.max(before.newest, number)
      if (rollback?.hold === true) return { newest, rollback: { ...rollback, from: newest } }
      return { newest, rollback: rollback !== undefined && number > rollback.from ? undefined : rollback }
    }
    case 'release.rolledback': {
      const { digest, from, hold } = event as LoggedEvent<'release.rolledback'>
      const rollback = { to: builder.numberOf(digest), from: builder.numberOf(from), hold }
      return { newest: Math.max(before.newest, rollback.from), rollback }
    }
    case 'release.released':
      return { ...before, rollback: undefined }
    default:
      return before
  }
}

function afterOperation(before: Promised, operation: Operation): Promised {
  if (operation.is === 'unpin') return { ...before, rollback: undefined }
  return { ...before, rollback: { to: operation.to, from: before.newest, hold: operation.hold } }
}

/** Whether a build may be the current one: a newer one ends a rollback, but no hold. */
function allows({ newest, rollback }: Promised, current: number): boolean {
  if (rollback === undefined) return current >= newest
  return current === rollback.to || (!rollback.hold && current > rollback.from)
}

/** A home with everything that was promised of it. */
class Ledger {
  readonly #builder: Builder
  readonly #promised = new Map<string, Promised>()
  /** In the order they were asked for; each may have been carried out or not. */
  #open: Operation[] = []
  #seen = 0
  /** How often something was put to the test that a kill could have undone. */
  readonly tested = { builds: 0, rollbacks: 0, holds: 0 }

  constructor(builder: Builder) {
    this.#builder = builder
  }

  asks(operation: Operation): void {
    this.#open.push(operation)
  }

  /** It was refused: nothing has changed. */
  takesBack(operation: Operation): void {
    this.#open = this.#open.filter(other => other !== operation)
  }

  /** Reads on in the log of the process that runs. */
  read({ log }: RunningDaemon): void {
    for (const event of log.slice(this.#seen)) {
      if (!('name' in event) || !NAMES.includes(event.name)) continue
      this.#promised.set(event.name, afterEvent(this.#of(event.name), event, this.#builder))
      if (event.event !== 'release.rolledback' && event.event !== 'release.released') continue
      const { name } = event
      const done = this.#open.findIndex(operation => operation.name === name)
      if (done >= 0) this.#open.splice(done, 1)
    }
    this.#seen = log.length
  }

  forgetsLog(): void {
    this.#seen = 0
  }

  /** Compares what a daemon says of a name with what was promised, and takes it for the promise from then on. */
  check(name: string, { current, rollback }: Pick<Status['names'][number], 'current' | 'rollback'>): void {
    const before = this.#of(name)
    const number = this.#builder.numberOf(current?.digest ?? expect.fail(`${name} is not served`))
    const operations = this.#open.filter(operation => operation.name === name)
    this.#open = this.#open.filter(operation => operation.name !== name)
    const states = [before]
    for (const operation of operations) states.push(afterOperation(states.at(-1) ?? before, operation))
    const told = JSON.stringify({ name, number, rollback, states })
    expect(
      states.some(state => allows(state, number)),
      told
    ).toBe(true)
    if (operations.length === 0 && before.rollback?.hold === true) {
      expect(rollback?.hold, told).toBe(true)
      this.tested.holds++
    } else if (operations.length === 0 && before.rollback?.to === number) this.tested.rollbacks++
    else this.tested.builds++
    const setAside = rollback?.setAside?.digest
    const from = setAside === undefined ? number : this.#builder.numberOf(setAside)
    this.#promised.set(name, {
      newest: Math.max(before.newest, number, from),
      rollback: rollback === null ? undefined : { to: number, from, hold: rollback.hold }
    })
  }

  #of(name: string): Promised {
    return this.#promised.get(name) ?? NOTHING
  }
}

interface Lane {
  readonly kills: number
  readonly chance: () => number
}

const stateOf = (home: string): string => path.join(home, 'state')

/** Every release that the manifest lists is there, whole: nothing pruned is listed, and nothing listed is lost. */
async function expectListedWhole(line: Line): Promise<ManifestOfAll> {
  const manifest = JSON.parse((await line.get('manifest.json')).body.toString()) as ManifestOfAll
  for (const { current, earlier } of manifest.releases) {
    for (const { artifactUrl, sha256 } of [...(current === null ? [] : [current]), ...earlier]) {
      const { status, body, bodyEnd } = await line.get(new URL(artifactUrl).pathname.slice(1))
      // A build that comes meanwhile may prune it: then it is listed no more.
      if (status === 404) expect((await line.get('manifest.json')).body.toString()).not.toContain(sha256)
      else
        expect({ status, bodyEnd, digest: digestOf(body) }).toEqual({
          status: 200,
          bodyEnd: 'complete',
          digest: sha256
        })
    }
  }
  return manifest
}

async function expectKept(daemon: RunningDaemon, ledger: Ledger): Promise<void> {
  const line = createLine(daemon)
  try {
    const { names } = await askDaemon(stateOf(daemon.home), { command: 'status' })
    for (const name of NAMES) {
      const found = names.find(entry => entry.name === name)
      if (found !== undefined) ledger.check(name, found)
      const { status, header, body, bodyEnd } = await line.get(name, ONLY_LOOKS)
      if (found === undefined && status === 404) continue
      expect({ name, status, bodyEnd, etag: header('etag') }).toEqual({
        name,
        status: 200,
        bodyEnd: 'complete',
        etag: `"${digestOf(body)}"`
      })
    }
    await expectListedWhole(line)
  } finally {
    await line.close()
  }
}

/** Goes back and forth like somebody who cannot make up their mind, until the daemon is killed. */
async function operate(daemon: RunningDaemon, ledger: Ledger, builder: Builder, chance: () => number): Promise<void> {
  const state = stateOf(daemon.home)
  const pick = <T>(choices: readonly T[]): T | undefined => choices[Math.floor(chance() * choices.length)]
  for (;;) {
    await elapse(40 * chance())
    const name = pick(NAMES) ?? ''
    let operation: Operation | undefined
    try {
      const [known] = await askDaemon(state, { command: 'releases', name })
      const older = (known?.releases ?? []).slice(1).filter(release => release.state !== 'current')
      const release = pick(older)
      const hold = chance() < 0.4
      operation =
        release === undefined || chance() < 0.4
          ? { is: 'unpin', name }
          : { is: 'rollback', name, to: builder.numberOf(release.digest), hold }
      ledger.asks(operation)
      if (operation.is === 'unpin') await askDaemon(state, { command: 'unpin', what: name })
      else await askDaemon(state, { command: 'rollback', name, release: release?.digest ?? '', hold })
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      if (error.code === 'OTAD_ERR_NOT_RUNNING') return
      if (operation !== undefined) ledger.takesBack(operation)
    }
  }
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

/** One home through many kills: the moment is drawn anew each time, a third of them before it even listens. */
async function survive({ kills, chance }: Lane): Promise<Record<string, number>> {
  const [folder, home] = [await temporaryFolder(), await temporaryFolder()]
  const builder = createBuilder(folder)
  const ledger = new Ledger(builder)
  const options = { folders: [folder], home, args: ['--keep-releases', String(KEEP_RELEASES)] }
  let certs: Record<string, string> | undefined
  try {
    for (let killed = 0; killed < kills; killed++) {
      const isEarly = certs !== undefined && chance() < 0.33
      builder.pauses = chance() < 0.5
      const daemon = await startDaemon(isEarly ? { ...options, waits: false } : options)
      if (isEarly) await elapse(chance() * 700)
      else {
        certs ??= await digestsOfCerts(home)
        ledger.read(daemon)
        await expectKept(daemon, ledger)
        const operating = operate(daemon, ledger, builder, chance)
        await elapse(chance() * 350)
        await Promise.all([kill(daemon), operating])
      }
      if (isEarly) await kill(daemon)
      ledger.read(daemon)
      ledger.forgetsLog()
      expect(daemon.complaints()).toBe('')
      const worries = daemon.log.filter(({ event }) => event === 'bug' || event === 'artifact.damaged')
      expect(worries).toEqual([])
    }
  } finally {
    await builder.stop()
  }
  const last = await startDaemon(options)
  await expectKept(last, ledger)
  for (const name of NAMES) {
    // Refused where nothing is held back.
    const unpinned = await askDaemon(stateOf(home), { command: 'unpin', what: name }).catch(String)
    const newest = builder.finished.get(name) ?? Buffer.alloc(0)
    await becomesServed(last, name, newest, 5000).catch(async cause => {
      const kept = await askDaemon(stateOf(home), { command: 'releases', name })
      throw new Error(JSON.stringify({ unpinned, kept, log: last.log }), { cause })
    })
  }
  expect(await digestsOfCerts(home)).toEqual(certs)
  expect((await filesBelow(folder)).sort()).toEqual([...NAMES].sort())
  expect((await filesBelow(stateOf(home))).filter(file => /tmp|part|~/.test(file))).toEqual([])
  const artifacts = () => filesBelow(path.join(stateOf(home), 'artifacts'))
  // Current, the earlier ones, and what this test's own HEADs hold.
  const most = NAMES.length * (1 + KEEP_RELEASES + 2)
  await becomesTrue(`at most ${most} artifacts are left`, 10_000, async () => (await artifacts()).length <= most)
  expect((await artifacts()).filter(file => !/^[0-9a-f]{64}\.bin$/.test(file))).toEqual([])
  expect(await last.stop()).toBe(0)
  return ledger.tested
}

const GOING = Array.from({ length: 12 }, (_, index) => `going-${index}.bin`)

/** One home from which files go, killed at about the time at which their names are withdrawn. How many were. */
async function withdraw({ kills, chance }: Lane): Promise<number> {
  const [folder, home] = [await temporaryFolder(), await temporaryFolder()]
  const options = { folders: [folder], home, args: ['--keep-releases', String(KEEP_RELEASES)] }
  let count = 0
  let withdrawn = new Set<string>()
  for (let killed = 0; killed <= kills; killed++) {
    const daemon = await startDaemon(options)
    const line = createLine(daemon)
    const { names } = await askDaemon(stateOf(home), { command: 'status' })
    for (const name of GOING) {
      const { status, body, header } = await line.get(name, ONLY_LOOKS)
      if (status === 200) expect(header('etag')).toBe(`"${digestOf(body)}"`)
      if (!withdrawn.has(name)) continue
      expect(status, `${name} was withdrawn, and does not come back`).toBe(404)
      expect(names.find(entry => entry.name === name)?.current).toBeNull()
    }
    await expectListedWhole(line)
    await line.close()
    count += withdrawn.size
    if (killed === kills) {
      expect(await daemon.stop()).toBe(0)
      return count
    }
    for (const [index, name] of GOING.entries()) {
      const image = anImage({ seed: 1000 * killed + 10 * index, version: `${killed}.0`, project: name })
      await renameOver(path.join(folder, name), image)
      await daemon.event('release.published', ({ digest }) => digest === digestOf(image))
    }
    for (const name of GOING) {
      await rm(path.join(folder, name))
      await elapse(20)
    }
    await daemon.event('release.withdrawn')
    await elapse(chance() * 300)
    await kill(daemon)
    const told = daemon.log.filter(
      (event): event is LoggedEvent<'release.withdrawn'> => event.event === 'release.withdrawn'
    )
    withdrawn = new Set(told.map(({ name }) => name))
    expect(daemon.log.filter(({ event }) => event === 'bug' || event === 'artifact.damaged')).toEqual([])
  }
  return count
}

describe(`${KILLS} kills while builds come in, go back, are withdrawn and pruned (KILL_SEED=${SEED})`, () => {
  it('undo nothing that was told, leave nothing half and no new certificate', { timeout: 200_000 }, async () => {
    const startedAt = performance.now()
    const busy = [0, 1].map(lane => survive({ kills: BUSY_KILLS, chance: createChance(SEED + lane) }))
    const withdrawing = withdraw({ kills: WITHDRAWING_KILLS, chance: createChance(SEED + 3) })
    const [withdrawn, ...tested] = await Promise.all([withdrawing, ...busy])
    const sum = (what: string): number =>
      tested.reduce((total, counts) => total + (counts[what] ?? 0), what === 'withdrawals' ? withdrawn : 0)
    const kinds = ['builds', 'rollbacks', 'holds', 'withdrawals']
    const told = kinds.map(kind => `${sum(kind)} ${kind}`).join(', ')
    console.log(`${KILLS} kills in ${Math.round((performance.now() - startedAt) / 1000)} s outlasted by ${told}`)
    for (const kind of kinds) expect(sum(kind), `${kind} were put to the test`).toBeGreaterThan(0)
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
      // What was just being written when the kill came is cleared away by a later start, when it is sure that nobody writes it any more.
      const certs = (await filesBelow(path.join(home, 'certs'))).filter(file => !file.startsWith('.unfinished-'))
      expect(certs.sort()).toEqual(['ca_cert.pem', 'ca_key.pem', 'server_cert.pem', 'server_key.pem'])
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
