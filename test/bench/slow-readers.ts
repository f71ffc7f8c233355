import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { end, hasEnded, keepTrackOf } from './leftovers.js'

const CONNECT_MS = 60_000
const REPORT_MS = 20_000

export interface ReadersJob {
  readonly port: number
  readonly ca: string
  readonly path: string
  readonly image: string
  readonly count: number
  readonly bytesPerSecond: number
  /** After this time the readers end by themselves, whatever has become of the bench. */
  readonly secondsMax: number
}

export interface ReadersReport {
  readonly connected: number
  readonly complete: number
  readonly bodyLength: number
  /** The pace that each reader kept in fact since all were connected. */
  readonly bytesPerSecond: number
  readonly wrong: number
  readonly failed: number
  readonly failures: readonly string[]
}

export interface SlowReaders {
  /** Settles when all readers have their connection, or have failed to get one. */
  connected(): Promise<number>
  /** Hangs up all readers and gives what they saw. */
  finish(): Promise<ReadersReport>
}

export function hasPython(): boolean {
  return spawnSync('python3', ['-c', 'import ssl']).status === 0
}

/** Starts the slow devices in a python3 process; slow-readers.py says why not in Node. */
export function startSlowReaders(job: ReadersJob): SlowReaders {
  const script = fileURLToPath(new URL('./slow-readers.py', import.meta.url))
  const child = spawn('python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  keepTrackOf(child)
  child.stdin.on('error', () => {})
  child.stdin.write(`${JSON.stringify(job)}\n`)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()

  const readLine = async (limitMs: number): Promise<Record<string, unknown>> => {
    const silence = setTimeout(() => child.kill('SIGKILL'), limitMs)
    const { value, done } = await lines.next()
    clearTimeout(silence)
    if (done) throw new Error(`the slow readers ended without a word or said nothing for ${limitMs} ms`)
    return JSON.parse(value)
  }

  return {
    connected: async () => (await readLine(CONNECT_MS)).connected as number,
    finish: async () => {
      child.stdin.end()
      const { report } = await readLine(REPORT_MS)
      if (!hasEnded(child)) await Promise.race([once(child, 'exit'), end(child)])
      return report as ReadersReport
    }
  }
}
