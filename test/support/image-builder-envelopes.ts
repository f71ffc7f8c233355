/**
 * Puts built images into the files that other ways of updating want around them: Matter, MCUboot, esp-bootloader-plus,
 * esp_encrypted_img, esp_delta_ota. All are valid until a test breaks one thing.
 */
import { createHash } from 'node:crypto'
import { crc32 } from '../../src/image/crc32.js'
import { filled } from './image-builder.js'

/** A Matter OTA file as ota_image_tool.py writes it, with the digest of type 1, SHA-256. */
export function aMatterOta(payload: Uint8Array, version = '1.1'): Buffer {
  const digest = createHash('sha256').update(payload).digest()
  const size = Buffer.alloc(4)
  size.writeUInt32LE(payload.length)
  const tlv = Buffer.concat([
    Buffer.from([0x15, 0x25, 0, 0xf1, 0xff, 0x25, 1, 0, 0x80, 0x24, 2, 2, 0x2c, 3, version.length]),
    Buffer.from(version),
    Buffer.from([0x26, 4]),
    size,
    Buffer.from([0x24, 8, 1, 0x30, 9, digest.length]),
    digest,
    Buffer.from([0x18])
  ])
  const header = Buffer.alloc(16)
  header.writeUInt32LE(0x1beef11e, 0)
  header.writeBigUInt64LE(BigInt(16 + tlv.length + payload.length), 4)
  header.writeUInt32LE(tlv.length, 12)
  return Buffer.concat([header, tlv, payload])
}

/** An image for MCUboot as imgtool writes it for an ESP32: header, load header, code, TLVs with the SHA-256. */
export function anMcubootImage({ protectedTlv = false, codeLength = 2048 } = {}): Buffer {
  const header = Buffer.alloc(0x20)
  const body = Buffer.concat([Buffer.alloc(0x20), filled(codeLength, 7)])
  body.writeUInt32LE(0xace637d3, 0)
  const guarded = protectedTlv ? Buffer.from('08690c005000040001020304', 'hex') : Buffer.alloc(0)
  header.writeUInt32LE(0x96f3b83d, 0)
  header.writeUInt16LE(header.length, 8)
  header.writeUInt16LE(guarded.length, 10)
  header.writeUInt32LE(body.length, 12)
  header.set([1, 2, 3, 0, 4, 0, 0, 0], 20)
  const hashed = Buffer.concat([header, body, guarded])
  const digest = createHash('sha256').update(hashed).digest()
  const tlvs = Buffer.concat([Buffer.from([0x07, 0x69, 4 + 4 + 32 + 4 + 4, 0]), Buffer.from([1, 0, 4, 0, 9, 9, 9, 9])])
  return Buffer.concat([hashed, tlvs, Buffer.from([0x10, 0, 32, 0]), digest])
}

/** A header of esp-bootloader-plus before something that only looks packed. */
export function aBootloaderPlusImage(headerVersion: 1 | 2 = 2, payload: Uint8Array = filled(1500, 3)): Buffer {
  const crcOffset = headerVersion === 1 ? 76 : 84
  const header = Buffer.alloc(crcOffset + 4)
  header.write('ESP\0', 'latin1')
  header.writeUInt8(headerVersion, 4)
  header.writeUInt8(1, 5)
  header.write('2.0.0', 8)
  header.writeUInt32LE(payload.length, 40)
  createHash('md5').update(payload).digest().copy(header, 44)
  header.writeUInt32LE(crc32(header.subarray(0, crcOffset)), crcOffset)
  return Buffer.concat([header, payload])
}

/** The outside of an image of esp_encrypted_img: nobody without the key can tell that nothing is in it. */
export function anEncryptedImage(plainLength = 2000): Buffer {
  const header = Buffer.alloc(512)
  header.writeUInt32LE(0x0788b6cf, 0)
  header.set(filled(400, 5), 4)
  header.writeUInt32LE(plainLength, 404)
  header.set(filled(16, 6), 408)
  return Buffer.concat([header, filled(plainLength, 8)])
}

/** A patch of esp_delta_ota for the firmware that ends with this SHA-256. */
export function aDeltaPatch(baseSha256: Uint8Array): Buffer {
  const header = Buffer.alloc(64)
  header.writeUInt32LE(0xfccdde10, 0)
  header.set(baseSha256, 4)
  return Buffer.concat([header, filled(900, 9)])
}

/** An NVS partition with some pages in use and an erased one behind them. */
export function anNvsPartition(usedPages = 2): Buffer {
  const partition = Buffer.alloc((usedPages + 1) * 0x1000, 0xff)
  for (let index = 0; index < usedPages; index++) {
    const page = partition.subarray(index * 0x1000, (index + 1) * 0x1000)
    page.writeUInt32LE(0xfffffffe, 0)
    page.writeUInt32LE(index, 4)
    page.writeUInt8(0xfe, 8)
    page.writeUInt32LE(crc32(page.subarray(4, 28), 0xffffffff), 28)
  }
  return partition
}
