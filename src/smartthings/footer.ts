import { bytesAreAt } from '../image/filling.js'
import { SMARTTHINGS_FOOTER } from '../image/layout.js'

const { opening, closing, signatureLength } = SMARTTHINGS_FOOTER

/** Bytes that the device takes off the end of what it downloads: ota_util.c, OTA_DEFAULT_SIGNATURE_BUF_SIZE. */
const FOOTER_LENGTH = opening.length + signatureLength + closing.length

/** A signature with what the device looks for in front of it and behind it (image-format.md 5.3). */
export function writeFooter(signature: Uint8Array): Buffer {
  if (signature.length !== signatureLength)
    throw new RangeError(`a signature of ${signature.length} bytes, where devices look for ${signatureLength}`)
  return Buffer.concat([Buffer.from(opening), signature, Buffer.from(closing)])
}

/** What a signed file consists of. */
export interface Signed {
  readonly image: Uint8Array
  readonly signature: Uint8Array
}

/**
 * Takes a signed file apart, as the device does: by the last bytes of the file, whatever stands before them. Undefined for a file that is not signed.
 * All of the footer is compared: firmware_sign.py looks for 0xFFFFFFFF at the end, and takes every padded image for signed.
 */
export function readSigned(file: Uint8Array): Signed | undefined {
  const at = file.length - FOOTER_LENGTH
  if (at <= 0 || !bytesAreAt(file, at, opening)) return undefined
  if (!bytesAreAt(file, file.length - closing.length, closing)) return undefined
  const start = at + opening.length
  return { image: file.subarray(0, at), signature: file.subarray(start, start + signatureLength) }
}
