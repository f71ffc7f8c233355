import { createInterface } from 'node:readline'
import { OperatorError } from '../../src/errors.js'
import { lockState } from '../../src/releases/state-lock.js'

/** A process that tries to take each state folder it is told, a line each, and says `won` or why not; it ends with its input. */
process.stdout.write('ready\n')
for await (const folder of createInterface({ input: process.stdin })) {
  try {
    await lockState(folder)
    process.stdout.write('won\n')
  } catch (error) {
    process.stdout.write(`${error instanceof OperatorError ? error.code : String(error)}\n`)
  }
}
