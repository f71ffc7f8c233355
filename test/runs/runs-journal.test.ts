import { describe, expect, it } from 'vitest'
import type { Run, RunRecord } from '../../src/runs/run-record.js'
import { readRunsJournal, writeForgottenLine, writeRecordLine } from '../../src/runs/runs-journal.js'
import { digestOf, NAME } from './firmware-desk.js'

const NEVER = Number.NEGATIVE_INFINITY
const DAMAGED_AT = 9_000

function aRun(changes: Partial<Run> = {}): Run {
  return {
    isOfSeveral: false,
    generation: digestOf('A'),
    size: 100,
    style: 'ranges',
    next: 32,
    reached: 48,
    lastSeen: 1_500,
    receivedAt: undefined,
    hasFailed: false,
    connection: undefined,
    sending: undefined,
    ...changes
  }
}

function aRecord(client: string, runs: Run[] = [aRun()]): RunRecord {
  const promises = [{ generation: digestOf('B'), size: 120, at: 1_400, isTaken: true, isFollowed: false }]
  return { client, name: NAME, runs, promises, lost: 7, lostAt: 1_200, lastSeen: 1_600 }
}

const read = (text: string) => readRunsJournal(text, DAMAGED_AT)

describe('runs on disk', () => {
  it('are the same after an orderly stop', () => {
    const runs = [
      aRun(),
      aRun({ style: 'stream', next: 100, reached: 100, receivedAt: 1_700 }),
      aRun({ next: undefined, isOfSeveral: true })
    ]
    const record = aRecord('192.168.1.50 ESP32 HTTP Client/1.0', runs)
    expect(read(writeRecordLine(record, 'exact'))).toEqual({ records: [record], forgottenAt: NEVER })
  })

  it('may have come to their end at any byte after a kill, except those that were received', () => {
    const received = aRun({ next: 100, reached: 100, receivedAt: 1_700 })
    const [record] = read(writeRecordLine(aRecord('a', [aRun(), received]), 'open')).records
    expect(record?.runs).toEqual([aRun({ next: undefined, reached: 100 }), received])
  })

  it('say nothing about connections and answers of a process that is no more', () => {
    const line = writeRecordLine(aRecord('a', [aRun({ connection: {}, sending: { reached: 3 } })]), 'exact')
    expect(read(line).records[0]?.runs).toEqual([aRun()])
  })

  it('keep every client, whatever it calls itself', () => {
    const names = ['"', '\\', 'a\nb', '\u2028', 'ü', '', '\ud800', '__proto__', '[1]', 'x'.repeat(10_000)]
    const text = names.map(name => writeRecordLine(aRecord(`client ${name}`), 'exact')).join('')
    expect(read(text).records.map(({ client }) => client)).toEqual(names.map(name => `client ${name}`))
  })

  it('are those of the last line of a client and a name', () => {
    const lines = [aRecord('a'), aRecord('b'), aRecord('a', [])].map(record => writeRecordLine(record, 'exact'))
    expect(read(lines.join('')).records.map(({ client, runs }) => [client, runs.length])).toEqual([
      ['a', 0],
      ['b', 1]
    ])
  })

  it('know when something was forgotten, and when nothing was', () => {
    expect(read(writeForgottenLine(1_234)).forgottenAt).toBe(1_234)
    expect(read(writeForgottenLine(NEVER)).forgottenAt).toBe(NEVER)
    expect(read('')).toEqual({ records: [], forgottenAt: NEVER })
  })

  const lines = [
    writeForgottenLine(1_234),
    writeRecordLine(aRecord('a'), 'open'),
    writeRecordLine(aRecord('b'), 'exact'),
    writeRecordLine(aRecord('a', []), 'exact')
  ]
  const file = Buffer.from(lines.join(''))
  const written = lines.flatMap(line => read(line).records)

  it('are those of all whole lines when the file ends at any byte', () => {
    for (let length = 0; length < file.length; length++) {
      const text = file.subarray(0, length).toString()
      const whole = text.slice(0, text.lastIndexOf('\n') + 1)
      const { records, forgottenAt } = read(text)
      expect(records).toEqual(read(whole).records)
      // What broke off may have been about anybody.
      expect(forgottenAt).toBe(text === whole ? read(whole).forgottenAt : DAMAGED_AT)
    }
  })

  it('are never any that were not written, whichever bit has flipped, and it is known that some are missing', () => {
    for (let bit = 0; bit < file.length * 8; bit++) {
      const damaged = Buffer.from(file)
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
      const { records, forgottenAt } = read(damaged.toString())
      for (const record of records) expect(written).toContainEqual(record)
      expect(forgottenAt).toBe(DAMAGED_AT)
    }
  })

  /** Else a device that had begun a new build would be taken for one that is still on its way through the old one. */
  it('are not those before a damaged line, which may have replaced them', () => {
    const damaged = lines[3]?.replace('1600', '1601') ?? ''
    expect(read(`${lines[1]}${damaged}${lines[2]}`).records.map(({ client }) => client)).toEqual(['b'])
  })

  it.each(['x', '{}', '[]', '00000000 []', '\0\0\0\0', 'ffffffff [1]'])('are none of %j', text => {
    expect(read(`${text}\n`)).toEqual({ records: [], forgottenAt: DAMAGED_AT })
  })
})
