import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readTree } from './process-tree.js'

/** Processes and folders of this run that are still there. Whatever way the run ends, they end with it. */
const processes = new Set<ChildProcess>()
const folders = new Set<string>()

/** Makes an empty folder of this run, removed at the latest when the run ends. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'otad-bench-'))
  folders.add(folder)
  return folder
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  folders.delete(folder)
}

/** Takes a process into account, so that it cannot outlive the run. */
export function keepTrackOf(child: ChildProcess): void {
  processes.add(child)
  child.once('exit', () => processes.delete(child))
  child.once('error', () => processes.delete(child))
}

/** Ends one process of this run: asked first, forced after `patienceMs`. */
export async function end(child: ChildProcess, patienceMs = 5000): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return
  const ended = once(child, 'exit')
  const force = setTimeout(() => killTree(child), patienceMs)
  child.kill('SIGTERM')
  await ended
  clearTimeout(force)
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/** Ends and removes everything at once. Synchronous, because it also has to work while the process exits. */
export function clearAway(): void {
  for (const child of processes) killTree(child)
  processes.clear()
  for (const folder of folders) removeFolder(folder)
}

/** Makes Ctrl-C, a closed terminal, a bug and an ordinary end all leave nothing behind. */
export function clearAwayAtExit(): void {
  process.once('exit', clearAway)
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129]
  ] as const) {
    // Not once: npm and tsx pass the signal on a second time, and that one must not end the clearing away.
    process.on(signal, () => process.exit(code))
  }
}

/** By id, and workers too: a master of nginx that is killed outright leaves its workers behind. */
function killTree(child: ChildProcess): void {
  if (child.pid === undefined || hasEnded(child)) return
  for (const id of readTree(child.pid)) {
    try {
      process.kill(id, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}
