import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceRecord, Happening } from '../../src/devices/device-record.js'
import { Ledger } from '../../src/devices/ledger.js'
import {
  readLedgerJournal,
  writeDeviceLines,
  writeEventLine,
  writeFactsLine
} from '../../src/devices/ledger-journal.js'
import { openLine, sealLine } from '../../src/sealed-lines.js'

const AT = Date.UTC(2026, 0, 2, 12)

function anEvent(more: Partial<Happening> = {}): Happening {
  return {
    at: AT,
    is: 'cut',
    sentence: 'cut at 61 % of 842 KiB',
    fix: null,
    name: 'app.bin',
    digest: 'a'.repeat(64),
    count: 1,
    ...more
  }
}

function aRecord(id: string, more: Partial<DeviceRecord> = {}): DeviceRecord {
  return {
    id,
    identity: 'address',
    address: id,
    mac: null,
    client: 'ESP-IDF',
    userAgent: 'ESP32 HTTP Client/1.0',
    sdk: null,
    chip: 'esp32',
    firstSeen: AT,
    lastSeen: AT + 1000,
    asked: { name: 'app.bin', digest: 'a'.repeat(64), version: '1.0.0', at: AT },
    running: { name: 'app.bin', digest: null, version: '', at: AT, source: 'told' },
    received: null,
    events: [anEvent(), anEvent({ is: 'handshake-failed', sentence: 'it trusts another CA', name: null, count: 7 })],
    ...more
  }
}

const RECORDS = [
  aRecord('10.0.0.1'),
  aRecord('10.0.0.2', { events: [], asked: null, running: null }),
  aRecord('24:6f:28:aa:bb:cc', { identity: 'mac', mac: '24:6f:28:aa:bb:cc', address: '10.0.0.1' })
]
const LINES = RECORDS.map(writeDeviceLines)
const FILE = Buffer.from(LINES.join(''))

/** That nothing is known that was not written, and that all is known of the devices whose lines are whole. */
function expectNothingElse(text: string, whole: readonly string[]): void {
  const { records } = readLedgerJournal(text)
  for (const { events, ...facts } of records) {
    const { events: written, ...writtenFacts } = RECORDS.find(({ id }) => id === facts.id) ?? expect.fail(facts.id)
    expect(facts).toEqual(writtenFacts)
    for (const event of events) expect(written).toContainEqual(event)
  }
  for (const id of whole) expect(records).toContainEqual(RECORDS.find(record => record.id === id))
}

/** The devices none of whose bytes lie in [from, to). */
function untouchedBy(from: number, to: number): readonly string[] {
  let start = 0
  return LINES.flatMap((lines, index) => {
    const end = start + Buffer.byteLength(lines)
    const isTouched = from < end && to > start
    start = end
    return isTouched ? [] : [RECORDS[index]?.id ?? '']
  })
}

