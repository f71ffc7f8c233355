/**
 * Builds real ESP-IDF images, bootloaders, partition tables and flash dumps in memory: valid unless told otherwise.
 * A test builds one, breaks one thing with a breaker below, and expects one reason.
 */
import { createHash } from 'node:crypto'
import { CHIPS, type ChipName } from '../../src/image/chips.js'
import {
  APP_DESCRIPTOR,
  BOOTLOADER_DESCRIPTOR,
  CHECKSUM,
  ESP8266_IMAGE,
  FLASH,
  HASH_LENGTH,
  IMAGE_HEADER,
  LIMITS,
  PARTITION_ENTRY,
  PARTITION_TABLE,
  SEGMENT_HEADER,
  WP_PIN_UNUSED
} from '../../src/image/layout.js'

/** One segment to be written: where it is loaded and what it holds; the length has to be a multiple of 4. */
export interface BuiltSegment {
  readonly loadAddress: number
  readonly data: Uint8Array
}

/** What to build; everything left out is as a plain `hello_world` would have it. */
export interface ImageOptions {
  readonly chip?: ChipName
  readonly project?: string
  readonly version?: string
  readonly idfVersion?: string
  readonly secureVersion?: number
  readonly date?: string
  readonly time?: string
  /** MMU page size in bytes that the layout follows and the descriptor states; left out, the chip's usual one, unstated. */
  readonly mmuPageSize?: number
  readonly minChipRevision?: number
  readonly maxChipRevision?: number
  readonly minEfuseBlockRevision?: number
  readonly maxEfuseBlockRevision?: number
  readonly entryAddress?: number
  /** Length wanted for the whole file, in bytes: the file has this length or up to 15 bytes less. */
  readonly length?: number
  /** Another seed fills the segments with other bytes. */
  readonly seed?: number
  /** False leaves out the appended SHA-256 and clears its flag. */
  readonly hash?: boolean
  /** False leaves the app descriptor's bytes to the filling. */
  readonly descriptor?: boolean
  /** These segments instead of the usual ones; nothing is put into them. */
  readonly segments?: readonly BuiltSegment[]
}

const USUAL_LENGTH = 70 * 1024
const SMALL_LENGTH = 68 * 1024
const LARGEST_SEGMENT = 0x1000000 - 4

/** An app image as `idf.py build` makes it: descriptor and constants, data, code in RAM, mapped code, checksum, SHA-256. */
export function anImage(options: ImageOptions = {}): Buffer {
  const segments = options.segments ?? appSegments(options)
  return assemble(options, segments)
}

/** A bootloader with its descriptor, as it lies in build/bootloader/: its segments are in the RAM that it keeps for itself. */
export function aBootloader(options: { chip?: ChipName; seed?: number; descriptor?: boolean } = {}): Buffer {
  const chip = CHIPS[options.chip ?? 'esp32']
  const start = (chip.bootloaderRamStart ?? 0) - (chip.iramAboveDram ?? 0)
  const data = filled(0x1000, options.seed ?? 1)
  if (options.descriptor !== false) data.set(bootloaderDescriptor())
  const code = filled(0x800, (options.seed ?? 1) + 1)
  const codeAddress = chip.ram.iram?.[0] ?? 0
  return assemble({ ...options, entryAddress: codeAddress }, [
    { loadAddress: start, data },
    { loadAddress: codeAddress, data: code }
  ])
}

/** One line of a partition table; a label of up to 15 characters. */
export interface BuiltPartition {
  readonly label: string
  readonly type: number
  readonly subtype: number
  readonly offset: number
  readonly size: number
  readonly flags?: number
}

/** The table of ESP-IDF's "factory app, two OTA definitions". */
export const TWO_OTA_PARTITIONS: readonly BuiltPartition[] = [
  { label: 'nvs', type: 1, subtype: 2, offset: 0x9000, size: 0x4000 },
  { label: 'otadata', type: 1, subtype: 0, offset: 0xd000, size: 0x2000 },
  { label: 'phy_init', type: 1, subtype: 1, offset: 0xf000, size: 0x1000 },
  { label: 'factory', type: 0, subtype: 0, offset: 0x10000, size: 0x100000 },
  { label: 'ota_0', type: 0, subtype: 0x10, offset: 0x110000, size: 0x100000 },
  { label: 'ota_1', type: 0, subtype: 0x11, offset: 0x210000, size: 0x100000 }
]

