import { X509Certificate } from 'node:crypto'
import path from 'node:path'
import { CatalogKeeper } from './catalog-keeper.js'
import { fingerprintOf } from './certs/keystore.js'
import { readContext } from './config/context.js'
import type { Settings } from './config/options.js'
import { type MorePorts, readMorePorts } from './config/ports.js'
import { serveControl } from './control/control-server.js'
import { CredentialsKeeper, resolveAuth } from './credentials-keeper.js'
import { systemErrorCode } from './errors.js'
import { type Identity, type IdentitySettings, resolveIdentitySettings } from './identity.js'
import { IdentityKeeper } from './identity-keeper.js'
import type { Verdict } from './image/verdict.js'
import type { Report } from './log.js'
import { createOperations } from './operations.js'
import { createPublishing } from './publish.js'
import { type Catalog, newestOf } from './releases/catalog.js'
import { pathOf } from './releases/manifest.js'
import { PartKeeper } from './releases/part-keeper.js'
import type { Health } from './server/app.js'
import { probePort, startServer } from './server/server.js'
import { DEMO_PORT, Signing } from './smartthings/signing.js'
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
 * Puts the rooms together: settings → state → certificates → server → watched folders.
 * @throws OperatorError for everything at a start that the operator can put right
 */
export async function startDaemon({ settings, cwd, version, report }: DaemonOptions): Promise<Daemon> {
  const context = await readContext(settings, cwd)
  const folders = (await resolveFolders(foldersOf(settings), cwd)).map(folder => new BuildFolder(folder, context))
  const identitySettings = resolveIdentitySettings(settings, cwd)
  const auth = resolveAuth(settings, cwd)
  const ports = readMorePorts(settings)
  await probePort(settings.host, { port: settings.port, flag: '--port' })
  for (const port of ports.https) await probePort(settings.host, { port, flag: '--ports' })
  if (ports.plain !== undefined) await probePort(settings.host, { port: ports.plain, flag: '--http-port' })
  const clients = auth && (await CredentialsKeeper.open({ ...auth, report }))
  const signingKeyFile = settings.signingKeyFile && path.resolve(cwd, settings.signingKeyFile)
  const stateFolder = path.join(settings.home, 'state')
  // The state first: its lock keeps two first starts from making two CAs.
  const kept = await CatalogKeeper.open({
    ...settings,
    folder: stateFolder,
    isWatched: release => folders.some(({ path }) => path === release.folder),
    report
  })
  try {
    return await runDaemon({
      settings,
      version,
      report,
      folders,
      ports,
      clients,
      identitySettings,
      signingKeyFile,
      stateFolder,
      kept
    })
  } catch (error) {
    // As at any stop: what devices are on their way through is written as it is.
    await kept.stop()
    await kept.close()
    throw error
  }
}

interface RunOptions extends Omit<DaemonOptions, 'cwd'> {
  readonly folders: readonly BuildFolder[]
  readonly ports: MorePorts
  /** Whom firmware is for; undefined where it is for everybody. */
  readonly clients: CredentialsKeeper | undefined
  readonly identitySettings: IdentitySettings
  /** Absolute; empty where otad makes the key itself. */
  readonly signingKeyFile: string
  /** `state/` of the home. */
  readonly stateFolder: string
  readonly kept: CatalogKeeper
}

