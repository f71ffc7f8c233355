import type { RollbackFacts } from '../answers.js'
import type { DeviceEvent, LiveDownload, RunningRelease, VerdictKind } from '../devices/device-facts.js'
import { fileSize, percentOf, printable, shortDigest, timeLeft } from '../words.js'

/** How the page puts things, in text alone. */

/** Longer texts from outside are cut: a version has 31 characters, what fills a screen is no name. */
const LONGEST_TEXT = 200

/** Text from outside on one line, nothing in it that changes the order in which it is read, and not without end. */
export function foreign(text: string): string {
  const shown = printable(text.slice(0, LONGEST_TEXT))
  return text.length > LONGEST_TEXT ? `${shown}…` : shown
}

/** How a verdict looks: it goes well, on, wrong, or it is nothing to look twice at. */
export type Tone = 'good' | 'going' | 'odd' | 'bad' | 'plain'

export const TONES: Readonly<Record<VerdictKind, Tone>> = {
  downloading: 'going',
  stalled: 'odd',
  complete: 'good',
  cut: 'odd',
  resumed: 'going',
  restarted: 'odd',
  'sent-back': 'odd',
  'up-to-date': 'good',
  running: 'good',
  looping: 'bad',
  'rolled-back': 'bad',
  'no-room': 'bad',
  'not-found': 'bad',
  'not-allowed': 'bad',
  'handshake-failed': 'bad',
  silent: 'bad',
  seen: 'plain'
}

/** What happened, as it stands alone: the sentence of a failed handshake says only why. */
export function sentenceOf({ is, sentence }: Pick<DeviceEvent, 'is' | 'sentence'>): string {
  return foreign(is === 'handshake-failed' ? `handshake failed: ${sentence}` : sentence)
}

/** `61 % of 842 KiB, 120 KiB/s, 3 s left`. */
export function progressOf({ reached, size, rate, secondsLeft, isStalled }: LiveDownload): string {
  const done = `${percentOf(reached, size)} of ${fileSize(size)}`
  if (isStalled) return `${done}, takes nothing right now`
  const left = secondsLeft === null ? [] : [`${timeLeft(secondsLeft)} left`]
  return [done, `${fileSize(Math.round(rate))}/s`, ...left].join(', ')
}

/** How it is known what a device runs. */
export const RUNNING_SOURCES: Readonly<Record<RunningRelease['source'], string>> = {
  confirmed: 'it confirmed that',
  told: 'it says so',
  believed: 'it received it whole and came back'
}

/** Why it is not the newest build that is served, and until when. */
export function describeRollback({ setAside, hold }: RollbackFacts, name: string): string {
  const until = `until otad unpin ${foreign(name)}`
  if (setAside === null)
    return hold ? `Held: builds to come are kept back ${until}.` : 'Goes on with the next new build.'
  const { release, digest } = setAside
  const newest = release === null ? shortDigest(digest) : `${foreign(release.version)} (${shortDigest(digest)})`
  return hold
    ? `Rolled back and held: ${newest} is set aside, and every build to come is kept back, ${until}.`
    : `Rolled back: ${newest} is set aside until the next new build.`
}

/** `20 November 2046` in the language of the browser. */
export function dayOf(time: string): string {
  return new Date(time).toLocaleDateString(undefined, { dateStyle: 'long' })
}

/** Date and time in the language of the browser. */
export function momentOf(time: string): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
}
