import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import path from 'node:path'
import { readContext } from '../config/context.js'
import type { MergedSettings } from '../config/merge.js'
import { readMorePorts } from '../config/ports.js'
import { OperatorError } from '../errors.js'
import { advertisedHost, resolveIdentitySettings } from '../identity.js'
import { isLoopbackHost } from '../loopback.js'
import { resolveFolders } from '../watch/folders.js'
import { isOwnHost, lanAddresses, leadsOf } from './expected.js'
import type { Facts, ProjectFacts, ReleaseFact, SettingFacts } from './facts.js'
import { parseFirmwareUrl } from './firmware-url.js'
import { lookAtCertificates } from './look-certificate.js'
import { lookAtDaemon, lookAtReleases } from './look-daemon.js'
import { lookAtFirewalls, toolsOf } from './look-firewall.js'
import { lookAtMachine } from './look-machine.js'
import { lookAtNames } from './look-names.js'
import { lookAtSockets, type ProbeTarget, probe } from './look-port.js'
import { findProject, lookAtProject } from './look-project.js'
import { isLocked } from './project-files.js'

export interface LookOptions {
  readonly merged: MergedSettings
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** As it was typed; the folder here, or what otad watches, when left out. */
  readonly project: string | undefined
  /** Ends the looking, with everything that was begun for it. */
  readonly signal: AbortSignal
}

/** Projects looked at when nobody names one. */
const MOST_PROJECTS = 8
/** Addresses that are tried. */
const MOST_PROBED = 8

/**
 * Looks at everything that stands between a build and a device: this machine, its firewalls, the port, the certificates, the projects. Only looks:
 * nothing is made, changed or asked of the network beyond this machine but what host names in URLs lead to.
 * Undefined when the signal came first.
 * @throws OperatorError for settings that cannot be, and for a project that is not there
 */
export async function lookAround(options: LookOptions): Promise<Facts | undefined> {
  const { signal } = options
  if (signal.aborted) return undefined
  // The answer of a name server or of another otad cannot be called back: nobody waits for it.
  return Promise.race([look(options), once(signal, 'abort').then(() => undefined)])
}

async function look({ merged, cwd, env, project, signal }: LookOptions): Promise<Facts | undefined> {
  const { settings } = merged
  const now = new Date()
  const identitySettings = resolveIdentitySettings(settings, cwd)
  const context = await readContext(settings, cwd)
  const daemon = await lookAtDaemon(settings.home)
  const releases = await lookAtReleases(settings.home, settings.keepReleases)
  const folders = project === undefined ? await foldersMeant(merged, cwd, releases) : [await projectNamed(project, cwd)]
  const projects = await Promise.all(
    folders.map(folder => lookAtProject(folder, { asked: context, maxImageBytes: settings.maxImageBytes }))
  )
  const machine = await lookAtMachine(daemon?.host ?? advertisedHost(settings), env)
  const { facts: certificate, anchor } = await lookAtCertificates(identitySettings)
  const known: Facts = {
    at: now.toISOString(),
    settings: settingFacts(merged),
    machine,
    daemon,
    port: { port: daemon?.port ?? settings.port, sockets: null, probes: [] },
    firewalls: [],
    certificate,
    releases,
    resolved: [],
    projects
  }
  const resolved = await lookAtNames(namesToAskFor(known), { env, signal })
  if (signal.aborted) return undefined
  const targets = targetsOf({ ...known, resolved })
  const probes = await Promise.all(targets.map(target => probe(target, { anchor, since: daemon?.since, now, signal })))
  const sockets = await lookAtSockets(new Set(targets.map(({ port }) => port)))
  const { port } = known.port
  const firewalls = port === 0 ? [] : await lookAtFirewalls(port, lanAddresses(known), toolsOf(env, signal))
  return { ...known, resolved, port: { port, sockets, probes }, firewalls }
}

function settingFacts({ settings, sources }: MergedSettings): SettingFacts {
  const { https, plain } = readMorePorts(settings)
  const { home, host, port, names, advertise, certMode, maxTlsRecord, auth, clientCaFile } = settings
  return {
    home,
    host,
    hostSource: sources.host,
    port,
    portSource: sources.port,
    ports: https,
    httpPort: plain ?? null,
    names,
    advertise,
    certMode,
    maxTlsRecord,
    asksForCredentials: auth !== 'off' || clientCaFile !== ''
  }
}

