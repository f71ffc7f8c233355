/** The desk: what a command may use of the process. Commands never touch `process` itself. */
export interface Io {
  /** Results go here. */
  readonly stdout: (text: string) => void
  /** Everything said about the work goes here. */
  readonly stderr: (text: string) => void
  /** Shows how far long work is, on one line that the next call takes away; nothing where nobody watches. */
  readonly progress: (text: string) => void
  /** Whether a person watches standard error, and with it the line of `progress`. */
  readonly isWatched: boolean
  readonly stdin: () => Promise<Buffer>
  /** Standard input as it comes, for what need not be held as a whole. */
  readonly stdinPieces: () => AsyncIterable<Uint8Array>
  /** Whether standard input comes from a program or a file, and not from a person at the keyboard. */
  readonly isPiped: boolean
  /** Asks the person and gives the answer; undefined where nobody is there to ask. */
  readonly ask: (question: string) => Promise<string | undefined>
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  /** Whether a person watches standard output. */
  readonly isTerminal: boolean
  readonly hasColour: boolean
  /** Lines that the terminal has on standard output right now. */
  readonly terminalRows: () => number
  /** Aborted when the process is asked to stop. */
  readonly signal: AbortSignal
  /** Aborted when nobody reads standard output any more: what is told for ever can end then. */
  readonly unread: AbortSignal
  /** File descriptor that the log of the daemon goes to. */
  readonly logDestination: number
  readonly version: string
}

/** 0 done, 1 failed, 2 wrong usage or settings, 3 `check`, `doctor` or `probe` found something. */
export type ExitCode = 0 | 1 | 2 | 3

/** The text that closes the help of every command. */
export const EXIT_CODES = `
Exit codes:
  0  done
  1  failed
  2  wrong usage or settings
  3  check refused an image, doctor has a serious finding, or probe saw a rule broken
`
