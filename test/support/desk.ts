import type { ExitCode } from '../../src/cli/io.js'
import { run } from '../../src/cli/run.js'

/** What a command said, and how it ended. */
export interface Said {
  readonly code: ExitCode
  readonly stdout: string
  readonly stderr: string
}

export interface DeskOptions {
  readonly cwd?: string
  readonly stdin?: Buffer
  /** False: a person sits at the keyboard. */
  readonly isPiped?: boolean
  readonly env?: NodeJS.ProcessEnv
  /** What the person answers when asked; nobody is there when left out. */
  readonly answer?: string
  /** Asks the command to stop. */
  readonly signal?: AbortSignal
  /** Told what was written to standard error so far, whenever there is more of it. */
  readonly onStderr?: (stderr: string) => void
}

/** Types a command at a desk of its own: no terminal, an empty environment, the given folder. */
export async function type(
  args: readonly string[],
  { cwd = '/', stdin = Buffer.alloc(0), isPiped = true, env = {}, answer, signal, onStderr }: DeskOptions = {}
): Promise<Said> {
  let stdout = ''
  let stderr = ''
  const code = await run(args, {
    stdout: text => {
      stdout += text
    },
    stderr: text => {
      stderr += text
      onStderr?.(stderr)
    },
    progress: () => {},
    isWatched: false,
    stdin: async () => stdin,
    stdinPieces: async function* () {
      yield stdin
    },
    isPiped,
    ask: async () => answer,
    env,
    cwd,
    isTerminal: false,
    hasColour: false,
    terminalRows: () => 24,
    signal: signal ?? new AbortController().signal,
    unread: new AbortController().signal,
    logDestination: 2,
    version: '9.8.7'
  })
  return { code, stdout, stderr }
}
