import { createHash } from 'node:crypto'
import { Compile } from 'typebox/compile'
import { expect, it } from 'vitest'
import { toJson } from '../../src/cli/report.js'
import { CHIP_NAMES } from '../../src/image/chips.js'
import type { EspImageFields } from '../../src/image/fields.js'
import { explainProblem, isWarning } from '../../src/image/problem.js'
import { isServable } from '../../src/image/servable.js'
import { SPECIAL_KINDS } from '../../src/image/special-kinds.js'
import { readTrustedKey } from '../../src/image/trusted-key.js'
import type { ImageContext, Verdict } from '../../src/image/verdict.js'
import { verifyImage } from '../../src/image/verify.js'
import { aBootloader, anImage, aPartitionTable, filled } from '../support/image-builder.js'
import {
  aBootloaderPlusImage,
  aDeltaPatch,
  aMatterOta,
  anEncryptedImage,
  anMcubootImage,
  anNvsPartition
} from '../support/image-builder-envelopes.js'
import { aSigningKey, signedV1, signedV2, withFooter, withPrefix } from '../support/image-builder-signatures.js'
import { VerdictSchema } from '../support/verdict-schema.js'
import { type Dice, mutate, rollDice } from './mutator.js'

/*
 * Many more files than hostile.test.ts has, and mutations that know the structure. Every case is made of the seed and its own
 * number: FUZZ_SEED and FUZZ_CASES choose other ones, and more. Only the bytes of signatures differ from run to run, since keys are
 * made anew; what fails is therefore printed whole.
 */
const seed = Number(process.env.FUZZ_SEED ?? 20260301)
const cases = Number(process.env.FUZZ_CASES ?? 20_000)

const app = anImage({ length: 1040 })
const rsa = aSigningKey('rsa3072')
const p256 = aSigningKey('ecdsa-p256')
const rsa2048 = aSigningKey('rsa2048')
const keys = [rsa, p256, rsa2048].flatMap(({ pem }) => readTrustedKey(pem) ?? [])

const images = [
  app,
  anImage({ length: 1100, seed: 5, idfVersion: 'v4.4.2' }),
  anImage({ chip: 'esp32s3', length: 1040 }),
  anImage({ chip: 'esp32c3', length: 1040, minEfuseBlockRevision: 1, maxEfuseBlockRevision: 199 }),
  anImage({ chip: 'esp32c6', length: 1200, mmuPageSize: 0x8000 }),
  anImage({ chip: 'esp32p4', length: 1040, descriptor: false })
]

const bases = [
  ...images,
  ...images,
  anImage({ length: 1040, hash: false }),
  anImage({ chip: 'esp8266', length: 1040 }),
  aBootloader({ chip: 'esp32c3' }),
  aPartitionTable(),
  aMatterOta(app),
  anMcubootImage({ codeLength: 300 }),
  aBootloaderPlusImage(2, filled(300, 1)),
  anEncryptedImage(300),
  aDeltaPatch(filled(32, 1)),
  anNvsPartition(1),
  signedV1(app, p256),
  signedV2(anImage({ chip: 'esp32c3', length: 1040 }), [rsa]),
  withFooter(app, rsa2048),
  withPrefix(app, rsa2048)
]

const schema = Compile(VerdictSchema)

function someContext(dice: Dice): ImageContext {
  const policies = ['off', 'off', 'off', 'if-present', 'required'] as const
  return {
    ...(dice.below(3) === 0 ? { chip: dice.pick(CHIP_NAMES) } : {}),
    ...(dice.below(3) === 0 ? { slotSize: dice.pick([0, 1024, 1100, 0x100000]) } : {}),
    ...(dice.below(2) === 0 ? { kinds: SPECIAL_KINDS } : {}),
    signature: { policy: dice.pick(policies), keys: dice.below(4) === 0 ? [] : keys }
  }
}

/** No file of this size has more to say. */
const LONGEST_VERDICT = 16 * 1024

/** What is wrong with a verdict as such, whatever the file was. */
function contradictions(verdict: Verdict, context: ImageContext): readonly string[] {
  const printed = JSON.stringify(toJson({ file: '', length: 0, verdict, neighbours: [] }))
  const isRefused = !verdict.problems.every(isWarning)
  const lines = verdict.problems.map(explainProblem)
  return [
    ...(printed.length > LONGEST_VERDICT ? ['a verdict without end'] : []),
    ...(schema.Check(JSON.parse(printed)) ? [] : [`no verdict by the schema: ${printed}`]),
    ...((verdict.verdict === 'reject') === isRefused ? [] : ['verdict and problems disagree']),
    ...(isRefused && isServable(verdict, context) ? ['what is refused is served'] : []),
    ...(lines.some(line => line === '' || line.length > 600 || /undefined|NaN/.test(line)) ? ['no sentence'] : []),
    ...(isUnsignedButServed(verdict, context) ? ['an unsigned file is served'] : [])
  ]
}

function isUnsignedButServed(verdict: Verdict, context: ImageContext): boolean {
  const isDemanded = context.signature?.policy === 'required' && isServable(verdict, context)
  return isDemanded && verdict.signature?.verdict !== 'verified'
}

/** The bytes that the hash of an accepted image covers, hash included; undefined where it is no such image. */
function hashedPart(bytes: Buffer, { verdict, kind, fields }: Verdict): Buffer | undefined {
  const { hashFlag, imageLength } = (fields ?? {}) as Partial<EspImageFields>
  if (verdict !== 'accept' || kind !== 'app' || hashFlag === undefined || hashFlag === 0) return undefined
  return bytes.subarray(0, imageLength)
}

function isHashed(image: Buffer): boolean {
  const digest = createHash('sha256').update(image.subarray(0, -32)).digest()
  return digest.equals(image.subarray(-32))
}

function fail(name: string, reason: string, bytes: Buffer): never {
  return expect.fail(`${name}: ${reason}\n${bytes.toString('base64')}`)
}

it(`the judge stands ${cases} mutated files (seed ${seed})`, { timeout: 600_000 }, () => {
  let accepted = 0
  for (let index = 0; index < cases; index++) {
    const dice = rollDice(seed + index)
    const context = someContext(dice)
    const { bytes, isResealed } = mutate(dice.pick(bases), dice)
    const name = `case ${index} of seed ${seed}`
    const verdict = verifyImage(bytes, context)
    // Asked once a case: two hundred thousand assertions would take longer than the judge does.
    const wrong = contradictions(verdict, context)
    if (wrong.length > 0) fail(name, wrong.join('; '), bytes)

    const hashed = hashedPart(bytes, verdict)
    if (hashed === undefined) continue
    accepted++
    if (!isHashed(hashed)) fail(name, 'accepted with a hash that is not right', bytes)
    if (!isResealed && !bases.some(base => base.subarray(0, hashed.length).equals(hashed))) {
      fail(name, 'a byte under the hash was changed, and the image was accepted', bytes)
    }
  }
  // Otherwise the mutations tear everything apart, and the last two questions are never asked.
  expect(accepted).toBeGreaterThan(cases / 200)
})
