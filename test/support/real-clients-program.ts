/** Runs the programs that are clients, or help them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { buffer, text } from 'node:stream/consumers'

/** How long a client may take that hangs. */
export const PATIENCE_MS = 15_000

export interface Finished {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** Runs a program to its end; how it ended is an answer. */
export async function run(program: string, args: readonly string[], input = ''): Promise<Finished> {
  const child = spawn(program, args, { timeout: PATIENCE_MS })
  // A client that refuses hangs up before it has read its input.
  child.stdin.on('error', () => {}).end(input)
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), buffer(child.stdout), text(child.stderr)])
  return { code, stdout, stderr }
}

/** What a program writes to standard output, or undefined where there is no such program. */
export async function answerOf(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    return (await run(program, args)).stdout.toString()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
