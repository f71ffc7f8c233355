import { isIP } from 'node:net'
import path from 'node:path'
import { originAt, urlsAt } from '../advertised.js'
import { isLocalName, normalName } from '../certs/names.js'
import type { DeviceHistory } from '../devices/device-facts.js'
import { BROWSER } from '../devices/update-client.js'
import { isLoopbackHost } from '../loopback.js'
import type { Facts, MachineAddress, OutputFact, ProjectFacts } from './facts.js'

/** Addresses that a device of the LAN may reach, the likeliest first. */
export function lanAddresses({ machine }: Pick<Facts, 'machine'>): readonly MachineAddress[] {
  return machine.addresses.filter(
    ({ isLoopback, isInside, address }) => !isLoopback && !isInside && !isLinkLocal(address)
  )
}

export const isLinkLocal = (address: string): boolean => /^(169\.254\.|fe80:)/.test(address)

/** Whether a device that is told this host comes to this machine, as far as this machine can say. */
export function isOwnHost(host: string, facts: Facts): boolean {
  const { machine, settings, certificate } = facts
  const plain = normalName(host)
  if (isLoopbackHost(plain)) return false
  // Addresses in a certificate may be those of last year; a name is there because somebody gave it.
  if (isIP(plain) === 0 && certificate.leaf?.dnsNames.includes(plain) === true) return true
  const own = [machine.hostName, `${machine.hostName}.local`, machine.advertised, settings.advertise, ...settings.names]
  if (own.some(name => normalName(name) === plain)) return true
  const isHere = (address: string): boolean =>
    machine.addresses.some(each => !each.isLoopback && each.address === normalName(address))
  return isHere(plain) || (leadsOf(plain, facts) ?? []).some(isHere)
}

/** The addresses that a host name leads to from here; undefined where nobody has asked. */
export function leadsOf(host: string, { resolved }: Facts): readonly string[] | undefined {
  return resolved.find(each => each.host === host)?.addresses
}

/** Whether nobody but people of this network could mean this host. */
export const isNearHost = (host: string): boolean => isLocalName(host)

/** Whether there is a host that a device could be told; without one nobody can say what a URL should be. */
export const isReachable = (facts: Facts): boolean => !isLoopbackHost(expectedHost(facts))

/** `192.168.1.8`, as devices should have it; a loopback one where this machine has no other. */
export function expectedHost({ machine }: Facts): string {
  if (!isLoopbackHost(machine.advertised)) return machine.advertised
  return lanHost(machine.addresses) ?? machine.advertised
}

/** `https://192.168.1.8:8070` */
export const expectedOrigin = (facts: Facts): string => originAt(expectedHost(facts), facts.port.port)

function lanHost(addresses: readonly MachineAddress[]): string | undefined {
  return addresses.find(({ isLoopback, isInside }) => !isLoopback && !isInside)?.address
}

/** The names that builds of a project are, or will be, served under; the likeliest first. */
export function namesOfProject(project: ProjectFacts, { releases, daemon }: Facts): readonly string[] {
  const { outputs, system, expectedApps } = project
  if (outputs.length === 0) return expectedApps
  const names = outputs.flatMap(output => {
    const file = path.posix.basename(output.app ?? '')
    if (file === '') return []
    const watched = releases.filter(({ folder, name }) => isOf(name, folder, output))
    // The same image may be served under other names too.
    const copies = releases.filter(({ digest }) => digest === output.image?.digest)
    const called = copies.filter(({ name }) => name === file || name.endsWith(`/${file}`))
    const served = [...watched, ...called, ...copies].map(({ name }) => name)
    // PlatformIO is served with the folders of all its environments.
    const own = system === 'platformio' ? [`${path.basename(output.folder)}/${file}`, file] : [file]
    // What was served once says how this project was watched; what else it was copied to says nothing of the next start.
    if (daemon === null) return [...watched.map(({ name }) => name), ...own]
    return served.length > 0 ? served : own
  })
  const isBuilt = (app: string): boolean => outputs.some(({ folder }) => app.startsWith(`${path.basename(folder)}/`))
  const others = system === 'platformio' ? expectedApps.filter(app => !isBuilt(app)) : []
  return [...new Set([...names, ...others])]
}

/** Whether a name is that of the app of an output, by the watched folder that it came from. */
export function isOf(name: string, folder: string, { folder: output, app }: OutputFact): boolean {
  const relative = path.relative(folder, output)
  const isInside = !relative.startsWith('..') && !path.isAbsolute(relative)
  const file = path.posix.basename(app ?? '')
  return isInside && file !== '' && (name === file || name.endsWith(`/${file}`)) && placed(name, relative, file)
}

function placed(name: string, relative: string, file: string): boolean {
  const wanted = relative === '' ? file : `${relative.split(path.sep).join('/')}/${file}`
  return name === wanted || name.endsWith(`/${wanted}`)
}

/** The URL that a device should have for a project. */
export function expectedUrl(project: ProjectFacts | undefined, facts: Facts): string {
  const names = project === undefined ? facts.releases.map(({ name }) => name) : namesOfProject(project, facts)
  const [url = ''] = urlsAt(expectedOrigin(facts), names)
  return url
}

/** Devices that are neither this machine, which comes by when somebody tries it, the doctor for one, nor somebody's browser. */
export function strangersOf({ daemon, machine }: Facts): readonly DeviceHistory[] {
  return (daemon?.devices ?? []).filter(
    ({ address, client }) =>
      client !== BROWSER && !machine.addresses.some(own => own.address === address && !own.isLoopback)
  )
}

/** A file as a person finds it: `hello_world: main/ota.c line 41`. */
export function placeOf(project: ProjectFacts, file: string, line: number | null): string {
  const where = line === null ? file : `${file} line ${line}`
  return path.isAbsolute(file) ? where : `${path.basename(project.folder)}: ${where}`
}
