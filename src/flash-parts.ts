import { computeDigests } from './releases/digests.js'
import type { FlashPart, FlashPlan } from './releases/flash.js'
import type { FoundFlash } from './watch/layout-flash.js'

/** What lies beside an app in flash: as its release tells it, and the bytes by digest. */
export interface DigestedFlash {
  readonly plan: FlashPlan | undefined
  readonly bytes: ReadonlyMap<string, Buffer>
}

/** Names the parts that were found by their digests. */
export async function digestFlash(found: FoundFlash | undefined): Promise<DigestedFlash> {
  if (found === undefined) return { plan: undefined, bytes: new Map() }
  const bytes = new Map<string, Buffer>()
  const parts: FlashPart[] = []
  for (const part of found.parts) {
    const { sha256: digest, md5, sha512 } = await computeDigests(part.bytes)
    bytes.set(digest, part.bytes)
    parts.push({
      name: part.name,
      kind: part.kind,
      offset: part.offset,
      size: part.bytes.length,
      digest,
      md5,
      sha512
    })
  }
  return { plan: { appOffset: found.appOffset, parts }, bytes }
}
