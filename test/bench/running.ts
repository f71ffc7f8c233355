import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { keepTrackOf } from './leftovers.js'

/** A server's process and the file that it writes its log to. */
export interface Running {
  readonly child: ChildProcess
  readonly log: string
}

/** The log goes into a file: read through a pipe, it would cost the bench what the server is to be charged with. */
export function launch(command: string, args: readonly string[], work: string): Running {
  const log = join(work, 'log')
  const output = openSync(log, 'a')
  const child = spawn(command, args, { stdio: ['ignore', output, output], env: cleanEnvironment() })
  closeSync(output)
  keepTrackOf(child)
  if (child.pid === undefined) throw new Error(`${command} does not start`)
  return { child, log }
}

export function readLogEnd(running: Running): string {
  return readFileSync(running.log, 'utf8').slice(-2000)
}

/** Settings of whoever runs the bench are not those under test. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('OTAD_') && name !== 'NODE_OPTIONS')
  )
}
