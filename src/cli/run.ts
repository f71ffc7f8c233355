import { Command, CommanderError } from 'commander'
import { OperatorError } from '../errors.js'
import type { CliCommand, Typed } from './command.js'
import { cert } from './commands/cert.js'
import { check } from './commands/check.js'
import { devices } from './commands/devices.js'
import { doctor } from './commands/doctor.js'
import { explain } from './commands/explain.js'
import { pin } from './commands/pin.js'
import { probe } from './commands/probe.js'
import { releases } from './commands/releases.js'
import { rollback } from './commands/rollback.js'
import { serve } from './commands/serve.js'
import { snippet } from './commands/snippet.js'
import { status } from './commands/status.js'
import { unpin } from './commands/unpin.js'
import { wait } from './commands/wait.js'
import { EXIT_CODES, type ExitCode, type Io } from './io.js'

const COMMANDS: readonly CliCommand[] = [
  serve,
  check,
  cert,
  snippet,
  doctor,
  explain,
  probe,
  status,
  devices,
  wait,
  releases,
  rollback,
  pin,
  unpin
]

/** Runs what was typed. The one place where failures become words and numbers. */
export async function run(args: readonly string[], io: Io): Promise<ExitCode> {
  let exitCode: ExitCode = 0
  const program = createProgram(io, async (command, typed) => {
    exitCode = await command.run(typed, io)
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return exitCode
  } catch (error) {
    return explainFailure(error, io)
  }
}

function createProgram(io: Io, act: (command: CliCommand, typed: Typed) => Promise<void>): Command {
  const program = new Command('otad')
    .description(
      'The firmware server for ESP32 developers: watches a build folder and serves every valid image over HTTPS.'
    )
    .version(io.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .helpCommand(false)
    .configureOutput({ writeOut: io.stdout, writeErr: io.stderr })
    .showSuggestionAfterError(true)
    .exitOverride()
    .addHelpText('after', EXIT_CODES)
  program.action((_options, command: Command) => {
    const [word] = command.args
    if (word === undefined) throw new CommanderHelp(program)
    throw new OperatorError(
      'OTAD_ERR_USAGE',
      `there is no command "${word}"`,
      `otad --help lists the commands; to serve a folder: otad serve ${word}`
    )
  })
  program.allowExcessArguments(true)
  for (const command of COMMANDS) {
    const sub = program.command(command.name).summary(command.summary).description(command.summary)
    sub.exitOverride().configureOutput({ writeOut: io.stdout, writeErr: io.stderr })
    command.define(sub)
    sub.addHelpText('after', EXIT_CODES)
    sub.action(() => act(command, { args: sub.args, options: sub.opts() }))
  }
  return program
}

/** `otad` alone is a question, and the help is its answer. */
class CommanderHelp extends Error {
  readonly text: string

  constructor(program: Command) {
    super('help')
    this.text = program.helpInformation() + EXIT_CODES
  }
}

function explainFailure(error: unknown, io: Io): ExitCode {
  if (error instanceof CommanderHelp) {
    io.stdout(error.text)
    return 0
  }
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof OperatorError) {
    io.stderr(`otad: ${error.message}\n      ${error.hint}   (${error.code})\n`)
    return error.exitCode
  }
  io.stderr(
    `otad: a bug in otad; please report it with these lines\n${error instanceof Error ? error.stack : String(error)}\n`
  )
  return 1
}
