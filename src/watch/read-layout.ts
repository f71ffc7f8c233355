import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { readPartitionCsv } from '../image/partition-csv.js'
import { readPartitionTable, smallestOtaSlot } from '../image/partition-table.js'
import { isWorthEntering } from './candidates.js'
import type { Layout } from './layout.js'
import { arduinoFiles, readArduinoLayout, sketchOf } from './layout-arduino.js'
import { ESP_IDF_FILES, readEspIdfLayout } from './layout-esp-idf.js'
import {
  isPlatformioBuild,
  isPlatformioEnvironment,
  PLATFORMIO_FILES,
  platformioBuildLayout,
  platformioSdkconfig,
  readPlatformioLayout
} from './layout-platformio.js'
import { fileKey, readCandidate } from './read-candidate.js'
import { readSmallFile } from './small-file.js'

/** The layout of a folder, or of a sketch that was built into it: what the files of its build system say, or plain. */
export async function readLayout(folder: string, sketch?: string): Promise<Layout> {
  const read = (file: string): Promise<Buffer | undefined> => readSmallFile(path.join(folder, file))
  const text = async (file: string): Promise<string | undefined> => (await read(file))?.toString('utf8')
  if (sketch !== undefined) {
    const { bootloader, buildOptions } = arduinoFiles(sketch)
    return readArduinoLayout({
      sketch,
      folderName: path.basename(folder),
      bootloader: await read(bootloader),
      buildOptions: await text(buildOptions)
    })
  }
  if (isPlatformioBuild(folder)) return platformioBuildLayout(folder)
  if (await isBuiltByPlatformio(folder)) return readPlatformio(folder)
  return readEspIdfLayout({
    description: await text(ESP_IDF_FILES.description),
    flasherArgs: await text(ESP_IDF_FILES.flasherArgs),
    sdkconfig: await text(ESP_IDF_FILES.sdkconfig)
  })
}

/** Files whose coming makes another folder of a plain one. */
export const LAYOUT_SIGNS: readonly string[] = [
  ESP_IDF_FILES.description,
  PLATFORMIO_FILES.bootloader,
  PLATFORMIO_FILES.partitions,
  PLATFORMIO_FILES.program
]

async function isBuiltByPlatformio(folder: string): Promise<boolean> {
  if (isPlatformioEnvironment(folder)) return true
  const { bootloader, partitions, program, checksum } = PLATFORMIO_FILES
  const [hasBootloader, hasPartitions, hasProgram, hasChecksum] = await Promise.all(
    [bootloader, partitions, program, checksum].map(async file => (await keyOf(path.join(folder, file))) !== '')
  )
  return (hasBootloader === true || hasPartitions === true) && (hasProgram === true || hasChecksum === true)
}

async function readPlatformio(folder: string): Promise<Layout> {
  const environment = path.basename(folder)
  // Elsewhere nobody knows where the project is.
  const isInProject = isPlatformioEnvironment(folder)
  const text = async (file: string): Promise<string | undefined> =>
    (await readSmallFile(path.join(folder, file)))?.toString('utf8')
  return readPlatformioLayout({
    environment,
    bootloader: await readSmallFile(path.join(folder, PLATFORMIO_FILES.bootloader)),
    idedata: await text(PLATFORMIO_FILES.idedata),
    description: await text(PLATFORMIO_FILES.description),
    sdkconfig: isInProject ? await text(platformioSdkconfig(environment)) : undefined,
    ini: isInProject ? await text(PLATFORMIO_FILES.ini) : undefined
  })
}

/**
 * Length of the smallest OTA slot that a layout leads to: in its partition table, or in the text of it while there is no table.
 * A table that no bootloader would take, half written for instance, says nothing.
 */
export async function readSlotSize(folder: string, layout: Layout): Promise<number | undefined> {
  const { partitionTable, partitionCsv, tableOffset } = layout
  const bytes = partitionTable === undefined ? undefined : await readSmallFile(path.join(folder, partitionTable))
  if (bytes !== undefined) {
    const { valid, entries } = readPartitionTable(bytes)
    return valid ? smallestOtaSlot(entries) : undefined
  }
  const text = partitionCsv === undefined ? undefined : await readSmallFile(path.join(folder, partitionCsv))
  if (text === undefined) return undefined
  return smallestOtaSlot(
    readPartitionCsv(text.toString('utf8'), tableOffset === undefined ? {} : { tableOffset }) ?? []
  )
}

/** No data partition is longer; what is, is not read. */
const LARGEST_PART = 16 * 1024 * 1024

/**
 * The bytes of a layout's files that lie beside the app in flash, as far as they are there and nobody writes to them. `root` is the watched
 * folder, which no link may lead out of.
 */
export async function readFlashFiles(folder: string, root: string, layout: Layout): Promise<Map<string, Buffer>> {
  const bytes = new Map<string, Buffer>()
  for (const { file } of layout.flash?.files ?? []) {
    const options = { folder: root, maxImageBytes: LARGEST_PART, knownKey: undefined }
    const reading = await readCandidate({ file: path.join(folder, file), ...options })
    if (reading.outcome === 'read') bytes.set(file, reading.bytes)
  }
  return bytes
}

/** The states of several files in one word: another word when any of them has come, changed or gone. */
export async function readKeys(folder: string, files: readonly string[]): Promise<string> {
  return (await Promise.all(files.map(file => keyOf(path.join(folder, file))))).join()
}

async function keyOf(file: string): Promise<string> {
  const stats = await stat(file, { bigint: true }).catch(() => undefined)
  return stats?.isFile() ? fileKey(stats) : ''
}

/** The folders and sketches right inside a folder; undefined when it cannot be read. */
export async function listOutputs(folder: string): Promise<readonly string[] | undefined> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined)
  return entries
    ?.map(entry =>
      entry.isDirectory() ? (isWorthEntering(entry.name) ? `${entry.name}/` : undefined) : sketchOf(entry.name)
    )
    .filter(name => name !== undefined)
}
