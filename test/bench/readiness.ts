import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createContext, openConnection } from './connection.js'
import { hasEnded } from './leftovers.js'
import { type Running, readLogEnd } from './running.js'

export interface Awaited200 {
  readonly port: number
  readonly path: string
  readonly ca: string
  readonly running: Running
  readonly limitMs: number
  readonly expected?: Buffer
  readonly intervalMs?: number
}

/** Asks with new connections until the answer is 200 with the right body; a server that ends meanwhile fails at once. */
export async function waitUntilServed(awaited: Awaited200): Promise<void> {
  const until = performance.now() + awaited.limitMs
  let last = 'no certificate yet'
  while (performance.now() < until) {
    if (hasEnded(awaited.running.child)) {
      throw new Error(`the server ended before it served ${awaited.path}:\n${readLogEnd(awaited.running)}`)
    }
    if (existsSync(awaited.ca)) {
      const answer = await askOnce(awaited)
      if (answer === 'served') return
      last = answer
    }
    await sleep(awaited.intervalMs ?? 20)
  }
  throw new Error(
    `${awaited.path} was not served within ${awaited.limitMs} ms (${last}):\n${readLogEnd(awaited.running)}`
  )
}

async function askOnce({ port, path, ca, expected }: Awaited200): Promise<string> {
  try {
    const connection = await openConnection({ port, context: createContext(readFileSync(ca), 'TLSv1.2') })
    const answer = await connection.ask({ path, ...(expected && { expected }) }).finally(() => connection.close())
    if (answer.status !== 200) return `status ${answer.status}`
    return answer.right ? 'served' : 'wrong bytes'
  } catch (error) {
    return (error as Error).message
  }
}
