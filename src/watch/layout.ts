import path from 'node:path'

/** What the files of a build system say about a folder: which image is the app, for which chip, and what is not for OTA. */
export interface Layout {
  readonly system: 'esp-idf' | 'plain'
  /** In words, for the banner: `ESP-IDF project hello_world, esp32`. */
  readonly description: string
  readonly project: string | undefined
  /** ESP-IDF's name of the target (`esp32s3`); whether such a chip exists is for others to say. */
  readonly chip: string | undefined
  /** The app image, relative to the folder, where the build system names it. */
  readonly app: string | undefined
  /** Binary partition table, relative to the folder; the slot size is read from it. */
  readonly partitionTable: string | undefined
  /** Images that belong to the project but are not for OTA, relative to the folder, with what they are. */
  readonly notForOta: ReadonlyMap<string, string>
}

export const PLAIN_LAYOUT: Layout = {
  system: 'plain',
  description: 'plain folder',
  project: undefined,
  chip: undefined,
  app: undefined,
  partitionTable: undefined,
  notForOta: new Map()
}

/** The files that make a folder an ESP-IDF build folder. */
export const ESP_IDF_FILES = { description: 'project_description.json', flasherArgs: 'flasher_args.json' } as const

/**
 * Reads what `idf.py build` leaves in the build folder (ESP-IDF: tools/cmake/project_description.json.in, flasher_args.json.in).
 * Text that is not what it should be (half written, another tool's) gives the plain layout: the judge still sees every image.
 */
export function readEspIdfLayout(descriptionText: string, flasherArgsText: string | undefined): Layout {
  const description = parseObject(descriptionText)
  const flasherArgs = parseObject(flasherArgsText ?? '{}') ?? {}
  if (description === undefined) return PLAIN_LAYOUT
  const project = textOf(description.project_name)
  const chip = textOf(description.target)
  const app = relativeOf(description.app_bin)
  const notForOta = new Map<string, string>()
  for (const [part, spec] of Object.entries(flasherArgs)) {
    const file = typeof spec === 'object' && spec !== null && 'file' in spec ? relativeOf(spec.file) : undefined
    if (file !== undefined && part !== 'app') notForOta.set(file, PART_WORDS[part] ?? `the ${part} image`)
  }
  for (const file of Object.values(objectOf(flasherArgs.flash_files)).map(relativeOf))
    if (file !== undefined && file !== app && !notForOta.has(file))
      notForOta.set(file, 'flashed by cable, not over the air')
  return {
    system: 'esp-idf',
    description: ['ESP-IDF project', [project, chip].filter(Boolean).join(', ')].join(' ').trim(),
    project,
    chip,
    app,
    partitionTable: relativeOf(objectOf(flasherArgs['partition-table']).file) ?? 'partition_table/partition-table.bin',
    notForOta
  }
}

const PART_WORDS: Readonly<Record<string, string>> = {
  bootloader: 'the bootloader',
  'partition-table': 'the partition table',
  otadata: 'the initial OTA data',
  nvs: 'an NVS partition',
  storage: 'a data partition'
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A path inside the build folder, normalised; one that leads out of it is nobody's. */
function relativeOf(value: unknown): string | undefined {
  const text = textOf(value)
  if (text === undefined) return undefined
  const normal = path.posix.normalize(text.replaceAll('\\', '/'))
  return normal.startsWith('../') || path.posix.isAbsolute(normal) || /^[a-z]:/i.test(normal) ? undefined : normal
}
