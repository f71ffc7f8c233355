/**
 * What is known of the way of one client through one name (clients.md 17.4). Bytes are counted from 0, ends are exclusive,
 * times are milliseconds since 1970.
 */

/** One way through one generation. */
export interface Run {
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
  lastSeen: number
}

/** A promise counts this long: a device asks at once, and its longest handshake takes some seconds. */
export const PROMISE_MS = 60_000
/** Between two ranges a device erases flash, up to two minutes (clients.md R12). */
const CONTINUE_MS = 10 * 60_000
/** One who has received everything comes back only when it crashed at that very moment. */
const RECEIVED_MS = 5 * 60_000
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

/** The generation that fits what a client has already; `unsure` where there are several that could, or none is known. */
export type Match = { readonly generation: string } | 'unsure' | 'unknown'

export function createRecord(client: string, name: string, lost: number, now: number): RunRecord {
  return { client, name, runs: [], promises: [], lost, lastSeen: now }
}

/** Forgets what cannot matter any more, and of too much the oldest. */
export function tidyRecord(record: RunRecord, now: number): void {
  drop(record.runs, ({ receivedAt }) => receivedAt !== undefined && now - receivedAt > RECEIVED_MS)
  drop(record.promises, ({ at }) => now - at > PROMISE_MS)
  while (record.runs.length > MOST_RUNS) record.lost = Math.max(record.lost, record.runs.shift()?.reached ?? 0)
  while (record.promises.length > MOST_PROMISES) record.promises.shift()
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
  if (found === undefined) return 'unknown'
  const promised = openPromises(record, now).at(-1)
  // It was told another length since: it would write two builds into one slot.
  const holdsOther = promised !== undefined && promised.at >= found.lastSeen && promised.generation !== found.generation
  return holdsOther ? 'unsure' : { generation: found.generation }
}

/**
 * The same where several devices may stand behind one address: whatever could explain the request has to lead to the same generation,
 * or nobody can tell whose it is.
 *
 * What can explain it follows from ESP-IDF's client (clients.md 5.2). A range with an end goes on with a run of ranges exactly where that
 * ended, or resumes one after a HEAD. One without an end is the last of a run of ranges, exactly where that ended, or resumes a stream.
 */
export function matchOfAddress(record: RunRecord, asked: AskedBytes, now: number): Match {
  const reaching = record.runs.filter(({ reached }) => asked.start <= reached)
  const outcomes = new Set([
    ...continuations(reaching, asked.start, now),
    ...(asked.hasEnd ? resumedRanges(record, reaching, asked, now) : resumedStreams(record, reaching, asked))
  ])
  // Nothing that ESP-IDF does: another client, whose bytes can be of any run that came so far.
  if (outcomes.size === 0) for (const outcome of anyOf(record, reaching, asked)) outcomes.add(outcome)
  if (outcomes.size === 0) return 'unknown'
  const [only] = outcomes
  return outcomes.size === 1 && only !== undefined && only !== UNSURE ? { generation: only } : 'unsure'
}

const UNSURE = null
/** Where one explanation leads: to a generation, or to none that could be sent without harm. */
type Outcome = string | null

function continuations(reaching: readonly Run[], start: number, now: number): readonly Outcome[] {
  return reaching
    .filter(
      ({ style, next, lastSeen }) => style === 'ranges' && (next ?? start) === start && now - lastSeen <= CONTINUE_MS
    )
    .map(({ generation }) => generation)
}

/** After a HEAD, whose length the device holds: only bytes of that very generation may follow. */
function resumedRanges(
  record: RunRecord,
  reaching: readonly Run[],
  { start }: AskedBytes,
  now: number
): readonly Outcome[] {
  return openPromises(record, now).flatMap((promised): readonly Outcome[] => [
    ...(start <= record.lost ? [UNSURE] : []),
    ...reaching
      .filter(({ style }) => style === 'ranges')
      .map(({ generation }) => (generation === promised.generation ? generation : UNSURE))
  ])
}

function resumedStreams(record: RunRecord, reaching: readonly Run[], { start }: AskedBytes): readonly Outcome[] {
  const streams = reaching.filter(({ style }) => style === 'stream').map(({ generation }) => generation)
  return start <= record.lost ? [...streams, UNSURE] : streams
}

function anyOf({ lost }: RunRecord, reaching: readonly Run[], { start }: AskedBytes): readonly Outcome[] {
  const generations = reaching.map(({ generation }) => generation)
  return start <= lost ? [...generations, UNSURE] : generations
}

/** Promises that nobody has taken up yet. */
export function openPromises({ promises }: RunRecord, now: number): readonly Promised[] {
  return promises.filter(({ at, isTaken }) => !isTaken && now - at <= PROMISE_MS)
}
