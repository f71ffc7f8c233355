#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import closeWithGrace from 'close-with-grace'
import { run } from './run.js'

/** A supervisor kills after ten seconds; what has not ended by then is ended here, so that the exit is ours. */
const STOP_LIMIT_MS = 9_500
/** Of a terminal that does not say how many it has, or says 0 as one does that nobody has told its size. */
const FEWEST_ROWS = 24

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}
const stopping = new AbortController()
const unread = new AbortController()

// A reader that went away (`otad check … | head`) is no failure.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
process.stdout.on('error', () => unread.abort())

const running = run(process.argv.slice(2), {
  stdout: text => void process.stdout.write(text),
  stderr: text => void process.stderr.write(text),
  progress: text => {
    // ESC [ K: what stood longer on the line goes.
    if (process.stderr.isTTY) process.stderr.write(`\r${text}\u001b[K`)
  },
  isWatched: process.stderr.isTTY === true,
  stdin: () => buffer(process.stdin),
  stdinPieces: () => process.stdin,
  isPiped: process.stdin.isTTY !== true,
  ask: async question => {
    if (process.stdin.isTTY !== true) return undefined
    const { createInterface } = await import('node:readline/promises')
    const asking = createInterface({ input: process.stdin, output: process.stderr })
    try {
      return await asking.question(question, { signal: stopping.signal })
    } finally {
      asking.close()
    }
  },
  env: process.env,
  cwd: process.cwd(),
  isTerminal: process.stdout.isTTY === true,
  hasColour: process.stdout.isTTY === true && !process.env.NO_COLOR,
  terminalRows: () => process.stdout.rows || FEWEST_ROWS,
  signal: stopping.signal,
  unread: unread.signal,
  logDestination: process.stdout.fd,
  version
})

closeWithGrace({ delay: STOP_LIMIT_MS, logger: false, skip: ['beforeExit'] }, async ({ err }) => {
  // An error that nobody caught is a bug: it ends the process loudly rather than serve in doubt.
  if (err !== undefined)
    process.stderr.write(`otad: a bug in otad; please report it with these lines\n${err.stack ?? err}\n`)
  stopping.abort()
  // Whoever reads it must not wait for its end.
  process.stdin.destroy()
  const exitCode = await running
  // Whoever waits for something that has not come must not read that it has.
  if (exitCode !== 0) process.exit(exitCode)
})

process.exitCode = await running
