import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { EventName, Events } from '../../src/events.js'

/** The program as it is shipped; `npm test` builds it first. */
export const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** A line of the log: its event and fields. */
export type LoggedEvent<E extends EventName = EventName> = { readonly event: E } & Events[E]

export interface DaemonOptions {
  /** Folders to watch, as arguments of `serve`; an empty temporary one when none is given. */
  readonly folders?: readonly string[]
  /** A home of its own when none is given. */
  readonly home?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** A program that it is started by, with its arguments: `ip netns exec …`. */
  readonly through?: readonly string[]
  /** Resolves as soon as the process runs, not when it serves. */
  readonly waits?: false
}

/** A daemon that runs as its own process on a free port of 127.0.0.1, and ends with the test. */
export interface RunningDaemon {
  readonly child: ChildProcess
  readonly home: string
  /** The first of its folders. */
  readonly folder: string
  readonly port: number
  /** PEM of the certificate that a device embeds. */
  readonly ca: string
  readonly log: readonly LoggedEvent[]
  /** What it wrote to standard error. */
  readonly complaints: () => string
  url(name: string): string
  /** The first event of this name that fits, logged already or yet to come. */
  event<E extends EventName>(name: E, fits?: (event: LoggedEvent<E>) => boolean): Promise<LoggedEvent<E>>
  /** Sends a signal and resolves with the exit code, or the signal that ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>
}

/** A temporary folder that goes with the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'otad-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** The environment of this process without settings of otad: a test says what it wants set. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('OTAD_')))
}

export async function startDaemon(options: DaemonOptions = {}): Promise<RunningDaemon> {
  const home = options.home ?? (await temporaryFolder())
  const folders = options.folders ?? [await temporaryFolder()]
  const listen = ['--host', '127.0.0.1', '--port', '0', '--log-format', 'json', '--log-level', 'debug']
  const serve = [process.execPath, PROGRAM, 'serve', ...folders, '--home', home, ...listen, ...(options.args ?? [])]
  const [program = '', ...args] = [...(options.through ?? []), ...serve]
  const child = spawn(program, args, {
    env: { ...plainEnvironment(), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const log: LoggedEvent[] = []
  const watchers = new Set<(event: LoggedEvent) => void>()
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    complaints += text
  })
  const lines = createInterface({ input: child.stdout })
  lines.on('line', line => {
    const event = JSON.parse(line) as LoggedEvent
    log.push(event)
    for (const watcher of watchers) watcher(event)
  })
  const hasEnded = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> => {
    child.kill(signal)
    return hasEnded
  }
  onTestFinished(async () => void (await stop('SIGKILL')))

  const event = <E extends EventName>(
    name: E,
    fits: (event: LoggedEvent<E>) => boolean = () => true
  ): Promise<LoggedEvent<E>> =>
    new Promise((resolve, reject) => {
      const look = (event: LoggedEvent): void => {
        if (!isEvent(event, name) || !fits(event)) return
        watchers.delete(look)
        resolve(event)
      }
      watchers.add(look)
      for (const past of log) look(past)
      void hasEnded.then(code => reject(new Error(`the daemon ended (${code}) before ${name}\n${complaints}`)))
    })
  const listening = options.waits === false ? undefined : await event('server.listening')
  return {
    child,
    home,
    folder: folders[0]?.replace(/^[\w.-]+=/, '') ?? '',
    port: listening?.port ?? 0,
    ca: listening?.caCertificate ? readFileSync(listening.caCertificate, 'utf8') : '',
    log,
    complaints: () => complaints,
    url: name => `https://127.0.0.1:${listening?.port}/${name}`,
    event,
    stop
  }
}

function isEvent<E extends EventName>(event: { readonly event: EventName }, name: E): event is LoggedEvent<E> {
  return event.event === name
}
