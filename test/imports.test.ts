import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const SOURCES = fileURLToPath(new URL('../src', import.meta.url))

/** The house in one table: what the files of a room may import. `node:` modules that do nothing outside the process are free to all. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'errors.ts': [],
  'words.ts': [],
  'nearest.ts': ['fastest-levenshtein'],
  'host.ts': ['node:os'],
  'atomic-file.ts': ['errors.ts', 'node:fs/promises'],
  'sealed-lines.ts': [],
  'log.ts': ['words.ts', 'pino', 'pino-pretty'],
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
  'runs/': ['runs/', 'errors.ts', 'atomic-file.ts', 'node:fs/promises', 'sealed-lines.ts'],
  'certs/': ['certs/', 'errors.ts', 'atomic-file.ts', '@peculiar/x509', 'selfsigned', 'node:fs/promises'],
  'server/': [
    'server/',
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
  'credentials-keeper.ts': ['certs/', 'config/', 'server/', 'errors.ts', 'log.ts', 'node:fs/promises'],
  'identity.ts': ['certs/', 'config/', 'errors.ts', 'host.ts', 'log.ts'],
  'identity-keeper.ts': ['certs/', 'identity.ts', 'server/', 'errors.ts', 'log.ts'],
  'repeats.ts': [],
  'loops.ts': ['releases/', 'server/', 'log.ts', 'words.ts'],
  'tally.ts': ['server/', 'loops.ts', 'repeats.ts', 'log.ts'],
  'answers.ts': ['releases/', 'runs/', 'server/'],
  'operations.ts': ['answers.ts', 'releases/', 'runs/', 'server/', 'errors.ts', 'log.ts', 'words.ts'],
  'control/': ['control/', 'releases/', 'answers.ts', 'operations.ts', 'errors.ts', 'words.ts'],
  'catalog-keeper.ts': ['errors.ts', 'releases/', 'runs/', 'log.ts'],
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
    'log.ts',
    'words.ts'
  ],
  'daemon.ts': [
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
    'control/',
    'runs/',
    'tally.ts',
    'log.ts'
  ],
  'cli/': [
    'cli/',
    'config/',
    'certs/',
    'smartthings/signing-key.ts',
    'smartthings/addresses.ts',
    'image/',
    'releases/',
    'control/',
    'answers.ts',
    'daemon.ts',
    'identity.ts',
    'errors.ts',
    'host.ts',
    'nearest.ts',
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
  'watch/scan.ts',
  'watch/read-layout.ts',
  'watch/small-file.ts',
  'watch/read-candidate.ts',
  'watch/folders.ts',
  'watch/build-folder.ts',
  'watch/watcher.ts',
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
  'config/load.ts',
  'config/context.ts',
  'cli/main.ts',
  'cli/commands/check.ts',
  'cli/export-anchor.ts'
]
const OUTSIDE = /^(node:(fs|fs\/promises|https?|tls|os)|chokidar)$/

const files = readdirSync(SOURCES, { recursive: true, withFileTypes: true })
  .filter(entry => entry.name.endsWith('.ts'))
  .map(entry => path.relative(SOURCES, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'))

function importsOf(file: string): readonly string[] {
  const text = readFileSync(path.join(SOURCES, file), 'utf8')
  return [...text.matchAll(/(?:(?<!')\bfrom|import\()\s*'([^'\n]+)'/g)].map(([, target = '']) =>
    target.startsWith('.')
      ? path.posix.normalize(path.posix.join(path.posix.dirname(file), target)).replace(/\.js$/, '.ts')
      : target
  )
}

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
})
