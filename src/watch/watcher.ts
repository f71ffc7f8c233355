import path from 'node:path'
import type { FSWatcher } from 'chokidar'
import { isCandidateFile, isWorthEntering } from './candidates.js'
import { type Scan, scanFolder } from './scan.js'

/** What a watcher tells: a whole look round now and then, and in between which files something may have happened to. */
export interface WatcherEvents {
  onScan(scan: Scan): Promise<void>
  /** A file of this path, relative to the folder, may have come, changed or gone. */
  onHint(relative: string): void
  /** No events are to be had; scans go on. Told once. */
  onDegraded(reason: string): void
  onBug(error: unknown): void
}

export interface WatcherOptions {
  readonly folder: string
  /** Scans only, for mounts without events. */
  readonly poll: boolean
}

export interface Watcher {
  close(): Promise<void>
}

const RESCAN_MS = 2_000
const POLL_MS = 1_000
/** Looking round must not take more than a tenth of the time. */
const REST_FACTOR = 10

/**
 * Watches one folder, which may come and go. Events are a hint, the scan is the truth: events get lost (queue overflow, network and
 * bind mounts), and chokidar 5 hears nothing more of a folder that was deleted and made again.
 * The first scan is over when this resolves.
 */
export async function createWatcher({ folder, poll }: WatcherOptions, events: WatcherEvents): Promise<Watcher> {
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  let listening: { readonly identity: string; readonly watcher: FSWatcher } | undefined
  let isDegraded = poll
  let scanning: Promise<void> = Promise.resolve()

  const listen = async (identity: string): Promise<void> => {
    const { watch } = await import('chokidar')
    if (isClosed) return
    const watcher = watch(folder, {
      ignoreInitial: true,
      followSymlinks: false,
      atomic: false,
      ignored: (file, stats) => {
        if (file === folder || stats === undefined) return false
        return stats.isDirectory() ? !isWorthEntering(path.basename(file)) : !isCandidateFile(path.basename(file))
      }
    })
    watcher.on('all', (_event, file) => {
      if (isCandidateFile(path.basename(file))) events.onHint(path.relative(folder, file))
    })
    // What changed between the scan and the first event that could be heard.
    watcher.once('ready', () => soon(0))
    watcher.on('error', error => {
      if (isDegraded) return
      isDegraded = true
      events.onDegraded(error instanceof Error ? error.message : String(error))
      void watcher.close()
    })
    listening = { identity, watcher }
  }

  const scan = async (): Promise<void> => {
    const startedAt = performance.now()
    try {
      const found = await scanFolder(folder)
      if (isClosed) return
      const identity = found.state === 'present' ? found.identity : undefined
      if (listening !== undefined && listening.identity !== identity) {
        await listening.watcher.close()
        listening = undefined
      }
      await events.onScan(found)
      if (identity !== undefined && listening === undefined && !isDegraded) await listen(identity)
    } catch (error) {
      events.onBug(error)
    }
    const tookMs = performance.now() - startedAt
    soon(Math.max(poll ? POLL_MS : RESCAN_MS, REST_FACTOR * tookMs))
  }
  const soon = (delayMs: number): void => {
    if (isClosed) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      // One at a time: a scan that is asked for meanwhile follows the one that is under way.
      scanning = scanning.then(scan)
    }, delayMs)
  }

  scanning = scan()
  await scanning
  return {
    close: async () => {
      isClosed = true
      clearTimeout(timer)
      await scanning
      await listening?.watcher.close()
    }
  }
}
