import type { Envelope } from './envelope.js'
import { isFilledWith } from './filling.js'
import { DELTA_PATCH, ENCRYPTED_IMAGE, HASH_LENGTH } from './layout.js'
import { viewOf } from './little-endian.js'

/** Reads an image of esp_encrypted_img: only its length can be checked by somebody without the key. */
export function readEncryptedImage(bytes: Uint8Array): Envelope {
  const kind = 'esp-encrypted-img'
  const { headerLength, plainLength } = ENCRYPTED_IMAGE
  if (bytes.length < headerLength) {
    return { problems: [{ code: 'envelope-damaged', kind, part: 'header' }], fields: null, isWhole: false }
  }
  const stated = viewOf(bytes).getUint32(plainLength, true)
  const found = bytes.length - headerLength
  return {
    problems: stated <= found ? [] : [{ code: 'envelope-length-mismatch', kind, stated, found }],
    fields: { payloadLength: stated },
    isWhole: false
  }
}

/** Reads a patch of esp_delta_ota: the hash in its header names the firmware that it can be applied to, and the rest stays unseen. */
export function readDeltaPatch(bytes: Uint8Array): Envelope {
  const { headerLength, baseDigest } = DELTA_PATCH
  const isHeader = bytes.length > headerLength && isFilledWith(bytes, 0, baseDigest + HASH_LENGTH, headerLength)
  if (!isHeader) {
    return {
      problems: [{ code: 'envelope-damaged', kind: 'esp-delta-ota', part: 'header' }],
      fields: null,
      isWhole: false
    }
  }
  const baseSha256 = Buffer.from(bytes.subarray(baseDigest, baseDigest + HASH_LENGTH)).toString('hex')
  return { problems: [], fields: { payloadLength: bytes.length - headerLength, baseSha256 }, isWhole: false }
}
