import { readdir, realpath, stat } from 'node:fs/promises'
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

/** What a build leaves, what a tool fetches, and what runs on this machine. */
const LEFT_OUT =
  /^(build.*|cmake-build.*|managed_components|node_modules|docs?|tests?|host_test|venv|__pycache__|esp-idf|libdeps|dist)$/
const READ =
  /\.(c|cc|cpp|cxx|h|hh|hpp|hxx|inc|ino|pde|ya?ml|pem|crt|cer|der|key|csv|cmake|ini)$|^(CMakeLists\.txt|component\.mk|Makefile|Kconfig.*|sdkconfig.*|build\.options\.json)$/

/** Reads the files of a project that count: its sources, its configuration, its certificates. Links that lead to folders, or out of it, are not followed. */
export async function readProjectFiles(folder: string): Promise<readonly ProjectFile[]> {
  const files: ProjectFile[] = []
  let length = 0
  const enter = async (place: string, depth: number): Promise<void> => {
    const entries = await readdir(path.join(folder, place), { withFileTypes: true }).catch(() => [])
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (files.length >= MOST_FILES || length >= MOST_BYTES) return
      const file = place === '' ? entry.name : `${place}/${entry.name}`
      if (entry.isDirectory()) {
        if (depth < DEEPEST && !entry.name.startsWith('.') && !LEFT_OUT.test(entry.name)) await enter(file, depth + 1)
      } else if (READ.test(entry.name)) {
        const found = await readProjectFile(folder, file)
        if (found === undefined) continue
        files.push(found)
        length += found.bytes.length
      }
    }
  }
  await enter('', 0)
  return files
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
