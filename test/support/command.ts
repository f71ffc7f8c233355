import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { PROGRAM, plainEnvironment } from './daemon.js'

/** A command that runs as a process of its own, as a person at another terminal has it, and ends with the test. */
export interface RunningCommand {
  readonly stdout: () => string
  readonly stderr: () => string
  /** Resolves when this stands in what it has said, on whichever of the two; rejects when it ends without. */
  says(what: string | RegExp): Promise<void>
  /** Types on its standard input. */
  press(keys: string): void
  /** Sends a signal. */
  stop(signal?: NodeJS.Signals): void
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
}

export interface CommandOptions {
  /** A program that it is started by, with its arguments. */
  readonly through?: readonly string[]
}

/** Runs a program on a terminal of its own, whose screen is standard output; what is typed on standard input is typed there. */
export const ON_A_TERMINAL: readonly string[] = [
  'python3',
  '-c',
  'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'
]

/** Whether this machine has what it takes for that. */
export function hasTerminals(): boolean {
  return spawnSync('python3', ['-c', 'import os, pty; os.waitstatus_to_exitcode']).status === 0
}

/** Starts otad with these arguments. */
export function startCommand(args: readonly string[], { through = [] }: CommandOptions = {}): RunningCommand {
  const [program = '', ...rest] = [...through, process.execPath, PROGRAM, ...args]
  const child = spawn(program, rest, { env: plainEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.on('error', () => {})
  const said = { stdout: '', stderr: '' }
  const listeners = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text
      for (const listener of listeners) listener()
    })
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const has = (what: string | RegExp): boolean =>
    [said.stdout, said.stderr].some(text => (typeof what === 'string' ? text.includes(what) : what.test(text)))
  return {
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    says: what =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!has(what)) return
          listeners.delete(look)
          resolve()
        }
        listeners.add(look)
        look()
        void ended.then(code => reject(new Error(`it ended (${code}) without ${what}\n${said.stdout}${said.stderr}`)))
      }),
    press: keys => void child.stdin.write(keys),
    stop: signal => void child.kill(signal),
    ended
  }
}
