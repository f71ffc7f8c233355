import { openLine, sealLine } from '../sealed-lines.js'
import { type Catalog, type Change, type NameEntry, releasesOf } from './catalog.js'
import { areDerived, isRelease, type Release } from './release.js'

/**
 * The catalog on disk: one sealed line for each change, in order.
 */

/** The line of a change with its line end, or undefined for a change that is not kept. */
export function writeLine(change: Change): string | undefined {
  return isJournaled(change) ? sealLine(change) : undefined
}

/** Whether a change has to be on disk before it counts. */
export function isJournaled({ type }: Change): boolean {
  return !NOT_JOURNALED.has(type)
}

const NOT_JOURNALED: ReadonlySet<Change['type']> = new Set(['refuse', 'excuse', 'doubt', 'recall', 'trim'])

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
  const { name, current, rollback, withdrawnAt, generations } = entry
  const releases = releasesOf(entry)
  // Whatever is current has the highest number, unless it has gone back: then that comes last, and brings itself along.
  for (const release of [...releases].sort((a, b) => a.number - b.number)) yield { type: 'publish', release }
  if (releases.every(({ number }) => number < generations)) yield { type: 'count', name, generations }
  const back = releases.find(({ digest }) => digest === rollback?.to)
  if (rollback !== undefined && back !== undefined)
    yield { type: 'rollback', release: back, hold: rollback.hold, from: rollback.from }
  if (current === undefined && releases.length > 0) yield { type: 'withdraw', name, at: withdrawnAt ?? 0 }
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
    return this.#damagedLines + (this.unfinishedLength > 0 ? 1 : 0)
  }

  /** Bytes behind the last line end: they were being written when the power or the process went. */
  get unfinishedLength(): number {
    return this.#unfinished.length
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

function readLine(line: Buffer, words: Map<string, string>): Change | undefined {
  const value = openLine(line)
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined
  if (value.type === 'publish' && 'release' in value && isRelease(value.release))
    return { type: 'publish', release: freeze(value.release, words) }
  if (value.type === 'rollback' && 'release' in value && isRelease(value.release))
    return {
      type: 'rollback',
      release: freeze(value.release, words),
      hold: 'hold' in value && value.hold === true,
      ...('from' in value && typeof value.from === 'string' ? { from: value.from } : {})
    }
  return 'name' in value && typeof value.name === 'string' ? readChangeOf(value.name, { ...value }) : undefined
}

/** The changes that bring no release along. */
function readChangeOf(
  name: string,
  { type, at, digest, derived, generations }: Record<string, unknown>
): Change | undefined {
  const isTimed = typeof at === 'number' && Number.isFinite(at)
  if (type === 'withdraw' && isTimed) return { type, name, at }
  if (type === 'unpin' && isTimed) return { type, name, at }
  if (type === 'lose' && isTimed && typeof digest === 'string') return { type, name, digest, at }
  if (type === 'derive' && typeof digest === 'string' && areDerived(derived)) return { type, name, digest, derived }
  if (type === 'forget') return { type, name }
  if (type === 'count' && Number.isSafeInteger(generations)) return { type, name, generations: Number(generations) }
  return undefined
}

const COMMON = ['name', 'folder', 'rules', 'project', 'version', 'idfVersion'] as const

function freeze(release: Release, words: Map<string, string>): Release {
  // Nobody else has it yet.
  const fresh: Record<(typeof COMMON)[number], string> = release
  for (const field of COMMON) {
    const known = words.get(fresh[field])
    if (known === undefined) words.set(fresh[field], fresh[field])
    else fresh[field] = known
  }
  return Object.freeze(release)
}
