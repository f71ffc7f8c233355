import { type Layout, PLAIN_LAYOUT } from './layout.js'
import { readFlasherArgs } from './layout-flash.js'
import { objectOf, parseObject, readSdkconfig, relativeOf, textOf } from './layout-text.js'

/** The files that make a folder an ESP-IDF build folder, and the configuration of the project around it. */
export const ESP_IDF_FILES = {
  description: 'project_description.json',
  flasherArgs: 'flasher_args.json',
  sdkconfig: '../sdkconfig'
} as const

/** The text of each of these files, as far as they are there. */
export type EspIdfTexts = { readonly [file in keyof typeof ESP_IDF_FILES]: string | undefined }

/**
 * Reads what `idf.py build` leaves in the build folder (ESP-IDF: tools/cmake/project_description.json.in, flasher_args.json.in).
 * Text that is not what it should be (half written, another tool's) gives the plain layout: the judge still sees every image.
 */
export function readEspIdfLayout({ description: text, flasherArgs: flasherText, sdkconfig }: EspIdfTexts): Layout {
  const description = parseObject(text)
  if (description === undefined) return PLAIN_LAYOUT
  const flasherArgs = parseObject(flasherText) ?? {}
  const project = textOf(description.project_name)
  const chip = textOf(description.target)
  const app = relativeOf(description.app_bin)
  const settings = readSdkconfig(sdkconfig)
  return {
    system: 'esp-idf',
    description: ['ESP-IDF project', [project, chip].filter(Boolean).join(', ')].join(' ').trim(),
    project,
    chip,
    app,
    partitionTable: relativeOf(objectOf(flasherArgs['partition-table']).file) ?? 'partition_table/partition-table.bin',
    partitionCsv: customTableOf(settings),
    tableOffset: offsetOf(settings.get('CONFIG_PARTITION_TABLE_OFFSET')),
    notForOta: readParts(flasherArgs, app),
    flash: readFlasherArgs(flasherArgs),
    sources: Object.values(ESP_IDF_FILES)
  }
}

const PART_WORDS: ReadonlyMap<string, string> = new Map([
  ['bootloader', 'the bootloader'],
  ['partition-table', 'the partition table'],
  ['otadata', 'the initial OTA data'],
  ['nvs', 'an NVS partition'],
  ['storage', 'a data partition']
])

function readParts(flasherArgs: Record<string, unknown>, app: string | undefined): ReadonlyMap<string, string> {
  const parts = new Map<string, string>()
  for (const [part, spec] of Object.entries(flasherArgs)) {
    const file = relativeOf(objectOf(spec).file)
    if (file !== undefined && part !== 'app') parts.set(file, PART_WORDS.get(part) ?? `the ${part} image`)
  }
  for (const file of Object.values(objectOf(flasherArgs.flash_files)).map(relativeOf))
    if (file !== undefined && file !== app && !parts.has(file)) parts.set(file, 'flashed by cable, not over the air')
  return parts
}

/** The table of the project's own; those of ESP-IDF lie in its installation, where nobody looks. */
function customTableOf(settings: ReadonlyMap<string, string>): string | undefined {
  if (settings.get('CONFIG_PARTITION_TABLE_CUSTOM') !== 'y') return undefined
  const file = relativeOf(settings.get('CONFIG_PARTITION_TABLE_CUSTOM_FILENAME'))
  return file === undefined ? undefined : `../${file}`
}

function offsetOf(text: string | undefined): number | undefined {
  const offset = Number(text ?? Number.NaN)
  return Number.isSafeInteger(offset) && offset > 0 ? offset : undefined
}
