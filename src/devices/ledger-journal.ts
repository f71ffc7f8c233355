import { openLine, sealLine } from '../sealed-lines.js'
import { VERDICTS } from './device-facts.js'
import { type DeviceRecord, type Happening, type Mark, type RunningMark, withEvent } from './device-record.js'

/**
 * The ledger on disk: sealed lines, each with the facts of a device or with one thing that happened to it, in the order in which it was told.
 */

/** What is known of a device, without what happened to it. */
export function writeFactsLine({ events: _, ...facts }: DeviceRecord): string {
  return sealLine({ device: facts })
}

/** Something that happened; the same thing again takes the place of the event before it. */
export function writeEventLine(id: string, event: Happening): string {
  return sealLine({ id, event })
}

/** A device as it is now, in as many lines as it takes. */
export function writeDeviceLines(record: DeviceRecord): string {
  return writeFactsLine(record) + record.events.map(event => writeEventLine(record.id, event)).join('')
}

/**
 * The devices of a file, whatever has happened to it: damaged lines are left out, and what is known of the others stays. Never throws.
 */
export function readLedgerJournal(text: string): {
  readonly records: readonly DeviceRecord[]
  readonly damaged: number
} {
  const records = new Map<string, DeviceRecord>()
  let damaged = 0
  const lines = text.split('\n')
  // The last one broke off, or is empty.
  lines.pop()
  for (const line of lines) {
    const value = openLine(Buffer.from(line))
    if (!takeLine(value, records)) damaged++
  }
  return { records: [...records.values()], damaged }
}

function takeLine(value: unknown, records: Map<string, DeviceRecord>): boolean {
  if (!isObject(value)) return false
  if ('device' in value) {
    if (!isFacts(value.device)) return false
    const facts = value.device
    records.set(facts.id, { ...facts, events: records.get(facts.id)?.events ?? [] })
    return true
  }
  const record = isText(value.id) ? records.get(value.id) : undefined
  if (record === undefined || !isHappening(value.event)) return false
  record.events = withEvent(record.events, value.event)
  return true
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const isText = (value: unknown): value is string => typeof value === 'string'
const isTime = (value: unknown): value is number => typeof value === 'number' && Math.abs(value) <= LATEST_MS
const isOrNull = <T>(value: unknown, is: (value: unknown) => value is T): value is T | null =>
  value === null || is(value)

/** The last moment that a date can name (ECMA-262, 21.4.1.1). */
const LATEST_MS = 8.64e15

function isFacts(value: unknown): value is Omit<DeviceRecord, 'events'> {
  if (!isObject(value)) return false
  const { id, identity, address, mac, client, userAgent, sdk, chip, firstSeen, lastSeen, asked, running, received } =
    value
  return (
    [id, address, client, userAgent].every(isText) &&
    (identity === 'certificate' || identity === 'mac' || identity === 'address') &&
    [mac, sdk, chip].every(text => isOrNull(text, isText)) &&
    isTime(firstSeen) &&
    isTime(lastSeen) &&
    isOrNull(asked, isMark) &&
    isOrNull(running, isRunning) &&
    isOrNull(received, isMark)
  )
}

function isMark(value: unknown): value is Mark {
  if (!isObject(value)) return false
  return isText(value.name) && isOrNull(value.digest, isText) && isText(value.version) && isTime(value.at)
}

const SOURCES = ['confirmed', 'told', 'believed'] as const satisfies readonly RunningMark['source'][]

function isRunning(value: unknown): value is RunningMark {
  return isMark(value) && 'source' in value && SOURCES.some(source => source === value.source)
}

function isHappening(value: unknown): value is Happening {
  if (!isObject(value)) return false
  const { at, is, sentence, fix, name, digest, count } = value
  return (
    isTime(at) &&
    VERDICTS.some(known => known === is) &&
    isText(sentence) &&
    [fix, name, digest].every(text => isOrNull(text, isText)) &&
    Number.isSafeInteger(count)
  )
}
