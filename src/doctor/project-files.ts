import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
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
const DEEPEST = 8

/** What a build leaves, what a tool fetches, and what runs on this machine. */
const LEFT_OUT =
  /^(build.*|cmake-build.*|managed_components|node_modules|docs?|tests?|host_test|venv|__pycache__|esp-idf|libdeps|dist)$/
const READ =
  /\.(c|cc|cpp|cxx|h|hh|hpp|hxx|inc|ino|pde|ya?ml|pem|crt|cer|der|key|csv|cmake|ini)$|^(CMakeLists\.txt|component\.mk|Makefile|Kconfig.*|sdkconfig.*|build\.options\.json)$/

/** Reads the files of a project that count: its sources, its configuration, its certificates. Links that lead to folders are not followed. */
export async function readProjectFiles(folder: string): Promise<readonly ProjectFile[]> {
  const files: ProjectFile[] = []
  const enter = async (place: string, depth: number): Promise<void> => {
    const entries = await readdir(path.join(folder, place), { withFileTypes: true }).catch(() => [])
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (files.length >= MOST_FILES) return
      const file = place === '' ? entry.name : `${place}/${entry.name}`
      if (entry.isDirectory()) {
        if (depth < DEEPEST && !entry.name.startsWith('.') && !LEFT_OUT.test(entry.name)) await enter(file, depth + 1)
      } else if (READ.test(entry.name)) {
        const found = await readProjectFile(folder, file)
        if (found !== undefined) files.push(found)
      }
    }
  }
  await enter('', 0)
  return files
}

/** One file of a project; undefined where it is not there or cannot be read. */
export async function readProjectFile(folder: string, file: string): Promise<ProjectFile | undefined> {
  const full = path.resolve(folder, file)
  const bytes = await readSmallFile(full)
  const stats = await stat(full).catch(() => undefined)
  if (bytes === undefined || stats === undefined) return undefined
  return { file, bytes, text: bytes.toString('utf8'), modifiedAt: stats.mtimeMs }
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
