import { FLASH, PARTITION_ENTRY, PARTITION_TABLE } from './layout.js'
import type { PartitionEntry } from './partition-table.js'

/** Where the parts lie that are flashed in front of everything in the table; the project's configuration moves them. */
export interface PartitionPlaces {
  /** CONFIG_PARTITION_TABLE_OFFSET; 0x8000 when left out. */
  readonly tableOffset?: number
  /** CONFIG_BOOTLOADER_OFFSET_IN_FLASH; 0 when left out. */
  readonly bootloaderOffset?: number
}

/**
 * Reads the text that a partition table is made of, as ESP-IDF's components/partition_table/gen_esp32part.py does (version 1.5).
 * Undefined for text that the tool refuses, and for a table without partitions. Variables of the environment are not filled in.
 */
export function readPartitionCsv(text: string, places: PartitionPlaces = {}): readonly PartitionEntry[] | undefined {
  const { tableOffset = PARTITION_TABLE.flashOffset, bootloaderOffset = 0 } = places
  const rows: Row[] = []
  for (const line of text.split(/\r\n|[\n\r\v\f]/).map(untrimmed => untrimmed.trim())) {
    if (line === '' || line.startsWith('#')) continue
    const row = readRow(line)
    if (row === undefined || rows.length === MOST_ENTRIES) return undefined
    rows.push(row)
  }
  const entries = placeRows(rows, { tableOffset, bootloaderOffset })
  return entries !== undefined && entries.length > 0 && entries.every(isAligned) && fitTogether(entries)
    ? entries
    : undefined
}

const APP = PARTITION_TABLE.appType
const DATA = 1
const BOOTLOADER = 2
const TABLE = 3
const PRIMARY = 0

/** A table ends with its MD5 and erased flash. */
const MOST_ENTRIES = PARTITION_TABLE.length / PARTITION_ENTRY.length - 2
/** The last address of flash that an entry has room for. */
const LARGEST = 0xffffffff

type Words = ReadonlyMap<string, number>

const TYPES: Words = new Map([
  ['app', APP],
  ['data', DATA],
  ['bootloader', BOOTLOADER],
  ['partition_table', TABLE]
])

/** esp_partition_subtype_t, in the tool's words. */
const SUBTYPES: ReadonlyMap<number, Words> = new Map([
  [
    APP,
    new Map([
      ['factory', 0x00],
      ...Array.from({ length: 16 }, (_, slot) => [`ota_${slot}`, PARTITION_TABLE.otaSubtype + slot] as const),
      ['test', 0x20],
      ['tee_0', 0x30],
      ['tee_1', 0x31]
    ])
  ],
  [
    DATA,
    new Map([
      ['ota', 0x00],
      ['phy', 0x01],
      ['nvs', 0x02],
      ['coredump', 0x03],
      ['nvs_keys', 0x04],
      ['efuse', 0x05],
      ['undefined', 0x06],
      ['esphttpd', 0x80],
      ['fat', 0x81],
      ['spiffs', 0x82],
      ['littlefs', 0x83],
      ['tee_ota', 0x90]
    ])
  ],
  [
    BOOTLOADER,
    new Map([
      ['primary', PRIMARY],
      ['ota', 0x01],
      ['recovery', 0x02]
    ])
  ],
  [
    TABLE,
    new Map([
      ['primary', PRIMARY],
      ['ota', 0x01]
    ])
  ]
])
const UNDEFINED_SUBTYPE = 0x06
/** Partitions that say which app to boot: one of each at most, and two sectors long. */
const OTA_DATA_SUBTYPES: readonly number[] = [0x00, 0x90]
const OTA_DATA_LENGTH = 2 * FLASH.sectorLength

const FLAGS: ReadonlyMap<string, number> = new Map([
  ['encrypted', 1],
  ['readonly', 2]
])

/** A line as it stands: the offset may be left to the tool, and a size below zero is where the partition ends. */
interface Row extends Omit<PartitionEntry, 'offset' | 'size'> {
  readonly offset: number | undefined
  readonly size: number | undefined
}

/** Undefined for a field that cannot be read, null for one that is empty. */
type Field = number | undefined | null

