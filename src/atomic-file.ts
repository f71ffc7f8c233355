import { randomBytes } from 'node:crypto'
import { link, open, readdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { systemErrorCode } from './errors.js'

/** Files being written aside begin with this; whatever still has it at a start was never finished. */
const UNFINISHED_PREFIX = '.unfinished-'

/**
 * Writes a file so that it is there whole or not at all: aside, flushed, renamed, and the folder flushed,
 * so that it is still there after the power went.
 * @throws the system error of whichever step failed; nothing is left behind then
 */
export async function writeFileAtomically(file: string, content: Uint8Array | string, mode = 0o644): Promise<void> {
  const folder = path.dirname(file)
  const aside = path.join(folder, `${UNFINISHED_PREFIX}${randomBytes(8).toString('hex')}`)
  try {
    const handle = await open(aside, 'wx', mode)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(aside, file)
  } catch (error) {
    await rm(aside, { force: true })
    throw error
  }
  await flushFolder(folder)
}

/** Whether an error says that a disk has no room left, for everybody or for this user. */
export function isDiskFull(error: unknown): boolean {
  const code = systemErrorCode(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
}

/**
 * As `writeFileAtomically`, for a file that must not be there yet: false, and nothing is written, when it is.
 * Of several processes that come at once, one succeeds.
 * @throws the system error of whichever step failed; nothing is left behind then
 */
export async function createFileAtomically(file: string, content: Uint8Array | string, mode = 0o644): Promise<boolean> {
  const aside = `${path.join(path.dirname(file), UNFINISHED_PREFIX)}${randomBytes(8).toString('hex')}`
  await writeFileAtomically(aside, content, mode)
  try {
    await link(aside, file)
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'EEXIST') return false
    // A file system without links: the best that it can do.
    if (!NO_LINKS.has(code ?? '')) throw error
    await rename(aside, file)
  } finally {
    await rm(aside, { force: true })
  }
  await flushFolder(path.dirname(file))
  return true
}

const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL'])

interface Flushing {
  readonly running: Promise<void>
  /** The one after it, for everybody who comes while it runs: it may have begun too early for them. */
  next: Promise<void> | undefined
}

const flushing = new Map<string, Flushing>()

/** Makes renames and new names in a folder durable; those who ask at the same time share one flush. */
function flushFolder(folder: string): Promise<void> {
  const current = flushing.get(folder)
  if (current === undefined) return startFlushing(folder)
  current.next ??= current.running.catch(() => {}).then(() => startFlushing(folder))
  return current.next
}

function startFlushing(folder: string): Promise<void> {
  const running = syncFolder(folder).finally(() => {
    if (flushing.get(folder)?.running === running) flushing.delete(folder)
  })
  flushing.set(folder, { running, next: undefined })
  return running
}

/** Windows has no such call and needs none. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } catch (error) {
    // Network and user-space file systems may not know this for folders; the file itself has been flushed.
    if (!NO_FOLDER_SYNC.has(systemErrorCode(error) ?? '')) throw error
  } finally {
    await handle.close()
  }
}

const NO_FOLDER_SYNC: ReadonlySet<string> = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])

/**
 * Clears away what a process that was killed left half written in a folder. Call it before anything is written there.
 * In a folder that several processes may write to, what is younger than `olderThanMs` may still be finished.
 */
export async function removeUnfinished(folder: string, olderThanMs = 0): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(UNFINISHED_PREFIX)) continue
    const file = path.join(folder, name)
    if (olderThanMs === 0 || (await isOlder(file, olderThanMs))) await rm(file, { force: true })
  }
}

async function isOlder(file: string, ageMs: number): Promise<boolean> {
  const found = await stat(file).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs >= ageMs
}
