/**
 * What is known of the way of one client through one name (clients.md 17.4). Bytes are counted from 0, ends are exclusive,
 * times are milliseconds since 1970.
 */

/** One way through one generation. */
export interface Run {
  /** The ways of several devices, which may stand anywhere in it: nobody moves on from here. */
  isOfSeveral: boolean
  /** SHA-256 of the bytes. */
  readonly generation: string
  readonly size: number
  /** Ranges with an end, as ESP-IDF's partial download asks, or everything from some byte on. */
  readonly style: 'ranges' | 'stream'
  /** Where the last answer ended; undefined where only the process knew that was killed. */
  next: number | undefined
  /** No byte behind this one has been handed over. */
  reached: number
  lastSeen: number
  /** From then on it counts as read to its end; undefined where it was not handed over to its end, or nobody knows what became of it. */
  receivedAt: number | undefined
  /** The connection that it is on, as long as that is open: its device may take its time to read what was handed over. */
  connection: object | undefined
  /** Its device was sent back, or its connection broke: it does not go on from here, but may still resume. */
  hasFailed: boolean
  /** The answer that was begun last: only its end says where the run stands. Before it, the run had reached this far. */
  sending: { reached: number } | undefined
}

/** A length that was told without bytes: the client counts on this generation in what it asks next. */
export interface Promised {
  readonly generation: string
  readonly size: number
  readonly at: number
  /** A range from 0 on has taken it up. */
  isTaken: boolean
  /** A whole download has followed it; that may have been another device. */
  isFollowed: boolean
}

export interface RunRecord {
  readonly client: string
  readonly name: string
  readonly runs: Run[]
  readonly promises: Promised[]
  /** Runs that are not remembered any more had reached no further than this. */
  lost: number
  /** They were last seen no later than this. */
  lostAt: number
  lastSeen: number
}

/** A promise counts this long. */
export const PROMISE_MS = 60_000
/**
 * From the length to the first bytes, and from one range to the next, it is one connection: esp_http_client gives each step of that 5 s.
 * Flash is erased while an answer is under way, and not in between (clients.md R12).
 */
export const ASKS_WITHIN_MS = 15_000
/** One who has received everything asks no more of it, unless it is no device. */
const RECEIVED_MS = 5 * 60_000
/** Beyond this nobody comes back. */
export const REMEMBER_MS = 30 * 24 * 60 * 60_000
/** A client's runs of one name that are told apart. */
const MOST_RUNS = 16
const MOST_PROMISES = 32

/** What a client asks for: a byte to begin with, and whether it named an end. */
export interface AskedBytes {
  readonly start: number
  readonly hasEnd: boolean
}

/** A generation that can still be had. */
export interface Generation {
  readonly digest: string
  readonly size: number
}

/** Whose bytes a request goes on behind, as far as that can be told. */
export interface Match {
  /** The generation to answer with; undefined where several could be meant, or one that is not known. */
  readonly generation: string | undefined
  /** The runs that could be meant. */
  readonly runs: readonly Run[]
  /** A run that is not known could be meant as well. */
  readonly isUnsure: boolean
  /** Only one that resumes can have asked, and not one that goes on. */
  readonly isResumed: boolean
}

/** Nobody who is known has bytes like those. */
export const NO_MATCH: Match = { generation: undefined, runs: [], isUnsure: true, isResumed: false }

export interface Lost {
  readonly lost: number
  readonly lostAt: number
}

export function createRecord(client: string, name: string, { lost, lostAt }: Lost, now: number): RunRecord {
  return { client, name, runs: [], promises: [], lost, lostAt, lastSeen: now }
}

/** Forgets what cannot matter any more. */
export function tidyRecord(record: RunRecord, now: number): void {
  drop(record.runs, ({ lastSeen }) => now - lastSeen > REMEMBER_MS)
  drop(record.runs, ({ receivedAt }) => receivedAt !== undefined && now - receivedAt > RECEIVED_MS)
  drop(record.promises, ({ at }) => now - at > PROMISE_MS)
  if (now - record.lostAt > REMEMBER_MS) record.lost = 0
}

export function addPromise({ promises }: RunRecord, promised: Promised): void {
  promises.push(promised)
  while (promises.length > MOST_PROMISES) promises.shift()
}

