import { type BigIntStats, constants, type Dirent, lstat, stat } from 'node:fs'
import { type FileHandle, open, readdir, realpath } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { systemErrorCode } from '../errors.js'
import { readPartitionCsv } from '../image/partition-csv.js'
import { readPartitionTable, smallestOtaSlot } from '../image/partition-table.js'
import { isCandidateFile, isWorthEntering, looksLikeKeyFile } from './candidates.js'
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
import { fileKey, isInside } from './read-candidate.js'

// The callback forms cost a third of the promise ones; a scan makes one call for each file every two seconds.
const lstatOf = promisify(lstat) as (file: string, options: { bigint: true }) => Promise<BigIntStats>
const statOf = promisify(stat) as (file: string, options: { bigint: true }) => Promise<BigIntStats>

/** Files looked at in one folder at most: a build folder has a few, a home directory by mistake has millions. */
export const MOST_FILES = 100_000
const DEEPEST = 24
const AT_ONCE = 64

/** One file that may be firmware, as a scan found it. */
export interface FoundFile {
  /** Path relative to the watched folder. */
  readonly relative: string
  readonly file: string
  readonly key: string
  readonly size: number
}

export type Scan =
  | { readonly state: 'missing'; readonly reason: string }
  | {
      readonly state: 'present'
      /** Tells this folder from another one that took its place under the same path. */
      readonly identity: string
      readonly files: readonly FoundFile[]
      /** Files that hold a private key, and should not lie here. */
      readonly keyFiles: readonly string[]
      readonly isCrowded: boolean
    }

/**
 * Everything in a folder that may be firmware, found by looking, without events. Links are followed when they end inside the folder;
 * pipes, sockets and loops are passed over.
 */
export async function scanFolder(folder: string): Promise<Scan> {
  let root: string
  let identity: string
  try {
    root = await realpath(folder)
    const stats = await statOf(root, { bigint: true })
    if (!stats.isDirectory()) return { state: 'missing', reason: 'is not a folder' }
    // A bind mount goes on showing a folder that was deleted where it came from.
    if (stats.nlink === 0n) return { state: 'missing', reason: 'was deleted where it is mounted from' }
    identity = `${stats.dev}:${stats.ino}`
    await readdir(root)
  } catch (error) {
    return { state: 'missing', reason: explainMissing(systemErrorCode(error)) }
  }
  const walk: Walk = { root, files: [], keyFiles: [], seen: 0, isCrowded: false }
  await enter(walk, folder, '', 0)
  const { files, keyFiles, isCrowded } = walk
  return { state: 'present', identity, files, keyFiles, isCrowded }
}

interface Walk {
  /** Real path of the folder: what a link must not lead out of. */
  readonly root: string
  readonly files: FoundFile[]
  readonly keyFiles: string[]
  seen: number
  isCrowded: boolean
}

async function enter(walk: Walk, folder: string, relative: string, depth: number): Promise<void> {
  let entries: Dirent[]
  try {
    entries = await readdir(folder, { withFileTypes: true })
  } catch {
    return // It went, or it is not ours to read: what was in it is missed by its name.
  }
  const candidates: Dirent[] = []
  for (const entry of entries) {
    if (++walk.seen > MOST_FILES) {
      walk.isCrowded = true
      break
    }
    const inside = path.join(relative, entry.name)
    if (entry.isDirectory()) {
      if (depth < DEEPEST && isWorthEntering(entry.name))
        await enter(walk, path.join(folder, entry.name), inside, depth + 1)
    } else if (isCandidateFile(entry.name) && (entry.isFile() || entry.isSymbolicLink())) candidates.push(entry)
    else if (entry.isFile() && looksLikeKeyFile(entry.name)) await noteKeyFile(walk, path.join(folder, entry.name))
  }
  for (let start = 0; start < candidates.length; start += AT_ONCE)
    await Promise.all(candidates.slice(start, start + AT_ONCE).map(entry => note(walk, folder, relative, entry)))
}

async function note(walk: Walk, folder: string, relative: string, entry: Dirent): Promise<void> {
  const file = path.join(folder, entry.name)
  try {
    const stats = await (entry.isSymbolicLink() ? statInside(walk.root, file) : lstatOf(file, { bigint: true }))
    if (stats?.isFile())
      walk.files.push({
        relative: path.join(relative, entry.name),
        file,
        key: fileKey(stats),
        size: Number(stats.size)
      })
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error
  }
}

/** What a link leads to, unless it leads out of the folder. */
async function statInside(root: string, link: string): Promise<BigIntStats | undefined> {
  const target = await realpath(link)
  return isInside(root, target) ? statOf(target, { bigint: true }) : undefined
}

async function noteKeyFile(walk: Walk, file: string): Promise<void> {
  if ((await readStart(file)).includes('PRIVATE KEY')) walk.keyFiles.push(file)
}

async function readStart(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r')
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0)
      return buffer.toString('latin1', 0, bytesRead)
    } finally {
      await handle.close()
    }
  } catch {
    return ''
  }
}

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

/** The states of several files in one word: another word when any of them has come, changed or gone. */
export async function readKeys(folder: string, files: readonly string[]): Promise<string> {
  return (await Promise.all(files.map(file => keyOf(path.join(folder, file))))).join()
}

async function keyOf(file: string): Promise<string> {
  const stats = await statOf(file, { bigint: true }).catch(() => undefined)
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

const LARGEST_SMALL_FILE = 1024 * 1024
/** A pipe by the name of a file must not hold a reader for ever. */
const NOT_BLOCKING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/** A file of the build system, up to a mebibyte of it; undefined for anything but a regular file that can be read. */
export async function readSmallFile(file: string): Promise<Buffer | undefined> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file, NOT_BLOCKING)
    const stats = await handle.stat()
    if (!stats.isFile()) return undefined
    const buffer = Buffer.alloc(Math.min(stats.size, LARGEST_SMALL_FILE))
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0)
    return buffer.subarray(0, bytesRead)
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error
    return undefined
  } finally {
    await handle?.close()
  }
}

function explainMissing(code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'is not there'
    case 'EACCES':
    case 'EPERM':
      return 'cannot be read (no permission)'
    default:
      return `cannot be read (${code ?? 'unknown error'})`
  }
}
