import type { FlashFiles } from './layout-flash.js'

/**
 * What the files of a build system say about one of its outputs: for which chip it is, where its slot is read from,
 * and which files beside it are not for OTA. Paths have forward slashes and begin at the folder of the output.
 */
export interface Layout {
  readonly system: 'esp-idf' | 'platformio' | 'arduino' | 'plain'
  /** In words, for the banner: `ESP-IDF project hello_world, esp32`. */
  readonly description: string
  /** The project of ESP-IDF, the environment of PlatformIO, the sketch of Arduino. */
  readonly project: string | undefined
  /** ESP-IDF's name of the target (`esp32s3`); whether such a chip exists is for others to say. */
  readonly chip: string | undefined
  /** The app image, where the build system names it. */
  readonly app: string | undefined
  /** Binary partition table; the slot size is read from it. */
  readonly partitionTable: string | undefined
  /** The text that the table is made of, for a build that has not made it yet. It may lie in the project around the folder. */
  readonly partitionCsv: string | undefined
  /** Where the table will lie in flash, which decides where the partitions of the text begin. */
  readonly tableOffset: number | undefined
  /** Images that belong to the project but are not for OTA, with what they are. */
  readonly notForOta: ReadonlyMap<string, string>
  /** What the flash of a new device needs beside the app; undefined where nobody says. */
  readonly flash: FlashFiles | undefined
  /** The files that all this was read from, or would be if they were there. */
  readonly sources: readonly string[]
}

/** What a file system beside an app is called; Arduino's clients ask for it at the address of the app, where it is served. */
export const FILE_SYSTEM = 'a file system'

export const PLAIN_LAYOUT: Layout = {
  system: 'plain',
  description: 'plain folder',
  project: undefined,
  chip: undefined,
  app: undefined,
  partitionTable: undefined,
  partitionCsv: undefined,
  tableOffset: undefined,
  notForOta: new Map(),
  flash: undefined,
  sources: []
}

/** A watched folder in words, with the outputs that were found in it. */
export function describeLayouts(folder: Layout, inside: readonly Layout[]): string {
  const outputs = inside.filter(({ system }) => system !== 'plain')
  if (outputs.length === 0 || folder.system === 'esp-idf') return folder.description
  if (folder.system === 'platformio')
    return `${folder.description} (${shortened(outputs.map(({ project }) => project ?? ''))})`
  return shortened(outputs.map(({ description }) => description))
}

/** Things named in a banner at most. */
const MOST_NAMED = 4

function shortened(things: readonly string[]): string {
  const more = things.length > MOST_NAMED ? [`${things.length - MOST_NAMED} more`] : []
  return [...things.slice(0, MOST_NAMED), ...more].join('; ')
}
