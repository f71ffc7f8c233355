import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { crc32 } from '../../src/image/crc32.js'
import { verifyImage } from '../../src/image/verify.js'
import { anImage, filled, withByteFlipped, withTrailer } from '../support/image-builder.js'

const image = anImage({ length: 0x14010 })
const codes = (bytes: Uint8Array) => verifyImage(bytes).problems.map(({ code }) => code)

/** An RSA-3072 block as espsecure writes it, with noise for key and signature. */
function rsaBlock(signed: Uint8Array): Buffer {
  const block = Buffer.alloc(1216)
  block.set([0xe7, 2, 0, 0])
  block.set(createHash('sha256').update(signed).digest(), 4)
  block.set(filled(1160, 5), 36)
  block.writeUInt32LE(crc32(block.subarray(0, 1196)), 1196)
  return block
}

function signedV2(blockCount: number): Buffer {
  const end = Math.ceil(image.length / 4096) * 4096
  const file = Buffer.alloc(end + 4096, 0xff)
  image.copy(file)
  for (let index = 0; index < blockCount; index++) rsaBlock(file.subarray(0, end)).copy(file, end + index * 1216)
  return file
}

function smartThings(signatureLength: number, padding = 0): Buffer {
  const opening = Buffer.from('ffffffff0000', 'hex')
  const closing = Buffer.from('0000ffffffff', 'hex')
  return Buffer.concat([image, Buffer.alloc(padding, 0xff), opening, filled(signatureLength, 4), closing])
}

describe('what follows an image', () => {
  it('may be padding, however long', () => {
    const verdict = verifyImage(withTrailer(image, Buffer.alloc(5000, 0xff)))
    expect(verdict.problems).toEqual([])
    expect(verdict.fields).toMatchObject({ trailing: 5000, padding: 'ff' })
  })

  it('is warned of when nobody knows it', () => {
    expect(verifyImage(withTrailer(image, image)).problems).toEqual([
      { code: 'warn:trailing-data', length: image.length }
    ])
  })

  it.each([1, 2, 3])('may be a signature sector with blocks in number %i', blockCount => {
    const verdict = verifyImage(signedV2(blockCount))
    expect(verdict.problems).toEqual([])
    expect(verdict.fields).toMatchObject({
      signatureV2At: 0x15000,
      signatureV2: Array.from({ length: blockCount }, (_, index) => ({ index, scheme: 'rsa3072', digestValid: true }))
    })
  })

  it('is refused as a signature block that is damaged', () => {
    expect(verifyImage(withByteFlipped(signedV2(1), 0x15000 + 900)).problems).toEqual([
      { code: 'signature-invalid', block: 0, reason: 'crc' }
    ])
  })

  it('is refused as a signature block for other content, which the padding before it belongs to', () => {
    expect(verifyImage(withByteFlipped(signedV2(2), 0x14800)).problems).toEqual([
      { code: 'signature-invalid', block: 0, reason: 'digest' },
      { code: 'signature-invalid', block: 1, reason: 'digest' }
    ])
  })

  it('is warned of behind a signature sector', () => {
    expect(codes(withTrailer(signedV2(1), [1, 2, 3]))).toEqual(['warn:trailing-data'])
  })

  it('may be a v1 signature on an ESP32 and on no other chip', () => {
    const signature = Buffer.concat([Buffer.alloc(4), filled(64, 9)])
    expect(verifyImage(withTrailer(image, signature)).fields).toMatchObject({
      signatureV1: { at: image.length, version: 0 }
    })
    expect(codes(withTrailer(image, signature))).toEqual([])
    expect(codes(withTrailer(anImage({ chip: 'esp32c3' }), signature))).toEqual(['warn:trailing-data'])
  })

  it.each([
    ['blank', Buffer.alloc(68)],
    ['of another version', Buffer.concat([Buffer.from([1, 0, 0, 0]), filled(64, 9)])],
    ['too short', Buffer.concat([Buffer.alloc(4), filled(60, 9)])]
  ])('is no v1 signature when it is %s', (_name, trailer) => {
    expect(codes(withTrailer(image, trailer))).toEqual(['warn:trailing-data'])
  })

  it.each([0, 4096])('may be the SmartThings footer, behind %i bytes of padding', padding => {
    const verdict = verifyImage(smartThings(256, padding))
    expect(verdict.problems).toEqual([])
    expect(verdict.fields).toMatchObject({ smartthings: { at: image.length + padding, signatureBytes: 256 } })
  })

  it('is refused as a SmartThings footer of another key length', () => {
    expect(verifyImage(smartThings(512)).problems).toEqual([
      { code: 'signature-length-unexpected', length: 512, expected: 256 }
    ])
  })

  it.each([
    ['RSA-2048', filled(256, 2), 256],
    ['ECDSA', Buffer.concat([Buffer.from([0x30, 69]), filled(68, 2), Buffer.from([7])]), 71]
  ])('may be the zero-filled %s signature of arduino-esp32', (_name, signature, signatureBytes) => {
    const block = Buffer.alloc(512)
    block.set(signature)
    const verdict = verifyImage(withTrailer(image, block))
    expect(verdict.problems).toEqual([])
    expect(verdict.fields).toMatchObject({ arduino: { at: image.length, signatureBytes } })
  })
})
