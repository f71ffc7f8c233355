import type { ChipName } from './chips.js'
import type { DeviceLine } from './device-lines.js'
import type { ImageFields } from './fields.js'
import type { Kind } from './kinds.js'
import type { Problem } from './problem.js'
import type { SignatureDemand, SignatureReport } from './signature.js'

/** What is known of the project and its device before the bytes are looked at. Nothing known is a legitimate answer. */
export interface ImageContext {
  /** The project's chip; an image for another one is refused (`chip-mismatch`). */
  readonly chip?: ChipName
  /** Length in bytes of the smallest OTA slot that the image has to fit (`too-large-for-partition`). */
  readonly slotSize?: number
  /** What the project demands of signatures, and whose; left out, none is asked for. */
  readonly signature?: SignatureDemand
  /**
   * Kinds of files that the project serves beside apps, out of SPECIAL_KINDS: each is checked as far as it can be from outside,
   * and then accepted.
   */
  readonly kinds?: readonly Kind[]
}

/**
 * What the judge says of one file. It is a judgement of form: an accepted image boots on a device of its chip. Who built it is
 * said only where the project demands signatures.
 */
export interface Verdict {
  /** `other-family` is a sound ESP8266 image: to be served only where the project is one for the ESP8266. */
  readonly verdict: 'accept' | 'reject' | 'other-family'
  /** What the file is, whether it may be served or not. */
  readonly kind: Kind
  /** The chip that the header names, or null where it names none that exists. */
  readonly chip: ChipName | null
  /** Everything that is wrong, in the order in which a device would meet it; `warn:` codes do not reject. */
  readonly problems: readonly Problem[]
  /** What a device of that chip prints when it is given this file; empty when it would boot it without complaint. */
  readonly device: readonly DeviceLine[]
  /** The parsed header, segments, descriptor and digests, as far as the bytes went; null where there is no structure to parse. */
  readonly fields: ImageFields | null
  /** What the project's keys say of the signature; null where none is asked for, and where no place for one could be found. */
  readonly signature: SignatureReport | null
  /**
   * True when the file says by itself that it is whole: its checksum and its appended SHA-256 match and it ends where the image ends.
   * Only such a file may be served before it has held still for a while.
   */
  readonly selfContained: boolean
}
