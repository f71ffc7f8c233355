import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { CHIP_NAMES, CHIPS } from '../../src/image/chips.js'
import type { DeviceLine } from '../../src/image/device-lines.js'
import type { Verdict } from '../../src/image/verdict.js'
import { verifyImage } from '../../src/image/verify.js'
import {
  contextOf,
  type Expectation,
  files,
  isThere,
  mutated,
  mutations,
  readCorpusFile,
  readJson
} from './corpus-files.js'

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
  readonly flashFrequency?: Readonly<Record<string, readonly string[]>>
  readonly secureBoot?: readonly string[]
  readonly efuseKeyDigests?: number
}

const isRequired = process.env.REQUIRE_CORPUS === '1'

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
      flashLimit: known?.maxFlashBytes,
      signatureBlocks: known?.efuseKeyDigests ?? 3
    })
    expect(chip.bootloaderRamStart).toBe(parsed(known?.bootloaderRamStart))
    expect(chip.bootloaderRamStartBelowRevision3).toBe(parsed(known?.bootloaderRamStartRevBelow3))
    expect(chip.iramAboveDram).toBe(parsed(known?.iramMinusDram))
    expect(chip.mappedPageCount).toBe(known?.mappedTopIsPageTimes)
    // `v1-ecdsa-p256` is v1 here, since there is no other; the revision that an ESP32 needs for v2 no header can promise.
    const schemes = (known?.secureBoot ?? []).map(scheme => scheme.replace(/^v1-.*$/, 'v1').replace(/^v2-|\(.*$/g, ''))
    expect(chip.secureBoot).toEqual(schemes)
    if (known?.flashFrequency !== undefined) {
      for (const [nibble, speeds] of Object.entries(known.flashFrequency)) {
        expect(speeds).toContain(chip.flashSpeeds[Number(nibble)])
      }
    }
  })

  describe('files', () => {
    for (const { file, sha256, expect: expected, fields } of files) {
      if (expected === undefined) continue
      it(`${file} is ${expected.kind}: ${expected.verdict}`, () => {
        const bytes = readCorpusFile(file)
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
        const bytes = mutated(mutation)
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
    device: verdict.device.map((line, index) => comparable(line, expected.device[index]))
  }).toEqual(expected)
}

/** The corpus has the words of the current release only; and where only the beginning of a line is foretold, only that is compared. */
function comparable({ older, ...line }: DeviceLine, expected: DeviceLine | undefined): DeviceLine {
  return expected?.likely === true ? { ...line, text: line.text.slice(0, expected.text.length) } : line
}

function parsed(hex: string | undefined): number | undefined {
  return hex === undefined ? undefined : Number(hex)
}

function parsedRanges(ranges: ChipNumbers['ram'] = {}) {
  return Object.fromEntries(Object.entries(ranges).map(([name, pair]) => [name, pair.map(Number)]))
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