async function runDaemon(options: RunOptions): Promise<Daemon> {
  const { settings, version, report, folders, ports, clients, identitySettings, signingKeyFile, stateFolder, kept } =
    options
  const startedAt = new Date()
  const identities = await IdentityKeeper.open({
    settings: identitySettings,
    ticketFile: path.join(stateFolder, 'ticket_keys.json'),
    report,
    onCredentials: credentials => server.useCredentials(credentials),
    onAdvertised: host => report('address.changed', { host, urls: urls().slice(0, MOST_LISTED) })
  })

  const tally = createTally({ report, shownTo: servername => identities.factsFor(servername) })
  const rulesOf = (name: string, folder: BuildFolder): string => `${version} ${folder.rulesOf(name)}`
  const parts = await PartKeeper.open(path.join(stateFolder, 'parts'))
  const signing = await Signing.open({
    ...settings,
    signingKeyFile,
    isWanted: [settings.port, ...settings.ports.map(Number)].includes(DEMO_PORT),
    kept,
    tellReadableKey: (file, mode) => report('key.readable', { file, mode }),
    onUnusable: ({ message, hint }) => report('certificate.kept', { reason: message, hint }),
    onFailed: ({ name }, error) => tellUnsigned(name, error, report)
  })
  const doors = createPublishing({
    ...settings,
    folderOf: candidate => folderOf(folders, candidate),
    neighboursOf: ({ name, folder }) => namesBeside(intake, name, folder),
    kept,
    parts,
    signing,
    rulesOf,
    report: tally.report
  })
  const intake = new Intake<Verdict>(doors, { settleMs: settings.settleMs, awayMs: AWAY_MS })
  kept.onDamaged = name => intake.judgeAgain(candidate => candidate.name === name)

  await Promise.all(folders.map(folder => folder.refresh()))
  const orphans = await seeRestored({ ...settings, folders, journaled: kept.journaled, intake, rulesOf })

  let status: Health['status'] = 'starting'
  const health = (): Health => describeHealth({ status, version, startedAt, catalog: kept.catalog })
  const server = await startServer({
    ...settings,
    morePorts: ports.https,
    plainPort: ports.plain,
    authCredentials: clients && (() => clients.credentials),
    onAuthFailed: tally.onAuthFailed,
    credentials: identities.credentials,
    leafFor: (servername, device) => identities.leafFor(servername, device),
    reached: localAddress => identities.reached(localAddress),
    caCertificate: () => identities.identity.anchor?.certificate,
    currentCatalog: () => kept.catalog,
    restored: name => kept.restored(name),
    restoredArtifact: digest => kept.restoredArtifact(digest),
    readArtifact: (digest, size) => (parts.has(digest) ? parts : kept.store).read(digest, size),
    hasPart: digest => parts.has(digest),
    runs: kept.runs,
    pinnedFor: (ids, name) => kept.pins.pinnedFor(ids, name),
    health,
    counts: () => ({
      ...tally.counts(),
      names: [...kept.catalog.servedNames()].length,
      activeTransfers: server.activeTransfers
    }),
    onDownload: tally.onDownload,
    onSentBack: tally.onSentBack,
    onFailedHandshake: tally.onFailedHandshake,
    onRefusedClient: tally.onRefusedClient,
    onBug: err => report('bug', { err })
  })
  const { port } = server
  identities.begin()
  clients?.begin()
  if (ports.plain !== undefined) report('server.plain', { port: ports.plain })
  const origin = (): string => {
    const { advertised } = identities
    return `https://${advertised.includes(':') ? `[${advertised}]` : advertised}:${port}`
  }
  const urls = (): readonly string[] => {
    const names = [...kept.catalog.servedNames()]
    const promised = folders.map(({ appName }) => appName).filter(name => name !== undefined)
    const known = names.length > 0 ? names : promised
    return known.length === 0 ? [`${origin()}/`] : known.map(name => `${origin()}${pathOf(name)}`)
  }
  const operations = createOperations({
    currentCatalog: () => kept.catalog,
    commit: change => kept.commit(change),
    pins: kept.pins,
    report,
    describeHealth: health,
    origin,
    activeTransfers: () => server.activeTransfers,
    isRestoring: () => kept.isRestoring
  })
  kept.serve(connection => serveControl(connection, { operations, onBug: err => report('bug', { err }) }))

  const events = folderEvents(tally.report)
  const watching = Promise.all(folders.map(folder => feedIntake(folder, settings.poll, intake, events)))
  const restoring = kept.restore()
  const ready = (async () => {
    await Promise.all([watching, restoring, ...orphans.map(name => doors.withdraw(name))])
    await intake.idle()
    if (status !== 'starting') return
    status = 'serving'
    const { file: caCertificate = '', fingerprint: caFingerprint = '' } = describeAnchor(identities.identity) ?? {}
    report('server.listening', { urls: urls().slice(0, MOST_LISTED), caCertificate, caFingerprint, port })
    await kept.warm()
    await kept.restoreRest()
    if (!kept.isRestoring) await parts.prune(kept.catalog)
    signing.begin()
  })()
  ready.catch(err => report('bug', { err }))

  const close = async (): Promise<void> => {
    status = 'stopping'
    report('server.stopping', { downloads: server.activeTransfers })
    kept.serve(connection => connection.destroy())
    await intake.close()
    await Promise.all((await watching.catch(() => [])).map(watcher => watcher.close()))
    await operations.idle()
    await signing.close()
    await kept.stop()
    await identities.close()
    await clients?.close()
    const cut = await server.close(GRACE_MS)
    tally.close()
    await kept.close()
    report('server.stopped', { cut })
  }
  let closing: Promise<void> | undefined
  return {
    port,
    urls,
    watched: folders.map(({ path, layout }) => ({ folder: path, description: layout.description })),
    isLoopbackOnly: isLoopback(identities.advertised),
    anchor: describeAnchor(identities.identity),
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

/** The other files of the same folder, by name: one of them may be the one that was meant. */
function namesBeside(intake: Intake<Verdict>, name: string, folder: string): readonly string[] {
  const place = path.posix.dirname(name)
  const isBeside = (other: string): boolean =>
    other !== name && path.posix.dirname(other) === place && intake.candidateOf(other)?.folder === folder
  return [...intake.names].filter(isBeside).slice(0, 100)
}

interface Restored {
  readonly folders: readonly BuildFolder[]
  /** The catalog as the last process left it. */
  readonly journaled: Catalog
  readonly intake: Intake<Verdict>
  readonly rulesOf: (name: string, folder: BuildFolder) => string
  readonly maxImageBytes: number
}

/**
 * Shows the intake the releases of the last run: it has not seen those whose files are gone, and would never miss them. Those that were judged by
 * the rules of now need no second look. Returns the names that no watched folder leads to any more.
 */
async function seeRestored({
  folders,
  journaled,
  intake,
  rulesOf,
  maxImageBytes
}: Restored): Promise<readonly string[]> {
  const orphans: string[] = []
  const served = [...journaled.entries].filter(({ current }) => current !== undefined)
  for (const folder of folders)
    await folder.refresh(...served.filter(({ current }) => current?.folder === folder.path).map(({ name }) => name))
  for (const entry of served) {
    const { name, current } = entry
    const folder = folders.find(({ path }) => path === current?.folder)
    const relative = folder?.relativeOf(name)
    const candidate = relative === undefined ? undefined : folder?.candidateAt(relative)
    const newest = newestOf(entry)
    if (candidate === undefined || folder === undefined) orphans.push(name)
    else if (newest?.rules === rulesOf(name, folder) && newest.size <= maxImageBytes)
      intake.knows(candidate, newest.fileKey)
    else intake.see(candidate)
  }
  return orphans
}

function tellUnsigned(name: string, error: unknown, report: Report): void {
  const code = systemErrorCode(error)
  if (code === undefined) report('bug', { err: error })
  else
    report('store.failed', {
      name,
      reason: `it could not be signed for SmartThings (${code})`,
      hint: 'make room or mend the disk; it is signed at the next start'
    })
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
