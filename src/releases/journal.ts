import { crc32 } from 'node:zlib'
import { type Catalog, type Change, releasesOf } from './catalog.js'
import { isRelease } from './release.js'

/**
 * The catalog on disk: one line for each change, in order, each with its own CRC-32, so that a line cut short by a crash
 * or damaged later is noticed and left out instead of believed.
 */

/** The line of a change with its line end, or undefined for a change that is not kept. */
export function writeLine(change: Change): string | undefined {
  switch (change.type) {
    case 'publish':
    case 'withdraw':
      return sealed(JSON.stringify(change))
    case 'refuse':
    case 'excuse':
    case 'recall':
      return undefined
  }
}

/** The shortest journal that leads to this catalog. */
export function* writeLines(catalog: Catalog): Iterable<string> {
  for (const entry of catalog.entries) {
    for (const release of [...releasesOf(entry)].reverse()) yield sealed(JSON.stringify({ type: 'publish', release }))
    if (entry.current === undefined && entry.earlier.length > 0)
      yield sealed(JSON.stringify({ type: 'withdraw', name: entry.name }))
  }
}

export interface ReadJournal {
  readonly changes: readonly Change[]
  /** Lines that were cut short or damaged and have been left out. */
  readonly damagedLines: number
}

/** The changes of a journal, whatever has happened to the file. Never throws. */
export function readJournal(text: string): ReadJournal {
  const lines = text.split('\n')
  // What stands behind the last line end was being written when the power or the process went.
  const unfinished = lines.pop() === '' ? 0 : 1
  const changes = lines.map(readLine)
  const whole = changes.filter(change => change !== undefined)
  return { changes: whole, damagedLines: changes.length - whole.length + unfinished }
}

function readLine(line: string): Change | undefined {
  const json = line.slice(9)
  if (line.slice(0, 9) !== `${seal(json)} `) return undefined
  const value = parseOrNothing(json)
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined
  if (value.type === 'publish' && 'release' in value && isRelease(value.release))
    return { type: 'publish', release: Object.freeze(value.release) }
  if (value.type === 'withdraw' && 'name' in value && typeof value.name === 'string')
    return { type: 'withdraw', name: value.name }
  return undefined
}

/** A seal can be right by chance over what is no JSON: nothing is. */
function parseOrNothing(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

const seal = (json: string): string => crc32(json).toString(16).padStart(8, '0')
const sealed = (json: string): string => `${seal(json)} ${json}\n`