describe('the ledger on disk', () => {
  it('is read as it was written', () => {
    expect(readLedgerJournal(FILE.toString())).toEqual({ records: RECORDS, damaged: 0 })
    expect(readLedgerJournal('')).toEqual({ records: [], damaged: 0 })
  })

  it('holds the last facts of a device, and its events in their order', () => {
    const [first] = RECORDS
    const later = { ...aRecord('10.0.0.1'), address: '10.0.0.9', lastSeen: AT + 5000 }
    const again = anEvent({
      is: 'handshake-failed',
      sentence: 'it trusts another CA',
      name: null,
      count: 8,
      at: AT + 9
    })
    const text = writeDeviceLines(first as DeviceRecord) + writeFactsLine(later) + writeEventLine('10.0.0.1', again)
    const { records, damaged } = readLedgerJournal(text)
    expect(damaged).toBe(0)
    expect(records).toEqual([{ ...later, events: [anEvent(), again] }])
  })

  it('loses at most what stands at the end when it ends at any byte', () => {
    for (let length = 0; length < FILE.length; length++)
      expectNothingElse(FILE.subarray(0, length).toString(), untouchedBy(length, FILE.length))
  })

  it('loses at most what stands there, whichever bit has flipped', () => {
    for (let bit = 0; bit < FILE.length * 8; bit++) {
      const damaged = Buffer.from(FILE)
      const at = bit >> 3
      damaged[at] = (damaged[at] as number) ^ (1 << (bit & 7))
      // A line end that has gone joins the lines on both sides of it.
      const touched = FILE[at] === 0x0a ? [at, at + 2] : [at, at + 1]
      expectNothingElse(damaged.toString(), untouchedBy(touched[0] as number, touched[1] as number))
      // A last line without its end is one that broke off: nobody had been told that it was kept.
      if (at < FILE.length - 1) expect(readLedgerJournal(damaged.toString()).damaged).toBeGreaterThan(0)
    }
  })

  it('loses at most what stands there when pages of it are zeros', () => {
    for (let at = 0; at < FILE.length; at += 97) {
      const damaged = Buffer.from(FILE).fill(0, at, Math.min(at + 300, FILE.length))
      expectNothingElse(damaged.toString(), untouchedBy(at - 1, at + 301))
    }
  })

  it('keeps every device, whatever it is called', () => {
    const ids = ['"', '\\', 'a\nb', '\r', '\u2028', 'ü', '\ud800', '__proto__', 'constructor', '[1]', 'x'.repeat(1000)]
    const text = ids.map(id => writeDeviceLines(aRecord(id, { userAgent: id, client: id }))).join('')
    expect(readLedgerJournal(text)).toEqual({
      records: ids.map(id => aRecord(id, { userAgent: id, client: id })),
      damaged: 0
    })
  })

  it('is a few lines for a device, each with its end', () => {
    for (const record of RECORDS) expect(writeDeviceLines(record)).toMatch(/^([^\n]+\n)+$/)
  })

  it('is nobody, whatever else stands in a line', () => {
    for (const text of ['x\n', '{}\n', '\0\0\0\0', '00000000 []\n', '\n', '\n\n\n', '\ufeff\n'])
      expect(readLedgerJournal(text).records).toEqual([])
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        expect(readLedgerJournal(sealLine(value)).records).toEqual([])
      })
    )
  })

  it.each([
    [{ id: { toString: 1, valueOf: 1 }, event: {} }],
    [{ device: { ...RECORDS[0], running: { ...RECORDS[0]?.running, source: { toString: null } } } }],
    [{ device: { ...RECORDS[0], identity: { toString: null } } }]
  ])('is nobody where a field is no text and cannot become one (%#)', value => {
    expect(readLedgerJournal(sealLine(value))).toEqual({ records: [], damaged: 1 })
  })

  /** Another version of otad may have written it, and a person may have had an idea. */
  it('never stops a start, whatever its fields hold under a good seal', () => {
    const values = LINES.join('')
      .split('\n')
      .slice(0, -1)
      .map(line => openLine(Buffer.from(line)))
    const replaced = (value: unknown, path: readonly (string | number)[], by: unknown): unknown => {
      const [key, ...rest] = path
      if (key === undefined) return by
      const copy = structuredClone(value) as Record<string | number, unknown>
      copy[key] = replaced(copy[key], rest, by)
      return copy
    }
    const pathsOf = (value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] => [
      path,
      ...(typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))
        : [])
    ]
    const places = values.flatMap((value, line) => pathsOf(value).map(path => ({ line, path })))
    fc.assert(
      fc.property(
        fc.constantFrom(...places),
        fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 1e300, 8.64e15 + 1, -8.64e15 - 1, 0.5, '__proto__', [], {})),
        ({ line, path }, by) => {
          const text = values
            .map((value, index) => sealLine(index === line ? replaced(value, path, by) : value))
            .join('')
          const { records } = readLedgerJournal(text)
          const ledger = new Ledger({}, records)
          const told = JSON.parse(JSON.stringify(ledger.tellHistories([], true)))
          for (const device of told)
            expect(device).toMatchObject({ id: expect.any(String), history: expect.any(Array) })
          for (const { id } of [...ledger.records]) ledger.note({ address: id }, { is: 'cut', sentence: 'cut' }, AT)
        }
      ),
      { numRuns: 3000 }
    )
  })
})
