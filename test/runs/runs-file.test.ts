import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RunsFile } from '../../src/runs/runs-file.js'
import { readRunsJournal } from '../../src/runs/runs-journal.js'
import { digestOf, NAME } from './firmware-desk.js'

const NOW = Date.UTC(2026, 0, 1)
const GENERATIONS = new Map(['A', 'B'].map(version => [digestOf(version), { digest: digestOf(version), size: 100 }]))

async function aFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'otad-runs-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

interface Opened {
  readonly runs: RunsFile
  readonly failures: string[]
}

async function openIn(folder: string, mostRecords?: number): Promise<Opened> {
  const failures: string[] = []
  const runs = await RunsFile.open({
    file: path.join(folder, 'runs.jsonl'),
    now: () => NOW,
    onFailure: code => failures.push(code),
    ...(mostRecords === undefined ? {} : { mostRecords })
  })
  onTestFinished(() => runs.close())
  return { runs, failures }
}

/** A device asks for bytes [start, end), and gets as many of them as are said. */
function ask({ table }: RunsFile, client: string, start: number, end: number, version = 'A', came = end): string {
  const current = GENERATIONS.get(digestOf(version)) ?? expect.fail()
  const choice = table.choose(
    { client, isSure: false, connection: {} },
    { is: 'bytes', start, hasEnd: true },
    { name: NAME, current, hadOthers: true, find: digest => GENERATIONS.get(digest) }
  )
  if (choice.is === 'refused') return '416'
  choice.begin(start, end).finish(came)
  return choice.digest === digestOf('A') ? 'A' : 'B'
}

/** What a process would find that were to open the file now. */
async function found(folder: string) {
  return readRunsJournal(await readFile(path.join(folder, 'runs.jsonl'), 'utf8'), NOW)
}

describe('the file of runs', () => {
  it('begins with a file of its own, which nobody else may read', async () => {
    const folder = await aFolder()
    await openIn(folder)
    expect((await found(folder)).records).toEqual([])
    if (process.platform !== 'win32') expect((await stat(path.join(folder, 'runs.jsonl'))).mode & 0o777).toBe(0o600)
  })

  it('has everything in it that has changed once it says so', async () => {
    const folder = await aFolder()
    const { runs } = await openIn(folder)
    for (let count = 0; count < 50; count++) {
      ask(runs, `device ${count}`, 0, 16)
      await runs.kept()
      expect((await found(folder)).records.map(({ client }) => client)).toContain(`device ${count}`)
    }
  })

  it('has what changed while it was being written, too', async () => {
    const folder = await aFolder()
    const { runs } = await openIn(folder)
    const promises = Array.from({ length: 200 }, async (_, count) => {
      ask(runs, `device ${count}`, 0, 16)
      await runs.kept()
      return (await found(folder)).records.some(({ client }) => client === `device ${count}`)
    })
    expect(await Promise.all(promises)).not.toContain(false)
  })

  it('is written by itself soon after a change that did not have to be kept at once', async () => {
    const folder = await aFolder()
    const { runs } = await openIn(folder)
    ask(runs, 'a', 0, 16)
    await expect.poll(async () => (await found(folder)).records.length, { timeout: 5_000 }).toBe(1)
  })

  it('gives runs back open to the next process when this one is killed', async () => {
    const folder = await aFolder()
    const { runs } = await openIn(folder)
    ask(runs, 'a', 0, 16)
    await runs.kept()
    ask(runs, 'a', 16, 32)
    const { runs: next } = await openIn(folder)
    expect([...next.table.records][0]?.runs).toMatchObject([{ next: undefined, reached: 100 }])
    expect(ask(next, 'a', 32, 48, 'B')).toBe('A')
  })

  it('gives them back exactly as they were after an orderly stop', async () => {
    const folder = await aFolder()
    const { runs } = await openIn(folder)
    ask(runs, 'a', 0, 16)
    ask(runs, 'a', 16, 32, 'A', 20)
    await runs.close()
    const { runs: next } = await openIn(folder)
    expect([...next.table.records][0]?.runs).toMatchObject([{ next: 20, reached: 20 }])
    expect(ask(next, 'a', 32, 48, 'B')).toBe('416')
  })

  it('does not stay exact while the next process lives', async () => {
    const folder = await aFolder()
    const { runs } = await openIn(folder)
    ask(runs, 'a', 0, 16)
    await runs.close()
    await openIn(folder)
    expect((await found(folder)).records[0]?.runs).toMatchObject([{ next: undefined, reached: 100 }])
  })

  it('stays small, however much changes', async () => {
    const folder = await aFolder()
    const { runs } = await openIn(folder)
    const file = path.join(folder, 'runs.jsonl')
    let largest = 0
    for (let count = 0; count < 200_000; count++) {
      ask(runs, `device ${count % 100}`, 0, 16)
      if (count % 100 !== 99) continue
      await runs.kept()
      if (count % 5_000 === 4_999) largest = Math.max(largest, (await stat(file)).size)
    }
    // 5,000 lines and twice the records, of at most sixteen runs each.
    expect(largest).toBeLessThan(5_400 * 2_500)
    expect((await found(folder)).records).toHaveLength(100)
  })

  it('holds no more records than its bound, and the next process knows that some were forgotten', async () => {
    const folder = await aFolder()
    const { runs } = await openIn(folder, 10)
    for (let count = 0; count < 50; count++) ask(runs, `device ${count}`, 0, 16)
    await runs.close()
    const { records, forgottenAt } = await found(folder)
    expect(records).toHaveLength(10)
    expect(forgottenAt).toBe(NOW)
    const { runs: next } = await openIn(folder, 10)
    expect(next.table.forgottenAt).toBe(NOW)
  })

  it('tells once that it cannot be written, and devices go on', async () => {
    const folder = await aFolder()
    const { runs, failures } = await openIn(folder)
    await rm(folder, { recursive: true })
    for (let count = 0; count < 5; count++) {
      expect(ask(runs, `device ${count}`, 0, 16)).toBe('A')
      await runs.kept()
    }
    expect(failures).toEqual(['ENOENT'])
    await runs.close()
    expect(failures).toEqual(['ENOENT'])
  })

  it.runIf(process.platform === 'linux')('is whole again when the disk has room again', async () => {
    const folder = await aFolder()
    const { runs, failures } = await openIn(folder)
    await rename(folder, `${folder}-away`)
    ask(runs, 'a', 0, 16)
    await runs.kept()
    expect(failures).toEqual(['ENOENT'])
    await rename(`${folder}-away`, folder)
    ask(runs, 'b', 0, 16)
    await runs.kept()
    const { records } = await found(folder)
    expect(records.map(({ client }) => client).sort()).toEqual(['a', 'b'])
    await rename(folder, `${folder}-away`)
    ask(runs, 'c', 0, 16)
    await runs.kept()
    expect(failures).toEqual(['ENOENT', 'ENOENT'])
    await rename(`${folder}-away`, folder)
  })

  it('begins anew from a file of which nothing can be read, and knows that something is missing', async () => {
    const folder = await aFolder()
    await writeFile(path.join(folder, 'runs.jsonl'), 'nothing of the kind\n')
    const { runs } = await openIn(folder)
    expect(runs.table.size).toBe(0)
    expect(runs.table.forgottenAt).toBe(NOW)
  })

  it('does not begin where there is something else in its place', async () => {
    const folder = await aFolder()
    await expect(RunsFile.open({ file: folder, now: () => NOW, onFailure: () => {} })).rejects.toThrow('EISDIR')
  })
})
