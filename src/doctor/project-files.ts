import { access, constants, readdir, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { systemErrorCode } from '../errors.js'
import { isInside } from '../watch/read-candidate.js'
import { readSmallFile } from '../watch/small-file.js'

/** A file of a project that says something to the doctor. Paths are relative to the project, with forward slashes. */
export interface ProjectFile {
  readonly file: string
  readonly bytes: Buffer
  readonly text: string
  readonly modifiedAt: number
}

/** Files that are read at most: a project that holds more has other people's code in it. */
const MOST_FILES = 3000
const MOST_BYTES = 64 * 1024 * 1024
const DEEPEST = 8

/** What a build leaves, what a tool fetches, what runs on this machine, and projects of their own that show or test a component. */
const LEFT_OUT =
  /^(build.*|cmake-build.*|managed_components|node_modules|docs?|examples?|tests?|test_apps?|host_tests?|venv|__pycache__|esp-idf|libdeps|dist)$/
const READ =
  /\.(c|cc|cpp|cxx|h|hh|hpp|hxx|inc|ino|pde|ya?ml|pem|crt|cer|der|key|csv|cmake|ini)$|^(CMakeLists\.txt|component\.mk|Makefile|Kconfig.*|sdkconfig.*|build\.options\.json)$/

/** Where a project says most: what is read first counts where there is too much to read. */
const LIKELY_FILE = /^(sdkconfig.*|CMakeLists\.txt|Makefile|platformio\.ini|Kconfig.*)$|\.(ino|ya?ml)$/
const LIKELY_FOLDER = /^(main|components|src|include|lib|certs?|server_certs|certificates)$/

/** The files of a project, and what is not among them. */
export interface FoundFiles {
  readonly files: readonly ProjectFile[]
  /** Files and folders that this user may not read. */
  readonly unread: readonly string[]
  /** Files and folders behind the limits. */
  readonly leftOut: readonly string[]
}

/**
 * Reads the files of a project that count: its sources, its configuration, its certificates; the likely places first. Links that lead to folders, or out
 * of it, are not followed.
 */
export async function readProjectFiles(folder: string): Promise<FoundFiles> {
  const [files, unread, leftOut]: [ProjectFile[], string[], string[]] = [[], [], []]
  let length = 0
  const enter = async (place: string, depth: number): Promise<void> => {
    const entries = await entriesOf(path.join(folder, place))
    if (entries === undefined) unread.push(`${place}/`)
    for (const { name, isFolder } of entries ?? []) {
      const file = place === '' ? name : `${place}/${name}`
      if (files.length >= MOST_FILES || length >= MOST_BYTES) {
        leftOut.push(isFolder ? `${file}/` : file)
      } else if (isFolder) {
        if (depth < DEEPEST) await enter(file, depth + 1)
      } else {
        const found = await readProjectFile(folder, file)
        if (found !== undefined) {
          files.push(found)
          length += found.bytes.length
        } else if (await isLocked(path.join(folder, file))) unread.push(file)
      }
    }
  }
  await enter('', 0)
  return { files, unread, leftOut }
}

interface Entry {
  readonly name: string
  readonly isFolder: boolean
}

/** What counts in a folder, in the order in which to look at it; undefined where this user may not look. */
async function entriesOf(folder: string): Promise<readonly Entry[] | undefined> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries
      .map(entry => ({ name: entry.name, isFolder: entry.isDirectory() }))
      .filter(({ name, isFolder }) => (isFolder ? !name.startsWith('.') && !LEFT_OUT.test(name) : READ.test(name)))
      .sort((a, b) => rankOf(a) - rankOf(b) || (a.name < b.name ? -1 : 1))
  } catch (error) {
    return isDenial(error) ? undefined : []
  }
}

function rankOf({ name, isFolder }: Entry): number {
  if (isFolder) return LIKELY_FOLDER.test(name) ? 1 : 3
  return LIKELY_FILE.test(name) ? 0 : 2
}

const isDenial = (error: unknown): boolean => /^(EACCES|EPERM|EIO)$/.test(systemErrorCode(error) ?? '')

/** Whether something is there that this user may not read. */
export async function isLocked(file: string): Promise<boolean> {
  try {
    await access(file, constants.R_OK)
    return false
  } catch (error) {
    return isDenial(error)
  }
}

/** One file of a project; undefined where it is not there, cannot be read, or a link leads to it that leads out. */
export async function readProjectFile(folder: string, file: string): Promise<ProjectFile | undefined> {
  const real = await realPathInside(folder, path.resolve(folder, file))
  if (real === undefined) return undefined
  const bytes = await readSmallFile(real)
  const stats = await stat(real).catch(() => undefined)
  if (bytes === undefined || stats === undefined) return undefined
  return { file, bytes, text: bytes.toString('utf8'), modifiedAt: stats.mtimeMs }
}

/** Where a path inside a folder leads to in the end; undefined where that is outside, or nothing is there. */
export async function realPathInside(folder: string, file: string): Promise<string | undefined> {
  try {
    const real = await realpath(file)
    return isInside(await realpath(folder), real) ? real : undefined
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error
    return undefined
  }
}

/** The folders right inside one; none where it cannot be read. */
export async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  return entries
    .filter(entry => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
}

/** The names of the files right inside a folder; none where it cannot be read. */
export async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  return entries
    .filter(entry => entry.isFile())
    .map(({ name }) => name)
    .sort()
}

/** Whether there is anything at a path. */
export async function isThere(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined
}
