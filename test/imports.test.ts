import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const SOURCES = fileURLToPath(new URL('../src', import.meta.url))

/** The house in one table: what the files of a room may import. `node:` modules that do nothing outside the process are free to all. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'errors.ts': [],
  'words.ts': [],
  'loopback.ts': [],
  'snippets/': ['snippets/', 'smartthings/addresses.ts', 'words.ts'],
  'page/': [
    'page/',
    'snippets/',
    'desk/desk-facts.ts',
    'devices/device-facts.ts',
    'devices/attention.ts',
    'devices/device-order.ts',
    'releases/path-of.ts',
    'answers.ts',
    'words.ts',
    'preact',
    'uqr'
  ],
  'nearest.ts': ['fastest-levenshtein'],
  'host.ts': ['node:os'],
  'atomic-file.ts': ['errors.ts', 'node:fs/promises'],
  'sealed-lines.ts': [],
  'events.ts': [],
  'tellings.ts': ['events.ts', 'words.ts'],
  'log.ts': ['events.ts', 'tellings.ts', 'words.ts', 'pino', 'pino-pretty'],
  'image/': ['image/', 'node:crypto'],
  'releases/': [
    'releases/',
    'image/',
    'words.ts',
    'nearest.ts',
    'errors.ts',
    'atomic-file.ts',
    'sealed-lines.ts',
    'typebox',
    'node:fs',
    'node:fs/promises',
    'node:os'
  ],
  'watch/': ['watch/', 'image/', 'errors.ts', 'chokidar', 'node:fs', 'node:fs/promises', 'node:os'],
  'runs/': ['runs/', 'devices/normal-device.ts', 'errors.ts', 'atomic-file.ts', 'node:fs/promises', 'sealed-lines.ts'],
  'certs/': [
    'certs/',
    'loopback.ts',
    'errors.ts',
    'atomic-file.ts',
    '@peculiar/x509',
    'selfsigned',
    'node:fs/promises'
  ],
  'server/': [
    'server/',
    'devices/',
    'dialects/',
    'releases/',
    'runs/',
    'smartthings/addresses.ts',
    'smartthings/signed-form.ts',
    'smartthings/version-info.ts',
    'errors.ts',
    'nearest.ts',
    'words.ts',
    'fastify',
    'fastify-plugin',
    '@fastify/static',
    'typebox',
    'prom-client',
    'node:http',
    'node:https',
    'node:tls',
    'node:fs/promises'
  ],
  'smartthings/': ['smartthings/', 'image/', 'releases/', 'certs/', 'errors.ts', 'atomic-file.ts', 'words.ts'],
  'config/': ['config/', 'image/', 'errors.ts', 'nearest.ts', 'node:fs', 'node:fs/promises'],
  'credentials-keeper.ts': ['certs/', 'config/', 'server/', 'errors.ts', 'events.ts', 'node:fs/promises'],
  'identity.ts': ['certs/', 'config/', 'errors.ts', 'host.ts', 'events.ts'],
  'identity-keeper.ts': ['certs/', 'identity.ts', 'server/', 'errors.ts', 'events.ts'],
  'devices/': ['devices/', 'errors.ts', 'words.ts', 'atomic-file.ts', 'sealed-lines.ts', 'typebox', 'node:fs/promises'],
  'device-keeper.ts': ['devices/', 'releases/', 'runs/', 'server/', 'loopback.ts', 'loops.ts', 'words.ts'],
  'desk/': ['desk/', 'devices/', 'releases/', 'answers.ts'],
  'mdns/': ['mdns/', 'errors.ts', 'events.ts', 'words.ts', 'multicast-dns', 'dns-packet', 'node:dgram', 'node:os'],
  'repeats.ts': [],
  'loops.ts': ['releases/', 'server/', 'events.ts', 'words.ts'],
  'tally.ts': ['server/', 'device-keeper.ts', 'loops.ts', 'repeats.ts', 'events.ts'],
  'answers.ts': ['releases/', 'runs/', 'server/'],
  'operations.ts': ['answers.ts', 'devices/', 'releases/', 'runs/', 'server/', 'errors.ts', 'events.ts', 'words.ts'],
  'control/': ['control/', 'devices/', 'releases/', 'answers.ts', 'operations.ts', 'errors.ts', 'words.ts'],
  'catalog-keeper.ts': ['errors.ts', 'releases/', 'runs/', 'events.ts'],
  'dialects/': ['dialects/', 'releases/', 'image/', 'words.ts'],
  'flash-parts.ts': ['releases/', 'watch/'],
  'publish.ts': [
    'catalog-keeper.ts',
    'flash-parts.ts',
    'image/',
    'releases/',
    'smartthings/',
    'watch/',
    'errors.ts',
    'events.ts',
    'words.ts'
  ],
  'probe/': ['probe/', 'certs/device-certificate.ts', 'image/', 'errors.ts', 'words.ts', 'node:tls'],
  'advertised.ts': ['certs/', 'desk/', 'releases/', 'identity.ts'],
  'health.ts': ['releases/', 'server/'],
  'build-folders.ts': ['image/', 'releases/', 'watch/', 'events.ts'],
  'daemon.ts': [
    'host.ts',
    'mdns/announce.ts',
    'advertised.ts',
    'health.ts',
    'build-folders.ts',
    'image/',
    'errors.ts',
    'smartthings/',
    'releases/',
    'watch/',
    'certs/',
    'server/',
    'config/',
    'identity.ts',
    'identity-keeper.ts',
    'credentials-keeper.ts',
    'catalog-keeper.ts',
    'publish.ts',
    'operations.ts',
    'answers.ts',
    'device-keeper.ts',
    'desk/',
    'control/',
    'runs/',
    'tally.ts',
    'events.ts',
    'loopback.ts',
    'words.ts'
  ],
  'explain/': ['explain/', 'image/', 'devices/', 'answers.ts'],
  'doctor/': [
    'doctor/',
    'advertised.ts',
    'answers.ts',
    'certs/',
    'config/',
    'control/',
    'devices/device-facts.ts',
    'devices/update-client.ts',
    'identity.ts',
    'image/',
    'releases/',
    'watch/',
    'errors.ts',
    'host.ts',
    'loopback.ts',
    'nearest.ts',
    'words.ts',
    'node:child_process',
    'node:fs/promises',
    'node:os',
    'node:tls'
  ],
  'cli/': [
    'cli/',
    'doctor/',
    'snippets/',
    'config/',
    'certs/',
    'smartthings/signing-key.ts',
    'smartthings/addresses.ts',
    'image/',
    'releases/',
    'devices/normal-device.ts',
    'control/',
    'devices/attention.ts',
    'devices/device-choice.ts',
    'devices/device-facts.ts',
    'devices/device-order.ts',
    'explain/',
    'probe/',
    'answers.ts',
    'daemon.ts',
    'identity.ts',
    'errors.ts',
    'host.ts',
    'nearest.ts',
    'events.ts',
    'log.ts',
    'words.ts',
    'commander',
    'close-with-grace',
    'node:fs',
    'node:fs/promises',
    'node:readline/promises'
  ]
}

/** Modules of Node that compute, or name types, and touch nothing outside. */
const FREE = new Set([
  'node:path',
  'node:url',
  'node:util',
  'node:net',
  'node:events',
  'node:crypto',
  'node:zlib',
  'node:stream',
  'node:stream/consumers',
  'node:v8',
  'node:timers/promises'
])

