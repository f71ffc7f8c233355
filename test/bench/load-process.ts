import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { end, keepTrackOf } from './leftovers.js'
import type { FromLoad, LoadJob, LoadReport, ToLoad } from './load-job.js'

const PREPARE_MS = 30_000
/** What a server still does after its last answer (a log that is flushed, a collection) belongs to what it served. */
const AFTERMATH_MS = 100

/** The process that the clients run in. */
export interface LoadProcess {
  readonly id: number
  /** Runs one job and calls `read` directly before and after it; gives what it read and what the clients saw. */
  run<T>(job: LoadJob, read: () => T): Promise<{ before: T; after: T; report: LoadReport }>
  end(): Promise<void>
}

export function startLoad(): LoadProcess {
  const child = fork(fileURLToPath(new URL('./load.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  keepTrackOf(child)
  return {
    id: child.pid as number,
    run: async (job, read) => {
      await exchange(child, { type: 'prepare', job }, PREPARE_MS)
      const before = read()
      const answer = await exchange(child, { type: 'go' }, job.seconds * 1000 + PREPARE_MS)
      if (answer.type !== 'report') throw new Error(`the load process said ${answer.type}, expected report`)
      await sleep(AFTERMATH_MS)
      return { before, after: read(), report: answer.report }
    },
    end: () => end(child)
  }
}

async function exchange(child: ChildProcess, message: ToLoad, limitMs: number): Promise<FromLoad> {
  const signal = AbortSignal.timeout(limitMs)
  const ended = new AbortController()
  const onExit = (): void => ended.abort(new Error('the load process ended by itself'))
  child.once('exit', onExit)
  try {
    const answer = once(child, 'message', { signal: AbortSignal.any([signal, ended.signal]) })
    child.send(message)
    return (await answer)[0] as FromLoad
  } catch (error) {
    throw new Error(`the load process did not answer '${message.type}' within ${limitMs} ms`, { cause: error })
  } finally {
    child.off('exit', onExit)
  }
}
