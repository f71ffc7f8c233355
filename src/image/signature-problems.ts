import type { Problem } from './problem.js'
import type { SignatureDemand, SignatureReport } from './signature.js'

/** What the project's demand makes of a signature report; nothing where there is no report or nothing is demanded. */
export function signatureProblems(report: SignatureReport | null, demand: SignatureDemand | undefined): Problem[] {
  if (report === null || demand === undefined || demand.policy === 'off') return []
  switch (report.verdict) {
    case 'verified':
      return []
    case 'no-signature':
      return demand.policy === 'required' ? [{ code: 'signature-missing' }] : []
    case 'untrusted':
      return [{ code: 'signature-untrusted', keyDigests: untrustedDigests(report) }]
    case 'not-verified':
      return notVerified(report)
  }
}

function untrustedDigests({ blocks }: SignatureReport): readonly string[] {
  return blocks.flatMap(({ verdict, keyDigest }) => (verdict === 'untrusted' && keyDigest !== null ? [keyDigest] : []))
}

function notVerified({ scheme, blocks }: SignatureReport): Problem[] {
  if (scheme === null) return []
  // The block that came furthest tells most; where it is the chip that refuses, that is the thing to say.
  const block = blocks.find(({ verdict }) => verdict === 'unfit') ?? blocks.find(({ verdict }) => verdict !== 'unused')
  return [{ code: 'signature-not-verified', scheme, block: block?.verdict ?? null }]
}
