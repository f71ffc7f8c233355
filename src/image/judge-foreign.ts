import { deviceLog } from './device-log.js'
import { kindOfForeignFile } from './foreign-kind.js'
import { judgeSpecialFile } from './judge-special.js'
import type { Kind } from './kinds.js'
import { USUAL_PAGE_SIZE } from './pages.js'
import { partitionTableFields } from './partition-table.js'
import type { Problem } from './problem.js'
import { isSpecial } from './special-kinds.js'
import { verifySpecialSignature } from './special-signature.js'
import type { ImageContext, Verdict } from './verdict.js'

/** Judges a file that does not begin as an ESP image: refused and told what it is, but for the kinds that the project asks for. */
export function judgeForeignFile(bytes: Uint8Array, context: ImageContext): Verdict {
  const { chip = null, slotSize } = context
  const kind = kindOfForeignFile(bytes)
  if (isSpecial(kind, context)) return judgeSpecialFile(bytes, kind, context)
  return {
    verdict: 'reject',
    kind,
    chip: null,
    problems: [problemOf(bytes, kind)],
    device: deviceLog(bytes, { chip, slotSize, pageSize: USUAL_PAGE_SIZE, seal: undefined }),
    fields: kind === 'partition-table' ? partitionTableFields(bytes) : null,
    signature: kind === 'signature-prefixed-app' ? verifySpecialSignature(bytes, kind, context) : null,
    selfContained: false
  }
}

function problemOf(bytes: Uint8Array, kind: Kind): Problem {
  const [firstByte] = bytes
  return firstByte === undefined ? { code: 'empty-file' } : { code: 'not-an-esp-image', kind, firstByte }
}
