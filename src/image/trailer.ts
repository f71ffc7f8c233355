import type { ChipName } from './chips.js'
import type { TrailerFields } from './fields.js'
import { bytesAreAt, isFilledWith } from './filling.js'
import { ARDUINO_SIGNATURE, FLASH, SIGNATURE_V1, SMARTTHINGS_FOOTER } from './layout.js'
import { viewOf } from './little-endian.js'
import type { Problem } from './problem.js'
import { blockProblems, isSignatureSectorAt, readSignatureSector, signatureSectorOffset } from './signature-sector.js'

/** What follows an image, and what is wrong with it. */
export interface Trailer {
  readonly fields: TrailerFields
  readonly problems: readonly Problem[]
}

/**
 * Reads what follows an image: nothing, 0xFF padding, a signature of a known form, or bytes that nobody asked for.
 * Forms are recognised and checked for damage; whether a signature is right, verify-signature.ts tells those who have the key.
 */
export function readTrailer(bytes: Uint8Array, imageLength: number, chip: ChipName | null): Trailer {
  const trailing = bytes.length - imageLength
  if (trailing <= 0) return { fields: {}, problems: [] }
  const known =
    erased(bytes, imageLength) ??
    signatureV2(bytes, imageLength) ??
    smartThings(bytes, imageLength) ??
    signatureV1(bytes, imageLength, chip) ??
    arduino(bytes, imageLength)
  if (known === undefined) return { fields: { trailing }, problems: [{ code: 'warn:trailing-data', length: trailing }] }
  return { fields: { trailing, ...known.fields }, problems: known.problems }
}

function erased(bytes: Uint8Array, imageLength: number): Trailer | undefined {
  if (!isFilledWith(bytes, FLASH.erasedByte, imageLength)) return undefined
  return { fields: { padding: 'ff' }, problems: [] }
}

function signatureV2(bytes: Uint8Array, imageLength: number): Trailer | undefined {
  const sector = signatureSectorOffset(imageLength)
  if (!isSignatureSectorAt(bytes, sector)) return undefined
  const blocks = readSignatureSector(bytes, sector)
  return {
    fields: { signatureV2: blocks, signatureV2At: sector },
    problems: [...blocks.flatMap(blockProblems), ...strayBytes(bytes, sector + FLASH.sectorLength)]
  }
}

/** The device finds the footer from the end of the file, so that padding may stand before it: ota_util.c of the SmartThings SDK. */
function smartThings(bytes: Uint8Array, imageLength: number): Trailer | undefined {
  const { opening, closing, signatureLength, otherSignatureLengths } = SMARTTHINGS_FOOTER
  if (!bytesAreAt(bytes, bytes.length - closing.length, closing)) return undefined
  for (const length of [signatureLength, ...otherSignatureLengths]) {
    const at = bytes.length - closing.length - length - opening.length
    if (at < imageLength || !bytesAreAt(bytes, at, opening)) continue
    const lengthProblems: Problem[] =
      length === signatureLength ? [] : [{ code: 'signature-length-unexpected', length, expected: signatureLength }]
    return {
      fields: { smartthings: { at, signatureBytes: length } },
      problems: [...lengthProblems, ...strayBytes(bytes.subarray(0, at), imageLength)]
    }
  }
  return undefined
}

/** 68 bytes right behind the image, and up to 15 stray ones that secure padding explains: bootloader_support/src/esp32/secure_boot.c. */
function signatureV1(bytes: Uint8Array, imageLength: number, chip: ChipName | null): Trailer | undefined {
  const trailing = bytes.length - imageLength
  if (chip !== 'esp32' || trailing < SIGNATURE_V1.length || trailing > SIGNATURE_V1.longestTrailer) return undefined
  const version = viewOf(bytes).getUint32(imageLength, true)
  const start = imageLength + 4
  const end = imageLength + SIGNATURE_V1.length
  if (version !== SIGNATURE_V1.version) return undefined
  if (isFilledWith(bytes, 0, start, end) || isFilledWith(bytes, FLASH.erasedByte, start, end)) return undefined
  return { fields: { signatureV1: { at: imageLength, version } }, problems: [] }
}

/** One signature, zeros up to 512 bytes: tools/bin_signing.py of arduino-esp32. RSA has its key's length, ECDSA is DER. */
function arduino(bytes: Uint8Array, imageLength: number): Trailer | undefined {
  const block = bytes.subarray(imageLength)
  const { length, rsaLengths, derSequence, derHeaderLength, surelyNotZero } = ARDUINO_SIGNATURE
  if (block.length !== length || isFilledWith(block, 0)) return undefined
  const isWhole = (end: number): boolean => end < length && isFilledWith(block, 0, end)
  const derLength = block[0] === derSequence ? (block[1] ?? 0) + derHeaderLength : undefined
  // DER says its own length. A signature may end in a zero as in any other byte, but not in many of them.
  const signatureBytes =
    derLength !== undefined && isWhole(derLength)
      ? derLength
      : rsaLengths.find(end => isWhole(end) && !isFilledWith(block, 0, end - surelyNotZero, end))
  if (signatureBytes === undefined) return undefined
  return { fields: { arduino: { at: imageLength, signatureBytes } }, problems: [] }
}

function strayBytes(bytes: Uint8Array, from: number): Problem[] {
  if (isFilledWith(bytes, FLASH.erasedByte, from)) return []
  return [{ code: 'warn:trailing-data', length: bytes.length - from }]
}
