import { deviceLog } from './device-log.js'
import type { ImageFields } from './fields.js'
import { kindOfForeignFile } from './foreign-kind.js'
import type { Kind } from './kinds.js'
import { USUAL_PAGE_SIZE } from './pages.js'
import { readPartitionTable } from './partition-table.js'
import type { Problem } from './problem.js'
import type { ImageContext, Verdict } from './verdict.js'

/** Judges a file that does not begin as an ESP image: always refused, and told what it is. */
export function judgeForeignFile(bytes: Uint8Array, context: ImageContext): Verdict {
  const { chip = null, slotSize } = context
  const kind = kindOfForeignFile(bytes)
  return {
    verdict: 'reject',
    kind,
    chip: null,
    problems: [problemOf(bytes, kind)],
    device: deviceLog(bytes, { chip, slotSize, pageSize: USUAL_PAGE_SIZE, seal: undefined }),
    fields: kind === 'partition-table' ? tableFields(bytes) : null,
    selfContained: false
  }
}

function problemOf(bytes: Uint8Array, kind: Kind): Problem {
  const [firstByte] = bytes
  return firstByte === undefined ? { code: 'empty-file' } : { code: 'not-an-esp-image', kind, firstByte }
}

function tableFields(bytes: Uint8Array): ImageFields {
  const { entries, md5, valid } = readPartitionTable(bytes)
  return { entries: entries.length, md5, valid }
}
