import { Compile } from 'typebox/compile'
import { describe, expect, it } from 'vitest'
import { toJson } from '../../src/cli/report.js'
import { SPECIAL_KINDS } from '../../src/image/special-kinds.js'
import { readTrustedKey } from '../../src/image/trusted-key.js'
import type { ImageContext, Verdict } from '../../src/image/verdict.js'
import { verifyImage } from '../../src/image/verify.js'
import { VerdictSchema } from '../support/verdict-schema.js'
import { files, isThere, mutated, mutations, readCorpusFile } from './corpus-files.js'

const schema = Compile(VerdictSchema)

const keys = isThere
  ? ['made-rsa3072', 'made-p256', 'made-rsa2048', 'esptool-p384'].flatMap(
      name => readTrustedKey(readCorpusFile(`keys/${name}.pub.pem`)) ?? []
    )
  : []

/** A project that asks for nothing, one that asks for everything, and one that serves every kind. */
const contexts: readonly ImageContext[] = [
  {},
  { chip: 'esp32c3', slotSize: 0x10000, signature: { policy: 'required', keys } },
  { kinds: SPECIAL_KINDS, signature: { policy: 'if-present', keys } }
]

function mistakes(file: string, verdict: Verdict): unknown {
  const printed = JSON.parse(
    JSON.stringify({ ...toJson({ file, length: 0, neighbours: [], verdict }), signature: verdict.signature })
  )
  return schema.Check(printed) ? [] : schema.Errors(printed)
}

describe.skipIf(!isThere)('the schema of a verdict holds for', () => {
  it.each(files.map(({ file }) => file))('%s', file => {
    const bytes = readCorpusFile(file)
    for (const context of contexts) expect(mistakes(file, verifyImage(bytes, context))).toEqual([])
  })

  it('every damaged variant of the corpus', () => {
    for (const mutation of mutations) {
      const bytes = mutated(mutation)
      for (const context of contexts)
        expect(mistakes(mutation.id, verifyImage(bytes, context)), mutation.id).toEqual([])
    }
  })
})

describe('the schema of a verdict refuses', () => {
  const printed = {
    ...toJson({ file: 'a.bin', length: 0, neighbours: [], verdict: verifyImage(Buffer.alloc(0)) }),
    signature: null
  }

  it('what no judge says', () => {
    expect(schema.Check(printed)).toBe(true)
    for (const [key, value] of [
      ['verdict', 'maybe'],
      ['kind', 'A kind'],
      ['chip', 'esp64'],
      ['problems', [{ code: 'not-a-code' }]],
      ['problems', [{ code: 'empty-file', more: 1 }]],
      ['fields', { secret: 1 }],
      ['more', 1]
    ] as const) {
      expect(schema.Check({ ...printed, [key]: value }), key).toBe(false)
    }
  })
})
