import type { EnvelopeFields } from './fields.js'
import type { Problem } from './problem.js'

/** A file around firmware, or a data partition, as far as it can be checked without a key or the firmware it is a patch for. */
export interface Envelope {
  readonly problems: readonly Problem[]
  readonly fields: EnvelopeFields | null
  /** What is inside, where that is an image in plain; absent where it is packed, encrypted or a patch, and stays unseen. */
  readonly payload?: Uint8Array
  /** Whether a digest in the file covers what is inside, and is right: the file says by itself that it is whole. */
  readonly isWhole: boolean
}

/** The reading of a file that has nothing to check from outside. */
export const OPAQUE: Envelope = { problems: [], fields: null, isWhole: false }
