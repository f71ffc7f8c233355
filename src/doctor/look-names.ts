import { execFile } from 'node:child_process'
import { parseObject } from '../watch/layout-text.js'
import type { ResolvedHost } from './facts.js'

/** All names are asked for at once, and no longer than this. */
const PATIENCE_MS = 2_000

export interface AskOptions {
  readonly env: NodeJS.ProcessEnv
  /** Ends it. */
  readonly signal: AbortSignal
}

/** Tells a line for each name that has an answer. */
const ASK = `
const { lookup } = require('node:dns')
for (const host of process.argv.slice(1))
  lookup(host, { all: true }, (error, entries) =>
    console.log(JSON.stringify({ host, addresses: error === null ? entries.map(({ address }) => address) : [] })))
`

/**
 * Where host names lead to, by whatever this machine asks: a hosts file, mDNS, a name server. Names without an answer lead nowhere. The system's look-up
 * cannot be called back and would keep this process for as long as a name server is silent: another one asks, which can be ended.
 */
export async function lookAtNames(
  hosts: readonly string[],
  { env, signal }: AskOptions
): Promise<readonly ResolvedHost[]> {
  if (hosts.length === 0) return []
  const said = await new Promise<string>(resolve => {
    // A thread for each name: a silent one must not hold up the others.
    const threads = { UV_THREADPOOL_SIZE: String(2 * hosts.length + 2) }
    const options = { timeout: PATIENCE_MS, killSignal: 'SIGKILL', signal, env: { ...env, ...threads } } as const
    execFile(process.execPath, ['-e', ASK, '--', ...hosts], options, (_, stdout) => resolve(stdout))
  })
  const answers = said.split('\n').map(line => parseObject(line))
  return hosts.map(host => {
    const addresses = answers.find(answer => answer?.host === host)?.addresses
    return { host, addresses: Array.isArray(addresses) ? addresses.map(String) : [] }
  })
}
