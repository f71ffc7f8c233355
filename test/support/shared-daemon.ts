/** One daemon for all the tests of a suite, and plain ways to talk to it. `startDaemon` is the one for a single test. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect } from 'vitest'
import type { EventName } from '../../src/events.js'
import {
  type Answer,
  type Connection,
  type ConnectionOptions,
  exchange,
  type Head,
  openConnection
} from '../../src/probe/raw-http.js'
import { type LoggedEvent, PROGRAM, plainEnvironment } from './daemon.js'

export interface SharedDaemonOptions {
  /** What lies in the watched folder before the start, by its path there. */
  readonly firmware: Readonly<Record<string, Buffer>>
  /** Names out of `firmware` that are not going to be served. */
  readonly unserved?: readonly string[]
  /** Files around it: paths relative to the folder that holds both the home and the watched folder. */
  readonly beside?: Readonly<Record<string, Buffer>>
  /** Links in the watched folder, each with its target relative to the link. */
  readonly links?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
}

/** Everything that came over one connection. */
export interface Conversation {
  readonly bytes: Buffer
  /** How it ended: the server closed, or nothing more came for that long. */
  readonly end: 'closed' | 'silence'
}

export interface SharedDaemon {
  readonly port: number
  /** The folder that holds the home and the watched folder. */
  readonly root: string
  readonly home: string
  readonly folder: string
  /** PEM of the certificate that a device embeds. */
  readonly ca: string
  readonly log: readonly LoggedEvent[]
  connect(options?: Partial<ConnectionOptions>): Promise<Connection>
  /** One request on a connection of its own. */
  ask(requestText: string): Promise<Answer>
  /** Sends bytes as they are, waits until the server closes or falls silent, and hangs up. */
  converse(bytes: string | Buffer, silenceMs?: number): Promise<Conversation>
  /** Writes a file into the watched folder, in one go. */
  build(name: string, bytes: Buffer): Promise<void>
  /** The first event of this name that fits, logged already or yet to come. */
  event<E extends EventName>(name: E, fits?: (event: LoggedEvent<E>) => boolean): Promise<LoggedEvent<E>>
}

/** Starts a daemon before the first test of the suite, waits until it has judged every file, and ends it after the last. */
export function useSharedDaemon(options: SharedDaemonOptions): SharedDaemon {
  const log: LoggedEvent[] = []
  const watchers = new Set<() => void>()
  const place = { port: 0, root: '', home: '', folder: '', ca: '' }
  let stop = async (): Promise<void> => {}

  beforeAll(async () => {
    place.root = await mkdtemp(path.join(tmpdir(), 'otad-test-'))
    place.home = path.join(place.root, 'home')
    place.folder = path.join(place.root, 'firmware')
    await layOut(place.root, place.folder, options)
    const listen = ['--host', '127.0.0.1', '--port', '0', '--log-format', 'json', '--log-level', 'debug']
    const child = spawn(
      process.execPath,
      [PROGRAM, 'serve', place.folder, '--home', place.home, ...listen, ...(options.args ?? [])],
      { env: plainEnvironment(), stdio: ['ignore', 'pipe', 'inherit'] }
    )
    createInterface({ input: child.stdout }).on('line', line => {
      log.push(JSON.parse(line) as LoggedEvent)
      for (const look of watchers) look()
    })
    const exit = once(child, 'exit')
    stop = async () => {
      child.kill('SIGKILL')
      await exit
    }
    const served = Object.keys(options.firmware).filter(name => !options.unserved?.includes(name))
    place.port = (await event('server.listening')).port
    const published = served.map(name => event('release.published', one => one.name === name))
    await Promise.race([Promise.all(published), patience(() => served.filter(name => !isPublished(log, name)))])
    place.ca = await readFile(path.join(place.home, 'certs', 'ca_cert.pem'), 'utf8')
  })

  afterAll(async () => {
    await stop()
    await rm(place.root, { recursive: true, force: true, maxRetries: 5 })
  })

  const event = <E extends EventName>(
    name: E,
    fits: (event: LoggedEvent<E>) => boolean = () => true
  ): Promise<LoggedEvent<E>> =>
    new Promise(resolve => {
      const look = (): void => {
        const found = (log as readonly { readonly event: EventName }[]).find(
          one => one.event === name && fits(one as LoggedEvent<E>)
        )
        if (found === undefined) return
        watchers.delete(look)
        resolve(found as LoggedEvent<E>)
      }
      watchers.add(look)
      look()
    })
  const connect = (more: Partial<ConnectionOptions> = {}): Promise<Connection> =>
    openConnection({ host: '127.0.0.1', port: place.port, ca: place.ca, ...more })

  return {
    get port() {
      return place.port
    },
    get root() {
      return place.root
    },
    get home() {
      return place.home
    },
    get folder() {
      return place.folder
    },
    get ca() {
      return place.ca
    },
    log,
    connect,
    event,
    async ask(requestText) {
      const connection = await connect()
      try {
        return await exchange(connection, requestText, { method: requestText.startsWith('HEAD ') ? 'HEAD' : 'GET' })
      } finally {
        connection.socket.destroy()
      }
    },
    async converse(bytes, silenceMs) {
      const connection = await connect()
      connection.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
      return listenTo(connection, silenceMs)
    },
    async build(name, bytes) {
      await writeInto(place.folder, name, bytes)
    }
  }
}

