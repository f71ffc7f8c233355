import { open, rm, stat } from 'node:fs/promises'
import { setTimeout as elapse } from 'node:timers/promises'
import { systemErrorCode } from '../errors.js'

/** What is done in turn takes milliseconds: a file of this age was left by a process that was killed. */
const LEFT_BEHIND_MS = 5_000
const LOOK_EVERY_MS = 10

/**
 * Does something that only one process may do at a time; whoever comes meanwhile waits. The turn is a file that is there while somebody has it.
 * Not for work that takes long: after some seconds the turn goes to the next.
 * @throws the system error when the file cannot be made, and whatever `act` throws
 */
export async function inTurn<T>(file: string, act: () => Promise<T>): Promise<T> {
  while (!(await takeTurn(file))) await elapse(LOOK_EVERY_MS)
  try {
    return await act()
  } finally {
    await rm(file, { force: true })
  }
}

async function takeTurn(file: string): Promise<boolean> {
  try {
    await (await open(file, 'wx', 0o600)).close()
    return true
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error
  }
  if (await isLeftBehind(file)) await rm(file, { force: true })
  return false
}

async function isLeftBehind(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined)
  // A time that lies ahead is no sign of life either: the clock was set.
  return found !== undefined && Math.abs(Date.now() - found.mtimeMs) > LEFT_BEHIND_MS
}
