import { crc32 } from '../../src/image/crc32.js'
import { anImage, type BuiltSegment, filled, resealed } from '../support/image-builder.js'

/** Random numbers of one case, the same for the same seed (xorshift32). */
export interface Dice {
  /** From 0 up to, but not including, the bound. */
  below(bound: number): number
  pick<T>(choices: readonly T[]): T
}

export function rollDice(seed: number): Dice {
  // Neighbouring seeds would begin alike, so they are spread over all 32 bits first (the finalizer of MurmurHash3).
  let state = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35) ^ 0x6d2b79f5 || 1
  const below = (bound: number) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % bound
  }
  return { below, pick: choices => choices[below(choices.length)] as (typeof choices)[number] }
}

/** A file that was changed, and whether its checksum and hash were then made good again. */
export interface Mutant {
  readonly bytes: Buffer
  readonly isResealed: boolean
}

/** Changes a file in one to four steps that know where an image keeps its numbers. */
export function mutate(base: Buffer, dice: Dice): Mutant {
  let mutant: Mutant = { bytes: base, isResealed: false }
  for (let steps = 1 + dice.below(4); steps > 0; steps--) mutant = dice.pick(STEPS)(mutant, dice)
  return mutant
}

/** Numbers at the edges of what a field can say. */
const EDGES = [0, 1, 3, 4, 16, 17, 255, 256, 0xffff, 0x10000, 0xfffffc, 0x1000000, 0x7fffffff, 0x80000000, 0xfffffffc]
const ADDRESSES = [0xffffffff, 0, 4, 0x3f400020, 0x400d0020, 0x40080000, 0x3ffb0000, 0x42000020, 0x40800000, 0x3c000020]

/** Fields of the header, the first segment header and the descriptor, by offset and width. */
const FIELDS: readonly (readonly [offset: number, width: 1 | 2 | 4])[] = [
  ...([0, 1, 2, 3, 8, 14, 23, 212, 213] as const).map(offset => [offset, 1] as const),
  ...([12, 15, 17, 208, 210] as const).map(offset => [offset, 2] as const),
  ...([4, 9, 19, 24, 28, 32, 36, 48, 80, 144] as const).map(offset => [offset, 4] as const)
]

type Step = (mutant: Mutant, dice: Dice) => Mutant

/** A step that leaves checksum and hash as they were. */
function plain(change: (bytes: Buffer, dice: Dice) => Buffer): Step {
  return ({ bytes, isResealed }, dice) => ({ bytes: change(bytes, dice), isResealed })
}

const STEPS: readonly Step[] = [
  plain((bytes, dice) => written(bytes, ...dice.pick(FIELDS), dice.pick([...EDGES, ...ADDRESSES]))),
  plain((bytes, dice) => written(bytes, ...dice.pick(FIELDS), dice.below(0x100))),
  plain((bytes, dice) => written(bytes, dice.below(bytes.length + 1), 1, dice.below(0x100))),
  plain((bytes, dice) => withBitTurned(bytes, dice)),
  plain((bytes, dice) => withWordsSwapped(bytes, dice)),
  plain((bytes, dice) => written(bytes, segmentHeader(bytes, dice), 4, dice.pick(ADDRESSES))),
  plain((bytes, dice) =>
    written(bytes, segmentHeader(bytes, dice) + 4, 4, dice.pick([...EDGES, dice.below(2048) * 4]))
  ),
  plain((bytes, dice) => bytes.subarray(0, dice.below(bytes.length + 1))),
  plain((bytes, dice) => Buffer.concat([bytes.subarray(0, dice.below(64)), bytes])),
  plain((bytes, dice) => without(bytes, dice.below(bytes.length + 1), 1 + dice.below(8))),
  plain((bytes, dice) => Buffer.concat([bytes, trailer(bytes, dice)])),
  ({ bytes }, dice) => ({ bytes: rebuilt(bytes, dice), isResealed: true }),
  ({ bytes }) => ({ bytes: resealedWherePossible(bytes), isResealed: true })
]

function written(bytes: Buffer, offset: number, width: 1 | 2 | 4, value: number): Buffer {
  if (offset < 0 || offset + width > bytes.length) return bytes
  const copy = Buffer.from(bytes)
  copy.writeUIntLE(width === 4 ? value >>> 0 : value & (2 ** (8 * width) - 1), offset, width)
  return copy
}

