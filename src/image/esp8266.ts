import { CHIPS } from './chips.js'
import { type Esp8266Image, entryAt, readEsp8266Chain, readRamPart, trailingProblems } from './esp8266-ram-part.js'
import { readVersion2 } from './esp8266-v2.js'
import { digestAt, sha256Of } from './integrity.js'
import { ESP8266_IMAGE, HASH_LENGTH, IMAGE_HEADER } from './layout.js'
import { viewOf } from './little-endian.js'
import type { Problem } from './problem.js'
import type { SegmentChain } from './segments.js'

/**
 * Whether a file is an image of the ESP8266. Version 2 has a magic byte of its own; the others share theirs with the ESP32 family,
 * where the first load address of an ESP8266 image would be pin drives that no ESP32 can have.
 */
export function isEsp8266Image(bytes: Uint8Array): boolean {
  if (bytes[IMAGE_HEADER.magic] === ESP8266_IMAGE.v2MagicByte) return true
  if (bytes[IMAGE_HEADER.magic] !== IMAGE_HEADER.magicByte || bytes.length < ESP8266_IMAGE.shortestRecognised)
    return false
  const { mapped, ram } = CHIPS.esp8266
  const address = viewOf(bytes).getUint32(ESP8266_IMAGE.firstLoadAddress, true)
  return [...Object.values(mapped), ...Object.values(ram)].some(([low, high]) => address >= low && address < high)
}

/** Reads an ESP8266 image of any version; the file has to be one by isEsp8266Image. */
export function readEsp8266Image(bytes: Uint8Array): Esp8266Image {
  return bytes[IMAGE_HEADER.magic] === ESP8266_IMAGE.v2MagicByte ? readVersion2(bytes) : readVersion1Or3(bytes)
}

function readVersion1Or3(bytes: Uint8Array): Esp8266Image {
  const chain = readEsp8266Chain(bytes, 0)
  const kind = holdsMappedCode(bytes, chain) ? 'esp8266-v3' : 'esp8266-v1'
  const part = readRamPart(bytes, chain)
  const image = {
    kind,
    entryAddress: entryAt(bytes, 0),
    segmentCount: bytes[IMAGE_HEADER.segmentCount] ?? 0,
    ...part
  } as const
  if (part.checksum === undefined) return image
  if (kind === 'esp8266-v1') {
    return { ...image, problems: [...part.problems, ...trailingProblems(bytes, part.checksumEnd)] }
  }
  return { ...image, ...readHash(bytes, part.checksumEnd, part.problems) }
}

/** The SHA-256 of version 3 is always there, without a flag that says so. */
function readHash(bytes: Uint8Array, end: number, before: readonly Problem[]) {
  const wholeLength = end + HASH_LENGTH
  if (wholeLength > bytes.length) {
    const cut: Problem = { code: 'truncated-hash', wholeLength, fileLength: bytes.length }
    return { problems: [cut, ...before] }
  }
  const calculated = sha256Of(bytes.subarray(0, end))
  const found = digestAt(bytes, end)
  const sha256Valid = calculated === found
  const mismatch: Problem[] = sha256Valid ? [] : [{ code: 'hash-mismatch', calculated, found }]
  return { sha256Valid, problems: [...before, ...mismatch, ...trailingProblems(bytes, wholeLength)] }
}

/** Only version 3 has a segment for the flash cache among the others, and it comes first: even a cut file shows it. */
function holdsMappedCode(bytes: Uint8Array, { segments }: SegmentChain): boolean {
  const first = viewOf(bytes).getUint32(ESP8266_IMAGE.firstLoadAddress, true)
  const ranges = Object.values(CHIPS.esp8266.mapped)
  return [first, ...segments.map(({ loadAddress }) => loadAddress)].some(address =>
    ranges.some(([low, high]) => address >= low && address < high)
  )
}
