import { isLoopbackHost } from '../../loopback.js'
import { nearestTo } from '../../nearest.js'
import { pathOf } from '../../releases/path-of.js'
import {
  expectedHost,
  expectedOrigin,
  expectedUrl,
  isNearHost,
  isOwnHost,
  isReachable,
  leadsOf,
  namesOfProject,
  placeOf
} from '../expected.js'
import type { Facts, ProjectFacts, UrlFact } from '../facts.js'
import { type Found, note, serious, warning } from '../finding.js'
import { type ParsedUrl, parseFirmwareUrl } from '../firmware-url.js'

/** The address of this server in each project: settings, sources, what the last build was made with. */
export function checkUrls(facts: Facts): readonly Found[] {
  return facts.projects.flatMap(project => checkProject(project, facts))
}

function checkProject(project: ProjectFacts, facts: Facts): readonly Found[] {
  const judged = project.urls.map(url => ({ url, complaint: complaintOf(url, project, facts) }))
  const isOnceRight = judged.some(
    ({ complaint, url }) => complaint === undefined && url.form !== 'host' && isOfNow(url)
  )
  const wrongNow = new Set(
    judged.filter(({ url, complaint }) => complaint !== undefined && isOfNow(url)).map(({ url }) => url.text)
  )
  const found = judged.flatMap(({ url, complaint }): readonly Found[] => {
    if (complaint === undefined) return []
    // What the build repeats of its sources is one thing to put right, and so is what a macro says that texts are put together with.
    if (!isOfNow(url) && wrongNow.has(url.text)) return []
    const isSaid = judged.some(
      each => each.complaint?.code === complaint.code && url.macros?.includes(each.url.name ?? '') === true
    )
    return isSaid ? [] : [foundFor(url, complaint, { project, facts, isOnceRight })]
  })
  const isSought = project.system !== 'plain' && project.system !== 'esphome'
  if (project.urls.length > 0 || !isSought || project.marks.files === 0) return once(found)
  return [
    note(
      'no-url',
      `${placeOf(project, 'no file', null)} says where its firmware is`,
      `otad snippet prints lines to paste${isReachable(facts) ? `; the URL is ${expectedUrl(project, facts)}` : ''}`
    )
  ]
}

const isOfNow = ({ origin }: UrlFact): boolean => origin === 'config' || origin === 'source'

/** The same text in the same file is one finding. */
function once(found: readonly Found[]): readonly Found[] {
  return [...new Map(found.map(each => [each.sentence, each])).values()]
}

interface Complaint {
  readonly code: string
  readonly because: string
  /** False where it may be right all the same. */
  readonly isSure: boolean
  readonly host: string | undefined
}

interface Judging {
  readonly project: ProjectFacts
  readonly facts: Facts
  readonly isOnceRight: boolean
}

function foundFor(
  url: UrlFact,
  { code, because, isSure, host }: Complaint,
  { project, facts, isOnceRight }: Judging
): Found {
  const expected = url.form === 'host' ? expectedHost(facts) : wantedText(url, project, facts)
  const by = url.macros === undefined ? '' : ` (with ${url.macros.join(', ')})`
  const what = `${url.name === null ? '' : `${url.name} is `}${url.text === '' ? 'empty' : url.text}${by}`
  const found = `${placeOf(project, url.file, url.line)}: ${what}: ${because}`
  const sentence = isReachable(facts) ? `${found}; expected ${expected}` : found
  const hint = isReachable(facts) ? hintFor(url, expected) : 'connect this machine to a network first, and ask again'
  if (url.origin === 'defaults') return note(code, sentence, hint)
  const isElsewhere = code === 'url-wrong-host' && host !== undefined && !isNearHost(host)
  // Sources name other servers too, a cloud's for one.
  if (isElsewhere && isOnceRight && url.origin === 'source') return note(code, sentence, hint)
  if (url.origin === 'image' && isElsewhere) return note(code, sentence, hint)
  const isPart = project.urls.some(({ macros }) => macros?.includes(url.name ?? '') === true)
  const isGuess = url.form === 'host' && !isPart && !/ota|firmware|fw|upgrade|update/i.test(url.name ?? '')
  return isSure && !isGuess ? serious(code, sentence, hint) : warning(code, sentence, hint)
}

/** The URL with what is right in it kept: the path of a base, a name that is served. */
function wantedText(url: UrlFact, project: ProjectFacts, facts: Facts): string {
  if (url.form === 'base') return `${expectedOrigin(facts)}/`
  const parsed = parseFirmwareUrl(url.text)
  const known = [...servedNames(facts), ...namesOfProject(project, facts)]
  if (parsed !== undefined && parsed.path !== '' && (known.length === 0 || known.includes(parsed.path)))
    return `${expectedOrigin(facts)}${pathOf(parsed.path)}`
  return expectedUrl(project, facts)
}

function hintFor(url: UrlFact, expected: string): string {
  const where = url.line === null ? url.file : `${url.file}, line ${url.line}`
  switch (url.origin) {
    case 'config':
      return url.file.startsWith('sdkconfig')
        ? `set ${url.name}="${expected}" (idf.py menuconfig, or ${where}), build and flash it once`
        : `set ${url.name}="${expected}" with idf.py menuconfig, build and flash it once`
    case 'defaults':
      return `write ${url.name}="${expected}" into ${where}: a fresh sdkconfig is made from it`
    case 'built':
    case 'image':
      return 'build again: the last build was made with it'
    case 'source':
      if (url.macros !== undefined)
        return `change ${url.macros.join(' or ')}, which ${where} puts it together with, so that it is ${expected}; build and flash it once`
      return url.name?.startsWith('CONFIG_') === true
        ? `change it in ${where}: it is a macro there, which menuconfig cannot change; build and flash it once`
        : `change it in ${where} to ${expected}, build and flash it once`
  }
}