/** A binary partition table as gen_esp32part.py writes it: the entries, an MD5 of them, 0xFF up to 3072 bytes. */
export function aPartitionTable({ entries = TWO_OTA_PARTITIONS, md5 = true } = {}): Buffer {
  const table = Buffer.alloc(PARTITION_TABLE.length, FLASH.erasedByte)
  const end = entries.length * PARTITION_ENTRY.length
  entries.forEach((entry, index) => {
    const at = table.subarray(index * PARTITION_ENTRY.length, (index + 1) * PARTITION_ENTRY.length).fill(0)
    at.writeUInt16LE(PARTITION_ENTRY.magicWord, PARTITION_ENTRY.magic)
    at.writeUInt8(entry.type, PARTITION_ENTRY.type)
    at.writeUInt8(entry.subtype, PARTITION_ENTRY.subtype)
    at.writeUInt32LE(entry.offset, PARTITION_ENTRY.offset)
    at.writeUInt32LE(entry.size, PARTITION_ENTRY.size)
    at.write(entry.label, PARTITION_ENTRY.label, PARTITION_ENTRY.labelLength - 1)
    at.writeUInt32LE(entry.flags ?? 0, PARTITION_ENTRY.flags)
  })
  if (md5) {
    table.writeUInt16LE(PARTITION_ENTRY.md5MagicWord, end + PARTITION_ENTRY.magic)
    createHash('md5')
      .update(table.subarray(0, end))
      .digest()
      .copy(table, end + PARTITION_ENTRY.md5)
  }
  return table
}

/** A whole flash as `esptool merge-bin` writes it: bootloader at the chip's offset, partition table at 0x8000, app at 0x10000. */
export function aMergedImage(options: ImageOptions = {}): Buffer {
  const chip = options.chip ?? 'esp32'
  const app = anImage(options)
  const flash = Buffer.alloc(FLASH.appAlignment + app.length, FLASH.erasedByte)
  aBootloader({ chip }).copy(flash, CHIPS[chip].bootloaderOffset)
  aPartitionTable().copy(flash, PARTITION_TABLE.flashOffset)
  app.copy(flash, FLASH.appAlignment)
  return flash
}

/** A copy with the bits of one byte turned; all of them unless a mask says which. */
export function withByteFlipped(image: Uint8Array, offset: number, mask = 0xff): Buffer {
  const copy = Buffer.from(image)
  copy.writeUInt8(copy.readUInt8(offset) ^ mask, offset)
  return copy
}

/** A copy with other bytes from an offset on. */
export function withBytes(image: Uint8Array, offset: number, bytes: Uint8Array | readonly number[]): Buffer {
  const copy = Buffer.from(image)
  copy.set(bytes, offset)
  return copy
}

/** The first `length` bytes; a negative length drops that many from the end. */
export function truncatedTo(image: Uint8Array, length: number): Buffer {
  return Buffer.from(image.subarray(0, length))
}

/** A copy whose segment header claims another length; the bytes behind it stay where they are. */
export function withSegmentLength(image: Uint8Array, index: number, length: number): Buffer {
  const copy = Buffer.from(image)
  copy.writeUInt32LE(length, segmentHeaderOffset(copy, index) + SEGMENT_HEADER.dataLength)
  return copy
}

/** A copy whose segment header names another load address. */
export function withLoadAddress(image: Uint8Array, index: number, loadAddress: number): Buffer {
  const copy = Buffer.from(image)
  copy.writeUInt32LE(loadAddress, segmentHeaderOffset(copy, index) + SEGMENT_HEADER.loadAddress)
  return copy
}

/** A copy that says it is for the chip with this id; its segments stay where they are. */
export function withChipId(image: Uint8Array, id: number): Buffer {
  const copy = Buffer.from(image)
  copy.writeUInt16LE(id, IMAGE_HEADER.chipId)
  return copy
}

