import path from 'node:path'
import type { Report } from './events.js'
import type { Verdict } from './image/verdict.js'
import { type Catalog, newestOf } from './releases/catalog.js'
import type { BuildFolder } from './watch/build-folder.js'
import type { Candidate } from './watch/candidate.js'
import type { FolderEvents } from './watch/feed.js'
import type { Intake } from './watch/intake.js'

/** The watched folder that a candidate lies in. */
export function folderOf(folders: readonly BuildFolder[], candidate: Candidate): BuildFolder {
  const folder = folders.find(({ path }) => path === candidate.folder)
  if (folder === undefined) throw new Error(`${candidate.file} is in no watched folder`)
  return folder
}

/** The other files of the same folder, by name: one of them may be the one that was meant. */
export function namesBeside(intake: Intake<Verdict>, name: string, folder: string): readonly string[] {
  const place = path.posix.dirname(name)
  const isBeside = (other: string): boolean =>
    other !== name && path.posix.dirname(other) === place && intake.candidateOf(other)?.folder === folder
  return [...intake.names].filter(isBeside).slice(0, 100)
}

export interface Restored {
  readonly folders: readonly BuildFolder[]
  /** The catalog as the last process left it. */
  readonly journaled: Catalog
  readonly intake: Intake<Verdict>
  readonly rulesOf: (name: string, folder: BuildFolder) => string
  readonly maxImageBytes: number
}

/**
 * Shows the intake the releases of the last run: it has not seen those whose files are gone, and would never miss them. Those that were judged by
 * the rules of now need no second look. Returns the names that no watched folder leads to any more.
 */
export async function seeRestored({
  folders,
  journaled,
  intake,
  rulesOf,
  maxImageBytes
}: Restored): Promise<readonly string[]> {
  const orphans: string[] = []
  const served = [...journaled.entries].filter(({ current }) => current !== undefined)
  for (const folder of folders)
    await folder.refresh(...served.filter(({ current }) => current?.folder === folder.path).map(({ name }) => name))
  for (const entry of served) {
    const { name, current } = entry
    const folder = folders.find(({ path }) => path === current?.folder)
    const relative = folder?.relativeOf(name)
    const candidate = relative === undefined ? undefined : folder?.candidateAt(relative)
    const newest = newestOf(entry)
    if (candidate === undefined || folder === undefined) orphans.push(name)
    else if (newest?.rules === rulesOf(name, folder) && newest.size <= maxImageBytes)
      intake.knows(candidate, newest.fileKey)
    else intake.see(candidate)
  }
  return orphans
}

/** Tells the log what happens to watched folders. */
export function folderEvents(report: Report): FolderEvents {
  return {
    watched: (folder, layout) => report('folder.watched', { folder, layout }),
    missing: (folder, reason) => report('folder.missing', { folder, reason }),
    crowded: (folder, limit) => report('folder.crowded', { folder, limit }),
    degraded: (folder, reason) => report('watch.degraded', { folder, reason }),
    keyExposed: file => report('key.exposed', { file }),
    unaskable: (name, reason) => report('candidate.unreadable', { name, reason }),
    bug: err => report('bug', { err })
  }
}