async function projectNamed(argument: string, cwd: string): Promise<string> {
  const folder = path.resolve(cwd, argument)
  const stats = await stat(folder).catch(() => undefined)
  if (stats?.isDirectory() !== true)
    throw new OperatorError(
      'OTAD_ERR_BAD_FOLDER',
      `${folder} is ${stats === undefined ? 'not there' : 'no folder'}`,
      'name the folder of a project, or leave it away: then the one that you are in is looked at'
    )
  if (await isLocked(folder))
    throw new OperatorError(
      'OTAD_ERR_BAD_FOLDER',
      `${folder} cannot be read by this user`,
      'ask as the user whom it belongs to, or let this one read it: chmod -R u+rX'
    )
  return (await findProject(folder)) ?? folder
}

/** The project that somebody is in; else those that otad watches, by its settings or by what it serves. */
async function foldersMeant(
  { settings }: MergedSettings,
  cwd: string,
  releases: readonly ReleaseFact[]
): Promise<readonly string[]> {
  const here = await findProject(cwd)
  if (here !== undefined) return [here]
  const watched = settings.folders.length === 0 ? [] : await resolveFolders(settings.folders, cwd)
  const folders = [...new Set([...watched.map(folder => folder.path), ...releases.map(({ folder }) => folder)])]
  const found = await Promise.all(folders.map(findProject))
  return [...new Set(found.filter(folder => folder !== undefined))].slice(0, MOST_PROJECTS)
}

/** The host names in the projects' URLs of which this machine does not know where they lead to; one's own at a port of somebody else leads to a proxy. */
function namesToAskFor(facts: Facts): readonly string[] {
  const ports = [facts.port.port, ...facts.settings.ports]
  const hosts = hostsIn(facts.projects).filter(
    ({ host, port }) => isIP(host) === 0 && !isLoopbackHost(host) && !(isOwnHost(host, facts) && ports.includes(port))
  )
  return [...new Set(hosts.map(({ host }) => host))].slice(0, MOST_PROBED)
}

function hostsIn(projects: readonly ProjectFacts[]): readonly ProbeTarget[] {
  return projects.flatMap(({ urls }) =>
    urls.flatMap(({ text, form }) => {
      const parsed = form === 'host' ? undefined : parseFirmwareUrl(text)
      const { host = '', port = 0, scheme = 'https' } = parsed ?? {}
      return parsed === undefined ? [] : [{ host, address: host, port, scheme }]
    })
  )
}

/** What to try: where devices are told to go, and where they go by their URLs, as far as that is this machine. */
function targetsOf(facts: Facts): readonly ProbeTarget[] {
  const { machine, daemon, settings } = facts
  const { port } = facts.port
  // Plain HTTP at an HTTPS port is known to fail, and the otad there would tell of it.
  const isKnown = ({ scheme, port: each }: ProbeTarget): boolean =>
    scheme === 'http' && [port, ...settings.ports].includes(each)
  const asked = hostsIn(facts.projects)
    .filter(target => isOwnHost(target.host, facts) && !isKnown(target))
    .map(target => ({ ...target, address: addressOf(target.host, facts) }))
  const isHere = machine.addresses.some(({ address }) => address === machine.advertised)
  const own = [
    ...(isHere ? [machine.advertised] : []),
    ...lanAddresses(facts).map(({ address }) => address),
    '127.0.0.1'
  ]
  const at = (
    where: readonly string[],
    ports: readonly number[],
    scheme: ProbeTarget['scheme']
  ): readonly ProbeTarget[] => ports.flatMap(each => where.map(host => ({ host, address: host, port: each, scheme })))
  const [first = '127.0.0.1'] = own
  const all = [
    ...at(own.slice(0, MOST_PROBED), port === 0 ? [] : [port], 'https'),
    ...asked.slice(0, MOST_PROBED),
    // Before a start it matters whether they are free.
    ...(daemon === null ? at([first], settings.ports, 'https') : []),
    ...(daemon === null && settings.httpPort !== null ? at([first], [settings.httpPort], 'http') : [])
  ]
  return [...new Map(all.map(target => [`${target.scheme} ${target.host} ${target.port}`, target])).values()]
}

/** Where a host of this machine is: nobody is asked once more. */
function addressOf(host: string, facts: Facts): string {
  if (isIP(host) !== 0) return host
  const [address = facts.machine.addresses[0]?.address ?? '127.0.0.1'] = leadsOf(host, facts) ?? []
  return address
}
