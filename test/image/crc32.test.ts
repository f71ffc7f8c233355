import { expect, it } from 'vitest'
import { crc32 } from '../../src/image/crc32.js'

it('gives the check value of CRC-32/ISO-HDLC', () => {
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926)
})

it('goes on from an earlier value as zlib does', () => {
  expect(crc32(Buffer.from('6789'), crc32(Buffer.from('12345')))).toBe(0xcbf43926)
})
