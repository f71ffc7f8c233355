import { stat } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { OperatorError } from '../errors.js'
import { ESP_IDF_FILES } from './layout-esp-idf.js'
import { readPlatformioBuildDir } from './layout-platformio.js'
import { readSmallFile } from './small-file.js'

/** A folder to watch, and the first part of the names in it where there are several. */
export interface WatchedFolder {
  /** Absolute. It may not be there yet. */
  readonly path: string
  readonly label: string | undefined
}

const LABELLED = /^([\w.-]+)=(.+)$/

/**
 * The folders that the arguments of `serve` mean: `build/`, `left=~/a/build`, a project of ESP-IDF or PlatformIO (then its build folder).
 * @throws OperatorError when one of several has no label of its own
 */
export async function resolveFolders(folders: readonly string[], cwd: string): Promise<readonly WatchedFolder[]> {
  const asked = await Promise.all(folders.map(argument => resolveFolder(argument, cwd)))
  if (asked.length === 1) return asked
  const labelled = asked.map(folder => ({ ...folder, label: folder.label ?? path.basename(folder.given) }))
  for (const { label, path: folder } of labelled)
    if (labelled.filter(other => other.label === label).length > 1)
      throw new OperatorError(
        'OTAD_ERR_BAD_FOLDER',
        `two folders would both be called ${label}`,
        `give each a label of its own: left=${folder}`
      )
  return labelled
}

async function resolveFolder(argument: string, cwd: string): Promise<WatchedFolder & { readonly given: string }> {
  const [, label, labelled] = LABELLED.exec(argument) ?? []
  const isLabelled =
    labelled !== undefined && (await stat(path.resolve(cwd, argument)).catch(() => undefined)) === undefined
  const folder = path.resolve(cwd, withHome(isLabelled ? labelled : argument))
  return { path: await buildFolderOf(folder), label: isLabelled ? label : undefined, given: folder }
}

/** The shell expands `~` at the start of a word only, not behind a label. */
function withHome(folder: string): string {
  return folder === '~' || folder.startsWith('~/') ? path.join(os.homedir(), folder.slice(1)) : folder
}

/**
 * The build folder of a project of ESP-IDF or PlatformIO, built already or not; any other folder is meant as it is.
 * A project of ESP-IDF under PlatformIO has the marks of both: it is what it was built by.
 */
async function buildFolderOf(folder: string): Promise<string> {
  const build = path.join(folder, 'build')
  if (await isFile(path.join(folder, ESP_IDF_FILES.description))) return folder
  const ini = (await readSmallFile(path.join(folder, 'platformio.ini')))?.toString('utf8')
  const platformioBuild = ini === undefined ? undefined : path.resolve(folder, readPlatformioBuildDir(ini))
  if (platformioBuild !== undefined && (await isFolder(platformioBuild))) return platformioBuild
  if (await isFile(path.join(build, ESP_IDF_FILES.description))) return build
  if (platformioBuild !== undefined) return platformioBuild
  const lists = await readSmallFile(path.join(folder, 'CMakeLists.txt'))
  return lists?.includes('tools/cmake/project.cmake') === true ? build : folder
}

async function isFolder(folder: string): Promise<boolean> {
  return (await stat(folder).catch(() => undefined))?.isDirectory() === true
}

async function isFile(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined))?.isFile() === true
}
