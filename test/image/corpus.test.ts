import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CHIP_NAMES, CHIPS, type ChipName, isChipName } from '../../src/image/chips.js'
import type { DeviceLine } from '../../src/image/device-lines.js'
import type { ImageContext, Verdict } from '../../src/image/verdict.js'
import { verifyImage } from '../../src/image/verify.js'
import { apply, type Operation } from './corpus-operations.js'

/*
 * Real images out of public repositories and damaged variants of them, each with the verdict that a reference model of the
 * format gave. The collection is too large for this repository and lies beside it, where there is one.
 */

interface Expectation {
  readonly kind: string
  readonly chip: ChipName | null
  readonly verdict: Verdict['verdict']
  readonly problems: readonly string[]
  readonly device: readonly DeviceLine[]
}

interface CorpusFile {
  readonly file: string
  readonly sha256: string
  readonly expect?: Expectation
  readonly fields?: object
}

interface ChipNumbers {
  readonly label: string
  readonly chipId: number | null
  readonly mapped: Readonly<Record<string, readonly [string, string]>>
  readonly ram: Readonly<Record<string, readonly [string, string]>>
  readonly bootloaderFlashOffset: number
  readonly mmuPageSizes: readonly number[]
  readonly maxFlashBytes: number
  readonly mappedTopIsPageTimes?: number
  readonly bootloaderRamStart?: string
  readonly bootloaderRamStartRevBelow3?: string
  readonly iramMinusDram?: string
}

interface Mutation {
  readonly id: string
  readonly why: string
  readonly base: string
  readonly ops: readonly Operation[]
  readonly options?: { readonly chip?: string; readonly partitionSize?: number }
  readonly sha256: string
  readonly expect: Expectation
}

const corpus = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url))
const isThere = existsSync(`${corpus}INDEX.json`)
const isRequired = process.env.REQUIRE_CORPUS === '1'

const files = isThere ? (readJson('INDEX.json') as { files: CorpusFile[] }).files : []
const mutations = isThere ? (readJson('mutations.json') as { mutations: Mutation[] }).mutations : []

it.runIf(isRequired)('has the corpus beside the project when it is required', () => {
  expect(files.filter(file => file.expect !== undefined).length).toBeGreaterThan(80)
  expect(mutations.length).toBeGreaterThan(80)
})

describe.skipIf(!isThere)('judges the corpus', () => {
  it.each(CHIP_NAMES)('by the same numbers of %s', name => {
    const { chips } = readJson('chips.json') as { chips: Record<string, ChipNumbers> }
    const known = chips[name]
    const chip = CHIPS[name]
    expect(chip.mapped).toEqual(parsedRanges(known?.mapped))
    expect(chip.ram).toEqual(parsedRanges(known?.ram))
    expect(chip).toMatchObject({
      label: known?.label,
      id: known?.chipId,
      bootloaderOffset: known?.bootloaderFlashOffset,
      pageSizes: known?.mmuPageSizes,
      flashLimit: known?.maxFlashBytes
    })
    expect(chip.bootloaderRamStart).toBe(parsed(known?.bootloaderRamStart))
    expect(chip.bootloaderRamStartBelowRevision3).toBe(parsed(known?.bootloaderRamStartRevBelow3))
    expect(chip.iramAboveDram).toBe(parsed(known?.iramMinusDram))
    expect(chip.mappedPageCount).toBe(known?.mappedTopIsPageTimes)
  })

  describe('files', () => {
    for (const { file, sha256, expect: expected, fields } of files) {
      if (expected === undefined) continue
      it(`${file} is ${expected.kind}: ${expected.verdict}`, () => {
        const bytes = readFileSync(corpus + file)
        expect(digestOf(bytes)).toBe(sha256)
        const verdict = verifyImage(bytes)
        expectVerdict(verdict, expected)
        expect(verdict.fields ?? {}).toEqual(fields ?? {})
      })
    }
  })

  describe('damaged and changed variants', () => {
    for (const mutation of mutations) {
      it(`${mutation.id} (${mutation.why}): ${mutation.expect.verdict}`, () => {
        const bytes = mutation.ops.reduce(apply, readFileSync(corpus + mutation.base))
        // Compressors differ in their output, and not in what it is.
        if (!mutation.ops.some(({ op }) => op === 'gzip')) expect(digestOf(bytes)).toBe(mutation.sha256)
        expectVerdict(verifyImage(bytes, contextOf(mutation)), mutation.expect)
      })
    }
  })
})

function expectVerdict(verdict: Verdict, expected: Expectation): void {
  expect({
    kind: verdict.kind,
    chip: verdict.chip,
    verdict: verdict.verdict,
    problems: verdict.problems.map(({ code }) => code),
    device: verdict.device.map((line, index) => cutToPrefix(line, expected.device[index]))
  }).toEqual(expected)
}

/** Where only the beginning of a line is foretold, only the beginning is compared. */
function cutToPrefix(line: DeviceLine, expected: DeviceLine | undefined): DeviceLine {
  return expected?.likely === true ? { ...line, text: line.text.slice(0, expected.text.length) } : line
}

function contextOf({ options = {} }: Mutation): ImageContext {
  const { chip, partitionSize } = options
  if (chip !== undefined && !isChipName(chip)) throw new Error(`the corpus names a chip that is not known: ${chip}`)
  return {
    ...(chip === undefined ? {} : { chip }),
    ...(partitionSize === undefined ? {} : { slotSize: partitionSize })
  }
}

function parsed(hex: string | undefined): number | undefined {
  return hex === undefined ? undefined : Number(hex)
}

function parsedRanges(ranges: ChipNumbers['ram'] = {}) {
  return Object.fromEntries(Object.entries(ranges).map(([name, pair]) => [name, pair.map(Number)]))
}

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(corpus + name, 'utf8'))
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
