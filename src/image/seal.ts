import { checksumOf, digestAt, endOfChecksum, sha256Of } from './integrity.js'
import { HASH_LENGTH } from './layout.js'
import type { Problem } from './problem.js'
import type { Segment, SegmentChain } from './segments.js'

/** What an image says of its own wholeness, beside what its bytes say. Digests are hexadecimal; absent is what the file ends before. */
export interface Seal {
  /** Behind the checksum byte: what the SHA-256 covers. */
  readonly end: number
  /** Header, segments, checksum block and hash. */
  readonly imageLength: number
  readonly checksum?: { readonly calculated: number; readonly found: number }
  readonly hash?: { readonly calculated: string; readonly found: string }
}

/** Reads checksum and appended SHA-256 behind the segments; undefined when these could not be followed to their end. */
export function readSeal(bytes: Uint8Array, chain: SegmentChain, hashAppended: boolean): Seal | undefined {
  if (chain.broken !== undefined) return undefined
  const end = endOfChecksum(chain.end)
  const imageLength = end + (hashAppended ? HASH_LENGTH : 0)
  if (end > bytes.length) return { end, imageLength }
  const checksum = readChecksum(bytes, chain.segments, end)
  if (!hashAppended || imageLength > bytes.length) return { end, imageLength, checksum }
  const hash = { calculated: sha256Of(bytes.subarray(0, end)), found: digestAt(bytes, end) }
  return { end, imageLength, checksum, hash }
}

/** What is wrong with the seal: where the file ends too early, then what does not match. */
export function sealProblems(bytes: Uint8Array, seal: Seal, hashAppended: boolean): Problem[] {
  const fileLength = bytes.length
  if (seal.checksum === undefined) return [{ code: 'truncated-checksum', wholeLength: seal.end, fileLength }]
  const problems: Problem[] = []
  if (hashAppended && seal.hash === undefined) {
    problems.push({ code: 'truncated-hash', wholeLength: seal.imageLength, fileLength })
  }
  if (!matches(seal.checksum)) problems.push({ code: 'checksum-mismatch', ...seal.checksum })
  if (seal.hash !== undefined && !matches(seal.hash)) problems.push({ code: 'hash-mismatch', ...seal.hash })
  if (!hashAppended) problems.push({ code: 'warn:no-hash' })
  return problems
}

/** Whether the file says by itself that it is whole: checksum and SHA-256 match, and nothing follows them. */
export function isSelfContained(bytes: Uint8Array, seal: Seal): boolean {
  const { checksum, hash, imageLength } = seal
  if (checksum === undefined || hash === undefined) return false
  return matches(checksum) && matches(hash) && bytes.length === imageLength
}

function readChecksum(bytes: Uint8Array, segments: readonly Segment[], end: number) {
  return { calculated: checksumOf(bytes, segments), found: bytes[end - 1] ?? 0 }
}

function matches<T>({ calculated, found }: { readonly calculated: T; readonly found: T }): boolean {
  return calculated === found
}
