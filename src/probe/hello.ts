import { randomBytes } from 'node:crypto'

/** What mbedTLS of ESP-IDF offers at least: ECDHE with AES-GCM and AES-CBC, for both kinds of keys (clients.md 15.2; RFC 5289, RFC 8422). */
const CIPHER_SUITES = [0xc02b, 0xc02f, 0xc02c, 0xc030, 0xc023, 0xc027, 0xc009, 0xc013, 0xc00a, 0xc014]
const GROUPS = [0x0017, 0x0018, 0x0019, 0x001d]
const SIGNATURE_SCHEMES = [0x0403, 0x0503, 0x0603, 0x0401, 0x0501, 0x0601]

const VERSION = 0x0303
const EXTENSION = { serverName: 0, groups: 10, pointFormats: 11, signatures: 13, renegotiation: 0xff01 }

/** The ClientHello of a device that speaks TLS 1.2 and names the host of its URL, an address too (RFC 5246, 7.4.1.2). */
export function deviceHello(host: string): Buffer {
  const body = Buffer.concat([
    number16(VERSION),
    randomBytes(32),
    prefixed8(Buffer.alloc(0)),
    prefixed16(list16(CIPHER_SUITES)),
    prefixed8(Buffer.of(0)),
    prefixed16(
      Buffer.concat([
        extension(EXTENSION.serverName, prefixed16(Buffer.concat([Buffer.of(0), prefixed16(Buffer.from(host))]))),
        extension(EXTENSION.groups, prefixed16(list16(GROUPS))),
        extension(EXTENSION.pointFormats, prefixed8(Buffer.of(0))),
        extension(EXTENSION.signatures, prefixed16(list16(SIGNATURE_SCHEMES))),
        extension(EXTENSION.renegotiation, prefixed8(Buffer.alloc(0)))
      ])
    )
  ])
  const message = Buffer.concat([Buffer.of(1, 0), prefixed16(body)])
  return Buffer.concat([Buffer.of(22, 3, 1), prefixed16(message)])
}

function extension(type: number, data: Buffer): Buffer {
  return Buffer.concat([number16(type), prefixed16(data)])
}

function number16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff)
}

function list16(values: readonly number[]): Buffer {
  return Buffer.concat(values.map(number16))
}

const prefixed8 = (data: Buffer): Buffer => Buffer.concat([Buffer.of(data.length), data])
const prefixed16 = (data: Buffer): Buffer => Buffer.concat([number16(data.length), data])
