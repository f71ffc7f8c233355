import { createHash } from 'node:crypto'
import type { Envelope } from './envelope.js'
import { MATTER_OTA } from './layout.js'
import { viewOf } from './little-endian.js'
import { readMatterTlv } from './matter-tlv.js'
import type { Problem } from './problem.js'
import { readText } from './text.js'

/** Digest types of the IANA Named Information registry that the Matter specification allows, with how much of the digest is kept. */
const DIGESTS: Readonly<Record<number, readonly [algorithm: string, length: number]>> = {
  1: ['sha256', 32],
  2: ['sha256', 16],
  3: ['sha256', 15],
  4: ['sha256', 12],
  5: ['sha256', 8],
  6: ['sha256', 4],
  7: ['sha384', 48],
  8: ['sha512', 64],
  9: ['sha3-224', 28],
  10: ['sha3-256', 32],
  11: ['sha3-384', 48],
  12: ['sha3-512', 64]
}

/** Reads a Matter OTA file: its length, the digest of what it holds, and where that begins. */
export function readMatterOta(bytes: Uint8Array): Envelope {
  const kind = 'matter-ota'
  const damaged: Envelope = {
    problems: [{ code: 'envelope-damaged', kind, part: 'header' }],
    fields: null,
    isWhole: false
  }
  if (bytes.length < MATTER_OTA.header) return damaged
  const view = viewOf(bytes)
  const payloadStart = MATTER_OTA.header + view.getUint32(MATTER_OTA.headerLength, true)
  const elements = readMatterTlv(bytes.subarray(MATTER_OTA.header, payloadStart))
  if (payloadStart > bytes.length || elements === undefined) return damaged

  const payload = bytes.subarray(payloadStart)
  const totalLength = Number(view.getBigUint64(MATTER_OTA.totalLength, true))
  const payloadLength = elements.numbers.get(MATTER_OTA.payloadLengthTag)
  const version = elements.strings.get(MATTER_OTA.versionTag)
  const lengths: readonly (readonly [stated: number | undefined, found: number])[] = [
    [totalLength, bytes.length],
    [payloadLength, payload.length]
  ]
  const problems: Problem[] = [
    ...lengths.flatMap(([stated, found]): Problem[] =>
      stated === found || stated === undefined ? [] : [{ code: 'envelope-length-mismatch', kind, stated, found }]
    ),
    ...digestProblems(
      payload,
      elements.numbers.get(MATTER_OTA.digestTypeTag),
      elements.strings.get(MATTER_OTA.digestTag)
    )
  ]
  return {
    problems,
    payload,
    fields: {
      payloadLength: payload.length,
      ...(version === undefined ? {} : { version: readText(version, 0, MATTER_OTA.versionLength) })
    },
    isWhole: problems.length === 0
  }
}

function digestProblems(payload: Uint8Array, type: number | undefined, digest: Uint8Array | undefined): Problem[] {
  const kind = 'matter-ota'
  const [algorithm, length] = DIGESTS[type ?? 0] ?? []
  if (algorithm === undefined || digest === undefined || digest.length !== length)
    return [{ code: 'envelope-damaged', kind, part: 'digest' }]
  const found = Buffer.from(digest).toString('hex')
  const calculated = createHash(algorithm).update(payload).digest().subarray(0, length).toString('hex')
  return calculated === found ? [] : [{ code: 'payload-digest-mismatch', kind, calculated, found }]
}
