import type { BuildFolder } from './build-folder.js'
import { whyUnaskable } from './candidates.js'
import type { Intake } from './intake.js'
import { MOST_FILES, type Scan } from './scan.js'
import { createWatcher, type Watcher } from './watcher.js'

/** What there is to say about a watched folder as a whole. Each is told when it begins to be so, not again and again. */
export interface FolderEvents {
  watched(folder: string, description: string): void
  missing(folder: string, reason: string): void
  crowded(folder: string, limit: number): void
  degraded(folder: string, reason: string): void
  keyExposed(file: string): void
  unaskable(name: string, reason: string): void
  bug(error: unknown): void
}

/** Shows an intake everything that happens in one watched folder. The first look round is over when this resolves. */
export async function feedIntake<V>(
  folder: BuildFolder,
  poll: boolean,
  intake: Intake<V>,
  events: FolderEvents
): Promise<Watcher> {
  const told = new Set<string>()
  const once = (what: string, tell: () => void): void => {
    if (told.has(what)) return
    told.add(what)
    tell()
  }
  // What lies there at a start is dealt with before listening begins: with ten thousand files each is work enough.
  let isFirst = true
  let revision = folder.revision
  let state: 'unknown' | 'present' | 'missing' = 'unknown'

  const seeEverythingElse = (found: ReadonlySet<string>): void => {
    for (const name of intake.names) {
      const candidate = intake.candidateOf(name)
      if (candidate?.folder === folder.path && !found.has(name)) intake.see(candidate)
    }
  }
  const onScan = async (scan: Scan): Promise<void> => {
    if (scan.state === 'missing') {
      if (state !== 'missing') events.missing(folder.path, scan.reason)
      state = 'missing'
      return seeEverythingElse(new Set())
    }
    await folder.refresh()
    const isOther = folder.revision !== revision
    revision = folder.revision
    if (state !== 'present' || isOther) events.watched(folder.path, folder.layout.description)
    state = 'present'
    if (isOther) intake.judgeAgain(candidate => candidate.folder === folder.path)
    if (scan.isCrowded) once('crowded', () => events.crowded(folder.path, MOST_FILES))
    for (const file of scan.keyFiles) once(`key ${file}`, () => events.keyExposed(file))
    const found = new Set<string>()
    for (const { relative, key, size } of scan.files) {
      const candidate = folder.candidateAt(relative)
      if (candidate === undefined) continue
      const reason = whyUnaskable(candidate.name)
      if (reason !== undefined) {
        once(`name ${candidate.name}`, () => events.unaskable(candidate.name, reason))
        continue
      }
      found.add(candidate.name)
      if (!intake.hasJudged(candidate.name, key)) intake.see(candidate, size)
    }
    seeEverythingElse(found)
    if (isFirst) await intake.idle()
    isFirst = false
  }
  return createWatcher(
    { folder: folder.path, poll },
    {
      onScan,
      onHint: relative => {
        const candidate = folder.candidateAt(relative)
        if (candidate !== undefined && whyUnaskable(candidate.name) === undefined) intake.see(candidate)
      },
      onDegraded: reason => events.degraded(folder.path, reason),
      onBug: events.bug
    }
  )
}
