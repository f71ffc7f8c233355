import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createContext, openConnection } from './connection.js'
import { hasEnded } from './leftovers.js'
import { type Running, readLogEnd } from './running.js'

const DONE = 'done'

export interface AwaitedServer {
  readonly port: number
  readonly ca: string
  readonly running: Running
  readonly limitMs: number
  readonly intervalMs?: number
}

export interface Awaited200 extends AwaitedServer {
  readonly path: string
  readonly expected?: Buffer
}

/** Asks with new connections until the answer is 200 with the right body; a server that ends meanwhile fails at once. */
export async function waitUntilServed(awaited: Awaited200): Promise<void> {
  await waitUntil(awaited, `it served ${awaited.path}`, () => askOnce(awaited))
}

/** The same for a server that is there for handshakes only: one has to come to its end. */
export async function waitUntilShaking(awaited: AwaitedServer): Promise<void> {
  await waitUntil(awaited, 'a handshake came to its end', () => shakeOnce(awaited))
}

async function waitUntil(awaited: AwaitedServer, what: string, tryOnce: () => Promise<string>): Promise<void> {
  const until = performance.now() + awaited.limitMs
  let last = 'no certificate yet'
  while (performance.now() < until) {
    if (hasEnded(awaited.running.child)) {
      throw new Error(`the server ended before ${what}:\n${readLogEnd(awaited.running)}`)
    }
    if (existsSync(awaited.ca)) {
      const answer = await tryOnce()
      if (answer === DONE) return
      last = answer
    }
    await sleep(awaited.intervalMs ?? 20)
  }
  throw new Error(`${awaited.limitMs} ms passed before ${what} (${last}):\n${readLogEnd(awaited.running)}`)
}

async function askOnce({ port, path, ca, expected }: Awaited200): Promise<string> {
  try {
    const connection = await openConnection({ port, context: createContext(readFileSync(ca), 'TLSv1.2') })
    const answer = await connection.ask({ path, ...(expected && { expected }) }).finally(() => connection.close())
    if (answer.status !== 200) return `status ${answer.status}`
    return answer.right ? DONE : 'wrong bytes'
  } catch (error) {
    return (error as Error).message
  }
}

async function shakeOnce({ port, ca }: AwaitedServer): Promise<string> {
  try {
    const connection = await openConnection({ port, context: createContext(readFileSync(ca), 'TLSv1.2') })
    connection.close()
    return DONE
  } catch (error) {
    return (error as Error).message
  }
}
