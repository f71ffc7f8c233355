import { describe, expect, it } from 'vitest'
import { CHIP_NAMES } from '../../src/image/chips.js'
import { explainProblem, isWarning } from '../../src/image/problem.js'
import type { ImageContext } from '../../src/image/verdict.js'
import { verifyImage } from '../../src/image/verify.js'
import { aBootloader, aMergedImage, anImage, aPartitionTable, filled, resealed } from '../support/image-builder.js'

/*
 * Thousands of files that are almost right. The seed is in the test's name; FUZZ_SEED repeats a run or starts another.
 */
const seed = Number(process.env.FUZZ_SEED ?? 20260102)
const CASES = 4000

/** Numbers at the edges of what the format can say. */
const EDGES = [0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 255, 256, 0xfffc, 0x10000, 0xfffffc, 0x1000000, 0x7fffffff, 0x80000000]
const MORE_EDGES = [0xfffffffc, 0xffffffff, 0x3f400020, 0x400d0020, 0x40080000, 0x3ffb0000, 0x3fff0000, 0x40100000]

/** Offsets at which a header, a segment header or a descriptor keeps a number. */
const FIELDS = [0, 1, 2, 3, 4, 8, 11, 12, 14, 15, 17, 19, 23, 24, 28, 32, 36, 48, 80, 176, 208, 210, 212, 213, 304, 308]

function randomNumbers(from: number): (below: number) => number {
  let state = from >>> 0 || 1
  return below => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

const random = randomNumbers(seed)
const pick = <T>(choices: readonly T[]): T => choices[random(choices.length)] as T

const BASES = [
  anImage({ length: 1200 }),
  anImage({ length: 1200, hash: false }),
  anImage({ chip: 'esp32c6', length: 1500, mmuPageSize: 0x8000 }),
  anImage({ chip: 'esp32p4' }),
  anImage({ chip: 'esp8266', length: 1200 }),
  aBootloader({ chip: 'esp32c3' }),
  aMergedImage({ chip: 'esp32s3' }),
  aPartitionTable(),
  Buffer.alloc(4096, 0xff),
  Buffer.from(filled(2000, 1))
]

const CHANGES: readonly ((file: Buffer) => Buffer)[] = [
  file => written(file, pick(FIELDS), pick([...EDGES, ...MORE_EDGES]), 4),
  file => written(file, pick(FIELDS), random(256), 1),
  file => written(file, random(file.length + 1), pick(EDGES), 4),
  file => written(file, random(file.length + 1), random(256), 1),
  file => file.subarray(0, random(file.length + 1)),
  file => file.subarray(0, random(40)),
  file => Buffer.concat([file, filled(random(5000), random(1000))]),
  file => Buffer.concat([file, Buffer.alloc(random(5000), pick([0, 0xff, 0xe7]))]),
  file => Buffer.concat([file.subarray(random(64)), file]),
  file => written(file, 0, pick([0xe9, 0xea, 0xaa, 0xeb, 0x78, 0x7b]), 1),
  file => resealedWherePossible(file)
]

function written(file: Buffer, offset: number, value: number, width: 1 | 4): Buffer {
  const copy = Buffer.from(file)
  if (offset + width > copy.length) return copy
  return width === 1 ? withUInt8(copy, offset, value & 0xff) : withUInt32(copy, offset, value)
}

function withUInt8(file: Buffer, offset: number, value: number): Buffer {
  file.writeUInt8(value, offset)
  return file
}

function withUInt32(file: Buffer, offset: number, value: number): Buffer {
  file.writeUInt32LE(value, offset)
  return file
}

function resealedWherePossible(file: Buffer): Buffer {
  try {
    return resealed(file)
  } catch {
    return file
  }
}

function hostileFile(): Buffer {
  let file = pick(BASES)
  for (let changes = 1 + random(4); changes > 0; changes--) file = pick(CHANGES)(file)
  // Anywhere in a larger buffer, as files read into a pool lie.
  const offset = random(4)
  const pool = Buffer.alloc(file.length + offset)
  file.copy(pool, offset)
  return pool.subarray(offset)
}

function someContext(): ImageContext {
  return {
    ...(random(2) === 0 ? {} : { chip: pick(CHIP_NAMES) }),
    ...(random(2) === 0 ? {} : { slotSize: pick([0, 1024, 1200, 0x100000]) })
  }
}

describe('hostile files', () => {
  it(`make the judge neither throw nor contradict itself (${CASES} cases, seed ${seed})`, () => {
    for (let index = 0; index < CASES; index++) {
      const file = hostileFile()
      const before = Buffer.from(file)
      const context = someContext()
      const verdict = verifyImage(file, context)
      const name = `case ${index} of seed ${seed}`
      expect(verdict.verdict === 'reject', name).toBe(!verdict.problems.every(isWarning))
      for (const problem of verdict.problems) expect(explainProblem(problem), name).not.toMatch(/undefined|NaN|^$/)
      expect(file.equals(before), `${name} leaves the file alone`).toBe(true)
      expect(() => JSON.stringify(verdict), name).not.toThrow()
    }
  }, 60_000)

  it('that announce enormous segments are judged without reading or allocating that much', () => {
    const file = anImage({ chip: 'esp32s3', length: 1200 })
    file.writeUInt32LE(0xfffffff8, 28)
    const startedAt = performance.now()
    for (let round = 0; round < 1000; round++) verifyImage(file)
    expect(performance.now() - startedAt).toBeLessThan(2000)
  })
})
