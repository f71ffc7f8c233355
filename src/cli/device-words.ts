import type { DeviceEvent, DeviceFacts, LiveDownload, RunningRelease, VerdictKind } from '../devices/device-facts.js'
import { calledOf } from '../devices/device-order.js'
import { fileSize, percentOf, printable, shortDigest, timeLeft } from '../words.js'

/** How the commands put what is known of a device. All of it can be printed as it is. */

/** What a device is called. */
export function nameDevice(device: Pick<DeviceFacts, 'label' | 'id'>): string {
  return printable(calledOf(device))
}

/** `hello_world.bin 1.4.2 (4c1d9e02)`, as far as it is known. */
export function nameBuild({ name, version, digest }: Pick<RunningRelease, 'name' | 'version' | 'digest'>): string {
  return printable([name, version, digest === null ? '' : `(${shortDigest(digest)})`].filter(Boolean).join(' '))
}

/** How it is known what a device runs. */
export const KNOWN_BY: Readonly<Record<RunningRelease['source'], string>> = {
  confirmed: 'it confirmed that',
  told: 'its update client says so',
  believed: 'it received that whole and came back'
}

/** What a sentence alone does not say. */
const LEADS: Readonly<Record<VerdictKind, string>> = {
  downloading: '',
  stalled: 'stalled',
  complete: 'complete',
  cut: '',
  resumed: 'resumed',
  restarted: 'restarted',
  'sent-back': '',
  'up-to-date': 'up to date',
  running: 'running',
  looping: 'looping',
  'rolled-back': 'rolled back',
  'no-room': 'no room',
  'not-found': 'not found',
  'not-allowed': 'not allowed',
  'handshake-failed': 'handshake failed',
  silent: 'silent',
  seen: ''
}

/** The verdict in a word or two: what a list of names has in parentheses. */
export function nameVerdict(is: VerdictKind): string {
  return LEADS[is] || is.replaceAll('-', ' ')
}

/** `handshake failed: it trusts another CA (3 times)`. */
export function describeEvent({ is, sentence, count }: DeviceEvent): string {
  const lead = LEADS[is] === '' ? '' : `${LEADS[is]}: `
  return `${lead}${printable(sentence)}${count > 1 ? ` (${count} times)` : ''}`
}

const BAR_LENGTH = 24

/** `██████──────  61 % of 842 KiB, 120 KiB/s, 3 s left`; the bar is full when everything is there, and not before. */
export function drawProgress({ reached, size, rate, secondsLeft, isStalled }: LiveDownload): string {
  const filled = size === 0 ? 0 : Math.min(BAR_LENGTH, Math.floor((reached / size) * BAR_LENGTH))
  const bar = '█'.repeat(filled) + '─'.repeat(BAR_LENGTH - filled)
  const done = `${bar}  ${percentOf(reached, size)} of ${fileSize(size)}`
  if (isStalled) return `${done}, takes nothing right now`
  const left = secondsLeft === null ? '' : `, ${timeLeft(secondsLeft)} left`
  return `${done}, ${fileSize(Math.round(rate))}/s${left}`
}

/** How far a download is, in steps that a line each is worth: `40 % of 842 KiB`. */
export function stepOf({ reached, size }: LiveDownload): string {
  const tenths = size === 0 ? 0 : Math.floor((reached / size) * 10)
  return `${tenths * 10} % of ${fileSize(size)}`
}