function withBitTurned(bytes: Buffer, dice: Dice): Buffer {
  const offset = dice.below(bytes.length + 1)
  return written(bytes, offset, 1, (bytes[offset] ?? 0) ^ (1 << dice.below(8)))
}

/** No XOR sees this, and no parser of the structure where both words are data. */
function withWordsSwapped(bytes: Buffer, dice: Dice): Buffer {
  if (bytes.length < 8) return bytes
  const words = Math.floor(bytes.length / 4)
  const [a, b] = [4 * dice.below(words), 4 * dice.below(words)]
  return written(written(bytes, a, 4, bytes.readUInt32LE(b)), b, 4, bytes.readUInt32LE(a))
}

/** Offset of one of the segment headers, as far as the chain goes. */
function segmentHeader(bytes: Buffer, dice: Dice): number {
  let offset = 24
  for (let step = dice.below(5); step > 0; step--) {
    if (offset + 8 > bytes.length) return 24
    offset += 8 + bytes.readUInt32LE(offset + 4)
  }
  return offset
}

function without(bytes: Buffer, offset: number, length: number): Buffer {
  return Buffer.concat([bytes.subarray(0, offset), bytes.subarray(offset + length)])
}

/** Something behind the image that is a signature, or nearly. */
function trailer(bytes: Buffer, dice: Dice): Buffer {
  const noise = (length: number) => Buffer.from(filled(length, dice.below(1000)))
  switch (dice.below(6)) {
    case 0:
      return Buffer.alloc(dice.below(600), dice.pick([0, 0xff, 0xe7]))
    case 1:
      return noise(dice.below(600))
    case 2:
      return Buffer.concat([Buffer.alloc(4), noise(64), noise(dice.below(70))])
    case 3:
      return Buffer.concat([Buffer.from('ffffffff0000', 'hex'), noise(256), Buffer.from('0000ffffffff', 'hex')])
    case 4:
      return Buffer.concat([noise(dice.pick([70, 256])), Buffer.alloc(512)]).subarray(0, 512)
    default:
      return signatureSector(bytes, dice, noise)
  }
}

/** A sector whose first blocks pass their CRC, and nothing else for certain. */
function signatureSector(bytes: Buffer, dice: Dice, noise: (length: number) => Buffer): Buffer {
  const padding = Buffer.alloc((0x1000 - (bytes.length % 0x1000)) % 0x1000, 0xff)
  const sector = Buffer.alloc(0x1000, 0xff)
  for (let index = dice.below(3); index >= 0; index--) {
    const block = noise(1216)
    block.set([0xe7, dice.pick([2, 3, 3, 9]), dice.below(2), 0])
    block.writeUInt8(dice.below(4), dice.pick([36, 52]))
    block.writeUInt32LE(crc32(block.subarray(0, 1196)), 1196)
    block.copy(sector, index * 1216)
  }
  return Buffer.concat([padding, sector])
}

/** An image with the same header and other segments: one left out, doubled, exchanged, or cut to another length. */
function rebuilt(bytes: Buffer, dice: Dice): Buffer {
  const segments: BuiltSegment[] = []
  for (let offset = 24, count = bytes[1] ?? 0; segments.length < count && offset + 8 <= bytes.length; ) {
    const length = bytes.readUInt32LE(offset + 4)
    const data = bytes.subarray(offset + 8, offset + 8 + length)
    if (data.length < length || length % 4 !== 0 || segments.length === 17) break
    segments.push({ loadAddress: bytes.readUInt32LE(offset), data })
    offset += 8 + length
  }
  const chosen = dice.below(segments.length + 1)
  const one = segments[chosen]
  if (one === undefined) return bytes
  switch (dice.below(4)) {
    case 0:
      segments.splice(chosen, 1)
      break
    case 1:
      segments.splice(chosen, 0, one)
      break
    case 2:
      segments.push(...segments.splice(chosen, 1))
      break
    default:
      segments[chosen] = { ...one, data: one.data.subarray(0, 4 * dice.below(1 + one.data.length / 4)) }
  }
  const image = anImage({ segments, hash: bytes[23] !== 0 })
  bytes.copy(image, 2, 2, 24)
  return resealedWherePossible(image)
}

function resealedWherePossible(bytes: Buffer): Buffer {
  try {
    return resealed(bytes)
  } catch {
    return bytes
  }
}
