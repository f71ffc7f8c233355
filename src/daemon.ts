import path from 'node:path'
import { describeAnchor, type EmbeddedCertificate, originAt, tellAnchor, urlsAt } from './advertised.js'
import { describeName } from './answers.js'
import { folderEvents, folderOf, namesBeside, seeRestored } from './build-folders.js'
import { CatalogKeeper } from './catalog-keeper.js'
import { readContext } from './config/context.js'
import type { Settings } from './config/options.js'
import { type MorePorts, readMorePorts } from './config/ports.js'
import { serveControl } from './control/control-server.js'
import { CredentialsKeeper, resolveAuth } from './credentials-keeper.js'
import { Desk } from './desk/desk.js'
import { DeviceKeeper } from './device-keeper.js'
import { systemErrorCode } from './errors.js'
import type { Report } from './events.js'
import { describeHealth, MOST_LISTED } from './health.js'
import { readHostName } from './host.js'
import { type IdentitySettings, resolveIdentitySettings } from './identity.js'
import { IdentityKeeper } from './identity-keeper.js'
import type { Verdict } from './image/verdict.js'
import { isLoopbackHost } from './loopback.js'
import type { Announcement } from './mdns/announce.js'
import { createOperations } from './operations.js'
import { createPublishing } from './publish.js'
import { PartKeeper } from './releases/part-keeper.js'
import { pathOf } from './releases/path-of.js'
import type { Health } from './server/app.js'
import { probePort, startServer } from './server/server.js'
import { DEMO_PORT, Signing } from './smartthings/signing.js'
import { createTally } from './tally.js'
import { BuildFolder } from './watch/build-folder.js'
import { feedIntake } from './watch/feed.js'
import { resolveFolders } from './watch/folders.js'
import { Intake } from './watch/intake.js'
import { counted } from './words.js'

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
  let mdns: Announcement | undefined
  const identities = await IdentityKeeper.open({
    settings: identitySettings,
    ticketFile: path.join(stateFolder, 'ticket_keys.json'),
    report,
    onCredentials: credentials => {
      server.useCredentials(credentials)
      mdns?.update()
    },
    onAdvertised: host => {
      report('address.changed', { host, urls: urls().slice(0, MOST_LISTED) })
      mdns?.update()
    }
  })

  const devices = await DeviceKeeper.open({
    ...settings,
    stateFolder,
    currentCatalog: () => kept.catalog,
    live: () => server.live.list(),
    liveOf: client => server.live.find(client),
    onConfirmed: confirmed => tally.onConfirmed(confirmed),
    onRolledBack: rolledBack => tally.onRolledBack(rolledBack),
    onFailure: code => report('devices.failed', { reason: `state/devices.jsonl cannot be written (${code})` }),
    onDamaged: lines =>
      report('catalog.repaired', { file: 'devices.jsonl', reason: `${counted(lines, 'damaged line')} left out` })
  })
  const tally = createTally({
    report,
    shownTo: servername => identities.factsFor(servername),
    onFindings: (findings, download) => devices.onFindings(findings, download),
    onHandshakeExplained: failure => devices.onFailedHandshake(failure),
    onNotAllowed: failure => devices.onNotAllowed(failure)
  })
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
  const desk = new Desk({
    facts: () => ({
      status,
      version,
      since: startedAt.toISOString(),
      origin: origin(),
      isLoopbackOnly: isLoopbackHost(identities.advertised),
      certificate: tellAnchor(describeAnchor(identities.identity))
    }),
    currentCatalog: () => kept.catalog,
    describe: describeName,
    urlOf: name => `${origin()}${pathOf(name)}`,
    ledger: devices.ledger,
    live: () => devices.live()
  })
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
      activeTransfers: server.activeTransfers,
      deviceVerdicts: devices.ledger.countVerdicts(devices.live()),
      eventListeners: desk.listeners,
      certificates: { ca: identities.identity.anchor?.certificate, leaf: identities.credentials.certificate }
    }),
    onBegun: devices.onBegun,
    onVisit: devices.onVisit,
    onBrokenRange: devices.onBrokenRange,
    onDownload: download => {
      devices.onDownload(download)
      tally.onDownload(download)
    },
    onSentBack: sentBack => {
      devices.onSentBack(sentBack)
      tally.onSentBack(sentBack)
    },
    listen: listener => desk.listen(listener),
    devices: () => devices.tellAll(),
    deviceHistory: id => devices.tellOne(id),
    onFailedHandshake: tally.onFailedHandshake,
    onRefusedClient: tally.onRefusedClient,
    onBug: err => report('bug', { err })
  })
  const { port } = server
  identities.begin()
  clients?.begin()
  if (ports.plain !== undefined) report('server.plain', { port: ports.plain })
  const origin = (): string => originAt(identities.advertised, port)
  const urls = (): readonly string[] => {
    const names = [...kept.catalog.servedNames()]
    // Before the first build, the one that the project promises.
    const promised = folders.flatMap(({ appName }) => appName ?? [])
    return urlsAt(origin(), names.length > 0 ? names : promised)
  }
  const operations = createOperations({
    currentCatalog: () => kept.catalog,
    commit: change => kept.commit(change),
    pins: kept.pins,
    report,
    describeHealth: health,
    origin,
    activeTransfers: () => server.activeTransfers,
    devices: (history, device) => devices.tellHistories(history, device),
    isRestoring: () => kept.isRestoring
  })
  kept.serve(connection => serveControl(connection, { operations, onBug: err => report('bug', { err }) }))

  /** Loaded by those alone who want it. */
  const beginMdns = async (): Promise<void> => {
    const { announce } = await import('./mdns/announce.js')
    if (status !== 'serving') return
    mdns = announce({
      port,
      listensOn: settings.host,
      hostName: readHostName(),
      version,
      report,
      caFingerprint: () => describeAnchor(identities.identity)?.fingerprint
    })
  }

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
    if (settings.mdns) await beginMdns()
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
    await mdns?.close()
    await intake.close()
    await Promise.all((await watching.catch(() => [])).map(watcher => watcher.close()))
    await operations.idle()
    await signing.close()
    await kept.stop()
    await identities.close()
    await clients?.close()
    const cut = await server.close(GRACE_MS)
    tally.close()
    await devices.close()
    await kept.close()
    report('server.stopped', { cut })
  }
  let closing: Promise<void> | undefined
  return {
    port,
    urls,
    watched: folders.map(({ path, layout }) => ({ folder: path, description: layout.description })),
    isLoopbackOnly: isLoopbackHost(identities.advertised),
    anchor: describeAnchor(identities.identity),
    ready,
    close: () => {
      closing ??= close()
      return closing
    }
  }
}

function foldersOf({ folders, home }: Settings): readonly string[] {
  return folders.length > 0 ? folders : [path.join(home, 'firmware')]
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
