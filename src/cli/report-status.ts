import type { NameStatus, PinFacts, ReleaseFacts, RollbackFacts, Status } from '../answers.js'
import type { DeviceFacts } from '../devices/device-facts.js'
import { describeRelease } from '../releases/choose-release.js'
import { counted, dateAndTime, fileSize, printable, shortDigest, spokenAge } from '../words.js'
import { countDevices } from './report-devices.js'
import { alignRow } from './table.js'

/** What a running daemon does, as a page for people; `now` in milliseconds since 1970. */
export function writeStatus(status: Status, devices: readonly DeviceFacts[], now: number): string {
  const { version, origin, since, activeTransfers, names, pins } = status
  const startedAt = Date.parse(since)
  const width = Math.max(0, ...names.map(({ name }) => printable(name).length))
  const lines = [
    `otad ${printable(version)}   ${printable(origin)}`,
    `${status.status}, started ${spokenAge(now - startedAt)} (${dateAndTime(startedAt)}), ${
      activeTransfers === 0 ? 'no download' : counted(activeTransfers, 'download')
    } under way`,
    countDevices(devices),
    '',
    ...(names.length === 0 ? ['  nothing is served yet'] : names.flatMap(name => describeName(name, width, now)))
  ]
  if (pins.length > 0) lines.push('', '  pinned devices', ...describePins(pins))
  return `${lines.map(line => line.trimEnd()).join('\n')}\n`
}

function describeName({ name, current, refusal, rollback }: NameStatus, width: number, now: number): string[] {
  const served =
    current === null
      ? `not served: its file is ${refusal === null ? 'gone' : 'refused'}`
      : `${describeServed(current)}  published ${spokenAge(now - Date.parse(current.publishedAt))}`
  const lines = [`  ${printable(name).padEnd(width)}  ${served}`]
  if (rollback !== null) lines.push(`    ${describeRollback(rollback, name)}`)
  if (refusal === null) return lines
  lines.push(`    refused: ${printable(refusal.sentence)}   (${spokenAge(now - Date.parse(refusal.at))})`)
  if (refusal.device !== null) lines.push(`    a device would say: ${printable(refusal.device)}`)
  lines.push(current === null ? '    nothing is served under this name' : `    still serving ${nameRelease(current)}`)
  return lines
}

/** `1.4.2  esp32  842 KiB  4c1d9e02  #7`. */
function describeServed({ version, chip, size, digest, number }: ReleaseFacts): string {
  return [printable(version), chip ?? '', fileSize(size), shortDigest(digest), `#${number}`].filter(Boolean).join('  ')
}

/** What stands behind the current release, and until when. */
export function describeRollback({ setAside, hold }: RollbackFacts, name: string): string {
  const until = `until otad unpin ${printable(name)}`
  if (setAside === null) return hold ? `held: builds to come are kept back ${until}` : 'goes on with the next new build'
  const newest = setAside.release === null ? shortDigest(setAside.digest) : nameRelease(setAside.release)
  return hold
    ? `rolled back and held: ${newest} is set aside, and every build to come is kept back, ${until}`
    : `rolled back: ${newest} is set aside until the next new build`
}

/** `1.4.2 (4c1d9e02, #7)`. */
export function nameRelease(release: ReleaseFacts): string {
  return printable(describeRelease(release))
}

function describePins(pins: readonly PinFacts[]): string[] {
  const rows = pins.map(({ device, name, digest, release }) => [
    printable(device),
    printable(name),
    release === null ? `${shortDigest(digest)} is not kept any more: it is given the current one` : nameRelease(release)
  ])
  const widths = [0, 1].map(column => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows.map(row => `    ${alignRow(row, widths)}`)
}
