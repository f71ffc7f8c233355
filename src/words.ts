/** How otad writes quantities for people, the same way everywhere. */

/** `842 KiB`, `4.2 MiB`, `512 bytes`. */
export function fileSize(length: number): string {
  if (length < 1024) return `${length} bytes`
  const kib = length / 1024
  if (kib < 1024) return `${kib < 10 ? kib.toFixed(1) : Math.round(kib)} KiB`
  const mib = kib / 1024
  return `${mib < 100 ? mib.toFixed(1) : Math.round(mib)} MiB`
}

/** `12 ms`, `2.9 s`, `3 min 12 s`. */
export function spokenDuration(durationMs: number): string {
  if (durationMs < 100) return `${Math.ceil(durationMs)} ms`
  const seconds = durationMs / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
}

/** `3 s`, `2 min 5 s`, `3 h 20 min`: whole seconds, of something that goes on. */
export function timeLeft(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** `61 %`, rounded down: it says 100 only of the whole. */
export function percentOf(part: number, whole: number): string {
  return `${whole === 0 ? 0 : Math.floor((part / whole) * 100)} %`
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** `just now`, `3 minutes ago`, `2 hours ago`, `5 days ago`; of a time that lies ahead, since a clock was set, `just now` too. */
export function spokenAge(ageMs: number): string {
  if (ageMs < MINUTE_MS) return 'just now'
  if (ageMs < HOUR_MS) return `${counted(Math.floor(ageMs / MINUTE_MS), 'minute')} ago`
  if (ageMs < 2 * DAY_MS) return `${counted(Math.floor(ageMs / HOUR_MS), 'hour')} ago`
  return `${counted(Math.floor(ageMs / DAY_MS), 'day')} ago`
}

/** `1 download`, `2 downloads`. */
export function counted(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`
}

/** The first eight digits of a digest: enough to tell two builds apart at a desk. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 8)
}

/** `12:01:07`, in the time of this machine. */
export function clockTime(epochMs: number): string {
  const at = new Date(epochMs)
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(part => String(part).padStart(2, '0')).join(':')
}

/** `2026-11-20 12:01:07`, in the time of this machine. */
export function dateAndTime(epochMs: number): string {
  const at = new Date(epochMs)
  const date = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(part => String(part).padStart(2, '0')).join('-')
  return `${date} ${clockTime(epochMs)}`
}

/** Characters that could forge lines, drive a terminal, or change the order in which a text is read. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
/** The same in JSON, whose own line ends and escapes are as they should be. */
const UNPRINTABLE_IN_JSON = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** Text of unknown origin on one line: control characters, which could forge lines or drive a terminal, stand as escapes. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped)
}

/** What `--json` prints, over several lines: the same value for a program, and for a terminal as harmless as `printable`. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2).replace(UNPRINTABLE_IN_JSON, escaped)}\n`
}

/** The same on one line, without its end. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(UNPRINTABLE_IN_JSON, escaped)
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
