import { crc32 } from 'node:zlib'
import { type Catalog, type Change, type NameEntry, releasesOf } from './catalog.js'
import { isRelease, type Release } from './release.js'

/**
 * The catalog on disk: one line for each change, in order, each with its own CRC-32, so that a line cut short by a crash
 * or damaged later is noticed and left out instead of believed.
 */

/** The line of a change with its line end, or undefined for a change that is not kept. */
export function writeLine(change: Change): string | undefined {
  switch (change.type) {
    case 'publish':
    case 'withdraw':
    case 'rollback':
    case 'unpin':
    case 'count':
      return sealed(JSON.stringify(change))
    case 'refuse':
    case 'excuse':
    case 'doubt':
    case 'recall':
    case 'trim':
      return undefined
  }
}

/** The shortest journal that leads to this catalog. */
export function* writeLines(catalog: Catalog): Iterable<string> {
  for (const entry of catalog.entries) for (const change of changesTo(entry)) yield writeLine(change) ?? ''
}

/** How many lines that journal has. */
export function countLines(catalog: Catalog): number {
  let count = 0
  for (const entry of catalog.entries) for (const _change of changesTo(entry)) count++
  return count
}

function* changesTo(entry: NameEntry): Iterable<Change> {
  const { name, current, rollback, generations } = entry
  const releases = releasesOf(entry)
  // Whatever is current has the highest number, unless it has gone back: then that comes last, and brings itself along.
  for (const release of [...releases].sort((a, b) => a.number - b.number)) yield { type: 'publish', release }
  if (releases.every(({ number }) => number < generations)) yield { type: 'count', name, generations }
  const back = releases.find(({ digest }) => digest === rollback?.to)
  if (rollback !== undefined && back !== undefined)
    yield { type: 'rollback', release: back, hold: rollback.hold, from: rollback.from }
  if (current === undefined && releases.length > 0) yield { type: 'withdraw', name }
}

/** Reads the changes of a journal from its bytes, whatever has happened to the file, in pieces as long as anybody likes. Never throws. */
export class JournalReader {
  readonly changes: Change[] = []
  /** What many releases have in common is kept once. */
  readonly #words = new Map<string, string>()
  #damagedLines = 0
  #unfinished: Buffer = Buffer.alloc(0)

  /** Lines that were cut short or damaged and have been left out. */
  get damagedLines(): number {
    // What stands behind the last line end was being written when the power or the process went.
    return this.#damagedLines + (this.#unfinished.length > 0 ? 1 : 0)
  }

  read(piece: Buffer): void {
    const bytes = this.#unfinished.length === 0 ? piece : Buffer.concat([this.#unfinished, piece])
    let start = 0
    for (let end = bytes.indexOf(LINE_END); end >= 0; end = bytes.indexOf(LINE_END, start)) {
      const change = readLine(bytes.subarray(start, end), this.#words)
      if (change === undefined) this.#damagedLines++
      else this.changes.push(change)
      start = end + 1
    }
    this.#unfinished = bytes.subarray(start)
  }
}

const LINE_END = 0x0a
/** The digits of the seal, and a space. */
const SEAL_LENGTH = 9

function readLine(line: Buffer, words: Map<string, string>): Change | undefined {
  const json = line.subarray(SEAL_LENGTH)
  if (line.toString('latin1', 0, SEAL_LENGTH) !== `${seal(json)} `) return undefined
  const value = parseOrNothing(json.toString('utf8'))
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined
  if (value.type === 'publish' && 'release' in value && isRelease(value.release))
    return { type: 'publish', release: freeze(value.release, words) }
  if (value.type === 'withdraw' && 'name' in value && typeof value.name === 'string')
    return { type: 'withdraw', name: value.name }
  if (value.type === 'rollback' && 'release' in value && isRelease(value.release))
    return {
      type: 'rollback',
      release: freeze(value.release, words),
      hold: 'hold' in value && value.hold === true,
      ...('from' in value && typeof value.from === 'string' ? { from: value.from } : {})
    }
  if (value.type === 'unpin' && 'release' in value && isRelease(value.release))
    return { type: 'unpin', release: freeze(value.release, words) }
  return readCount(value)
}

const COMMON = ['name', 'folder', 'rules', 'project', 'version', 'idfVersion'] as const

function freeze(release: Release, words: Map<string, string>): Release {
  const common = COMMON.map(field => {
    const known = words.get(release[field])
    if (known === undefined) words.set(release[field], release[field])
    return [field, known ?? release[field]]
  })
  return Object.freeze(Object.assign(release, Object.fromEntries(common)))
}

function readCount(value: object): Change | undefined {
  if (!('type' in value) || value.type !== 'count' || !('name' in value) || !('generations' in value)) return undefined
  const { name, generations } = value
  return typeof name === 'string' && Number.isSafeInteger(generations)
    ? { type: 'count', name, generations: Number(generations) }
    : undefined
}

/** A seal can be right by chance over what is no JSON: nothing is. */
function parseOrNothing(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

const seal = (json: string | Buffer): string => crc32(json).toString(16).padStart(8, '0')
const sealed = (json: string): string => `${seal(json)} ${json}\n`