function isPublished(log: readonly LoggedEvent[], name: string): boolean {
  return log.some(line => line.event === 'release.published' && 'name' in line && line.name === name)
}

async function patience(missing: () => readonly string[]): Promise<never> {
  await new Promise(resolve => setTimeout(resolve, 15_000).unref())
  throw new Error(`not served after 15 s: ${JSON.stringify(missing())}`)
}

/** Collects what comes until the server closes or nothing came for `silenceMs`, and hangs up. */
export function listenTo({ socket }: Connection, silenceMs = 3000): Promise<Conversation> {
  return new Promise(resolve => {
    const pieces: Buffer[] = []
    const finish = (end: Conversation['end']): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ bytes: Buffer.concat(pieces), end })
    }
    const timer = setTimeout(() => finish('silence'), silenceMs)
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece)
      timer.refresh()
    })
    socket.on('end', () => finish('closed')).on('close', () => finish('closed'))
    socket.resume()
  })
}

/** A request as text; the fields stand in the order given. Host comes first and can be replaced or left out. */
export function request(
  method: string,
  target: string,
  fields: readonly string[] = [],
  { host = 'otad.test', version = '1.1' }: { host?: string | null; version?: string } = {}
): string {
  const lines = [...(host === null ? [] : [`Host: ${host}`]), ...fields]
  return `${method} ${target} HTTP/${version}\r\n${lines.map(line => `${line}\r\n`).join('')}\r\n`
}

export function digestOf(bytes: Uint8Array, algorithm: 'sha256' | 'md5' | 'sha512' = 'sha256'): string {
  return createHash(algorithm).update(bytes).digest('hex')
}

/** Every promise that holds for each answer, whatever it is: canonical names, a length, no coding, nothing that leaks. */
export function expectWellFormed(head: Head): void {
  const text = head.rawHead.toString('latin1')
  const [statusLine = '', ...lines] = text.slice(0, -4).split('\r\n')
  expect(statusLine).toMatch(/^HTTP\/1\.1 [2-5]\d\d [A-Z][A-Za-z -]*$/)
  for (const line of lines) expect(line).toMatch(FIELD_LINE)
  const names = head.headers.map(([name]) => name)
  expect(names, 'names in their canonical case').toEqual(names.map(canonical))
  expect(new Set(names.map(name => name.toLowerCase())).size, 'each field once').toBe(names.length)
  expect(names, 'never a coding').not.toContain('Transfer-Encoding')
  expect(names, 'never a coding').not.toContain('Content-Encoding')
  // RFC 9110, section 15.4.5: a 304 has no content; the length it may state is that of the whole.
  if (head.status !== 304) expect(head.header('content-length')).toMatch(/^(0|[1-9]\d*)$/)
}

/** IMF-fixdate (RFC 9110, section 5.6.7). */
export const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/

/** One space behind the colon, none before the end: C8 compares bytes (clients.md R3 and 7.4). */
const FIELD_LINE = /^[A-Za-z][A-Za-z\d-]*: [\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/

/** Names that are not written with one capital per word: RFC 9110, clients.md R31 to R33. */
const OWN_SPELLING = ['ETag', 'WWW-Authenticate', 'x-MD5', 'x-SHA256', 'x-SHA512', 'x-version']

function canonical(name: string): string {
  const own = OWN_SPELLING.find(other => other.toLowerCase() === name.toLowerCase())
  return own ?? name.toLowerCase().replace(/(^|-)[a-z]/g, letter => letter.toUpperCase())
}

async function layOut(root: string, folder: string, options: SharedDaemonOptions): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const [name, bytes] of Object.entries(options.firmware)) await writeInto(folder, name, bytes)
  for (const [name, bytes] of Object.entries(options.beside ?? {})) await writeInto(root, name, bytes)
  for (const [name, target] of Object.entries(options.links ?? {})) await symlink(target, path.join(folder, name))
}

async function writeInto(folder: string, name: string, bytes: Buffer): Promise<void> {
  const file = path.join(folder, ...name.split('/'))
  await mkdir(path.dirname(file), { recursive: true })
  await writeFile(file, bytes)
}
