import path from 'node:path'
import type { Command } from 'commander'
import { askDaemon } from '../control/control-client.js'
import type { Answers, ControlRequest } from '../control/protocol.js'
import { jsonText } from '../words.js'
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
  typed: Typed,
  io: Io,
  write: (answer: Answers[R['command']]) => string
): Promise<0> {
  const answer = await askDaemon(stateFolderOf(typed, io), request)
  io.stdout(typed.options.json === true ? jsonText(answer) : write(answer))
  return 0
}

/** Where the daemon that is meant has its socket. */
export function stateFolderOf({ options }: Typed, io: Io): string {
  const { settings } = settingsOf({ args: [], options }, io)
  return path.join(settings.home, 'state')
}
