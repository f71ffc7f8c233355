import { openLine, sealLine } from '../sealed-lines.js'
import type { Promised, Run, RunRecord } from './run-record.js'

/**
 * Runs on disk: a sealed line for each state of a record, the later counts. While the process lives it is only written
 * when something begins; so what is open is written as if it had come to the end, at nobody knows which byte. After an orderly
 * stop everything is written as it was.
 */

export interface KeptRuns {
  readonly records: readonly RunRecord[]
  readonly forgottenAt: number
}

/** `exact` where nothing more can happen to the record, because the process stops. */
export function writeRecordLine(record: RunRecord, how: 'exact' | 'open'): string {
  const { client, name, runs, promises, lost, lostAt, lastSeen } = record
  return sealLine([
    client,
    name,
    lost,
    lostAt,
    lastSeen,
    runs.map(run => writeRun(run, how)),
    promises.map(writePromise)
  ])
}

export function writeForgottenLine(forgottenAt: number): string {
  return sealLine([Number.isFinite(forgottenAt) ? forgottenAt : null])
}

/**
 * The records of a file, whatever has happened to it. Never throws. A damaged line may have been of anybody's: from `now` on that counts, and what stands before it may be of builds that are over. A last line that broke off had told nobody anything.
 */
export function readRunsJournal(text: string, now: number): KeptRuns {
  const records = new Map<string, RunRecord>()
  let forgottenAt = Number.NEGATIVE_INFINITY
  const damaged = (): void => {
    records.clear()
    forgottenAt = now
  }
  const lines = text.split('\n')
  const brokenOff = lines.pop()
  for (const line of lines) {
    const value = readLine(line)
    const [first, name] = value ?? []
    if (value?.length === 1) forgottenAt = typeof first === 'number' ? first : forgottenAt
    else if (typeof first !== 'string' || typeof name !== 'string') damaged()
    else {
      const record = readRecord(value ?? [], now)
      if (record === undefined) damaged()
      else records.set(`${first}\n${name}`, record)
    }
  }
  if (brokenOff !== '') forgottenAt = now
  return { records: [...records.values()], forgottenAt }
}

type Line = readonly unknown[]

function readLine(line: string): Line | undefined {
  const value = openLine(Buffer.from(line))
  return Array.isArray(value) ? value : undefined
}

const isCount = (value: unknown): value is number => typeof value === 'number' && value >= 0

function readRecord([client, name, lost, lostAt, lastSeen, runs, promises]: Line, now: number): RunRecord | undefined {
  if (!isCount(lost) || !isCount(lostAt) || !isCount(lastSeen) || !Array.isArray(runs) || !Array.isArray(promises))
    return undefined
  const read = {
    client: String(client),
    name: String(name),
    lost,
    lostAt,
    lastSeen,
    runs: runs.flatMap(run => readRun(run, now) ?? []),
    promises: promises.flatMap(promised => readPromise(promised) ?? [])
  }
  return read.runs.length === runs.length && read.promises.length === promises.length ? read : undefined
}

function writeRun(
  { isOfSeveral, generation, size, style, next, reached, lastSeen, receivedAt, connection }: Run,
  how: 'exact' | 'open'
): Line {
  const isOpen = how === 'open' && receivedAt === undefined
  return [
    generation,
    size,
    style,
    isOpen ? null : (next ?? null),
    isOpen ? size : reached,
    lastSeen,
    receivedAt ?? null,
    isOfSeveral,
    isOpen && connection !== undefined
  ]
}

/** A run with an open connection was there for as long as the process lived, which may have ended just now. */
function readRun(value: unknown, now: number): Run | undefined {
  if (!Array.isArray(value)) return undefined
  const [generation, size, style, next, reached, lastSeen, receivedAt, isOfSeveral, wasThere] = value as Line
  if (typeof generation !== 'string' || (style !== 'ranges' && style !== 'stream')) return undefined
  if (!isCount(size) || !isCount(reached) || !isCount(lastSeen)) return undefined
  return {
    isOfSeveral: isOfSeveral === true,
    generation,
    size,
    style,
    next: isCount(next) ? next : undefined,
    reached,
    lastSeen: wasThere === true ? Math.max(lastSeen, now) : lastSeen,
    receivedAt: isCount(receivedAt) ? receivedAt : undefined,
    hasFailed: false,
    connection: undefined,
    sending: undefined
  }
}

function writePromise({ generation, size, at, isTaken, isFollowed }: Promised): Line {
  return [generation, size, at, isTaken, isFollowed]
}

function readPromise(value: unknown): Promised | undefined {
  if (!Array.isArray(value)) return undefined
  const [generation, size, at, isTaken, isFollowed] = value as Line
  if (typeof generation !== 'string' || !isCount(size) || !isCount(at)) return undefined
  return { generation, size, at, isTaken: isTaken === true, isFollowed: isFollowed === true }
}
