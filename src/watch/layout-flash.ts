import { CHIPS, type ChipName } from '../image/chips.js'
import type { Kind } from '../image/kinds.js'
import { FLASH, PARTITION_TABLE } from '../image/layout.js'
import { type PartitionEntry, readPartitionTable } from '../image/partition-table.js'
import { verifyImage } from '../image/verify.js'
import { objectOf, relativeOf, textOf } from './layout-text.js'

/** What a build system says of the flash of a new device: which files go where. The app is not among them, only its place. */
export interface FlashFiles {
  /** Undefined where the partition table decides. */
  readonly appOffset: number | undefined
  readonly files: readonly FlashFile[]
}

export interface FlashFile {
  readonly role: 'bootloader' | 'partition-table' | 'otadata' | 'data'
  readonly file: string
  /** Undefined where the chip decides. */
  readonly offset: number | undefined
}

interface FoundFile extends FlashFile {
  readonly bytes: Buffer
}

/** The bytes beside the app, each in its place, ordered by offset; none where there is not enough for a new device. */
export interface FoundFlash {
  readonly appOffset: number
  readonly parts: readonly FoundPart[]
}

export interface FoundPart {
  readonly name: string
  readonly kind: Kind
  readonly offset: number
  readonly bytes: Buffer
}

/** PlatformIO and Arduino: the chip says where the bootloader lies, the table everything else. */
export function flashOfTable(bootloader: string, partitionTable: string): FlashFiles {
  return {
    appOffset: undefined,
    files: [
      { role: 'bootloader', file: bootloader, offset: undefined },
      { role: 'partition-table', file: partitionTable, offset: PARTITION_TABLE.flashOffset }
    ]
  }
}

/** ESP-IDF: flasher_args.json (components/esptool_py/flasher_args.json.in) names every file that `idf.py flash` writes, and its place. */
export function readFlasherArgs(flasherArgs: Record<string, unknown>): FlashFiles | undefined {
  const appOffset = offsetOf(objectOf(flasherArgs.app).offset)
  const app = relativeOf(objectOf(flasherArgs.app).file)
  if (appOffset === undefined || app === undefined) return undefined
  const named = ROLES.map(([key, role]) => [relativeOf(objectOf(flasherArgs[key]).file), role] as const)
  const files = Object.entries(objectOf(flasherArgs.flash_files)).flatMap(([place, value]): readonly FlashFile[] => {
    const [file, offset] = [relativeOf(value), offsetOf(place)]
    if (file === undefined || offset === undefined || file === app) return []
    return [{ role: named.find(([known]) => known === file)?.[1] ?? 'data', file, offset }]
  })
  return { appOffset, files: files.slice(0, MOST_FILES) }
}

const ROLES = [
  ['bootloader', 'bootloader'],
  ['partition-table', 'partition-table'],
  ['otadata', 'otadata']
] as const
/** A manifest for more would not fit into the 2 KiB of its readers. */
const MOST_FILES = 12

/** Data partitions that can be told from a file that has no business in flash. */
const DATA_KINDS: readonly Kind[] = ['nvs', 'spiffs', 'littlefs', 'fat', 'phy-init']

/**
 * Puts the bytes of the files in their places. Each is judged: a bootloader that is none, or of another chip, and a table that no bootloader
 * would take leave the app alone with its offset. Undefined where not even that is known.
 */
