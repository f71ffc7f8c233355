import {
  ASKS_WITHIN_MS,
  type AskedBytes,
  addPromise,
  addRun,
  createRecord,
  type Generation,
  type Match,
  matchOfAddress,
  matchOfDevice,
  NO_MATCH,
  noteSentBack,
  openPromises,
  PROMISE_MS,
  promiseFor,
  REMEMBER_MS,
  type Run,
  type RunRecord,
  runToMove,
  tidyRecord
} from './run-record.js'

/** Who asks. */
export interface Asker {
  /** What tells clients apart: a certificate or MAC, or an address with a User-Agent. */
  readonly client: string
  /** Whether there is one device behind it; several may stand behind an address. */
  readonly isSure: boolean
  /** The connection, by identity. */
  readonly connection: object
}

/** What is asked for under a name. A HEAD, or one byte to learn the length, promises a generation and begins nothing. */
export type Asked = { readonly is: 'head' } | { readonly is: 'bytes'; readonly start: number; readonly hasEnd: boolean }

/** What there is under the name. */
export interface Offer {
  readonly name: string
  /** What one gets that begins now. */
  readonly current: Generation
  /** Whether another generation has ever been served under this name. */
  readonly hadOthers: boolean
  /** A generation that is kept. */
  readonly find: (digest: string) => Generation | undefined
}

/** The one generation that an answer has to be of, or none: a 416 makes ESP-IDF begin again with a whole one. */
export type Choice =
  | {
      readonly is: 'generation'
      readonly digest: string
      /** Bytes [start, end) are going to be handed over, or the length of a HEAD told. */
      readonly begin: (start: number, end: number) => Answering
    }
  | { readonly is: 'refused'; readonly reason: string }

/** An answer under way. */
export interface Answering {
  /** Something began: were it lost with the process, what others began could be taken for it later. Keep it before a byte goes out. */
  readonly mustBeKept: boolean
  /** The answer is over; `end` is how far it came. One that was cut was handed over, if at all, to a device that has gone. */
  finish(end: number, wasCut?: boolean): void
}

export interface RunTableOptions {
  /** Milliseconds since 1970, of a clock that never jumps while the process lives. */
  readonly now: () => number
  /** Records of clients and names at the same time; above that the longest unused is forgotten. */
  readonly mostRecords?: number
  readonly onChange?: (record: RunRecord) => void
}

const MOST_RECORDS = 100_000
/** What happens to a run in this time need not outlive the process: whoever was away for longer is back, and has to be counted again. */
const AWAY_MS = 2_000
/** Generations are kept for one who was cut off this long. */
const HOLD_MS = 7 * 24 * 60 * 60_000

/**
 * One build per download (clients.md 17.4): remembers which generation each client is on its way through, and chooses the one that the next
 * answer has to be of. ESP-IDF sends no ETag and no If-Range; only what it asked before tells.
 * Where that does not tell for certain, it refuses.
 */
export class RunTable {
  readonly #options: RunTableOptions
  readonly #mostRecords: number
  /** The one that was used longest ago comes first. */
  readonly #records = new Map<string, RunRecord>()
  readonly #byName = new Map<string, Set<RunRecord>>()
  /** The records that have a run on a connection, and whether there is one device behind each. */
  readonly #on = new WeakMap<object, Map<RunRecord, boolean>>()
  /** No record that was forgotten, and could still have mattered, had been used after this. */
  #forgottenAt: number

  constructor(
    options: RunTableOptions,
    kept: { records: Iterable<RunRecord>; forgottenAt: number } | undefined = undefined
  ) {
    this.#options = options
    this.#mostRecords = options.mostRecords ?? MOST_RECORDS
    this.#forgottenAt = kept?.forgottenAt ?? Number.NEGATIVE_INFINITY
    const records = [...(kept?.records ?? [])].sort((a, b) => a.lastSeen - b.lastSeen)
    for (const record of records) this.#put(record)
    this.#forgetOldest()
  }

  get size(): number {
    return this.#records.size
  }

  /** No record that was forgotten, and could still have mattered, had been used after this; minus infinity when none was. */
  get forgottenAt(): number {
    return this.#forgottenAt
  }

  get records(): Iterable<RunRecord> {
    return this.#records.values()
  }

  /** The generation for one request, and what to do when its bytes go out. Changes nothing by itself but what a HEAD promises. */
  choose(asker: Asker, asked: Asked, offer: Offer): Choice {
    const now = this.#options.now()
    const record = this.#recordOf(asker.client, offer.name)
    if (record !== undefined) tidyRecord(record, now)
    if (asked.is === 'head') return this.#promise(asker, offer, now)
    return asked.start === 0
      ? this.#first(asker, asked, offer, record, now)
      : this.#more(asker, asked, offer, record, now)
  }