/** One run more. Of too many, one that was received goes; else two of one generation become one, of several devices; only where there are no such two, the oldest is lost. */
export function addRun(record: RunRecord, run: Run): void {
  const { runs } = record
  runs.push(run)
  if (runs.length <= MOST_RUNS) return
  // The new one is of this moment; one that only closed its connection may still come back for more.
  const received = runs.find(other => isReceived(other, run.lastSeen))
  if (received !== undefined) {
    drop(runs, other => other === received)
    return
  }
  const oldestFirst = runs.filter(other => other !== run).sort((a, b) => a.lastSeen - b.lastSeen)
  const heirOf = (older: Run): Run | undefined => {
    const alike = oldestFirst.filter(
      other => other !== older && other.generation === older.generation && other.style === older.style
    )
    return alike.find(({ isOfSeveral }) => isOfSeveral) ?? alike[0]
  }
  const absorbed = oldestFirst.find(older => !older.isOfSeveral && heirOf(older) !== undefined)
  const gone = absorbed ?? oldestFirst[0]
  const heir = absorbed && heirOf(absorbed)
  if (gone === undefined) return
  if (heir !== undefined) {
    standForBoth(heir, gone)
    Object.assign(heir, SEVERAL)
  } else {
    record.lost = Math.max(record.lost, gone.reached)
    record.lostAt = Math.max(record.lostAt, gone.lastSeen)
  }
  drop(runs, other => other === gone)
}

const SEVERAL: Partial<Run> = {
  isOfSeveral: true,
  next: undefined,
  receivedAt: undefined,
  connection: undefined,
  sending: undefined
}

/** From now on `run` may be what the other one was. */
function standForBoth(run: Run, other: Run): void {
  run.reached = Math.max(run.reached, other.reached)
  run.lastSeen = Math.max(run.lastSeen, other.lastSeen)
  if (other.receivedAt === undefined) run.receivedAt = undefined
  if (run.sending !== undefined) run.sending.reached = Math.max(run.sending.reached, other.reached)
}

function drop<T>(list: T[], isOver: (item: T) => boolean): void {
  for (let index = list.length - 1; index >= 0; index--) if (isOver(list[index] as T)) list.splice(index, 1)
}

/**
 * The promise that a first request takes up. One that names an end comes from a device that counts on the length it was told, so that
 * promises of different lengths leave it unsure; to all others any whole generation will do.
 */
export function promiseFor(
  record: RunRecord,
  hasEnd: boolean,
  isSure: boolean,
  now: number
): Promised | 'unsure' | undefined {
  const open = record.promises.filter(
    ({ at, isTaken, isFollowed }) => now - at <= PROMISE_MS && !isTaken && (hasEnd || !isFollowed)
  )
  const newest = open.at(-1)
  if (newest === undefined || isSure || !hasEnd) return newest
  const rivals = open.filter(({ at }) => newest.at - at <= ASKS_WITHIN_MS)
  return rivals.every(({ size }) => size === newest.size) ? newest : 'unsure'
}

/**
 * The generation of the bytes that one device has which asks for more of them. Devices of one identity are one behind the other:
 * its newest run that reaches so far is the one (clients.md 17.4, steps 2 and 3).
 */
export function matchOfDevice(record: RunRecord, { start }: AskedBytes, now: number): Match {
  const newestFirst = newestFirstOf(reachingRuns(record, start, now))
  const found = newestFirst.find(({ next }) => next === start) ?? newestFirst[0]
  if (found === undefined) return NO_MATCH
  const promised = openPromises(record, now).at(-1)
  // It was told another length since: it would write two builds into one slot.
  const holdsOther = promised !== undefined && promised.generation !== found.generation
  return {
    generation: holdsOther ? undefined : found.generation,
    runs: [found],
    isUnsure: false,
    isResumed: found.next !== start
  }
}

/**
 * The same where several devices may stand behind one address: whatever could explain the request has to lead to the same generation,
 * or nobody can tell whose it is.
 *
 * What can explain it follows from ESP-IDF's client (clients.md 5.2). A range with an end goes on with a run of ranges exactly where that
 * ended, or resumes any run after a HEAD. One without an end is the last of a run of ranges, exactly where that ended, or resumes a stream.
 * While a device stands exactly there, one that has been away for long is not expected back at the very same byte: otherwise whoever broke
 * off once and never came back would keep all others from the ends of their images.
 */
