import type { KeptRelease, NameReleases } from '../answers.js'
import { dateAndTime, fileSize, printable, shortDigest } from '../words.js'
import { drawTable } from './table.js'

const HEADER = ['NAME', '#', 'VERSION', 'DIGEST', 'SIZE', 'PUBLISHED', 'STATE', 'PINNED DEVICES']

/** The releases of names as a table, the newest build of each first. */
export function writeReleases(names: readonly NameReleases[]): string {
  if (names.length === 0) return 'no release is kept yet\n'
  return drawTable(
    HEADER,
    names.flatMap(({ releases }) => releases.map(rowOf))
  )
}

function rowOf({ name, number, version, digest, size, publishedAt, state, pinnedDevices }: KeptRelease): string[] {
  return [
    printable(name),
    `#${number}`,
    printable(version) || '-',
    shortDigest(digest),
    fileSize(size),
    dateAndTime(Date.parse(publishedAt)),
    STATES[state],
    pinnedDevices.map(printable).join(' ')
  ]
}

const STATES: Readonly<Record<KeptRelease['state'], string>> = {
  current: 'current',
  'set-aside': 'set aside',
  kept: 'kept'
}