  /** More is asked on a connection: what was handed over to the end on it has been read. */
  asksAgain(connection: object): void {
    this.#onConnection(connection, run => {
      if (run.next === run.size && run.sending === undefined) run.receivedAt ??= this.#options.now()
    })
  }

  /**
   * A connection is closed. Whoever says goodbye in TLS has read everything; one who only closes it, as ESP-IDF does, has as soon as it has not
   * come back for more; of one whose connection broke nobody knows.
   */
  hungUp(connection: object, how: 'goodbye' | 'closed' | 'broken'): void {
    const now = this.#options.now()
    this.#onConnection(connection, run => {
      run.connection = undefined
      run.lastSeen = now
      if (how === 'broken' || run.sending !== undefined) run.hasFailed = true
      else if (run.next === run.size) run.receivedAt ??= now + (how === 'closed' ? ASKS_WITHIN_MS : 0)
    })
    this.#on.delete(connection)
  }

  /** Whether somebody may come back for this generation of a name. */
  isHeld(name: string, digest: string): boolean {
    const now = this.#options.now()
    for (const { runs, promises } of this.#byName.get(name) ?? []) {
      if (runs.some(run => run.generation === digest && run.receivedAt === undefined && now - run.lastSeen <= HOLD_MS))
        return true
      if (promises.some(promised => promised.generation === digest && now - promised.at <= PROMISE_MS)) return true
    }
    return false
  }

  /** Forgets who has not come for so long that nobody will; call it now and then. */
  forgetOld(): void {
    const before = this.#options.now() - REMEMBER_MS
    for (const record of this.#records.values()) {
      if (record.lastSeen > before) return
      this.#remove(record)
    }
  }

  #promise(asker: Asker, { name, current }: Offer, now: number): Choice {
    const begin = (): Answering => {
      const record = this.#recordFor(asker, name, now)
      if (asker.isSure) record.promises.length = 0
      const { digest: generation, size } = current
      addPromise(record, { generation, size, at: now, isTaken: false, isFollowed: false })
      this.#changed(record)
      return { mustBeKept: true, finish: () => {} }
    }
    return { is: 'generation', digest: current.digest, begin }
  }

  #first(asker: Asker, { hasEnd }: AskedBytes, offer: Offer, record: RunRecord | undefined, now: number): Choice {
    const promised = record && promiseFor(record, hasEnd, asker.isSure, now)
    if (promised === 'unsure')
      return refused('it is not clear which of several devices at this address asks, and what length it was told')
    const kept = promised && offer.find(promised.generation)
    const generation = kept ?? offer.current
    return {
      is: 'generation',
      digest: generation.digest,
      begin: (_start, end) => {
        const own = this.#recordFor(asker, offer.name, now)
        if (promised !== undefined) {
          if (hasEnd) promised.isTaken = true
          else promised.isFollowed = true
        }
        // One device has one slot: what it begins anew replaces what it had. So does one connection.
        removeRuns(own, run => asker.isSure || run.connection === asker.connection)
        const run = createRun(generation, hasEnd ? 'ranges' : 'stream', now)
        addRun(own, run)
        return { ...this.#send(own, run, asker, 0, end), mustBeKept: true }
      }
    }
  }

  #more(asker: Asker, asked: AskedBytes, offer: Offer, record: RunRecord | undefined, now: number): Choice {
    const own = record?.runs.findLast(run => run.connection === asker.connection && asked.start <= run.reached)
    const match =
      own === undefined
        ? matchOf(asker, asked, record, now)
        : { generation: own.generation, runs: [own], isUnsure: false, isResumed: false }
    const digest = match.generation ?? (offer.hadOthers ? undefined : offer.current.digest)
    if (digest === undefined) {
      noteSentBack(match)
      return refused('it is not known which build the bytes before these were of; begin again from the first byte')
    }
    const generation = offer.find(digest)
    if (generation === undefined) return refused('the build that the bytes before these were of is not kept any more')
    return {
      is: 'generation',
      digest,
      begin: (start, end) => {
        const found = this.#recordFor(asker, offer.name, now)
        const known = own ?? runToMove(match.runs, asked)
        if (asked.hasEnd && match.isResumed) takePromise(found, digest, now)
        const run = known ?? createRun(generation, asked.hasEnd ? 'ranges' : 'stream', now)
        // That a device is back after long is kept too: who has been away for long counts less (`matchOfAddress`).
        const isBack = now - run.lastSeen > AWAY_MS
        const sending = this.#send(found, run, asker, start, end)
        if (known === undefined) addRun(found, run)
        return { ...sending, mustBeKept: known === undefined || isBack }
      }
    }
  }

  /** Notes what is about to go out at its most, and when it is over what did. */
  #send(
    record: RunRecord,
    run: Run,
    { connection, isSure }: Asker,
    start: number,
    end: number
  ): Pick<Answering, 'finish'> {
    const sending = { reached: run.reached }
    run.sending = sending
    run.connection = connection
    const on = this.#on.get(connection) ?? new Map<RunRecord, boolean>()
    this.#on.set(connection, on.set(record, isSure))
    run.next = end
    run.reached = Math.max(run.reached, end)
    run.receivedAt = undefined
    run.hasFailed = false
    run.lastSeen = this.#options.now()
    this.#changed(record)
    return {
      finish: (reached, wasCut = reached < end) => {
        // The connection of a device that was switched off is given up long after the device has come back and gone on.
        if (run.sending !== sending) return
        run.sending = undefined
        if (wasCut) run.hasFailed = true
        run.next = reached
        run.reached = Math.max(sending.reached, reached, start)
        run.lastSeen = this.#options.now()
        this.#changed(record)
      }
    }
  }

  #onConnection(connection: object, change: (run: Run) => void): void {
    for (const [record, isSure] of this.#on.get(connection) ?? []) {
      for (const run of record.runs) {
        if (run.connection !== connection) continue
        const before = run.receivedAt
        change(run)
        if (isSure && before === undefined && run.receivedAt !== undefined) record.promises.length = 0
      }
      this.#changed(record)
    }
  }

  #recordOf(client: string, name: string): RunRecord | undefined {
    return this.#records.get(keyOf(client, name))
  }

  /** The record of a client for a name, used now; a new one does not know what was forgotten. */
  #recordFor({ client, isSure }: Asker, name: string, now: number): RunRecord {
    const known = this.#recordOf(client, name)
    const hasForgotten = !isSure && now - this.#forgottenAt <= REMEMBER_MS
    const lost = hasForgotten ? { lost: Number.MAX_SAFE_INTEGER, lostAt: this.#forgottenAt } : { lost: 0, lostAt: 0 }
    const record = known ?? createRecord(client, name, lost, now)
    record.lastSeen = now
    this.#put(record)
    this.#forgetOldest()
    return record
  }

  #put(record: RunRecord): void {
    const key = keyOf(record.client, record.name)
    this.#records.delete(key)
    this.#records.set(key, record)
    const same = this.#byName.get(record.name)
    if (same === undefined) this.#byName.set(record.name, new Set([record]))
    else same.add(record)
  }

  #remove(record: RunRecord): void {
    this.#records.delete(keyOf(record.client, record.name))
    const same = this.#byName.get(record.name)
    same?.delete(record)
    if (same?.size === 0) this.#byName.delete(record.name)
  }

  #forgetOldest(): void {
    for (const record of this.#records.values()) {
      if (this.#records.size <= this.#mostRecords) return
      this.#remove(record)
      this.#forgottenAt = Math.max(this.#forgottenAt, record.lastSeen)
    }
  }

  #changed(record: RunRecord): void {
    this.#options.onChange?.(record)
  }
}

const keyOf = (client: string, name: string): string => `${client}\n${name}`

function refused(reason: string): Choice {
  return { is: 'refused', reason }
}

function createRun({ digest, size }: Generation, style: Run['style'], now: number): Run {
  return {
    isOfSeveral: false,
    generation: digest,
    size,
    style,
    next: 0,
    reached: 0,
    lastSeen: now,
    receivedAt: undefined,
    hasFailed: false,
    connection: undefined,
    sending: undefined
  }
}

function matchOf(asker: Asker, asked: AskedBytes, record: RunRecord | undefined, now: number): Match {
  if (record === undefined) return NO_MATCH
  return asker.isSure ? matchOfDevice(record, asked, now) : matchOfAddress(record, asked, now)
}

function takePromise(record: RunRecord, digest: string, now: number): void {
  const promised = openPromises(record, now).findLast(({ generation }) => generation === digest)
  if (promised !== undefined) promised.isTaken = true
}

function removeRuns(record: RunRecord, isOver: (run: Run) => boolean): void {
  for (let index = record.runs.length - 1; index >= 0; index--)
    if (isOver(record.runs[index] as Run)) record.runs.splice(index, 1)
}
