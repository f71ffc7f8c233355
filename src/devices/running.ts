import type { ReleaseMark } from './contact.js'
import type { DeviceRecord } from './device-record.js'

/** What can be known of the build that a device runs, where it says little or nothing of it. */

/** A device that has an image reads no more than its head, and leaves: whatever is cut sooner than this may be no more than a look. */
const LOOK_MS = 10_000
/** No device writes an image, restarts and is on the network again within this time. */
const RESTART_MS = 3_000

/** Whether a download that was cut is the look of a device that compares versions itself, and has this one. */
export function isLook(record: DeviceRecord, { digest }: ReleaseMark, durationMs: number): boolean {
  const { received, running } = record
  return (received?.digest === digest || running?.digest === digest) && durationMs < LOOK_MS
}

/** Whether a device has had the time to restart since it was handed an image. */
export function mayHaveRestarted({ received }: DeviceRecord, now: number): boolean {
  return received !== null && now - received.at >= RESTART_MS
}

/** Whether a device that does not take this release again runs it, as far as anybody can know: it was handed all of it, and did not say otherwise since. */
export function isBelieved({ received, running }: DeviceRecord, { name, digest }: ReleaseMark): boolean {
  if (received === null || received.name !== name || received.digest !== digest) return false
  if (running?.digest === digest) return false
  const isContradicted = running !== null && running.source !== 'believed' && running.at > received.at
  return !isContradicted
}

/** What a device says that it runs; the number of the build where it is one of otad's. */
export interface ConfirmedRelease extends ReleaseMark {
  readonly number: number | undefined
}

/**
 * Whether a device that says that it runs a release has gone back to it from the one that it was handed last: it ran that before, or it is an
 * earlier build. One that was flashed with something newer, or with something that nobody has heard of, has not.
 */
export function hasGoneBack(
  { received, running }: DeviceRecord,
  { name, digest, version, number }: ConfirmedRelease,
  receivedNumber: number | undefined
): boolean {
  if (received === null || received.name !== name || received.digest === digest) return false
  const ranItBefore =
    running !== null &&
    running.digest === digest &&
    running.version === version &&
    // What it confirms again has begun to run when it was confirmed first.
    running.at <= received.at
  return ranItBefore || (number !== undefined && receivedNumber !== undefined && number < receivedNumber)
}
