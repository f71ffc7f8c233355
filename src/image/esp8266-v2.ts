import { crc32 } from './crc32.js'
import { type Esp8266Image, entryAt, readEsp8266Chain, readRamPart, trailingProblems } from './esp8266-ram-part.js'
import { ESP8266_IMAGE, IMAGE_HEADER, SEGMENT_HEADER } from './layout.js'
import { viewOf } from './little-endian.js'
import type { Problem } from './problem.js'

/** Version 2: the flash part under a header of its own, then an image of version 1 without it, then a CRC-32 over all. */
export function readVersion2(bytes: Uint8Array): Esp8266Image {
  const kind = 'esp8266-v2'
  const flashPart = ESP8266_IMAGE.headerLength + SEGMENT_HEADER.length
  if (bytes.length < flashPart) {
    const cut: Problem = { code: 'truncated-header', fileLength: bytes.length, headerLength: flashPart }
    return { kind, entryAddress: 0, segmentCount: 0, problems: [cut] }
  }
  const view = viewOf(bytes)
  const iromLength = view.getUint32(ESP8266_IMAGE.headerLength + SEGMENT_HEADER.dataLength, true)
  const count = view.getUint8(IMAGE_HEADER.segmentCount)
  const entryAddress = entryAt(bytes, 0)
  const countProblems: Problem[] =
    count === ESP8266_IMAGE.v2SegmentCount ? [] : [{ code: 'warn:v2-first-header-count', count }]
  const second = flashPart + iromLength
  const headerProblems = secondHeaderProblems(bytes, second)
  if (headerProblems.length > 0) {
    return { kind, entryAddress, segmentCount: 0, iromLength, problems: [...countProblems, ...headerProblems] }
  }
  const part = readRamPart(bytes, readEsp8266Chain(bytes, second))
  const image = {
    kind,
    entryAddress,
    segmentCount: bytes[second + IMAGE_HEADER.segmentCount] ?? 0,
    iromLength,
    ...part
  } as const
  if (part.checksum === undefined) return { ...image, problems: [...countProblems, ...part.problems] }
  return { ...image, ...readCrc(bytes, part.checksumEnd, [...countProblems, ...part.problems]) }
}

function secondHeaderProblems(bytes: Uint8Array, offset: number): Problem[] {
  if (offset + ESP8266_IMAGE.headerLength > bytes.length) return [{ code: 'bad-second-header', offset, found: null }]
  const found = bytes[offset] ?? 0
  return found === IMAGE_HEADER.magicByte ? [] : [{ code: 'bad-second-header', offset, found }]
}

function readCrc(bytes: Uint8Array, end: number, before: readonly Problem[]) {
  const wholeLength = end + ESP8266_IMAGE.crcLength
  if (wholeLength > bytes.length) {
    const cut: Problem = { code: 'truncated-checksum', wholeLength, fileLength: bytes.length }
    return { problems: [...before, cut] }
  }
  const calculated = bootLoaderCrc(bytes.subarray(0, end))
  const found = viewOf(bytes).getUint32(end, true)
  const crc32Valid = calculated === found
  const mismatch: Problem[] = crc32Valid ? [] : [{ code: 'crc32-mismatch', calculated, found }]
  return { crc32Valid, problems: [...before, ...mismatch, ...trailingProblems(bytes, wholeLength)] }
}

/** The boot loader's own idea of a CRC-32: esp8266_crc32 in esptool/bin_image.py. */
function bootLoaderCrc(bytes: Uint8Array): number {
  const crc = crc32(bytes)
  return crc >= 0x80000000 ? ~crc >>> 0 : crc + 1
}
