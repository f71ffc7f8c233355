import { appendFile, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Contact } from '../../src/devices/contact.js'
import { LedgerFile } from '../../src/devices/ledger-file.js'
import { becomesTrue } from '../stories/line.js'
import { temporaryFolder } from '../support/daemon.js'

/** It is handed over after half a second; a machine that does other things too may take its time. */
const LATER_MS = 5000
const AT = Date.UTC(2026, 0, 2, 12)
const at = (index: number): Contact => ({
  address: `10.0.${index >> 8}.${index & 255}`,
  userAgent: 'ESP32 HTTP Client/1.0'
})

interface Opened {
  readonly ledgerFile: LedgerFile
  readonly failures: string[]
  readonly damaged: number[]
}

async function open(file: string, mostDevices?: number): Promise<Opened> {
  const failures: string[] = []
  const damaged: number[] = []
  const ledgerFile = await LedgerFile.open({
    file,
    onFailure: code => failures.push(code),
    onDamaged: lines => damaged.push(lines),
    ...(mostDevices === undefined ? {} : { mostDevices })
  })
  onTestFinished(() => ledgerFile.close())
  return { ledgerFile, failures, damaged }
}

const aFile = async (): Promise<string> => path.join(await temporaryFolder(), 'devices.jsonl')
const historiesOf = ({ ledgerFile }: Opened): unknown => ledgerFile.ledger.tellHistories([], true)

function fill({ ledgerFile: { ledger } }: Opened, count: number, from = 0): void {
  for (let index = from; index < from + count; index++) {
    ledger.asked(at(index), { name: 'app.bin', digest: 'a'.repeat(64), version: '1.0.0', chip: 'esp32' }, AT + index)
    ledger.note(at(index), { is: 'cut', sentence: `cut ${index}` }, AT + index)
    ledger.runs(at(index), { name: 'app.bin', digest: null, version: '0.9' }, 'told', AT + index)
  }
}

/** Reads a copy, as the next process would find the file. */
async function found(file: string): Promise<Opened> {
  const copy = await aFile()
  await writeFile(copy, await readFile(file).catch(() => ''))
  return open(copy)
}