/** Files that open, read or write something outside the process; no other file imports the modules for it. */
const INPUT_OUTPUT: readonly string[] = [
  'atomic-file.ts',
  'host.ts',
  'credentials-keeper.ts',
  'releases/artifact-store.ts',
  'releases/part-keeper.ts',
  'releases/catalog-file.ts',
  'releases/state.ts',
  'releases/state-lock.ts',
  'releases/state-socket.ts',
  'releases/in-turn.ts',
  'runs/runs-file.ts',
  'runs/pins.ts',
  'devices/ledger-file.ts',
  'devices/neighbours.ts',
  'watch/scan.ts',
  'watch/read-layout.ts',
  'watch/small-file.ts',
  'watch/read-candidate.ts',
  'watch/folders.ts',
  'watch/build-folder.ts',
  'watch/watcher.ts',
  'mdns/places.ts',
  'mdns/link.ts',
  'certs/keystore.ts',
  'certs/file-stamp.ts',
  'certs/ticket-keys.ts',
  'server/app.ts',
  'server/connections.ts',
  'server/device-response.ts',
  'server/malformed.ts',
  'server/plain-server.ts',
  'server/tls.ts',
  'server/pump.ts',
  'server/send-queues.ts',
  'probe/handshake.ts',
  'probe/raw-http.ts',
  'config/load.ts',
  'config/context.ts',
  'doctor/look.ts',
  'doctor/look-certificate.ts',
  'doctor/look-firewall.ts',
  'doctor/look-machine.ts',
  'doctor/look-output.ts',
  'doctor/look-port.ts',
  'doctor/project-files.ts',
  'cli/main.ts',
  'cli/commands/check.ts',
  'cli/probe-url.ts',
  'cli/commands/explain.ts',
  'cli/export-anchor.ts'
]
const OUTSIDE = /^(node:(fs|fs\/promises|https?|tls|os|dgram)|chokidar)$/

