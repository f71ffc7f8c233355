import { crc32 } from 'node:zlib'

/**
 * Lines of JSON, each behind its own CRC-32, for files that are only ever appended to: a line that was cut short by a crash, or damaged later, is
 * noticed and left out instead of believed.
 */

/** Eight hexadecimal digits and a space. */
const SEAL_LENGTH = 9

/** One line with its line end. */
export function sealLine(value: unknown): string {
  const json = JSON.stringify(value)
  return `${sealOf(json)} ${json}\n`
}

/** The value of a line without its line end; undefined where the line is not as it was written. */
export function openLine(line: Buffer): unknown {
  const json = line.subarray(SEAL_LENGTH)
  if (line.toString('latin1', 0, SEAL_LENGTH) !== `${sealOf(json)} `) return undefined
  try {
    return JSON.parse(json.toString('utf8'))
  } catch {
    // A seal can be right by chance over what is no JSON: nothing is.
    return undefined
  }
}

const sealOf = (json: string | Buffer): string => crc32(json).toString(16).padStart(8, '0')
