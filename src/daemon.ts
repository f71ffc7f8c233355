import { X509Certificate } from 'node:crypto'
import path from 'node:path'
import { fingerprintOf } from './certs/keystore.js'
import { readContext } from './config/context.js'
import type { Settings } from './config/options.js'
import { type Identity, resolveIdentitySettings } from './identity.js'
import { IdentityKeeper } from './identity-keeper.js'
import type { Verdict } from './image/verdict.js'
import type { Report } from './log.js'
import { createPublishing } from './publish.js'
import type { ArtifactStore } from './releases/artifact-store.js'
import type { Catalog, Change } from './releases/catalog.js'
import { Committer } from './releases/committer.js'
import { pathOf } from './releases/manifest.js'
import { createPruning } from './releases/pruning.js'
import { recallEarlier, restoreCurrent } from './releases/restore.js'
import { openState } from './releases/state.js'
import type { Health } from './server/app.js'
import { probePort, startServer } from './server/server.js'
import { createTally } from './tally.js'
import { BuildFolder } from './watch/build-folder.js'
import type { Candidate } from './watch/candidate.js'
import { type FolderEvents, feedIntake } from './watch/feed.js'
import { resolveFolders } from './watch/folders.js'
import { Intake } from './watch/intake.js'

export interface DaemonOptions {
  readonly settings: Settings
  /** Relative folders are meant from here. */
  readonly cwd: string
  readonly version: string
  readonly report: Report
}

/** A daemon that listens. */
export interface Daemon {
  readonly port: number
  /** What to paste into a device: `https://192.168.1.8:8070/hello_world.bin`, one for each name; the origin alone while there is none. */
  urls(): readonly string[]
  readonly watched: readonly { readonly folder: string; readonly description: string }[]
  /** Whether the advertised address can be reached by nobody but this machine. */
  readonly isLoopbackOnly: boolean
  /** The certificate to embed in devices; undefined when only the operator knows it. */
  readonly anchor: EmbeddedCertificate | undefined
  /** Resolves when everything that lies in the watched folders has been judged once. */
  readonly ready: Promise<void>
  /** Stops watching, lets downloads finish for a while, and leaves everything in order. */
  close(): Promise<void>
}

export interface EmbeddedCertificate {
  readonly file: string
  /** SHA-256, with colons. */
  readonly fingerprint: string
  readonly validUntil: Date
}

/** How long a file is away before its name is withdrawn (product.md 3.6). */
const AWAY_MS = 5_000
/** With what follows it, stopping has to end within the ten seconds that supervisors give. */
const GRACE_MS = 8_000

/**
 * Puts the rooms together: settings → certificates → state → server → watched folders.
 * The catalog in here is the one thing of the house that changes while it runs.
 * @throws OperatorError for everything at a start that the operator can put right
 */
