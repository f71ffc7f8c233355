import { Catalog, type NameEntry, numberOf, releasesOf } from '../../src/releases/catalog.js'
import type { Release } from '../../src/releases/release.js'
import type { RunRecord } from '../../src/runs/run-record.js'
import { type Answering, type Asker, type Choice, RunTable } from '../../src/runs/run-table.js'
import { readRunsJournal, writeForgottenLine, writeRecordLine } from '../../src/runs/runs-journal.js'
import { readAsked } from '../../src/server/asker.js'
import { answerFirmware, refuseRange } from '../../src/server/firmware-answer.js'
import { releaseWith } from '../support/a-release.js'

export const NAME = 'hello_world.bin'

/** The other end of a connection, as the server knows it. */
export interface Caller {
  readonly client: string
  readonly isSure: boolean
}

/** One answer: bytes [start, end) of a build, or none. */
export interface DeskAnswer {
  readonly status: number
  readonly build: string
  /** Of the whole build: Content-Length of a HEAD, or what stands behind the slash of Content-Range. */
  readonly size: number
  readonly start: number
  readonly end: number
  /** The server is done with it, having handed over everything before this byte. */
  finish(end: number): void
}

/** What chooses the generation; a run table, or something to compare it with. */
export type Chooser = Pick<RunTable, 'choose' | 'asksAgain' | 'hungUp' | 'isHeld'>

export interface DeskOptions {
  readonly keepReleases?: number
  readonly mostRecords?: number
  /** Stands in for the run table. */
  readonly chooser?: Chooser
}

/**
 * What src/server makes of a request, put together as plugins/firmware-sender.ts does but without sockets: real catalog, real run table, real
 * answers, and a file that holds what would have been written of the runs. Its clock goes when it is told.
 */
export class FirmwareDesk {
  now = Date.UTC(2026, 0, 1)
  table: RunTable
  catalog = Catalog.empty
  readonly #options: DeskOptions
  /** Lines by client and name: of a file only the last ones count. */
  #file = new Map<string, string>()
  #forgottenLine = ''
  readonly #unwritten = new Set<RunRecord>()
  #life = 0

  constructor(options: DeskOptions = {}) {
    this.#options = options
    this.table = this.#createTable('')
  }

  get entry(): NameEntry {
    const entry = this.catalog.entry(NAME)
    if (entry === undefined) throw new Error('nothing has been built')
    return entry
  }

  /** Releases that are kept, by the name they were built as. */
  get kept(): readonly string[] {
    return releasesOf(this.entry).map(({ version }) => version)
  }

  build(version: string, size: number): void {
    const number = numberOf(this.catalog.entry(NAME), digestOf(version))
    this.#change({ type: 'publish', release: { ...aRelease(version, size, this.now), number } })
  }

  /** An earlier release stands in for the newest; nothing happens when it is not kept any more. */
  rollback(version: string): void {
    const release = releasesOf(this.entry).find(found => found.version === version)
    if (release !== undefined) this.#change({ type: 'rollback', release, hold: false })
  }

  trim(): void {
    this.#change({ type: 'trim', name: NAME })
  }

  request(connection: object, caller: Caller, method: 'GET' | 'HEAD', range?: string): DeskAnswer {
    this.#chooser.asksAgain(connection)
    const request = { method, headers: range === undefined ? {} : { range } }
    const asker: Asker = { ...caller, connection }
    const { entry } = this
    const kept = releasesOf(entry)
    const find = (digest: string): Release | undefined => kept.find(release => release.digest === digest)
    const newest = entry.current as Release
    const asked = readAsked(request as unknown as Parameters<typeof readAsked>[0])
    if (asked === undefined) throw new Error(`the desk does not know what to do with ${range}`)
    const hadOthers = entry.generations > 1
    const choice = this.#chooser.choose(asker, asked, { name: NAME, current: newest, hadOthers, find })
    if (choice.is === 'refused') return answerOf(newest, refuseRange(choice.reason, newest.size))
    const release = find(choice.digest) ?? newest
    const answer = answerFirmware(request, release, 'revalidate', this.now)
    if (answer.status !== 200 && answer.status !== 206) return answerOf(release, answer)
    const answering = choice.begin(answer.start, answer.end)
    if (answering.mustBeKept) this.flush()
    return answerOf(release, method === 'HEAD' ? { ...answer, end: answer.start } : answer, answering)
  }

  /** The other end has closed the connection, as ESP-IDF does, or the connection broke. */
  hangUp(connection: object, how: 'closed' | 'broken' = 'closed'): void {
    this.#chooser.hungUp(connection, how)
  }

  /** Whether a range of this client has ended at this byte. */
  standsAt({ client, isSure }: Caller, start: number): boolean {
    if (isSure) return false
    const own = [...this.table.records].find(record => record.client === client)
    return own?.runs.some(({ style, next }) => style === 'ranges' && next === start) ?? false
  }

  /** What has changed until now is written. */
  flush(): void {
    for (const record of this.#unwritten) this.#file.set(keyOf(record), writeRecordLine(record, 'open'))
    this.#unwritten.clear()
  }

  /** Stops in order, with no answer under way any more, and starts again. */
  restart(): void {
    this.#rewrite('exact')
    this.#start()
  }

  /** Is killed, and starts again with what had been written. */
  kill(): void {
    this.#start()
  }

  get #chooser(): Chooser {
    return this.#options.chooser ?? this.table
  }

  #start(): void {
    this.#unwritten.clear()
    this.table = this.#createTable([this.#forgottenLine, ...this.#file.values()].join(''))
    this.#rewrite('open')
  }

  #rewrite(how: 'exact' | 'open'): void {
    this.#forgottenLine = writeForgottenLine(this.table.forgottenAt)
    this.#file = new Map([...this.table.records].map(record => [keyOf(record), writeRecordLine(record, how)]))
    this.#unwritten.clear()
  }

  #createTable(file: string): RunTable {
    const { mostRecords } = this.#options
    this.#life++
    const life = this.#life
    return new RunTable(
      {
        now: () => this.now,
        // Answers of a process that is no more change nothing.
        onChange: record => life === this.#life && this.#unwritten.add(record),
        ...(mostRecords === undefined ? {} : { mostRecords })
      },
      readRunsJournal(file, this.now)
    )
  }

  #change(change: Parameters<Catalog['after']>[0][number]): void {
    const isHeld = (name: string, digest: string): boolean => this.#chooser.isHeld(name, digest)
    this.catalog = this.catalog.after([change], this.#options.keepReleases ?? 10, isHeld)
  }
}

function answerOf(
  { version, size }: Release,
  { status, start, end }: { status: number; start: number; end: number },
  answering?: Answering
): DeskAnswer {
  return { status, build: version, size, start, end, finish: reached => answering?.finish(reached) }
}

const keyOf = ({ client, name }: RunRecord): string => `${client}\n${name}`

/** What a server of files does: the newest build, whoever asks for whatever. */
export const staticServer: Chooser = {
  choose: (_asker, _asked, { current }): Choice => ({
    is: 'generation',
    digest: current.digest,
    begin: () => ({ mustBeKept: false, finish: () => {} })
  }),
  asksAgain: () => {},
  hungUp: () => {},
  isHeld: () => false
}

export function digestOf(version: string): string {
  return Buffer.from(version).toString('hex').padStart(64, '0')
}

export function aRelease(version: string, size: number, publishedAt: number): Release {
  return releaseWith({ name: NAME, digest: digestOf(version), version, size, publishedAt })
}
