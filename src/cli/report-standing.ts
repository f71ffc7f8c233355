import type { ReleaseFacts } from '../answers.js'
import { needsAPerson } from '../devices/attention.js'
import type { DeviceHistory } from '../devices/device-facts.js'
import { dateAndTime, printable } from '../words.js'
import { describeEvent, KNOWN_BY, stepOf } from './device-words.js'
import { nameRelease } from './report-status.js'
import type { Arrived, Standing, Unsaid, Wanted } from './standing.js'

/** How `otad wait` puts how far a device is. */

/** `hello_world.bin 1.4.2 (4c1d9e02, #7)`. */
export function nameWanted(release: ReleaseFacts): string {
  return `${printable(release.name)} ${nameRelease(release)}`
}

/** Where it is on its way; another line when it has come further. */
export function describeStanding(standing: Standing, wanted: Wanted, since: number): string {
  const who = printable(wanted.device)
  switch (standing.is) {
    case 'unserved':
      return `nothing is served as ${printable(wanted.name)}: waits for a build`
    case 'unseen':
      return `${who} has not come yet`
    case 'behind':
      return `${who}  ${describeLast(standing.device, since)}`
    case 'received':
      return `${who}  ${describeLast(standing.device, since)}; waits for it to say that it runs: GET /${printable(wanted.name)}/ok?sha=… or HTTPUpdate's headers`
    case 'runs':
      return describeResult(standing, wanted)
  }
}

/** That it has come to what was waited for. */
export function describeResult({ is, release, device }: Arrived, wanted: Wanted): string {
  const who = printable(wanted.device)
  if (is === 'received') return `${who}  was handed ${nameWanted(release)} whole`
  return `${who}  runs ${nameWanted(release)}: ${KNOWN_BY[device.running?.source ?? 'told']}`
}

/** What a person should do about it now; undefined where waiting is enough. */
export function fixFor({ device }: Standing): string | undefined {
  return device !== null && needsAPerson(device) && device.verdict?.fix ? printable(device.verdict.fix) : undefined
}

/** What it does now or did last, and when, unless that was since then (milliseconds since 1970). */
function describeLast({ verdict, downloads }: DeviceHistory, since: number): string {
  if (verdict === null) return 'has come'
  const progress = downloads.map(download => `, ${stepOf(download)}`).join('')
  const at = Date.parse(verdict.at)
  return `${describeEvent(verdict)}${progress}${at < since ? ` (${dateAndTime(at)})` : ''}`
}

/** Why it has not come to what was waited for, and the one thing to do. */
export function explainTimeout(
  standing: Unsaid,
  { name, device }: Wanted
): { readonly reason: string; readonly hint: string } {
  const fix = fixFor(standing)
  switch (standing.is) {
    case 'unserved':
      return {
        reason: `nothing is served as ${printable(name)}`,
        hint: 'otad status says why; build it, and the device gets it'
      }
    case 'unseen':
      return {
        reason: 'it has never come',
        hint: `otad devices lists those that have; does ${printable(device)} have the right URL, and ask it?`
      }
    case 'behind':
      return {
        reason: `last: ${describeLast(standing.device, Number.POSITIVE_INFINITY)}`,
        hint: fix ?? `otad devices ${printable(device)} has all that happened to it`
      }
    case 'received':
      return {
        reason: `last: ${describeLast(standing.device, Number.POSITIVE_INFINITY)}`,
        hint:
          fix ??
          `let it ask for /${printable(name)}/ok?sha=… once it runs (docs/devices.md), or take the download alone: --downloaded`
      }
  }
}