function readRow(line: string): Row | undefined {
  const [label = '', typeText = '', subtypeText = '', offsetText = '', sizeText = '', flagsText = ''] = line
    .split(',')
    .map(field => field.trim())
  const type = readNumber(typeText) ?? TYPES.get(typeText.toLowerCase())
  if (type === undefined) return undefined
  const subtype = readSubtype(subtypeText, type)
  const offset = readAddress(offsetText)
  const size = readAddress(sizeText)
  const flags = readFlags(flagsText)
  if (!isByte(type) || !isByte(subtype) || offset === undefined || size === undefined || flags === undefined)
    return undefined
  return { label, type, subtype, offset: offset ?? undefined, size: size ?? undefined, flags }
}

function readSubtype(text: string, type: number): number | undefined {
  if (text === '') return type === APP ? undefined : UNDEFINED_SUBTYPE
  return readNumber(text) ?? SUBTYPES.get(type)?.get(text.toLowerCase())
}

function readAddress(text: string): Field {
  return text === '' ? null : readNumber(text)
}

function readFlags(text: string): number | undefined {
  let flags = 0
  for (const word of text.split(':')) {
    if (word === '') continue
    const flag = FLAGS.get(word)
    if (flag === undefined) return undefined
    flags |= flag
  }
  return flags
}

/** Python's int(text, 0), with K and M behind it for KiB and MiB. */
const NUMBER = /^([+-]?)(0x[\da-f]+|0o[0-7]+|0b[01]+|0+|[1-9]\d*)([km]*)$/i

function readNumber(text: string): number | undefined {
  const [, sign, digits, units = ''] = NUMBER.exec(text) ?? []
  if (digits === undefined) return undefined
  const times = [...units.toLowerCase()].reduce((product, unit) => product * (unit === 'k' ? 1024 : 1024 * 1024), 1)
  const value = Number(digits) * times
  return sign === '-' ? -value : value
}

function isByte(value: number | undefined): value is number {
  return value !== undefined && value >= 0 && value <= 0xff
}

/** Fills in what was left to the tool; undefined when a partition would begin before the one above it ends. */
function placeRows(rows: readonly Row[], places: Required<PartitionPlaces>): PartitionEntry[] | undefined {
  const entries: PartitionEntry[] = []
  let end = places.tableOffset + FLASH.sectorLength
  for (const row of rows) {
    const isPrimary = (row.type === BOOTLOADER || row.type === TABLE) && row.subtype === PRIMARY
    const offset = isPrimary ? primaryOffset(row, places) : (row.offset ?? alignedUp(end, alignmentOf(row)))
    const size = sizeOf(row, places)
    if (size === undefined) return undefined
    const entry = { ...row, offset, size: size < 0 ? -size - offset : size }
    if (entry.size < 0 || entry.offset + entry.size > LARGEST) return undefined
    entries.push(entry)
    if (isPrimary) continue
    if (offset < end) return undefined
    end = offset + entry.size
  }
  return entries
}

function primaryOffset({ type }: Row, { tableOffset, bootloaderOffset }: Required<PartitionPlaces>): number {
  return type === TABLE ? tableOffset : bootloaderOffset
}

function sizeOf({ type, size }: Row, { tableOffset, bootloaderOffset }: Required<PartitionPlaces>): number | undefined {
  if (type === BOOTLOADER) return tableOffset - bootloaderOffset
  return type === TABLE ? FLASH.sectorLength : size
}

function alignmentOf({ type }: Pick<PartitionEntry, 'type'>): number {
  return type === APP ? FLASH.appAlignment : FLASH.sectorLength
}

function alignedUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment
}

function isAligned(entry: PartitionEntry): boolean {
  return entry.offset % alignmentOf(entry) === 0 && (entry.type !== APP || entry.size % FLASH.sectorLength === 0)
}

function fitTogether(entries: readonly PartitionEntry[]): boolean {
  if (new Set(entries.map(({ label }) => label)).size < entries.length) return false
  const inOrder = entries.toSorted((a, b) => a.offset - b.offset)
  if (inOrder.some(({ offset, size }, index) => offset + size > (inOrder[index + 1]?.offset ?? LARGEST))) return false
  return OTA_DATA_SUBTYPES.every(wanted => {
    const found = entries.filter(({ type, subtype }) => type === DATA && subtype === wanted)
    return found.length <= 1 && found.every(({ size }) => size === OTA_DATA_LENGTH)
  })
}
