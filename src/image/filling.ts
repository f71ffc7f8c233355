/** Whether every byte of [from, to) has this value; true of an empty range, and the range ends where the bytes do. */
export function isFilledWith(bytes: Uint8Array, value: number, from = 0, to = bytes.length): boolean {
  const end = Math.min(to, bytes.length)
  for (let offset = from; offset < end; offset++) {
    if (bytes[offset] !== value) return false
  }
  return true
}

/** Whether exactly these bytes stand at an offset. */
export function bytesAreAt(bytes: Uint8Array, offset: number, expected: ArrayLike<number>): boolean {
  if (offset < 0 || offset + expected.length > bytes.length) return false
  for (let index = 0; index < expected.length; index++) {
    if (bytes[offset + index] !== expected[index]) return false
  }
  return true
}
