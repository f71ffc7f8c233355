import { FLASH } from './layout.js'
import { viewOf } from './little-endian.js'

/**
 * A file as it lies in an update slot that was erased as a whole: behind its last byte, 0xFF without end.
 * This is what a device goes on reading when the download was cut, and why its log then speaks of segment lengths.
 */
export interface ErasedFlash {
  byteAt(offset: number): number
  /** 32 bits, unsigned. */
  wordAt(offset: number): number
}

/** Puts a file into an erased slot, without copying it. */
export function onErasedFlash(bytes: Uint8Array): ErasedFlash {
  const view = viewOf(bytes)
  const byteAt = (offset: number) => bytes[offset] ?? FLASH.erasedByte
  return {
    byteAt,
    wordAt(offset) {
      if (offset + 4 <= bytes.length) return view.getUint32(offset, true)
      const [b0, b1, b2, b3] = [byteAt(offset), byteAt(offset + 1), byteAt(offset + 2), byteAt(offset + 3)]
      return (b0 | (b1 << 8) | (b2 << 16) | (b3 << 24)) >>> 0
    }
  }
}