describe('the file of the ledger', () => {
  it('is the ledger of the next start', async () => {
    const file = await aFile()
    const first = await open(file)
    fill(first, 50)
    const before = historiesOf(first)
    await first.ledgerFile.close()
    const second = await open(file)
    expect(historiesOf(second)).toEqual(before)
    expect({ failures: second.failures, damaged: second.damaged }).toEqual({ failures: [], damaged: [] })
  })

  it('holds half a second later what was told', async () => {
    const file = await aFile()
    const first = await open(file)
    for (let round = 0; round < 5; round++) {
      fill(first, 10, round * 10)
      const before = historiesOf(first)
      await becomesTrue('the file holds it', LATER_MS, async () =>
        isDeepStrictEqual(historiesOf(await found(file)), before)
      )
    }
  })

  it('loses what broke off at its end, tells of it, and is whole again behind that', async () => {
    const file = await aFile()
    const first = await open(file)
    fill(first, 3)
    await first.ledgerFile.close()
    await appendFile(file, '01234567 {"half a li')
    const second = await open(file)
    expect(second.ledgerFile.ledger.size).toBe(3)
    fill(second, 1, 100)
    const before = historiesOf(second)
    await second.ledgerFile.close()
    const third = await open(file)
    expect(historiesOf(third)).toEqual(before)
    expect(third.damaged).toEqual([])
  })

  it.each([
    ['zeros', Buffer.alloc(100_000)],
    ['noise', Buffer.from(Array.from({ length: 50_000 }, (_, index) => (index * 7919) & 255))],
    ['another file', Buffer.from('{"devices":[]}')],
    ['lines without a seal', Buffer.from('{}\n[]\nnull\n'.repeat(1000))]
  ])('that holds %s is no reason not to start', async (_what, bytes) => {
    const file = await aFile()
    await writeFile(file, bytes)
    const opened = await open(file)
    expect(opened.ledgerFile.ledger.size).toBe(0)
    fill(opened, 2)
    const before = historiesOf(opened)
    await opened.ledgerFile.close()
    expect(historiesOf(await open(file))).toEqual(before)
  })

  it.each([
    ['is a folder', (file: string) => mkdir(file)],
    ['leads nowhere', (file: string) => symlink('/nowhere/at/all', file)],
    ['leads to itself', (file: string) => symlink(file, file)],
    ['lies in a folder that has gone', (file: string) => rm(path.dirname(file), { recursive: true })],
    [
      'lies in what is no folder',
      async (file: string) => {
        await rm(path.dirname(file), { recursive: true })
        await writeFile(path.dirname(file), '')
      }
    ]
  ])('that %s costs the memory of the next start, and no more', async (_what, spoil) => {
    const file = await aFile()
    await spoil(file)
    const opened = await open(file)
    for (let round = 0; round < 3; round++) {
      fill(opened, 20, round * 20)
      const isKept = async (): Promise<boolean> => (await found(file)).ledgerFile.ledger.size === (round + 1) * 20
      await becomesTrue('it is kept or told', LATER_MS, async () => opened.failures.length > 0 || isKept())
    }
    expect(opened.ledgerFile.ledger.size).toBe(60)
    // A link may have been replaced by the file itself: then nothing is lost.
    expect(opened.failures.length).toBeLessThanOrEqual(1)
    for (const code of opened.failures) expect(code).toMatch(/^E[A-Z]+$/)
    if (opened.failures.length === 0) expect((await found(file)).ledgerFile.ledger.size).toBe(60)
    await opened.ledgerFile.close()
  })

  it('is written again when it can be', async () => {
    const file = await aFile()
    const opened = await open(file)
    await rm(path.dirname(file), { recursive: true })
    // Its handle may be open still; a rewrite finds out.
    await opened.ledgerFile.close()
    fill(opened, 5)
    await becomesTrue('it is told', 2000, () => opened.failures.length > 0)
    await mkdir(path.dirname(file))
    fill(opened, 5, 5)
    await opened.ledgerFile.close()
    expect(historiesOf(await open(file))).toEqual(historiesOf(opened))
    expect(opened.failures).toEqual(['ENOENT'])
  })

  it('is written at the stop where it could not be before, though nothing has happened since', async () => {
    const file = await aFile()
    const opened = await open(file)
    await rm(path.dirname(file), { recursive: true })
    await opened.ledgerFile.close()
    fill(opened, 5)
    await becomesTrue('it is told', 2000, () => opened.failures.length > 0)
    await mkdir(path.dirname(file))
    await opened.ledgerFile.close()
    expect((await open(file)).ledgerFile.ledger.size).toBe(5)
  })

  it('stays small however much happens to a device', async () => {
    const file = await aFile()
    const opened = await open(file)
    for (let index = 0; index < 100_000; index++) {
      opened.ledgerFile.ledger.note(
        at(1),
        { is: index % 2 ? 'cut' : 'complete', sentence: `what happened ${index}` },
        AT
      )
      const isKept = async (): Promise<boolean> => (await readFile(file, 'utf8')).includes(`what happened ${index}"`)
      if (index % 10_000 === 0) await becomesTrue('it is kept', LATER_MS, isKept)
    }
    const before = historiesOf(opened)
    await opened.ledgerFile.close()
    expect((await stat(file)).size).toBeLessThan(12 * 1024 * 1024)
    expect(historiesOf(await open(file))).toEqual(before)
  }, 60_000)

  it('forgets whom the ledger has forgotten', async () => {
    const file = await aFile()
    const first = await open(file, 10)
    fill(first, 100)
    const before = historiesOf(first)
    await first.ledgerFile.close()
    expect(historiesOf(await open(file, 10))).toEqual(before)
  })

  it('is readable by its owner alone', async () => {
    const file = await aFile()
    const opened = await open(file)
    fill(opened, 1)
    await opened.ledgerFile.close()
    expect((await stat(file)).mode & 0o077).toBe(0)
  })

  it('is read within a moment at its largest', async () => {
    const file = await aFile()
    const first = await open(file)
    for (let index = 0; index < 10_000; index++)
      for (let event = 0; event < 10; event++)
        first.ledgerFile.ledger.note(at(index), { is: event % 2 ? 'cut' : 'complete', sentence: 'x'.repeat(100) }, AT)
    await first.ledgerFile.close()
    const startedAt = performance.now()
    expect((await open(file)).ledgerFile.ledger.size).toBe(10_000)
    expect(performance.now() - startedAt).toBeLessThan(3000)
  }, 60_000)
})
