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

/** The first eight digits of a digest: enough to tell two builds apart at a desk. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 8)
}

/** `12:01:07`, in the time of this machine. */
export function clockTime(epochMs: number): string {
  const at = new Date(epochMs)
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(part => String(part).padStart(2, '0')).join(':')
}

/** Text of unknown origin on one line: control characters, which could forge lines or drive a terminal, stand as escapes. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, character => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
