import { gzipSync } from 'node:zlib'
import { crc32 } from '../../src/image/crc32.js'
import { SIGNATURE_BLOCK } from '../../src/image/layout.js'
import { resealed } from '../support/image-builder.js'

/** One step from a corpus file to a damaged or changed variant; the corpus's README says what each does. */
export type Operation =
  | { readonly op: 'truncate'; readonly size: number }
  | { readonly op: 'xor'; readonly at: number; readonly value: number }
  | { readonly op: 'write' | 'insert'; readonly at: number; readonly hex: string; readonly repeat?: number }
  | { readonly op: 'append'; readonly hex: string; readonly repeat?: number }
  | { readonly op: 'delete'; readonly at: number; readonly size: number }
  | { readonly op: 'swap'; readonly a: number; readonly b: number; readonly size: number }
  | { readonly op: 'fix-signature-crc'; readonly at: number }
  | {
      readonly op:
        | 'append-self'
        | 'crlf-to-lf'
        | 'lf-to-crlf'
        | 'stop-at-1a'
        | 'utf8-replace'
        | 'base64'
        | 'gzip'
        | 'fix-checksum'
        | 'fix-hash'
    }

/** Applies one operation to a copy. */
export function apply(bytes: Buffer, operation: Operation): Buffer {
  const copy = Buffer.from(bytes)
  switch (operation.op) {
    case 'truncate':
      return copy.subarray(0, operation.size)
    case 'xor':
      copy.writeUInt8(copy.readUInt8(operation.at) ^ operation.value, operation.at)
      return copy
    case 'write':
      copy.set(bytesOf(operation), operation.at)
      return copy
    case 'insert':
      return Buffer.concat([copy.subarray(0, operation.at), bytesOf(operation), copy.subarray(operation.at)])
    case 'append':
      return Buffer.concat([copy, bytesOf(operation)])
    case 'delete':
      return Buffer.concat([copy.subarray(0, operation.at), copy.subarray(operation.at + operation.size)])
    case 'swap':
      copy.set(bytes.subarray(operation.b, operation.b + operation.size), operation.a)
      copy.set(bytes.subarray(operation.a, operation.a + operation.size), operation.b)
      return copy
    case 'fix-signature-crc': {
      const { at } = operation
      copy.writeUInt32LE(crc32(copy.subarray(at, at + SIGNATURE_BLOCK.crc)), at + SIGNATURE_BLOCK.crc)
      return copy
    }
    case 'append-self':
      return Buffer.concat([copy, copy])
    case 'crlf-to-lf':
      return Buffer.from(copy.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
    case 'lf-to-crlf':
      return Buffer.from(copy.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')
    case 'stop-at-1a':
      return copy.subarray(0, copy.indexOf(0x1a))
    case 'utf8-replace':
      return Buffer.from(new TextDecoder('utf-8', { ignoreBOM: true }).decode(copy))
    case 'base64':
      return Buffer.from(copy.toString('base64'))
    case 'gzip':
      return gzipSync(copy, { level: 9 })
    case 'fix-checksum':
      return resealed(copy, { hash: false })
    case 'fix-hash':
      return resealed(copy, { checksum: false })
  }
}

function bytesOf({ hex, repeat = 1 }: { readonly hex: string; readonly repeat?: number }): Buffer {
  return Buffer.from(hex.repeat(repeat), 'hex')
}
