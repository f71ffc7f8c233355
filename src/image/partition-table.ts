import { createHash } from 'node:crypto'
import type { PartitionTableFields } from './fields.js'
import { bytesAreAt } from './filling.js'
import { FLASH, PARTITION_ENTRY, PARTITION_TABLE } from './layout.js'
import { viewOf } from './little-endian.js'
import { isPlainText, readText } from './text.js'

/** esp_partition_info_t: one partition of the flash, offset and size in bytes. */
export interface PartitionEntry {
  readonly label: string
  readonly type: number
  readonly subtype: number
  readonly offset: number
  readonly size: number
  readonly flags: number
}

/** A binary partition table, as far as it could be read. */
export interface PartitionTable {
  readonly entries: readonly PartitionEntry[]
  /** Whether the MD5 of the entries matches; null where the table carries none. */
  readonly md5: boolean | null
  /** True when the table says where it ends and its MD5, if there is one, is right: only then would a bootloader take it. */
  readonly valid: boolean
}

/**
 * Reads a binary partition table from the start of these bytes, as esp_partition_table_verify of
 * components/bootloader_support/src/flash_partitions.c does: entries, their MD5, then erased flash.
 */
export function readPartitionTable(bytes: Uint8Array): PartitionTable {
  const table = bytes.subarray(0, PARTITION_TABLE.length)
  const view = viewOf(table)
  const entries: PartitionEntry[] = []
  let offset = 0
  for (; offset + PARTITION_ENTRY.length <= table.length; offset += PARTITION_ENTRY.length) {
    if (view.getUint16(offset, true) !== PARTITION_ENTRY.magicWord) break
    entries.push(readEntry(table.subarray(offset, offset + PARTITION_ENTRY.length)))
  }
  const md5 = readMd5(table, offset)
  const endsHere = bytesAreAt(table, offset, [FLASH.erasedByte, FLASH.erasedByte])
  return { entries, md5, valid: entries.length > 0 && (md5 ?? endsHere) }
}

/** What is reported of the partition table at the start of these bytes. */
export function partitionTableFields(bytes: Uint8Array): PartitionTableFields {
  const { entries, md5, valid } = readPartitionTable(bytes)
  return { entries: entries.length, md5, valid }
}

/** Whether a partition table begins at an offset: the magic, and a first entry that a partition tool could have written. */
export function isPartitionTableAt(bytes: Uint8Array, offset: number): boolean {
  if (offset + PARTITION_ENTRY.length > bytes.length) return false
  const entry = bytes.subarray(offset, offset + PARTITION_ENTRY.length)
  if (viewOf(entry).getUint16(PARTITION_ENTRY.magic, true) !== PARTITION_ENTRY.magicWord) return false
  const { offset: start, size } = readEntry(entry)
  const named = isPlainText(entry, PARTITION_ENTRY.label, PARTITION_ENTRY.labelLength)
  return named && size > 0 && start % FLASH.sectorLength === 0
}

/**
 * Length in bytes of the smallest OTA slot, which is what an update has to fit; undefined in a table without OTA slots.
 * The factory partition does not count: no update is written there.
 */
export function smallestOtaSlot(entries: readonly PartitionEntry[]): number | undefined {
  const sizes = entries.filter(isOtaSlot).map(({ size }) => size)
  return sizes.length === 0 ? undefined : Math.min(...sizes)
}

function isOtaSlot({ type, subtype }: PartitionEntry): boolean {
  return type === PARTITION_TABLE.appType && (subtype & ~PARTITION_TABLE.otaSubtypeMask) === PARTITION_TABLE.otaSubtype
}

function readEntry(entry: Uint8Array): PartitionEntry {
  const view = viewOf(entry)
  return {
    label: readText(entry, PARTITION_ENTRY.label, PARTITION_ENTRY.labelLength),
    type: view.getUint8(PARTITION_ENTRY.type),
    subtype: view.getUint8(PARTITION_ENTRY.subtype),
    offset: view.getUint32(PARTITION_ENTRY.offset, true),
    size: view.getUint32(PARTITION_ENTRY.size, true),
    flags: view.getUint32(PARTITION_ENTRY.flags, true)
  }
}

function readMd5(table: Uint8Array, offset: number): boolean | null {
  if (offset + PARTITION_ENTRY.length > table.length) return null
  if (viewOf(table).getUint16(offset, true) !== PARTITION_ENTRY.md5MagicWord) return null
  const digest = createHash('md5').update(table.subarray(0, offset)).digest()
  return bytesAreAt(table, offset + PARTITION_ENTRY.md5, digest)
}