export function matchOfAddress(record: RunRecord, asked: AskedBytes, now: number): Match {
  const { start, hasEnd } = asked
  const isRecent = (at: number): boolean => now - at <= ASKS_WITHIN_MS
  const isThere = ({ connection, lastSeen }: Run): boolean => connection !== undefined || isRecent(lastSeen)
  const all = reachingRuns(record, start, now)
  const reaching = all.filter(run => !isReceived(run, now))
  const isLost = start <= record.lost
  const going = reaching.filter(
    ({ style, next, size, lastSeen, hasFailed, connection }) =>
      style === 'ranges' &&
      !hasFailed &&
      // Whoever has a connection asks on that, or closes it first.
      connection === undefined &&
      start < size &&
      (next ?? start) === start &&
      isRecent(lastSeen)
  )
  const isExact = going.some(({ next }) => next === start)
  const resuming = reaching.filter(run => !isExact || isThere(run))
  const mayResume = isLost && (!isExact || isRecent(record.lostAt))

  const told = openPromises(record, now).filter(({ at }) => now - at <= ASKS_WITHIN_MS)
  const possible = new Set(going)
  let isUnsure = isLost && isRecent(record.lostAt)
  if (!hasEnd || told.length > 0) {
    for (const run of resuming) if (hasEnd || run.style === 'stream') possible.add(run)
    isUnsure ||= mayResume
  }
  // Nothing that ESP-IDF does: another client, whose bytes can be of any run that came so far.
  if (possible.size === 0 && !isUnsure) {
    const [newest] = newestFirstOf(all)
    for (const run of reaching.length > 0 || newest === undefined ? reaching : [newest]) possible.add(run)
    isUnsure = isLost
  }
  const runs = [...possible]
  const [first] = runs
  // One that holds a length which it was told can only use bytes of that very generation.
  const generations = new Set([...runs, ...(hasEnd ? told : [])].map(({ generation }) => generation))
  const isOne = first !== undefined && generations.size === 1
  const generation = isOne && !isUnsure ? first.generation : undefined
  return { generation, runs, isUnsure, isResumed: going.length === 0 }
}

function newestFirstOf(runs: readonly Run[]): readonly Run[] {
  return [...runs].sort((a, b) => b.lastSeen - a.lastSeen)
}

/** Notes whose device was sent back, where only one can have asked. */
export function noteSentBack({ runs, isUnsure }: Match): void {
  const [only] = runs
  if (runs.length === 1 && !isUnsure && only?.isOfSeveral === false) only.hasFailed = true
}

/**
 * The run that such a request moves on, of those that could be meant. Undefined where it is not certain: then all of them stay where they are,
 * and it is a run of its own.
 */
export function runToMove(possible: readonly Run[], { start, hasEnd }: AskedBytes): Run | undefined {
  if (possible.some(({ style }) => style !== (hasEnd ? 'ranges' : possible[0]?.style))) return undefined
  // Devices that are still at it on connections of their own are not to be taken for one another.
  if (possible.length > 1 && possible.some(({ connection }) => connection !== undefined)) return undefined
  const newestFirst = newestFirstOf(possible.filter(({ isOfSeveral }) => !isOfSeveral))
  const moved = newestFirst.find(({ next }) => next === start) ?? newestFirst[0]
  if (moved === undefined) return undefined
  const others = possible.filter(run => run !== moved)
  // Those that stand at the same byte may be taken for one another, and so may those that stand anywhere.
  if (others.some(({ next }) => next !== undefined && next !== moved.next)) return undefined
  for (const other of others) standForBoth(other, moved)
  return moved
}

/** Runs that came so far. One that was received asks for nothing behind its end. */
function reachingRuns({ runs }: RunRecord, start: number, now: number): Run[] {
  return runs.filter(run => start <= run.reached && (start < run.size || !isReceived(run, now)))
}

function isReceived({ receivedAt }: Run, now: number): boolean {
  return receivedAt !== undefined && receivedAt <= now
}

/** Promises that nobody has taken up yet. */
export function openPromises({ promises }: RunRecord, now: number): readonly Promised[] {
  return promises.filter(({ at, isTaken }) => !isTaken && now - at <= PROMISE_MS)
}