/** What is wrong with a URL; undefined where a device that has it gets here. */
function complaintOf(url: UrlFact, project: ProjectFacts, facts: Facts): Complaint | undefined {
  if (url.form === 'host') {
    const host = url.text.replace(/:\d+$/, '')
    return isLoopbackHost(host) ? undefined : hostComplaint(host, facts)
  }
  if (url.text === '') return { code: 'url-missing', because: 'no address is set', isSure: true, host: undefined }
  const parsed = parseFirmwareUrl(url.text)
  if (parsed === undefined)
    return { code: 'url-malformed', because: 'that is no URL a device can use', isSure: true, host: undefined }
  return (
    hostComplaint(parsed.host, facts) ??
    portComplaint(parsed, facts) ??
    (url.form === 'url' ? pathComplaint(parsed, project, facts) : undefined)
  )
}

function hostComplaint(host: string, facts: Facts): Complaint | undefined {
  const { machine } = facts
  if (isLoopbackHost(host)) return { code: 'url-loopback', because: `${host} is the device itself`, isSure: true, host }
  const inside = machine.addresses.find(({ address, isInside }) => isInside && address === host)
  if (inside !== undefined && host !== facts.settings.advertise)
    return {
      code: 'url-inside-address',
      because: `${host} is on ${inside.interfaceName}, a bridge or tunnel of this machine that devices are not behind`,
      isSure: true,
      host
    }
  // A machine without a network has no address that any other could be compared with.
  if (isOwnHost(host, facts) || !isReachable(facts)) return undefined
  const own = machine.addresses.filter(each => !each.isLoopback && !each.isInside).map(({ address }) => address)
  const here =
    own.length === 0 ? `devices are told ${expectedHost(facts)}` : `this machine is ${own.slice(0, 3).join(', ')}`
  const leads = leadsOf(host, facts)
  const elsewhere = leads !== undefined && leads.length > 0 ? `${host} leads to ${leads.slice(0, 2).join(', ')}, ` : ''
  const nowhere = leads !== undefined && leads.length === 0 ? `${host} leads nowhere from here, ` : ''
  return { code: 'url-wrong-host', because: `${elsewhere}${nowhere}${here}`, isSure: true, host }
}

function portComplaint({ scheme, host, port, hasPort }: ParsedUrl, facts: Facts): Complaint | undefined {
  const { settings, machine } = facts
  const probe = facts.port.probes.find(each => each.host === host && each.port === port && each.scheme === scheme)
  if (probe?.outcome === 'ours') return undefined
  const https = [facts.port.port, ...settings.ports]
  const complain = (code: string, because: string, isSure = true): Complaint => ({ code, because, isSure, host })
  if (scheme === 'http') {
    if (settings.httpPort === port) return undefined
    if (https.includes(port)) return complain('url-http-on-https-port', `port ${port} is for https, and it says http`)
    const plain =
      settings.httpPort === null ? 'otad answers https only' : `otad answers http at port ${settings.httpPort}`
    return complain('url-plain-http', plain)
  }
  if (https.includes(port)) return undefined
  if (settings.httpPort === port)
    return complain('url-https-on-http-port', `port ${port} answers without TLS, and it says https`)
  const said = hasPort ? `it says port ${port}` : `without a port it is ${port}`
  // Another port may lead here from outside of a container.
  const isHere = machine.addresses.some(({ address }) => address === host)
  const isMapped = !isHere && (machine.container !== null || machine.wsl === 2)
  return complain('url-wrong-port', `${said}, otad listens at ${https.join(', ')}`, !isMapped)
}

function pathComplaint({ path, host }: ParsedUrl, project: ProjectFacts, facts: Facts): Complaint | undefined {
  // Manifests, the signed form for SmartThings, one build for ever: otad makes them of what it serves.
  if (!/\.bin$/i.test(path) || /^artifacts\/|(^|\/)signed_|\.smartthings\//.test(path)) return undefined
  const known = (facts.daemon?.names ?? []).map(({ name }) => name)
  // What the project will be called is right as soon as it is served; that it is not is told by another check.
  const own = namesOfProject(project, facts)
  if (known.includes(path) || own.includes(path)) return undefined
  const complain = (because: string, isSure = true): Complaint => ({ code: 'url-wrong-path', because, isSure, host })
  const [first] = own
  if (first !== undefined) {
    const isServed = servedNames(facts).includes(first)
    // Before a start nobody knows what label a folder will have.
    const isSure = isServed || (project.outputs.length > 0 && !own.some(name => path.endsWith(`/${name}`)))
    return isServed
      ? complain(`otad serves no ${path}, but ${first}`)
      : complain(`the build makes ${first}, which is what otad would serve`, isSure)
  }
  const served = servedNames(facts)
  const nearest = nearestTo(path, served) ?? served[0]
  return nearest === undefined ? undefined : complain(`otad serves no ${path}, but ${nearest}`)
}

/** What is served now; what a home served once says nothing of the next start. */
function servedNames({ daemon }: Facts): readonly string[] {
  return (daemon?.names ?? []).filter(({ current }) => current !== null).map(({ name }) => name)
}