export async function startDaemon({ settings, cwd, version, report }: DaemonOptions): Promise<Daemon> {
  const startedAt = new Date()
  const context = await readContext(settings, cwd)
  const folders = (await resolveFolders(foldersOf(settings), cwd)).map(folder => new BuildFolder(folder, context))
  const identitySettings = resolveIdentitySettings(settings, cwd)
  await probePort(settings.host, settings.port)
  const stateFolder = path.join(settings.home, 'state')
  // The state first: its lock keeps two first starts from making two CAs.
  const {
    store,
    catalogFile,
    journaled,
    damagedLines,
    close: closeState
  } = await openState({ ...settings, folder: stateFolder })
  const keeper = await IdentityKeeper.open({
    settings: identitySettings,
    ticketFile: path.join(stateFolder, 'ticket_keys.json'),
    report,
    onCredentials: credentials => server.useCredentials(credentials),
    onAdvertised: host => report('address.changed', { host, urls: urls().slice(0, MOST_LISTED) })
  })
  if (damagedLines > 0) report('catalog.repaired', { reason: `${damagedLines} damaged lines were left out` })

  const tellDamage: Parameters<typeof restoreCurrent>[3] = ({ name, digest }, reason) =>
    report('artifact.damaged', { name, digest, reason })
  const isWatched = (release: { readonly folder: string }): boolean =>
    folders.some(({ path }) => path === release.folder)
  let catalog: Catalog = await restoreCurrent(journaled, store, isWatched, tellDamage)
  const currentCatalog = (): Catalog => catalog

  const tally = createTally({ report, shownTo: servername => keeper.factsFor(servername) })
  const committer = new Committer({
    file: catalogFile,
    keepReleases: settings.keepReleases,
    currentCatalog,
    replaceCatalog: next => {
      catalog = next
    }
  })
  const { doors, pending } = createPublishing({
    ...settings,
    folderOf: candidate => folderOf(folders, candidate),
    neighboursOf: ({ name, folder }) => namesBeside(intake, name, folder),
    store,
    currentCatalog,
    commit: async (change: Change) => {
      await committer.commit(change)
      if (change.type === 'publish') pruning.soon()
    },
    report: tally.report
  })
  const pruning = createPruning(store, digest => pending.has(digest) || catalog.byDigest(digest) !== undefined)
  const intake = new Intake<Verdict>(doors, { settleMs: settings.settleMs, awayMs: AWAY_MS })

  let status: Health['status'] = 'starting'
  const server = await startServer({
    ...settings,
    credentials: keeper.credentials,
    leafFor: (servername, device) => keeper.leafFor(servername, device),
    reached: localAddress => keeper.reached(localAddress),
    caCertificate: () => keeper.identity.anchor?.certificate,
    currentCatalog,
    readArtifact: (digest, size) => store.read(digest, size),
    health: () => describeHealth({ status, version, startedAt, catalog }),
    counts: () => ({
      ...tally.counts(),
      names: [...catalog.servedNames()].length,
      activeTransfers: server.activeTransfers
    }),
    onDownload: tally.onDownload,
    onFailedHandshake: tally.onFailedHandshake,
    onRefusedClient: tally.onRefusedClient,
    onBug: err => report('bug', { err })
  })
  const { port } = server
  keeper.begin()
  const urls = (): readonly string[] => {
    const names = [...catalog.servedNames()]
    const promised = folders.map(({ appName }) => appName).filter(name => name !== undefined)
    const { advertised } = keeper
    const origin = `https://${advertised.includes(':') ? `[${advertised}]` : advertised}:${port}`
    const known = names.length > 0 ? names : promised
    return known.length === 0 ? [`${origin}/`] : known.map(name => `${origin}${pathOf(name)}`)
  }

  const events = folderEvents(tally.report)
  await Promise.all(folders.map(folder => folder.refresh()))
  const watching = Promise.all(folders.map(folder => feedIntake(folder, settings.poll, intake, events)))
  for (const name of seeRestored(folders, catalog, intake)) await doors.withdraw(name)
  const ready = (async () => {
    await watching
    await intake.idle()
    if (status === 'starting') status = 'serving'
    const { file: caCertificate = '', fingerprint: caFingerprint = '' } = describeAnchor(keeper.identity) ?? {}
    report('server.listening', { urls: urls().slice(0, MOST_LISTED), caCertificate, caFingerprint, port })
    for (const change of await recallEarlier(journaled, catalog, store, tellDamage)) await committer.commit(change)
    pruning.begin()
    await warmNewest(store, catalog, settings.cacheBytes)
  })()
  ready.catch(err => report('bug', { err }))

  const close = async (): Promise<void> => {
    status = 'stopping'
    report('server.stopping', { downloads: server.activeTransfers })
    pruning.end()
    await Promise.all((await watching).map(watcher => watcher.close()))
    await intake.close()
    await keeper.close()
    const cut = await server.close(GRACE_MS)
    tally.close()
    await committer.idle()
    await closeState()
    report('server.stopped', { cut })
  }
  let closing: Promise<void> | undefined
  return {
    port,
    urls,
    watched: folders.map(({ path, layout }) => ({ folder: path, description: layout.description })),
    isLoopbackOnly: isLoopback(keeper.advertised),
    anchor: describeAnchor(keeper.identity),
    ready,
    close: () => {
      closing ??= close()
      return closing
    }
  }
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.')

function describeAnchor({ anchor }: Identity): EmbeddedCertificate | undefined {
  if (anchor === undefined) return undefined
  const validUntil = new Date(new X509Certificate(anchor.certificate).validTo)
  return { file: anchor.file, fingerprint: fingerprintOf(anchor.certificate), validUntil }
}

function foldersOf({ folders, home }: Settings): readonly string[] {
  return folders.length > 0 ? folders : [path.join(home, 'firmware')]
}

function folderOf(folders: readonly BuildFolder[], candidate: Candidate): BuildFolder {
  const folder = folders.find(({ path }) => path === candidate.folder)
  if (folder === undefined) throw new Error(`${candidate.file} is in no watched folder`)
  return folder
}

/** Loads the newest releases into memory, as many as fit: they are what devices ask for. */
async function warmNewest(store: ArtifactStore, catalog: Catalog, cacheBytes: number): Promise<void> {
  const current = [...catalog.entries].flatMap(entry => entry.current ?? [])
  let room = cacheBytes
  for (const { digest, size } of current.sort((a, b) => b.publishedAt - a.publishedAt)) {
    room -= size
    if (room < 0) return
    await store.warm(digest, size)
  }
}

/** The other files of the same folder, by name: one of them may be the one that was meant. */
function namesBeside(intake: Intake<Verdict>, name: string, folder: string): readonly string[] {
  const place = path.posix.dirname(name)
  const isBeside = (other: string): boolean =>
    other !== name && path.posix.dirname(other) === place && intake.candidateOf(other)?.folder === folder
  return [...intake.names].filter(isBeside).slice(0, 100)
}

/**
 * Shows the intake the releases of the last run: it has not seen those whose files are gone, and would never miss them.
 * Returns the names that no watched folder leads to any more.
 */
function seeRestored(folders: readonly BuildFolder[], catalog: Catalog, intake: Intake<Verdict>): readonly string[] {
  const orphans: string[] = []
  for (const { current } of catalog.entries) {
    const folder = folders.find(({ path }) => path === current?.folder)
    const relative = current === undefined ? undefined : folder?.relativeOf(current.name)
    const candidate = relative === undefined ? undefined : folder?.candidateAt(relative)
    if (candidate !== undefined) intake.see(candidate)
    else if (current !== undefined) orphans.push(current.name)
  }
  return orphans
}

function folderEvents(report: Report): FolderEvents {
  return {
    watched: (folder, layout) => report('folder.watched', { folder, layout }),
    missing: (folder, reason) => report('folder.missing', { folder, reason }),
    crowded: (folder, limit) => report('folder.crowded', { folder, limit }),
    degraded: (folder, reason) => report('watch.degraded', { folder, reason }),
    keyExposed: file => report('key.exposed', { file }),
    unaskable: (name, reason) => report('candidate.unreadable', { name, reason }),
    bug: err => report('bug', { err })
  }
}

interface HealthFacts {
  readonly status: Health['status']
  readonly version: string
  readonly startedAt: Date
  readonly catalog: Catalog
}

/** Names listed at most, in /health and in the log. */
const MOST_LISTED = 100

function describeHealth({ status, version, startedAt, catalog }: HealthFacts): Health {
  const serving: Health['serving'][number][] = []
  let names = 0
  for (const { current } of catalog.entries) {
    if (current === undefined) continue
    if (++names <= MOST_LISTED) serving.push({ name: current.name, version: current.version, sha256: current.digest })
  }
  return { status, version, since: startedAt.toISOString(), names, serving }
}