/**
 * A copy whose checksum and, where the flag asks for it, SHA-256 are right again for the headers and bytes as they now are.
 * Either can be left as it was.
 */
export function resealed(image: Uint8Array, { checksum = true, hash = true } = {}): Buffer {
  const copy = Buffer.from(image)
  const data = segmentOffsets(copy).map(({ offset, length }) => copy.subarray(offset, offset + length))
  const end = sealOffset(copy)
  if (checksum) copy.writeUInt8(xorOf(data), end - 1)
  if (hash && copy.readUInt8(IMAGE_HEADER.hashAppended) !== 0) sha256(copy.subarray(0, end)).copy(copy, end)
  return copy
}

/** A copy with something behind it. */
export function withTrailer(image: Uint8Array, trailer: Uint8Array | readonly number[]): Buffer {
  return Buffer.concat([image, Uint8Array.from(trailer)])
}

/** Offset of a segment's own header in a well-formed image of the ESP32 family. */
export function segmentHeaderOffset(image: Buffer, index: number): number {
  const segment = segmentOffsets(image)[index]
  if (segment === undefined) throw new RangeError(`the image has no segment ${index}`)
  return segment.offset - SEGMENT_HEADER.length
}

/** Deterministic noise: the same seed gives the same bytes (xorshift32). */
export function filled(length: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4))
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x6d2b79f5) | 1
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[index] = state
  }
  return new Uint8Array(words.buffer, 0, length)
}

function segmentOffsets(image: Buffer): { offset: number; length: number }[] {
  const found = []
  let offset: number = IMAGE_HEADER.length
  for (let index = 0; index < image.readUInt8(IMAGE_HEADER.segmentCount); index++) {
    const length = image.readUInt32LE(offset + SEGMENT_HEADER.dataLength)
    found.push({ offset: offset + SEGMENT_HEADER.length, length })
    offset += SEGMENT_HEADER.length + length
  }
  return found
}

function sealOffset(image: Buffer): number {
  const last = segmentOffsets(image).at(-1)
  return afterChecksum(last === undefined ? IMAGE_HEADER.length : last.offset + last.length)
}

/** The checksum is the last byte of a 16-byte block that holds at least one byte more than the segments. */
function afterChecksum(end: number): number {
  return (Math.floor(end / CHECKSUM.blockLength) + 1) * CHECKSUM.blockLength
}

function assemble(options: ImageOptions, segments: readonly BuiltSegment[]): Buffer {
  const headerLength = options.chip === 'esp8266' ? ESP8266_IMAGE.headerLength : IMAGE_HEADER.length
  const end = segments.reduce<number>((sum, { data }) => sum + SEGMENT_HEADER.length + data.length, headerLength)
  const sealed = afterChecksum(end)
  const hash = options.hash !== false
  const image = Buffer.alloc(sealed + (hash ? HASH_LENGTH : 0))
  writeHeader(image, options, segments)
  let offset: number = headerLength
  for (const { loadAddress, data } of segments) {
    image.writeUInt32LE(loadAddress, offset + SEGMENT_HEADER.loadAddress)
    image.writeUInt32LE(data.length, offset + SEGMENT_HEADER.dataLength)
    image.set(data, offset + SEGMENT_HEADER.length)
    offset += SEGMENT_HEADER.length + data.length
  }
  image.writeUInt8(xorOf(segments.map(({ data }) => data)), sealed - 1)
  if (hash) sha256(image.subarray(0, sealed)).copy(image, sealed)
  return image
}

