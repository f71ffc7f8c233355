import path from 'node:path'
import type { Command } from 'commander'
import { askDaemon } from '../control/control-client.js'
import type { Answers, ControlRequest } from '../control/protocol.js'
import type { Typed } from './command.js'
import type { Io } from './io.js'
import { addSettingFlags, settingsOf } from './setting-flags.js'

/** The flags of every command that asks the running daemon. */
export function addAskingFlags(command: Command): void {
  addSettingFlags(command, ['home'])
  command.option('--json', 'print JSON')
}

/**
 * Asks the daemon that runs with this home, and prints its answer: as JSON for a program, else as `write` puts it.
 * @throws OperatorError when none runs, or it says that the thing cannot be done
 */
export async function ask<R extends ControlRequest>(
  request: R,
  { options }: Typed,
  io: Io,
  write: (answer: Answers[R['command']]) => string
): Promise<0> {
  const { settings } = settingsOf({ args: [], options }, io)
  const answer = await askDaemon(path.join(settings.home, 'state'), request)
  io.stdout(options.json === true ? `${JSON.stringify(answer, undefined, 2)}\n` : write(answer))
  return 0
}
