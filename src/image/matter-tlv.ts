import { MATTER_TLV } from './layout.js'
import { viewOf } from './little-endian.js'

/** The members of a flat Matter TLV structure by their context tags. */
export interface MatterElements {
  readonly numbers: ReadonlyMap<number, number>
  readonly strings: ReadonlyMap<number, Uint8Array>
}

/**
 * Reads one flat TLV structure as an OTA header has it: unsigned numbers and strings under context tags. Undefined where anything
 * else stands or the bytes end first. The specification's other types have no place in this header.
 */
export function readMatterTlv(bytes: Uint8Array): MatterElements | undefined {
  const numbers = new Map<number, number>()
  const strings = new Map<number, Uint8Array>()
  if (bytes[0] !== MATTER_TLV.structure) return undefined
  let offset = 1
  while (offset < bytes.length) {
    const control = bytes[offset] ?? 0
    if (control === MATTER_TLV.end) return { numbers, strings }
    const tag = bytes[offset + 1]
    if ((control & MATTER_TLV.tagMask) !== MATTER_TLV.contextTag || tag === undefined) return undefined
    const type = control & MATTER_TLV.typeMask
    const number = readNumber(bytes, offset + 2, type % 4)
    if (number === undefined) return undefined
    offset += 2 + 2 ** (type % 4)
    switch (type - (type % 4)) {
      case MATTER_TLV.firstUnsigned:
        numbers.set(tag, number)
        break
      case MATTER_TLV.firstUtf8:
      case MATTER_TLV.firstOctets: {
        const string = bytes.subarray(offset, offset + number)
        if (string.length < number) return undefined
        strings.set(tag, string)
        offset += number
        break
      }
      default:
        return undefined
    }
  }
  return undefined
}

/** A number of 1, 2, 4 or 8 bytes; beyond 2^53 it is rounded, which no length in a file reaches. */
function readNumber(bytes: Uint8Array, offset: number, widthLog2: number): number | undefined {
  if (offset + 2 ** widthLog2 > bytes.length) return undefined
  const view = viewOf(bytes)
  if (widthLog2 === 0) return view.getUint8(offset)
  if (widthLog2 === 1) return view.getUint16(offset, true)
  return widthLog2 === 2 ? view.getUint32(offset, true) : Number(view.getBigUint64(offset, true))
}
