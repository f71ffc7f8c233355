/**
 * What a million runs cost: 100,000 clients of ten runs each, which is as many as the table holds. How long it takes to choose the generation of
 * one request, and how large the file is. `npx tsx test/bench/runs.ts`.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Asked, RunTable } from '../../src/runs/run-table.js'
import { RunsFile } from '../../src/runs/runs-file.js'
import { median, quantile } from './figures.js'

const CLIENTS = 100_000
const RUNS_EACH = 10
const BUILDS = 12
const SIZE = 1024 * 1024
const LOOK_UPS = 200_000
const BATCH = 20

const NAME = 'hello_world.bin'
const builds = Array.from({ length: BUILDS }, (_, index) => ({
  digest: index.toString(16).padStart(64, '0'),
  size: SIZE
}))
const byDigest = new Map(builds.map(build => [build.digest, build]))
let now = Date.UTC(2026, 0, 1)

function choose(table: RunTable, client: number, asked: Asked, build = 0) {
  const current = builds[build % BUILDS]
  if (current === undefined) throw new Error('there is no such build')
  return table.choose(
    { client: `192.168.${client >> 8}.${client & 255} ESP32 HTTP Client/1.0`, isSure: false, connection: {} },
    asked,
    { name: NAME, current, hadOthers: true, find: digest => byDigest.get(digest) }
  )
}

/** Ten devices behind each address, on the way through ten builds, each cut off at another byte. */
function fill(table: RunTable): void {
  for (let run = 0; run < RUNS_EACH; run++) {
    for (let client = 0; client < CLIENTS; client++) {
      const choice = choose(table, client, { is: 'bytes', start: 0, hasEnd: run % 2 === 0 }, run)
      if (choice.is === 'generation') choice.begin(0, SIZE).finish((run + 1) * 65_536)
    }
    now += 1_000
  }
}

/** Microseconds each, of small batches: one alone is shorter than what the clock costs. */
function measure(table: RunTable, asked: (index: number) => Asked): number[] {
  const times: number[] = []
  for (let batch = -500; batch < LOOK_UPS / BATCH; batch++) {
    const startedAt = performance.now()
    for (let index = 0; index < BATCH; index++)
      choose(table, Math.floor(Math.random() * CLIENTS), asked(Math.floor(Math.random() * RUNS_EACH)))
    if (batch >= 0) times.push(((performance.now() - startedAt) * 1000) / BATCH)
  }
  return times
}

const row = (label: string, ...values: string[]): string =>
  `${label.padEnd(30)}${values.map(value => value.padEnd(13)).join('')}\n`
const micros = (value = Number.NaN): string => `${value.toFixed(2)} µs`

const folder = await mkdtemp(path.join(os.tmpdir(), 'otad-bench-'))
try {
  const file = path.join(folder, 'runs.jsonl')
  const failed = (code: string): never => {
    throw new Error(`the file of runs cannot be written: ${code}`)
  }
  const runs = await RunsFile.open({ file, now: () => now, onFailure: failed })
  fill(runs.table)
  const count = [...runs.table.records].reduce((sum, record) => sum + record.runs.length, 0)
  process.stdout.write(row('look-up', 'median', 'p99'))
  const kinds: readonly (readonly [string, (run: number) => Asked])[] = [
    ['a whole image', () => ({ is: 'bytes', start: 0, hasEnd: false })],
    ['the next range', run => ({ is: 'bytes', start: (run + 1) * 65_536, hasEnd: true })],
    ['a stream goes on', run => ({ is: 'bytes', start: run * 65_536 + 1024, hasEnd: false })]
  ]
  for (const [label, asked] of kinds) {
    const times = measure(runs.table, asked)
    process.stdout.write(row(label, micros(median(times)), micros(quantile(times, 0.99))))
  }
  const startedAt = performance.now()
  await runs.close()
  const writtenMs = performance.now() - startedAt
  const { size } = await stat(file)
  const openedAt = performance.now()
  const again = await RunsFile.open({ file, now: () => now, onFailure: failed })
  const openedMs = performance.now() - openedAt
  const { rss } = process.memoryUsage()
  process.stdout.write(row('runs, records', String(count), String(again.table.size)))
  process.stdout.write(row('file', `${(size / 2 ** 20).toFixed(0)} MiB`, `${(size / count).toFixed(0)} B/run`))
  process.stdout.write(row('written, read and rewritten', `${writtenMs.toFixed(0)} ms`, `${openedMs.toFixed(0)} ms`))
  process.stdout.write(row('resident, with both tables', `${(rss / 2 ** 20).toFixed(0)} MiB`))
  await again.close()
} finally {
  await rm(folder, { recursive: true, force: true })
}
