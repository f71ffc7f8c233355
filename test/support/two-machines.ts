import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'

const run = promisify(execFile)

/** A network namespace that is one machine: nothing that happens there leaves it. */
export interface Machine {
  readonly address: string
  /** Runs a command of `ip` there. */
  ip(...args: string[]): Promise<unknown>
  /** Lets no packet to this address out; whether the system can do that. */
  forbid(address: string): Promise<boolean>
  /** Starts a command there that ends with the test, and gives what it writes to standard error, line by line. */
  runs(command: string, ...args: string[]): AsyncIterable<string>
  /** Starts a program of test/support there, which ends with the test. */
  start(program: string, ...args: string[]): Talker
}

/** A process that is told things by lines, and tells things by lines of JSON. */
export interface Talker {
  readonly child: ChildProcess
  tell(line: string): void
  /** The first thing that it told and that fits, told already or yet to come; `after` leaves out what was told before. */
  told(fits: (told: Told) => boolean, after?: number): Promise<Told>
  /** How much it has told. */
  readonly count: number
  readonly everything: readonly Told[]
}

// biome-ignore lint/suspicious/noExplicitAny: what comes over a wire
export type Told = any

let made = 0

/** Two machines with a wire in between, 192.168.77.1 and .2; undefined where the system does not let us have them. */
export async function twoMachines(): Promise<readonly [Machine, Machine] | undefined> {
  made++
  const names = ['a', 'b'].map(end => `otad-${process.pid}-${made}${end}`) as [string, string]
  const [first, second] = names
  try {
    for (const name of names) {
      await run('ip', ['netns', 'add', name])
      onTestFinished(async () => void (await run('ip', ['netns', 'del', name])))
    }
    await run('ip', ['-n', first, 'link', 'add', 'wire', 'type', 'veth', 'peer', 'name', 'wire', 'netns', second])
  } catch {
    return undefined
  }
  const machines = await Promise.all(names.map((name, index) => switchOn(name, `192.168.77.${index + 1}`)))
  await Promise.all(names.map(isConnected))
  return machines as [Machine, Machine]
}

async function switchOn(namespace: string, address: string): Promise<Machine> {
  const ip = (...args: string[]): Promise<unknown> => run('ip', ['-n', namespace, ...args])
  await ip('link', 'set', 'lo', 'up')
  await ip('addr', 'add', `${address}/24`, 'dev', 'wire')
  await ip('link', 'set', 'wire', 'up')
  const inside = ['netns', 'exec', namespace]
  return {
    address,
    ip,
    forbid: forbidden =>
      run('ip', [...inside, 'iptables', '-A', 'OUTPUT', '-d', forbidden, '-j', 'DROP']).then(
        () => true,
        () => false
      ),
    runs: (command, ...args) => {
      const child = spawn('ip', [...inside, command, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
      endWithTest(child)
      return createInterface({ input: child.stderr })
    },
    start: (program, ...args) => startTalker(['ip', ...inside], program, args)
  }
}

/** A wire carries something a moment after both of its ends were switched on. */
async function isConnected(namespace: string): Promise<void> {
  for (;;) {
    const { stdout } = await run('ip', ['-n', namespace, 'link', 'show', 'wire'])
    if (stdout.includes('state UP')) return
    await sleep(10)
  }
}

function startTalker(through: readonly string[], program: string, args: readonly string[]): Talker {
  const file = fileURLToPath(new URL(`./${path.basename(program)}`, import.meta.url))
  const [command = '', ...rest] = [...through, process.execPath, '--import', 'tsx', file, ...args]
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
  const everything: Told[] = []
  const watchers = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', line => {
    everything.push(JSON.parse(line))
    for (const look of watchers) look()
  })
  endWithTest(child)
  return {
    child,
    everything,
    get count() {
      return everything.length
    },
    tell: line => void child.stdin.write(`${line}\n`),
    told: (fits, after = 0) =>
      new Promise(resolve => {
        const look = (): void => {
          const found = everything.slice(after).find(fits)
          if (found === undefined) return
          watchers.delete(look)
          resolve(found)
        }
        watchers.add(look)
        look()
      })
  }
}

function endWithTest(child: ChildProcess): void {
  const hasEnded = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await hasEnded
  })
}
