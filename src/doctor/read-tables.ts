import { PARTITION_TABLE } from '../image/layout.js'
import { readPartitionCsv } from '../image/partition-csv.js'
import { type PartitionEntry, readPartitionTable } from '../image/partition-table.js'
import type { TableFact } from './facts.js'
import type { Configuration } from './source-text.js'

const DATA_TYPE = 1
const OTADATA_SUBTYPE = 0
const MIB = 1024 * 1024

/** A table of a build. */
export function tableOfBytes(bytes: Buffer, file: string): TableFact {
  const { valid, entries } = readPartitionTable(bytes)
  return { file, isValid: valid, ...partsOf(entries) }
}

/** The text that a table is made of. */
export function tableOfCsv(text: string, file: string, configuration: Configuration): TableFact {
  const offset = Number(configuration.get('CONFIG_PARTITION_TABLE_OFFSET'))
  const entries = readPartitionCsv(text, offset > 0 ? { tableOffset: offset } : {})
  return { file, isValid: entries !== undefined, ...partsOf(entries ?? []) }
}

function partsOf(entries: readonly PartitionEntry[]): Omit<TableFact, 'file' | 'isValid'> {
  return {
    otaSlots: entries
      .filter(
        ({ type, subtype }) =>
          type === PARTITION_TABLE.appType && (subtype & ~PARTITION_TABLE.otaSubtypeMask) === PARTITION_TABLE.otaSubtype
      )
      .map(({ label, size }) => ({ label, size })),
    hasOtaData: entries.some(({ type, subtype }) => type === DATA_TYPE && subtype === OTADATA_SUBTYPE),
    end: Math.max(0, ...entries.map(({ offset, size }) => offset + size))
  }
}

const twoOf = (size: number): TableFact['otaSlots'] => [
  { label: 'ota_0', size },
  { label: 'ota_1', size }
]

/** The tables that ESP-IDF brings along (components/partition_table/partitions_*.csv), by the setting that chooses each. */
const IDF_TABLES: readonly (readonly [setting: RegExp, table: Omit<TableFact, 'file' | 'isValid'>])[] = [
  [/^CONFIG_PARTITION_TABLE_SINGLE_APP(_\w+)?$/, { otaSlots: [], hasOtaData: false, end: 0 }],
  [/^CONFIG_PARTITION_TABLE_TWO_OTA_LARGE$/, { otaSlots: twoOf(1700 * 1024), hasOtaData: true, end: 0 }],
  [/^CONFIG_PARTITION_TABLE_TWO_OTA(_\w+)?$/, { otaSlots: twoOf(MIB), hasOtaData: true, end: 0 }]
]

/** The table of ESP-IDF's own that a configuration chooses; undefined where it chooses one of the project's, or says nothing. */
export function tableOfConfiguration(configuration: Configuration): TableFact | undefined {
  if (configuration.get('CONFIG_PARTITION_TABLE_CUSTOM') === 'y') return undefined
  for (const [setting, table] of IDF_TABLES) {
    const chosen = [...configuration].find(([name, value]) => value === 'y' && setting.test(name))
    if (chosen !== undefined) return { file: `${chosen[0]}=y`, isValid: true, ...table }
  }
  return undefined
}

/** Tables of Arduino with one app only (arduino-esp32: tools/partitions), as PlatformIO and the Arduino IDE call them. */
const ONE_APP = /^(huge_app|no_ota|noota_\w+|no_fs|single_app\w*|rainmaker_no_ota|fatflash_no_ota)(\.csv)?$/

/** A table of the framework that is known to have one app only; undefined for all others. */
export function tableOfScheme(scheme: string, where: string): TableFact | undefined {
  if (!ONE_APP.test(scheme)) return undefined
  return {
    file: `${where} ${scheme}`,
    isValid: true,
    otaSlots: [{ label: 'app0', size: 3 * MIB }],
    hasOtaData: true,
    end: 0
  }
}
