import { createHash } from 'node:crypto'
import { setImmediate as breathe } from 'node:timers/promises'

/** The digests of an artifact that clients ask for, lower-case hexadecimal. */
export interface Digests {
  readonly sha256: string
  readonly md5: string
  readonly sha512: string
}

/** Between two slices of this length others get their turn: a large image must not hold up the first bytes of a download. */
const SLICE = 1024 * 1024

/** All digests of some bytes, in one pass. */
export async function computeDigests(bytes: Buffer): Promise<Digests> {
  const sha256 = createHash('sha256')
  const md5 = createHash('md5')
  const sha512 = createHash('sha512')
  for (let offset = 0; offset < bytes.length; offset += SLICE) {
    if (offset > 0) await breathe()
    const slice = bytes.subarray(offset, offset + SLICE)
    for (const hash of [sha256, md5, sha512]) hash.update(slice)
  }
  return { sha256: sha256.digest('hex'), md5: md5.digest('hex'), sha512: sha512.digest('hex') }
}
