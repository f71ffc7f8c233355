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
  readonly env?: NodeJS.ProcessEnv
  /** What the person answers when asked; nobody is there when left out. */
  readonly answer?: string
}

/** Types a command at a desk of its own: no terminal, an empty environment, the given folder. */
export async function type(
  args: readonly string[],
  { cwd = '/', stdin = Buffer.alloc(0), env = {}, answer }: DeskOptions = {}
): Promise<Said> {
  let stdout = ''
  let stderr = ''
  const code = await run(args, {
    stdout: text => {
      stdout += text
    },
    stderr: text => {
      stderr += text
    },
    progress: () => {},
    stdin: async () => stdin,
    ask: async () => answer,
    env,
    cwd,
    isTerminal: false,
    hasColour: false,
    signal: new AbortController().signal,
    logDestination: 2,
    version: '9.8.7'
  })
  return { code, stdout, stderr }
}