function writeHeader(image: Buffer, options: ImageOptions, segments: readonly BuiltSegment[]): void {
  const chip = CHIPS[options.chip ?? 'esp32']
  image.writeUInt8(IMAGE_HEADER.magicByte, IMAGE_HEADER.magic)
  image.writeUInt8(segments.length, IMAGE_HEADER.segmentCount)
  image.writeUInt8(2, IMAGE_HEADER.flashMode)
  image.writeUInt8(0x1f, IMAGE_HEADER.flashSpeedAndSize)
  image.writeUInt32LE(options.entryAddress ?? codeInRam(options.chip ?? 'esp32'), IMAGE_HEADER.entryAddress)
  if (chip.id === null) return
  image.writeUInt8(WP_PIN_UNUSED, IMAGE_HEADER.wpPin)
  image.writeUInt16LE(chip.id, IMAGE_HEADER.chipId)
  image.writeUInt16LE(options.minChipRevision ?? 0, IMAGE_HEADER.minChipRevision)
  image.writeUInt16LE(options.maxChipRevision ?? 399, IMAGE_HEADER.maxChipRevision)
  image.writeUInt8(options.hash === false ? 0 : 1, IMAGE_HEADER.hashAppended)
}

/**
 * The segments of an app in esptool's order. Mapped segments keep their file offset and load address equal modulo the page;
 * from 68 KiB on the code starts on a page of its own behind a padding segment, below that it follows at once.
 */
function appSegments(options: ImageOptions): BuiltSegment[] {
  const name = options.chip ?? 'esp32'
  const chip = CHIPS[name]
  const seed = options.seed ?? 1
  const page = options.mmuPageSize ?? 0x10000
  const wanted = options.length ?? USUAL_LENGTH
  const headerLength = name === 'esp8266' ? ESP8266_IMAGE.headerLength : IMAGE_HEADER.length
  const roomy = wanted >= SMALL_LENGTH && chip.id !== null

  const constants = filled(roomy ? 0x1000 : 0x100 + 16, seed)
  if (options.descriptor !== false) constants.set(appDescriptor(options))
  const data = filled(roomy ? 0x400 : 16, seed + 1)
  const ramCode = filled(roomy ? 0x1000 : 32, seed + 2)

  const constantsOffset = headerLength + SEGMENT_HEADER.length
  const mappedStart = (chip.mapped.drom ?? chip.mapped.irom)?.[0] ?? 0
  const segments: BuiltSegment[] = [
    { loadAddress: mappedStart + (constantsOffset % page), data: constants },
    { loadAddress: dataInRam(name), data },
    { loadAddress: codeInRam(name), data: ramCode }
  ]
  let offset = segments.reduce<number>(
    (sum, segment) => sum + SEGMENT_HEADER.length + segment.data.length,
    headerLength
  )
  if (roomy) {
    // The data of the code segment shall begin 0x20 into a page, as behind an image header and a segment header.
    const codeOffset = Math.ceil((offset + 2 * SEGMENT_HEADER.length) / page) * page + constantsOffset
    const padding = new Uint8Array(codeOffset - SEGMENT_HEADER.length - offset - SEGMENT_HEADER.length)
    segments.push({ loadAddress: 0, data: padding })
    offset = codeOffset - SEGMENT_HEADER.length
  }
  const codeOffset = offset + SEGMENT_HEADER.length
  const [codeStart, codeEnd] = mappedCode(name, page)
  const loadAddress = codeStart + (codeOffset % page)
  const sealed = Math.floor((wanted - (options.hash === false ? 0 : HASH_LENGTH)) / CHECKSUM.blockLength)
  const codeLength = Math.max(16, sealed * CHECKSUM.blockLength - 4 - codeOffset)
  const mostMapped = Math.min(codeEnd - loadAddress, LARGEST_SEGMENT)
  // What is left over has to be enough for a padding segment with its header.
  const fitting = codeLength <= mostMapped ? codeLength : Math.min(mostMapped, codeLength - 2 * SEGMENT_HEADER.length)
  segments.push({ loadAddress, data: filled(fitting, seed + 3) })
  return [...segments, ...paddingOf(codeLength - fitting, seed + 4)]
}

/** What no mapped range of the chip could hold goes into padding segments: read and hashed, never loaded. */
function paddingOf(length: number, seed: number): BuiltSegment[] {
  const segments: BuiltSegment[] = []
  for (let left = length; left > SEGMENT_HEADER.length; ) {
    const size = Math.min(left - SEGMENT_HEADER.length, LARGEST_SEGMENT)
    segments.push({ loadAddress: 0, data: filled(size, seed + segments.length) })
    left -= size + SEGMENT_HEADER.length
  }
  if (segments.length > LIMITS.segmentCount - 5) throw new RangeError(`an image cannot be ${length} bytes long`)
  return segments
}

