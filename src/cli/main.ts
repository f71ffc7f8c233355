#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import closeWithGrace from 'close-with-grace'
import { run } from './run.js'

/** A supervisor kills after ten seconds; what has not ended by then is ended here, so that the exit is ours. */
const STOP_LIMIT_MS = 9_500

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}
const stopping = new AbortController()

// A reader that went away (`otad check … | head`) is no failure.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

const running = run(process.argv.slice(2), {
  stdout: text => void process.stdout.write(text),
  stderr: text => void process.stderr.write(text),
  progress: text => {
    // ESC [ K: what stood longer on the line goes.
    if (process.stderr.isTTY) process.stderr.write(`\r${text}\u001b[K`)
  },
  stdin: () => buffer(process.stdin),
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
  signal: stopping.signal,
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
  await running
})

process.exitCode = await running
