/** The bytes [start, end) of an artifact. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * What a Range header asks of `size` bytes: one range, cut to what there is; `unsatisfiable` for a start at or past the end, an inverted range and an
 * empty suffix; `whole` for everything that is to be ignored: no header, another unit, several ranges, anything malformed
 * (RFC 9110, 14.1.2 and 14.2; clients.md R17 to R21: ESP-IDF asks for one byte past the end, and takes a 200 to an inverted range for data).
 */
export function readRange(header: string | undefined, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/i.exec(header ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return 'whole'
  if (first === '') {
    const suffix = Number(last)
    if (suffix === 0) return 'unsatisfiable'
    return { start: Math.max(0, size - suffix), end: size }
  }
  const start = Number(first)
  const end = last === '' ? size : Math.min(Number(last) + 1, size)
  return start >= size || end <= start ? 'unsatisfiable' : { start, end }
}

/**
 * The first byte that one range asks for, and whether it names an end, without knowing the size: what a client has of a build goes by these.
 * Undefined for everything that is no such range, an answer from the last byte backwards included.
 */
export function readAskedRange(
  header: string | undefined
): { readonly start: number; readonly hasEnd: boolean } | undefined {
  const [, first = '', last = ''] = /^bytes=(\d+)-(\d*)$/i.exec(header ?? '') ?? []
  return first === '' ? undefined : { start: Number(first), hasEnd: last !== '' }
}
