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
  /** All of it was handed over, and its connection then ended as one does whose other end has read everything. */
  receivedAt: number | undefined
  /** The connection that it is on, while the process lives. */
  connection: object | undefined
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

/** A promise counts this long: a device asks at once, and its longest handshake takes some seconds. */
export const PROMISE_MS = 60_000
/** Between two ranges a device erases flash, up to two minutes (clients.md R12). */
const CONTINUE_MS = 10 * 60_000
/** One who has received everything comes back only when it crashed at that very moment. */
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
  /** The runs of that generation that could be meant. */
  readonly runs: readonly Run[]
}

const NONE: Match = { generation: undefined, runs: [] }

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

/** One run more. Of too many, two of one generation become one, of several devices; only where there are no such two, the oldest is lost. */
export function addRun(record: RunRecord, run: Run): void {
  const { runs } = record
  runs.push(run)
  if (runs.length <= MOST_RUNS) return
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
  return open.every(({ size }) => size === newest.size) ? newest : 'unsure'
}

/**
 * The generation of the bytes that one device has which asks for more of them. Devices of one identity are one behind the other:
 * its newest run that reaches so far is the one (clients.md 17.4, steps 2 and 3).
 */
export function matchOfDevice(record: RunRecord, { start }: AskedBytes, now: number): Match {
  const newestFirst = [...record.runs].sort((a, b) => b.lastSeen - a.lastSeen)
  const found = newestFirst.find(({ next }) => next === start) ?? newestFirst.find(({ reached }) => start <= reached)
  if (found === undefined) return NONE
  const promised = openPromises(record, now).at(-1)
  // It was told another length since: it would write two builds into one slot.
  const holdsOther = promised !== undefined && promised.generation !== found.generation
  return holdsOther ? NONE : { generation: found.generation, runs: [found] }
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
  const isRecent = (at: number): boolean => now - at <= CONTINUE_MS
  const reaching = record.runs.filter(({ reached }) => start <= reached)
  const isLost = start <= record.lost
  const going = reaching.filter(
    ({ style, next, lastSeen }) => style === 'ranges' && (next ?? start) === start && isRecent(lastSeen)
  )
  const isExact = going.some(({ next }) => next === start)
  const resuming = reaching.filter(({ lastSeen }) => !isExact || isRecent(lastSeen))
  const mayResume = isLost && (!isExact || isRecent(record.lostAt))

  const possible = new Set(going)
  let isUnsure = isLost && isRecent(record.lostAt)
  if (hasEnd) {
    // It holds the length that it was told: only bytes of that very generation may follow.
    for (const promised of openPromises(record, now)) {
      for (const run of resuming) {
        if (run.generation === promised.generation) possible.add(run)
        else isUnsure = true
      }
      isUnsure ||= mayResume
    }
  } else {
    for (const run of resuming) if (run.style === 'stream') possible.add(run)
    isUnsure ||= mayResume
  }
  // Nothing that ESP-IDF does: another client, whose bytes can be of any run that came so far.
  if (possible.size === 0 && !isUnsure) {
    for (const run of reaching) possible.add(run)
    isUnsure = isLost
  }
  const runs = [...possible]
  const [first] = runs
  const isOne = first !== undefined && runs.every(({ generation }) => generation === first.generation)
  return isOne && !isUnsure ? { generation: first.generation, runs } : NONE
}

/**
 * The run that such a request moves on, of those that could be meant. Undefined where it is not certain: then all of them stay where they are,
 * and it is a run of its own.
 */
export function runToMove(possible: readonly Run[], { start, hasEnd }: AskedBytes): Run | undefined {
  if (possible.some(({ style }) => style !== (hasEnd ? 'ranges' : possible[0]?.style))) return undefined
  const newestFirst = possible.filter(({ isOfSeveral }) => !isOfSeveral).sort((a, b) => b.lastSeen - a.lastSeen)
  const moved = newestFirst.find(({ next }) => next === start) ?? newestFirst[0]
  if (moved === undefined) return undefined
  const others = possible.filter(run => run !== moved)
  // Those that stand at the same byte may be taken for one another, and so may those that stand anywhere.
  if (others.some(({ next }) => next !== undefined && next !== moved.next)) return undefined
  for (const other of others) standForBoth(other, moved)
  return moved
}

/** Promises that nobody has taken up yet. */
export function openPromises({ promises }: RunRecord, now: number): readonly Promised[] {
  return promises.filter(({ at, isTaken }) => !isTaken && now - at <= PROMISE_MS)
}
