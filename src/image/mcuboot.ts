import { createHash } from 'node:crypto'
import type { Envelope } from './envelope.js'
import { MCUBOOT_IMAGE } from './layout.js'
import { viewOf } from './little-endian.js'
import type { Problem } from './problem.js'

/**
 * Reads an image for MCUboot: whether it is all there, whether Espressif's load header stands where the image begins, and the
 * digest in its trailer. MCUboot's own signatures are not looked at.
 */
export function readMcubootImage(bytes: Uint8Array): Envelope {
  const kind = 'mcuboot'
  const { headerLength, headerSize, protectedSize, imageSize, version, tlvInfoLength } = MCUBOOT_IMAGE
  const view = viewOf(bytes)
  const isDamaged: Problem = { code: 'envelope-damaged', kind, part: 'header' }
  if (bytes.length < headerLength) return { problems: [isDamaged], fields: null, isWhole: false }

  const start = view.getUint16(headerSize, true)
  const imageEnd = start + view.getUint32(imageSize, true)
  const hashedEnd = imageEnd + view.getUint16(protectedSize, true)
  const numbers = [view.getUint8(version), view.getUint8(version + 1), view.getUint16(version + 2, true)]
  const fields = {
    payloadLength: imageEnd - start,
    version: `${numbers.join('.')}+${view.getUint32(version + 4, true)}`
  }
  if (hashedEnd + tlvInfoLength > bytes.length) {
    const stated = hashedEnd + tlvInfoLength
    const problems: Problem[] = [{ code: 'envelope-length-mismatch', kind, stated, found: bytes.length }]
    return { problems, fields, isWhole: false }
  }
  const hasLoadHeader = imageEnd - start >= 4 && view.getUint32(start, true) === MCUBOOT_IMAGE.loadHeaderMagic
  const problems = [...(hasLoadHeader ? [] : [isDamaged]), ...digestProblems(bytes, hashedEnd)]
  return { problems, fields, isWhole: problems.length === 0 }
}

/** The digest over header, image and protected TLVs, which stands among the TLVs behind them. */
function digestProblems(bytes: Uint8Array, hashedEnd: number): Problem[] {
  const kind = 'mcuboot'
  const tlv = findDigest(bytes, hashedEnd)
  if (tlv === undefined) return [{ code: 'envelope-damaged', kind, part: 'digest' }]
  const calculated = createHash(tlv.algorithm).update(bytes.subarray(0, hashedEnd)).digest('hex')
  const found = Buffer.from(tlv.digest).toString('hex')
  return calculated === found ? [] : [{ code: 'payload-digest-mismatch', kind, calculated, found }]
}

function findDigest(bytes: Uint8Array, from: number) {
  const { tlvMagic, tlvInfoLength, tlvHeaderLength, digests } = MCUBOOT_IMAGE
  const view = viewOf(bytes)
  if (view.getUint16(from, true) !== tlvMagic) return undefined
  const end = Math.min(bytes.length, from + view.getUint16(from + 2, true))
  for (let offset = from + tlvInfoLength; offset + tlvHeaderLength <= end; ) {
    const length = view.getUint16(offset + 2, true)
    const known = digests[view.getUint16(offset, true)]
    const digest = bytes.subarray(offset + tlvHeaderLength, offset + tlvHeaderLength + length)
    if (known !== undefined && digest.length === known[1]) return { algorithm: known[0], digest }
    offset += tlvHeaderLength + length
  }
  return undefined
}