/** Where mapped code goes: its own range, or the pages behind the constants where the chip has one range for both. */
function mappedCode(name: ChipName, page: number): readonly [start: number, end: number] {
  const { drom, irom } = CHIPS[name].mapped
  const [start, end] = irom ?? [0, 0]
  const shared = drom === undefined || drom[0] === start
  return [shared ? start + page : start, end]
}

function codeInRam(name: ChipName): number {
  const { ram, iramAboveDram } = CHIPS[name]
  const [iram = 0] = ram.iram ?? []
  const [dram = 0] = ram.dram ?? []
  return iramAboveDram === undefined ? iram : dram + iramAboveDram
}

/** Behind the code where both are views of the same RAM. */
function dataInRam(name: ChipName): number {
  const { ram, iramAboveDram } = CHIPS[name]
  const [iram = 0] = ram.iram ?? []
  const [dram = 0] = ram.dram ?? []
  return iramAboveDram !== undefined || iram === dram ? dram + 0x1000 : dram
}

function appDescriptor(options: ImageOptions): Buffer {
  const descriptor = Buffer.alloc(APP_DESCRIPTOR.length)
  const text = (value: string, offset: number, length: number) => descriptor.write(value, offset, length - 1)
  descriptor.writeUInt32LE(APP_DESCRIPTOR.magicWord, APP_DESCRIPTOR.magic)
  descriptor.writeUInt32LE(options.secureVersion ?? 0, APP_DESCRIPTOR.secureVersion)
  text(options.version ?? '1.0.0', APP_DESCRIPTOR.version, APP_DESCRIPTOR.versionLength)
  text(options.project ?? 'hello_world', APP_DESCRIPTOR.projectName, APP_DESCRIPTOR.projectNameLength)
  text(options.time ?? '12:00:00', APP_DESCRIPTOR.time, APP_DESCRIPTOR.timeLength)
  text(options.date ?? 'Jan  2 2026', APP_DESCRIPTOR.date, APP_DESCRIPTOR.dateLength)
  text(options.idfVersion ?? 'v5.2.2', APP_DESCRIPTOR.idfVersion, APP_DESCRIPTOR.idfVersionLength)
  descriptor.set(filled(HASH_LENGTH, (options.seed ?? 1) + 100), APP_DESCRIPTOR.appElfSha256)
  descriptor.writeUInt16LE(options.minEfuseBlockRevision ?? 0, APP_DESCRIPTOR.minEfuseBlockRevision)
  descriptor.writeUInt16LE(options.maxEfuseBlockRevision ?? 0, APP_DESCRIPTOR.maxEfuseBlockRevision)
  if (options.mmuPageSize !== undefined) {
    descriptor.writeUInt8(Math.log2(options.mmuPageSize), APP_DESCRIPTOR.mmuPageSizeLog2)
  }
  return descriptor
}

function bootloaderDescriptor(): Buffer {
  const descriptor = Buffer.alloc(BOOTLOADER_DESCRIPTOR.length)
  descriptor.writeUInt8(BOOTLOADER_DESCRIPTOR.magicByte, BOOTLOADER_DESCRIPTOR.magic)
  descriptor.writeUInt32LE(1, BOOTLOADER_DESCRIPTOR.version)
  descriptor.write('v5.2.2', BOOTLOADER_DESCRIPTOR.idfVersion)
  descriptor.write('Jan  2 2026 12:00:00', BOOTLOADER_DESCRIPTOR.dateTime)
  return descriptor
}

/** Byte by byte, on purpose: the judge reads words, and tests should not share its mistakes. */
function xorOf(parts: readonly Uint8Array[]): number {
  let folded: number = CHECKSUM.seed
  for (const part of parts) {
    for (let index = 0; index < part.length; index++) folded ^= part[index] ?? 0
  }
  return folded
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
