import { type BigIntStats, type Dirent, lstat, stat } from 'node:fs'
import { readdir, realpath } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { systemErrorCode } from '../errors.js'
import { isCandidateFile, isWorthEntering, looksLikeKeyFile } from './candidates.js'
import { fileKey, isInside } from './read-candidate.js'
import { readSmallFile } from './small-file.js'

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
  if ((await readSmallFile(file))?.includes('PRIVATE KEY') === true) walk.keyFiles.push(file)
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
