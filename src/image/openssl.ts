import type { KeyObject } from 'node:crypto'

/** OpenSSL throws at a point off its curve and at a modulus that is none: such bytes are no key. */
export function keyOrNothing(read: () => KeyObject): KeyObject | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** OpenSSL answers some signatures that cannot be right, and keys that cannot have made them, with an exception instead of no. */
export function isRight(verifies: () => boolean): boolean {
  try {
    return verifies()
  } catch {
    return false
  }
}
