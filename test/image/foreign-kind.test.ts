import { deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { crc32 } from '../../src/image/crc32.js'
import type { Kind } from '../../src/image/kinds.js'
import { verifyImage } from '../../src/image/verify.js'
import { aMergedImage, anImage, aPartitionTable, filled, withBytes } from '../support/image-builder.js'

const starting = (bytes: readonly number[] | string, length = 4096) =>
  withBytes(filled(length, 3), 0, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)

function anNvsPage(): Buffer {
  const page = Buffer.alloc(4096, 0xff)
  page.writeUInt32LE(0xfffffffe, 0)
  page.writeUInt32LE(0, 4)
  page.writeUInt8(0xfe, 8)
  page.writeUInt32LE(crc32(page.subarray(4, 28), 0xffffffff), 28)
  return page
}

function otaData(): Buffer {
  const sectors = Buffer.alloc(8192, 0xff)
  sectors.writeUInt32LE(2, 4096)
  sectors.writeUInt32LE(crc32(sectors.subarray(4096, 4100), 0xffffffff), 4096 + 28)
  return sectors
}

function spiffs(blockCount: number): Buffer {
  const blocks = Buffer.alloc(blockCount * 4096, 0xff)
  for (let block = 0; block < blockCount; block++) {
    blocks.writeUInt16LE(0x0429 ^ (blockCount - block), block * 4096 + 252)
  }
  return blocks
}

const kinds: readonly (readonly [Kind, Uint8Array])[] = [
  ['empty', Buffer.alloc(0)],
  ['erased', Buffer.alloc(8192, 0xff)],
  ['zeros', Buffer.alloc(8192)],
  ['merged-flash', aMergedImage({ chip: 'esp32' })],
  ['merged-flash', aMergedImage({ chip: 'esp32p4' })],
  ['partition-table', aPartitionTable()],
  ['otadata', otaData()],
  ['nvs', anNvsPage()],
  ['spiffs', spiffs(8)],
  ['littlefs', withBytes(filled(8192, 1), 8, Buffer.from('littlefs'))],
  ['littlefs', withBytes(filled(8192, 1), 4096 + 8, Buffer.from('littlefs'))],
  ['fat', withBytes(starting([0xeb, 0x3c, 0x90]), 510, [0x55, 0xaa])],
  ['phy-init', starting('PHYINIT\0')],
  ['elf', starting([0x7f, 0x45, 0x4c, 0x46])],
  ['intel-hex', Buffer.from(':020000040800F2\r\n:10000000E9\r\n')],
  ['uf2', starting('UF2\n')],
  ['dfu', starting('070701')],
  ['zip', starting('PK\u0003\u0004')],
  ['gzip', gzipSync(anImage())],
  ['zlib', deflateSync(anImage())],
  ['xz', starting([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
  ['matter-ota', starting([0x1e, 0xf1, 0xee, 0x1b])],
  ['mcuboot', starting([0x3d, 0xb8, 0xf3, 0x96])],
  ['esp-encrypted-img', starting([0xcf, 0xb6, 0x88, 0x07])],
  ['esp-delta-ota', starting([0x10, 0xde, 0xcd, 0xfc])],
  ['esp-bootloader-plus', starting('ESP\0')],
  ['signature-prefixed-app', Buffer.concat([starting('x', 512), anImage()])],
  ['signature-prefixed-app', Buffer.concat([starting('x', 256), anImage()])],
  ['html', Buffer.from('\r\n<!DOCTYPE html><html><body>404</body></html>')],
  ['json', Buffer.from('{ "error": "not found" }')],
  ['json', Buffer.from('[]')],
  ['unknown', Buffer.from('Not found')],
  ['unknown', filled(5000, 8)]
]

describe('a file that is no ESP image', () => {
  it.each(kinds)('is recognised as %s', (kind, bytes) => {
    const verdict = verifyImage(bytes)
    expect(verdict.kind).toBe(kind)
    expect(verdict).toMatchObject({ verdict: 'reject', chip: null, selfContained: false })
    expect(verdict.problems).toHaveLength(1)
  })

  it('reports what its partition table holds', () => {
    expect(verifyImage(aPartitionTable()).fields).toEqual({ entries: 6, md5: true, valid: true })
  })
})
