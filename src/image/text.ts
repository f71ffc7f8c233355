const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })

/**
 * Reads a NUL-terminated string out of a fixed field, at most the field's length. Nobody vouches for the field:
 * malformed UTF-8 becomes U+FFFD and control characters are dropped, so that the result may be shown and logged.
 */
export function readText(bytes: Uint8Array, offset: number, fieldLength: number): string {
  const field = bytes.subarray(offset, offset + fieldLength)
  const end = field.indexOf(0)
  const text = decoder.decode(end < 0 ? field : field.subarray(0, end))
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '')
}

/** Whether a field holds printable ASCII up to its first NUL, as every string that a build system wrote does. */
export function isPlainText(bytes: Uint8Array, offset: number, fieldLength: number): boolean {
  const field = bytes.subarray(offset, offset + fieldLength)
  for (const byte of field) {
    if (byte === 0) return true
    if (byte < 0x20 || byte > 0x7e) return false
  }
  return true
}

/** Whether these ASCII characters stand at an offset. */
export function textIsAt(bytes: Uint8Array, offset: number, text: string): boolean {
  if (offset + text.length > bytes.length) return false
  for (let index = 0; index < text.length; index++) {
    if (bytes[offset + index] !== text.charCodeAt(index)) return false
  }
  return true
}
