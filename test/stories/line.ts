import { createHash } from 'node:crypto'
import { setTimeout as elapse } from 'node:timers/promises'
import {
  type Answer,
  type Connection,
  type ExchangeOptions,
  exchange,
  NoAnswer,
  openConnection
} from '../../src/probe/raw-http.js'
import type { RunningDaemon } from '../support/daemon.js'

/** Where a daemon listens and what its devices trust. */
export type Server = Pick<RunningDaemon, 'port' | 'ca'>

export interface AskingOptions extends Omit<ExchangeOptions, 'method'> {
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

/** One kept connection, opened at the first question and again whenever the server has closed it. */
export interface Line {
  get(name: string, options?: AskingOptions): Promise<Answer>
  head(name: string): Promise<Answer>
  close(): Promise<void>
}

/** Makes a line to the server. The test closes it. */
export function createLine(server: Server): Line {
  let connection: Connection | undefined
  const close = async () => {
    await connection?.close()
    connection = undefined
  }
  const askOnce = async (method: 'GET' | 'HEAD', name: string, { headers = [], ...options }: AskingOptions) => {
    connection ??= await openConnection({ host: '127.0.0.1', port: server.port, ca: server.ca })
    // HEAD and GET come from two clients, as far as the server can tell: a HEAD promises nothing to a GET that follows.
    const lines = [`Host: 127.0.0.1:${server.port}`, `User-Agent: otad-story-${method.toLowerCase()}`]
    const text = [`${method} /${name} HTTP/1.1`, ...lines, ...headers.map(pair => pair.join(': ')), '', ''].join('\r\n')
    const answer = await exchange(connection, text, { timeoutMs: 10_000, ...options, method })
    if (!answer.keepsOpen) await close()
    return answer
  }
  const ask = async (method: 'GET' | 'HEAD', name: string, options: AskingOptions) => {
    const isFresh = connection === undefined
    try {
      return await askOnce(method, name, options)
    } catch (cause) {
      await close()
      // A kept connection may have been closed in the meantime; a fresh one may not.
      if (isFresh || !(cause instanceof NoAnswer) || cause.received.length > 0) throw cause
      return askOnce(method, name, options)
    }
  }
  return {
    get: (name, options = {}) => ask('GET', name, options),
    head: name => ask('HEAD', name, {}),
    close
  }
}

/** GET on a connection of its own. */
export async function getOnce(server: Server, name: string, options: AskingOptions = {}): Promise<Answer> {
  const line = createLine(server)
  try {
    return await line.get(name, options)
  } finally {
    await line.close()
  }
}

/** The statuses of several names, in their order, over one connection. */
export async function statusesOf(server: Server, names: readonly string[]): Promise<readonly number[]> {
  const line = createLine(server)
  const statuses: number[] = []
  try {
    for (const name of names) statuses.push((await line.head(name)).status)
  } finally {
    await line.close()
  }
  return statuses
}

/** Asks until the answer is yes; how long that took, in milliseconds. Throws when it takes longer than allowed. */
export async function becomesTrue(
  what: string,
  limitMs: number,
  isTrue: () => Promise<boolean> | boolean,
  everyMs = 20
): Promise<number> {
  const startedAt = performance.now()
  for (;;) {
    const holds = await isTrue()
    const tookMs = performance.now() - startedAt
    if (holds) return tookMs
    if (tookMs > limitMs) throw new Error(`not within ${limitMs} ms: ${what}`)
    await elapse(everyMs)
  }
}

/** Resolves as soon as a name is served with exactly these bytes as its current release; how long that took. */
export async function becomesServed(
  server: Server,
  name: string,
  image: Uint8Array,
  limitMs: number,
  everyMs = 20
): Promise<number> {
  const line = createLine(server)
  const etag = etagOf(image)
  try {
    return await becomesTrue(
      `${name} is served as ${etag}`,
      limitMs,
      async () => {
        const { status, header } = await line.head(name)
        return status === 200 && header('etag') === etag
      },
      everyMs
    )
  } finally {
    await line.close()
  }
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

export function etagOf(bytes: Uint8Array): string {
  return `"${digestOf(bytes)}"`
}

/** The value below which that share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Numbers from 0 to below 1 that a seed repeats (mulberry32). */
export function createChance(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
