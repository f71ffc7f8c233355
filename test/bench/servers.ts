import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { BenchImage } from './images.js'
import { end, makeFolder, removeFolder } from './leftovers.js'
import { writeNginxConfiguration } from './nginx-configuration.js'
import { waitUntilServed } from './readiness.js'
import { launch, type Running } from './running.js'

/** `s_server` is the one of openssl: it takes one client at a time and is there for handshakes only. */
export type ServerKind = 'otad' | 'nginx' | 'nginx-4k' | 's_server'

export type KeyType = 'ec' | 'rsa'

/** A running server that serves a folder. */
export interface Server {
  readonly kind: ServerKind
  /** Id of the process whose tree is the server. */
  readonly id: number
  readonly port: number
  readonly resumedPort: number
  readonly ca: string
  stop(): Promise<void>
}

/** A server that may not answer yet. */
export interface LaunchedServer extends Server {
  readonly running: Running
  /** By performance.now(), directly before the process was started. */
  readonly launchedAt: number
}

export interface StartOptions {
  readonly kind: ServerKind
  readonly daemon: string
  /** Home with the certificates; otad itself works on a copy, with a state of its own. */
  readonly home: string
  readonly folder: string
}

export function hasNginx(): boolean {
  return spawnSync('nginx', ['-v']).status === 0
}

export function hasOpenssl(): boolean {
  return spawnSync('openssl', ['version']).status === 0
}

/** Lets otad make the certificates that all servers of the run use, in a home of their own. */
export async function makeCertificates(daemon: string, keyType: KeyType = 'ec'): Promise<string> {
  const home = makeFolder()
  const folder = makeFolder()
  const port = await findPort()
  const keys = ['--key-type', keyType]
  const running = launch(process.execPath, [...otadArguments({ daemon, home, folder, port }), ...keys], home)
  await waitUntilServed({ port, path: '/health', ca: certificateFiles(home).ca, running, limitMs: 30_000 })
  await end(running.child)
  removeFolder(folder)
  return home
}

/** Starts a server and returns at once; it may not answer yet. */
export async function launchServer(options: StartOptions): Promise<LaunchedServer> {
  const { kind, home, folder, daemon } = options
  const files = certificateFiles(home)
  const work = makeFolder()
  const port = await findPort()
  const resumedPort = kind === 'nginx' || kind === 'nginx-4k' ? await findPort() : port
  if (kind === 'otad') cpSync(join(home, 'certs'), join(work, 'certs'), { recursive: true })
  if (kind === 'nginx' || kind === 'nginx-4k') {
    const recordLength = kind === 'nginx' ? '16k' : '4k'
    writeFileSync(
      join(work, 'nginx.conf'),
      writeNginxConfiguration({ work, folder, ...files, port, resumedPort, recordLength })
    )
  }
  const launchedAt = performance.now()
  const running = launchKind(kind, { daemon, work, folder, port, ...files })
  return {
    kind,
    id: running.child.pid as number,
    port,
    resumedPort,
    ca: files.ca,
    running,
    launchedAt,
    stop: async () => {
      await end(running.child)
      removeFolder(work)
    }
  }
}

/** Starts a server and waits until it serves these images, every byte of them. */
export async function startServer(options: StartOptions, images: readonly BenchImage[]): Promise<Server> {
  const server = await launchServer(options)
  for (const image of images) {
    await waitUntilServed({
      port: server.port,
      path: `/${image.name}`,
      expected: image.bytes,
      ca: server.ca,
      running: server.running,
      limitMs: 15_000
    })
  }
  return server
}

interface LaunchOptions {
  readonly daemon: string
  readonly work: string
  readonly folder: string
  readonly port: number
  readonly certificate: string
  readonly key: string
}

function launchKind(kind: ServerKind, { daemon, work, folder, port, certificate, key }: LaunchOptions): Running {
  switch (kind) {
    case 'otad':
      return launch(process.execPath, otadArguments({ daemon, home: work, folder, port }), work)
    case 'nginx':
    case 'nginx-4k':
      return launch('nginx', ['-p', work, '-e', join(work, 'error.log'), '-c', join(work, 'nginx.conf')], work)
    case 's_server': {
      // -WWW is how people serve firmware with it. Without a cache, as the others here: tickets are all that resumes.
      const where = ['-accept', `127.0.0.1:${port}`, '-cert', certificate, '-key', key]
      return launch('openssl', ['s_server', ...where, '-WWW', '-quiet', '-no_cache'], work)
    }
  }
}

function otadArguments(of: { daemon: string; home: string; folder: string; port: number }): string[] {
  const where = ['--home', of.home, '--port', String(of.port), '--host', '127.0.0.1']
  return [of.daemon, 'serve', of.folder, ...where, '--log-format', 'json']
}

function certificateFiles(home: string) {
  const file = (name: string): string => join(home, 'certs', name)
  return { ca: file('ca_cert.pem'), certificate: file('server_cert.pem'), key: file('server_key.pem') }
}

/** A port that was free a moment ago. */
async function findPort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