export function placeFlash(
  { appOffset, files }: FlashFiles,
  bytesOf: ReadonlyMap<string, Buffer>,
  chip: ChipName | undefined
): FoundFlash | undefined {
  const bytesAs = (role: FlashFile['role']): readonly FoundFile[] =>
    files
      .filter(file => file.role === role)
      .flatMap(file => {
        const bytes = bytesOf.get(file.file)
        return bytes === undefined ? [] : [{ ...file, bytes }]
      })
  const [table] = bytesAs('partition-table').filter(({ bytes }) => isOfKind(bytes, 'partition-table'))
  const entries = table === undefined ? [] : readPartitionTable(table.bytes).entries
  const appAt = appOffset ?? firstApp(entries)
  if (appAt === undefined) return undefined
  const [bootloader] = bytesAs('bootloader').filter(({ bytes }) => isOfKind(bytes, 'bootloader', chip))
  if (table?.offset === undefined || bootloader === undefined) return { appOffset: appAt, parts: [] }
  const bootloaderOffset = bootloader.offset ?? bootloaderOffsetOf(bootloader.bytes)
  if (bootloaderOffset === undefined) return { appOffset: appAt, parts: [] }
  const otadata = entries.find(({ type, subtype }) => type === DATA_TYPE && subtype === OTADATA_SUBTYPE)
  const parts: readonly FoundPart[] = [
    { name: bootloader.file, kind: 'bootloader', offset: bootloaderOffset, bytes: bootloader.bytes },
    { name: table.file, kind: 'partition-table', offset: table.offset, bytes: table.bytes },
    ...(otadata === undefined ? [] : [otadataPart(otadata, bytesAs('otadata'))]),
    ...bytesAs('data').flatMap(({ file, offset, bytes }): readonly FoundPart[] => {
      const { kind } = verifyImage(bytes, {})
      return offset !== undefined && DATA_KINDS.includes(kind) ? [{ name: file, kind, offset, bytes }] : []
    })
  ]
  return { appOffset: appAt, parts: [...parts].sort((a, b) => a.offset - b.offset) }
}

/** PART_TYPE_DATA and PART_SUBTYPE_DATA_OTA of esp_flash_partitions.h. */
const DATA_TYPE = 1
const OTADATA_SUBTYPE = 0
const FACTORY_SUBTYPE = 0
/** Two sectors; what stands there in a table is never much more. */
const LARGEST_OTADATA = 0x10000

/**
 * What makes the bootloader start the first app, whatever was started there before: the file of the build, else erased flash, which is what
 * ESP-IDF writes there (components/app_update/CMakeLists.txt, ota_data_initial.bin).
 */
function otadataPart({ offset, size }: PartitionEntry, files: readonly FoundFile[]): FoundPart {
  const file = files.find(found => found.offset === offset && found.bytes.length === size && isOtadata(found.bytes))
  if (file !== undefined) return { name: file.file, kind: 'otadata', offset, bytes: file.bytes }
  return {
    name: 'otadata',
    kind: 'erased',
    offset,
    bytes: Buffer.alloc(Math.min(size, LARGEST_OTADATA), FLASH.erasedByte)
  }
}

function isOtadata(bytes: Buffer): boolean {
  const { kind } = verifyImage(bytes, {})
  return kind === 'erased' || kind === 'otadata'
}

function isOfKind(bytes: Buffer, kind: Kind, chip?: ChipName): boolean {
  const verdict = verifyImage(bytes, { kinds: [kind], ...(chip === undefined ? {} : { chip }) })
  return verdict.kind === kind && verdict.verdict === 'accept'
}

function bootloaderOffsetOf(bytes: Buffer): number | undefined {
  const { chip } = verifyImage(bytes, { kinds: ['bootloader'] })
  return chip === null ? undefined : CHIPS[chip].bootloaderOffset
}

/** Where a device without OTA data starts: the factory app, else the first slot (bootloader_utility.c, bootloader_utility_get_selected_boot_partition). */
function firstApp(entries: readonly PartitionEntry[]): number | undefined {
  const apps = entries.filter(({ type }) => type === PARTITION_TABLE.appType)
  const factory = apps.find(({ subtype }) => subtype === FACTORY_SUBTYPE)
  return factory?.offset ?? [...apps].sort((a, b) => a.subtype - b.subtype)[0]?.offset
}

function offsetOf(value: unknown): number | undefined {
  const offset = Number(textOf(value) ?? Number.NaN)
  return Number.isSafeInteger(offset) && offset >= 0 && offset <= LAST_OFFSET ? offset : undefined
}

const LAST_OFFSET = 0xffffffff
