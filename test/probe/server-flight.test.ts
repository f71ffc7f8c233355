import { describe, expect, it } from 'vitest'
import { createFlightReader, type ServerFlight } from '../../src/probe/server-flight.js'

const number = (value: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length)
  bytes.writeUIntBE(value, 0, length)
  return bytes
}
const prefixed = (length: number, body: Buffer): Buffer => Buffer.concat([number(body.length, length), body])
/** RFC 5246, section 4 of 7: a type and 24 bits of length. */
const message = (type: number, body: Buffer): Buffer => Buffer.concat([Buffer.of(type), prefixed(3, body)])
/** RFC 5246, 6.2.1. */
const record = (fragment: Buffer, type = 22): Buffer => Buffer.concat([Buffer.of(type, 3, 3), prefixed(2, fragment)])

const LEAF = Buffer.alloc(700, 'leaf')
const ROOT = Buffer.alloc(900, 'root')
const CERTIFICATE = message(11, prefixed(3, Buffer.concat([prefixed(3, LEAF), prefixed(3, ROOT)])))
const REQUEST = message(
  13,
  Buffer.concat([Buffer.of(1, 1), prefixed(2, Buffer.of(4, 3)), prefixed(2, Buffer.alloc(40))])
)
const MESSAGES = Buffer.concat([message(2, Buffer.alloc(70)), CERTIFICATE, REQUEST, message(14, Buffer.alloc(0))])
const FLIGHT: ServerFlight = {
  certificates: [LEAF, ROOT],
  certificateLength: CERTIFICATE.length,
  clientCaLength: 40,
  isOver: true
}

/** In records of that length, as a server with little memory sends them. */
function inRecords(length: number): Buffer {
  const count = Math.ceil(MESSAGES.length / length)
  return Buffer.concat(
    Array.from({ length: count }, (_, index) => record(MESSAGES.subarray(index * length, (index + 1) * length)))
  )
}

function heard(bytes: Buffer, pieceLength: number): ServerFlight {
  const reader = createFlightReader()
  for (let offset = 0; offset < bytes.length && !reader.flight.isOver; offset += pieceLength)
    reader.take(bytes.subarray(offset, offset + pieceLength))
  return reader.flight
}

describe('what a server says before the client goes on', () => {
  it.each([
    [16_384, 100_000],
    [16_384, 1],
    [512, 1000],
    [1, 7]
  ])('is the same in records of %i bytes and pieces of %i', (recordLength, pieceLength) => {
    expect(heard(inRecords(recordLength), pieceLength)).toEqual(FLIGHT)
  })

  it('is over with an alert', () => {
    expect(heard(record(Buffer.of(2, 40), 21), 1)).toMatchObject({ certificates: [], isOver: true })
  })

  it('may break off anywhere, and what came until then counts', () => {
    const bytes = inRecords(400)
    for (let length = 0; length < bytes.length; length++)
      expect(heard(bytes.subarray(0, length), 4096).isOver, `cut at ${length}`).toBe(false)
    expect(heard(bytes.subarray(0, -9), 4096).certificates).toEqual([LEAF, ROOT])
  })

  // Everything was put together and read again with each piece: a megabyte in small ones kept the probe busy for minutes.
  it('is looked at once, however small its pieces are, and has an end', () => {
    const startedAt = performance.now()
    const endless = Buffer.concat([Buffer.of(11, 255, 255, 255), Buffer.alloc(60)])
    const reader = createFlightReader()
    let taken = 0
    for (; !reader.flight.isOver && taken < 1024 * 1024; taken += 64 + 5) reader.take(record(endless))
    expect(reader.flight.isOver).toBe(true)
    expect(taken).toBeLessThan(512 * 1024)
    expect(performance.now() - startedAt).toBeLessThan(1000)
  })
})
