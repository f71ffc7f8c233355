import type { BlockScheme } from './chips.js'
import type { TrustedKey } from './trusted-key.js'

/** What the project asks of signatures: nothing, that those which are there be right, or that there be one. */
export interface SignatureDemand {
  readonly policy: 'off' | 'if-present' | 'required'
  /** Whose signatures count. With no key at all no signature is anybody's. */
  readonly keys: readonly TrustedKey[]
}

/** The forms of signature that are known here, by who looks for them. */
export type SignatureScheme = 'secure-boot-v1' | 'secure-boot-v2' | 'smartthings' | 'esp32fota' | 'arduino'

/**
 * What the checks of one block of Secure Boot v2 came to, in their order, each one the last that was made: `unused` where the chip
 * looks at the first block only, `damaged` by its CRC-32, `unknown-version`, `other-content` by its digest, `unfit` for the chip,
 * `wrong` by the key in it, `untrusted` where that key is none of the project's.
 */
export type BlockVerdict =
  | 'unused'
  | 'damaged'
  | 'unknown-version'
  | 'other-content'
  | 'unfit'
  | 'wrong'
  | 'untrusted'
  | 'verified'

/** One block of a Secure Boot v2 signature, judged. */
export interface SignatureBlockReport {
  readonly index: number
  readonly verdict: BlockVerdict
  /** Null where version or curve are not known. */
  readonly scheme: BlockScheme | null
  /** SHA-256 of the public key's fields, as eFuses hold it; null where the scheme is not known. */
  readonly keyDigest: string | null
}

/** What the project's keys say of a file's signature. */
export interface SignatureReport {
  /** Null where there is no signature of a known form. */
  readonly scheme: SignatureScheme | null
  /**
   * `verified` by one of the keys; `untrusted` where it is right by the key that lies in it, which is none of the project's (only
   * Secure Boot v2 carries its key); `not-verified` where no key makes it right; `no-signature`.
   */
  readonly verdict: 'verified' | 'untrusted' | 'not-verified' | 'no-signature'
  /** Which of the keys verified it, counted from 0 in the order of `SignatureDemand.keys`; null where none did. */
  readonly key: number | null
  /** The blocks of Secure Boot v2 that have their magic byte; other forms have none. */
  readonly blocks: readonly SignatureBlockReport[]
}

/** The report on a file that carries no signature of a known form. */
export const NO_SIGNATURE: SignatureReport = { scheme: null, verdict: 'no-signature', key: null, blocks: [] }
