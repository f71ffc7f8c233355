import { createHash } from 'node:crypto'
import { crc32 } from './crc32.js'
import type { Envelope } from './envelope.js'
import { BOOTLOADER_PLUS } from './layout.js'
import { viewOf } from './little-endian.js'
import type { Problem } from './problem.js'
import { readText } from './text.js'

/**
 * Reads the header that esp-bootloader-plus expects in front of a compressed or delta image: its own CRC-32, then length and MD5
 * of what follows. That stays packed.
 */
export function readBootloaderPlusImage(bytes: Uint8Array): Envelope {
  const kind = 'esp-bootloader-plus'
  const layout = BOOTLOADER_PLUS
  const crcOffset = layout.headerCrc[bytes[layout.version] ?? 0]
  if (crcOffset === undefined || bytes.length < crcOffset + 4) {
    return { problems: [{ code: 'envelope-damaged', kind, part: 'header' }], fields: null, isWhole: false }
  }
  const view = viewOf(bytes)
  const payload = bytes.subarray(crcOffset + 4)
  const version = readText(bytes, layout.softwareVersion, layout.softwareVersionLength)
  const isHeaderRight = crc32(bytes.subarray(0, crcOffset)) === view.getUint32(crcOffset, true)
  const problems: Problem[] = isHeaderRight ? [] : [{ code: 'envelope-damaged', kind, part: 'header-crc' }]
  const stated = view.getUint32(layout.payloadLength, true)
  if (stated !== payload.length) {
    problems.push({ code: 'envelope-length-mismatch', kind, stated, found: payload.length })
  }
  const calculated = createHash('md5').update(payload.subarray(0, stated)).digest('hex')
  const found = Buffer.from(bytes.subarray(layout.md5, layout.md5 + layout.md5Length)).toString('hex')
  if (calculated !== found) problems.push({ code: 'payload-digest-mismatch', kind, calculated, found })
  return { problems, fields: { version, payloadLength: stated }, isWhole: problems.length === 0 }
}
