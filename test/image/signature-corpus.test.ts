import { describe, expect, it } from 'vitest'
import type { SignatureDemand, SignatureReport } from '../../src/image/signature.js'
import { readTrustedKey, type TrustedKey } from '../../src/image/trusted-key.js'
import { verifyImage } from '../../src/image/verify.js'
import { verifySignature } from '../../src/image/verify-signature.js'
import { contextOf, files, isThere, mutated, mutations, readCorpusFile } from './corpus-files.js'

/*
 * Signatures that espsecure and the tools of others made, with the public keys that go with them.
 */

const signedFiles = files.flatMap(({ file, verifiesWith }) =>
  verifiesWith === undefined ? [] : [{ file, verifiesWith }]
)
const keyFiles = [...new Set(signedFiles.map(({ verifiesWith }) => verifiesWith))]

function keyIn(file: string): TrustedKey {
  const key = readTrustedKey(readCorpusFile(file))
  if (key === undefined) throw new Error(`${file} is no key`)
  return key
}

function report(bytes: Uint8Array, keys: readonly TrustedKey[]): SignatureReport | null {
  return verifyImage(bytes, { signature: { policy: 'required', keys } }).signature
}

/** ESP32 bootloaders that espsecure signed for a test of its own, in schemes that no ESP32 checks. */
const UNFIT = /bootloader_signed_v2_ecdsa/

describe.skipIf(!isThere)('the signatures of the corpus', () => {
  it.each(signedFiles.filter(({ file }) => !UNFIT.test(file)))('$file verifies with $verifiesWith', signed => {
    const bytes = readCorpusFile(signed.file)
    expect(report(bytes, [keyIn(signed.verifiesWith)])).toMatchObject({ verdict: 'verified', key: 0 })
  })

  it.each(signedFiles.filter(({ file }) => UNFIT.test(file)))(
    '$file verifies with $verifiesWith on no ESP32',
    signed => {
      const bytes = readCorpusFile(signed.file)
      const keys = [keyIn(signed.verifiesWith)]
      expect(report(bytes, keys)).toMatchObject({ verdict: 'not-verified', blocks: [{ verdict: 'unfit' }] })
      const trailer = verifyImage(bytes).fields as Parameters<typeof verifySignature>[1]['trailer']
      expect(verifySignature(bytes, { trailer, chip: null, keys })).toMatchObject({ verdict: 'verified' })
    }
  )

  it.each(signedFiles)('$file verifies with no other key', ({ file, verifiesWith }) => {
    const bytes = readCorpusFile(file)
    const others = keyFiles.filter(key => key !== verifiesWith && !file.includes('two-keys'))
    const found = report(bytes, others.map(keyIn))
    expect(found?.verdict).toMatch(/^(untrusted|not-verified)$/)
    expect(found?.key).toBeNull()
  })

  it('both keys of an image with two blocks are good, in any place among others', () => {
    const bytes = readCorpusFile('made/signed-v2-rsa-two-keys-esp32s3.bin')
    const [first, second] = [keyIn('keys/made-rsa3072b.pub.pem'), keyIn('keys/made-rsa3072.pub.pem')]
    const stranger = keyIn('keys/esptool-rsa3072-stranger.pub.pem')
    expect(report(bytes, [stranger, second])).toMatchObject({
      verdict: 'verified',
      key: 1,
      blocks: [{ verdict: 'untrusted' }, { verdict: 'verified' }]
    })
    expect(report(bytes, [first, stranger])).toMatchObject({ verdict: 'verified', key: 0 })
    expect(report(bytes, [stranger])).toMatchObject({ verdict: 'untrusted', key: null })
  })

  it('a block counts for the digest of its key as for the key, whole or the half that an ESP32-C2 burns', () => {
    const bytes = readCorpusFile('made/signed-v2-p192-esp32c2.bin')
    const digest = '057cfd501a21f07c884e6253a81920cc1fbe377c6f7f12ba8bdb3f8fe041ab0f'
    const forms = [Buffer.from(digest), Buffer.from(digest, 'hex'), Buffer.from(digest.slice(0, 32))]
    for (const form of forms) expect(report(bytes, [readTrustedKey(form) as TrustedKey])?.verdict).toBe('verified')
    const other = Buffer.from(digest.replace('0', '1'))
    expect(report(bytes, [readTrustedKey(other) as TrustedKey])?.verdict).toBe('untrusted')
  })

  it('the digest of a key in PEM is the one that espsecure wrote into the block', () => {
    for (const { file, verifiesWith } of signedFiles) {
      const blocks = report(readCorpusFile(file), [])?.blocks ?? []
      if (blocks.length > 0) expect(blocks.map(({ keyDigest }) => keyDigest)).toContain(keyIn(verifiesWith).digest)
    }
  })
})

describe.skipIf(!isThere)('the damaged signatures of the corpus', () => {
  const signedMutations = mutations.filter(({ signature, key }) => signature !== undefined && key !== undefined)
  const expectedOf = (verdict: string | undefined) => (verdict === 'untrusted' ? 'not-verified' : verdict)

  it.each(signedMutations)('$id ($why): $signature', mutation => {
    const bytes = mutated(mutation)
    const demand = (policy: SignatureDemand['policy']) => ({
      ...contextOf(mutation),
      signature: { policy, keys: [keyIn(mutation.key ?? '')] }
    })
    // The corpus has one word for a signature that is wrong and for one that is a stranger's.
    const required = verifyImage(bytes, demand('required'))
    expect(expectedOf(required.signature?.verdict)).toBe(mutation.signature)
    expect(required.verdict).toBe('reject')

    const codes = required.problems.map(({ code }) => code)
    const added = codes.filter(code => !mutation.expect.problems.includes(code))
    expect(codes.filter(code => !added.includes(code))).toEqual(mutation.expect.problems)
    expect(added).toEqual([`signature-${mutation.signature === 'no-signature' ? 'missing' : added[0]?.slice(10)}`])

    const ifPresent = verifyImage(bytes, demand('if-present'))
    if (mutation.signature === 'no-signature') expect(ifPresent.verdict).toBe(mutation.expect.verdict)
    else expect(ifPresent.problems).toEqual(required.problems)
  })
})