const files = readdirSync(SOURCES, { recursive: true, withFileTypes: true })
  .filter(entry => /\.tsx?$/.test(entry.name))
  .map(entry => path.relative(SOURCES, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'))

const textOf = (file: string): string => readFileSync(path.join(SOURCES, file), 'utf8')

function targetsOf(file: string, pattern: RegExp): readonly string[] {
  return [...textOf(file).matchAll(pattern)].map(([, target = '']) =>
    target.startsWith('.')
      ? path.posix.normalize(path.posix.join(path.posix.dirname(file), target)).replace(/\.js$/, '.ts')
      : target
  )
}

const importsOf = (file: string): readonly string[] => targetsOf(file, /(?:(?<!')\bfrom|import\()\s*'([^'\n]+)'/g)

/** What is loaded as soon as a file is: neither types nor what is imported later. */
const loadedWith = (file: string): readonly string[] =>
  targetsOf(file, /^(?:import|export) (?!type )[^'"(]*?from '([^'\n]+)'/gm)

const roomOf = (file: string): string => (file.includes('/') ? `${file.slice(0, file.indexOf('/'))}/` : file)

describe('the rooms of src', () => {
  it.each(files)('%s imports only what its room may', file => {
    const allowed = MAY_IMPORT[roomOf(file)]
    expect(allowed, `${file} is in no room of the table`).toBeDefined()
    const strangers = importsOf(file).filter(
      target =>
        !FREE.has(target) &&
        !allowed?.some(
          door => target === door || (door.endsWith('/') && target.startsWith(door)) || target.startsWith(`${door}/`)
        )
    )
    expect(strangers).toEqual([])
  })

  it.each(files.filter(file => !INPUT_OUTPUT.includes(file)))('%s opens nothing outside the process', file => {
    const typeOnly = new Set(
      [...readFileSync(path.join(SOURCES, file), 'utf8').matchAll(/import type [^']*'([^']+)'/g)].map(
        ([, target]) => target
      )
    )
    expect(importsOf(file).filter(target => OUTSIDE.test(target) && !typeOnly.has(target))).toEqual([])
  })

  it('has a table without empty rows', () => {
    for (const room of Object.keys(MAY_IMPORT))
      expect(
        files.some(file => roomOf(file) === room),
        room
      ).toBe(true)
  })

  it.each(['typebox', 'prom-client', 'multicast-dns', 'selfsigned'])(
    'load %s when somebody needs it, not at the start',
    library => {
      const loaded = new Set<string>()
      const load = (file: string): void => {
        if (loaded.has(file)) return
        loaded.add(file)
        for (const target of loadedWith(file)) {
          expect(target === library || target.startsWith(`${library}/`), `${file} loads ${target}`).toBe(false)
          if (files.includes(target)) load(target)
        }
      }
      load('cli/main.ts')
      load('daemon.ts')
      expect(loaded.size).toBeGreaterThan(100)
    }
  )
})
