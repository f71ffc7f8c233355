import type { Command } from 'commander'
import type { ExitCode, Io } from './io.js'

/** What was typed behind a command's name. */
export interface Typed {
  readonly args: readonly string[]
  /** By option name in camelCase; only those that were given. */
  readonly options: Readonly<Record<string, unknown>>
}

/** The one shape of a command file. */
export interface CliCommand {
  readonly name: string
  readonly summary: string
  /** Adds arguments, options and the examples to the help. */
  readonly define: (command: Command) => void
  /** @throws OperatorError for what the operator can put right */
  readonly run: (typed: Typed, io: Io) => Promise<ExitCode>
}
