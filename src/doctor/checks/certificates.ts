import path from 'node:path'
import { covers, isLocalName } from '../../certs/names.js'
import { isOwnHost, placeOf } from '../expected.js'
import type { CertificateFact, EmbeddedCertificate, Facts, ProjectFacts } from '../facts.js'
import { type Found, note, serious, warning } from '../finding.js'
import { parseFirmwareUrl } from '../firmware-url.js'

const DAY_MS = 24 * 60 * 60 * 1000
/** Devices have to be flashed with the next CA before the old one ends: a season is little for that. */
const SOON_MS = 90 * DAY_MS

const day = (at: string): string => at.slice(0, 10)

/** Our own certificates: files, dates, names, and what is shown to a device that comes by the URL. */
export function checkCertificates(facts: Facts): readonly Found[] {
  const { problem, anchor, leaf, source, readableKeys } = facts.certificate
  const found: Found[] = []
  if (problem !== null)
    found.push((facts.daemon === null ? serious : warning)('certificate-unusable', problem.sentence, problem.hint))
  const isOther = leaf !== null && leaf.fingerprint !== anchor?.fingerprint
  if (anchor !== null) found.push(...checkDates(anchor, 'ca', facts))
  if (leaf !== null && isOther) found.push(...checkDates(leaf, source === 'own' ? 'own' : 'leaf', facts))
  found.push(...checkNames(facts))
  for (const { file, mode } of readableKeys)
    found.push(warning('key-readable', `others can read ${file} (mode ${mode} instead of 600)`, `chmod 600 ${file}`))
  return found
}

function checkDates(
  { file, validFrom, validTo }: CertificateFact,
  role: 'ca' | 'leaf' | 'own',
  { at }: Facts
): readonly Found[] {
  const left = Date.parse(validTo) - Date.parse(at)
  const hint = RENEWALS[role]
  if (left < 0) {
    const code = role === 'ca' ? 'ca-expired' : 'certificate-expired'
    return [serious(code, `${file} expired on ${day(validTo)}, and today is ${day(at)}`, hint)]
  }
  // What otad has made itself and is not valid yet speaks against the clock, and is told there.
  if (Date.parse(validFrom) > Date.parse(at) && role === 'own')
    return [serious('certificate-not-yet-valid', `${file} is valid from ${validFrom}, and it is ${at}`, hint)]
  if (left < SOON_MS && role !== 'leaf')
    return [warning(role === 'ca' ? 'ca-expiring' : 'certificate-expiring', `${file} expires on ${day(validTo)}`, hint)]
  return []
}

const RENEWALS = {
  ca: 'look at the clock first; otad cert --new-ca makes a new one, and every device has to be flashed with it',
  leaf: 'look at the clock first; otad serve renews it when it starts, otad cert --renew at once',
  own: 'look at the clock first; put a new certificate into that file: otad takes it without a restart'
} as const

/** The hosts that devices come by, each with what a certificate has to be good for. */
function hostsOf({ projects, machine }: Facts): readonly string[] {
  const said = projects.flatMap(({ urls }) =>
    urls.flatMap(({ text, form }) => (form === 'host' ? [] : (parseFirmwareUrl(text) ?? [])))
  )
  const hosts = said.filter(({ scheme }) => scheme === 'https').map(({ host }) => host)
  return [...new Set([...hosts, machine.advertised])]
}

function checkNames(facts: Facts): readonly Found[] {
  const { certificate, port, settings } = facts
  const hosts = hostsOf(facts).filter(host => host === facts.machine.advertised || isOwnHost(host, facts))
  return hosts.flatMap(host => {
    const probe = port.probes.find(each => each.host === host && each.outcome === 'ours' && each.certificate !== null)
    const complaint = probe?.certificate?.complaint
    // What is shown counts more than what lies in a file.
    if (complaint?.includes('as an address only')) return [addressOnly(host, complaint)]
    if (complaint != null)
      return [
        serious(
          'certificate-refused',
          `a device that asks for ${host} is shown a certificate that it refuses: ${complaint}`,
          `otad cert shows what it is good for; ${nameHint(host, facts)}`
        )
      ]
    if (probe !== undefined || certificate.leaf === null) return []
    const { leaf, source } = certificate
    // Local names get a leaf of their own at the first handshake; public ones when they are listed.
    if (source === 'ca' && (isLocalName(host) || settings.names.includes(host) || settings.advertise === host))
      return []
    if (covers({ commonName: '', dnsNames: leaf.dnsNames, ipAddresses: leaf.ipAddresses }, host)) return []
    if (leaf.ipAddresses.includes(host))
      return [
        addressOnly(
          host,
          `${leaf.file} has it as an address only, which ESP-IDF before 5.0.5, 5.1.2 and 5.2 does not read`
        )
      ]
    return [
      serious(
        'certificate-lacks-name',
        `${leaf.file} is good for ${leaf.dnsNames.slice(0, 6).join(', ') || 'no name'}, and devices ask for ${host}`,
        nameHint(host, facts)
      )
    ]
  })
}

function addressOnly(host: string, complaint: string): Found {
  return warning(
    'certificate-address-only',
    `devices ask for ${host}: ${complaint}`,
    'have it made with the address as dNSName too; what otad makes has both'
  )
}

function nameHint(host: string, { certificate }: Facts): string {
  if (certificate.source === 'own') return `have your certificate made for ${host} too`
  return certificate.source === 'self-signed'
    ? `otad cert --cert-mode self-signed --names ${host} --new-ca, and flash the devices with it`
    : `otad serve --names ${host}`
}

/** The certificate that each project embeds against the one that devices have to trust. */
export function checkTrust(facts: Facts): readonly Found[] {
  return facts.projects.flatMap(project => [
    ...checkFiles(project),
    ...checkEmbedded(project, facts),
    ...checkBundle(project, facts)
  ])
}

function checkFiles(project: ProjectFacts): readonly Found[] {
  const missing = project.missingCertificates.map(file =>
    serious(
      'ca-missing',
      `${placeOf(project, file, null)} is embedded by the build, and is not there`,
      `otad cert --export ${path.posix.dirname(file)}`
    )
  )
  const keys = project.keys.map(file =>
    warning(
      'key-in-project',
      `${placeOf(project, file, null)} is a private key: it goes wherever the project goes`,
      'move it away; a device needs the certificate alone'
    )
  )
  return [...missing, ...keys]
}

function checkEmbedded(project: ProjectFacts, facts: Facts): readonly Found[] {
  const { anchor } = facts.certificate
  const taken = project.certificates.filter(({ place }) => place === 'embedded' || place === 'source')
  const counted = taken.length > 0 ? taken : project.certificates.filter(({ place }) => place === 'lying')
  const unreadable = counted.filter(({ certificate }) => certificate === null).map(each => damaged(each, project))
  const readable = counted.filter(({ certificate }) => certificate !== null)
  if (readable.length === 0) return [...unreadable, ...checkNone(project, facts, counted.length > 0)]
  if (anchor === null) return [...unreadable, ...unknownAnchor(project, facts)]
  const isOurs = ({ certificate }: EmbeddedCertificate): boolean => certificate?.fingerprint === anchor.fingerprint
  if (readable.some(isOurs)) return [...unreadable, ...checkBuilt(project, anchor)]
  return [...unreadable, ...readable.slice(0, MOST_TOLD).map(each => stale(each, project, anchor, facts))]
}

/** Certificates told of at most: bundles hold more than a hundred. */
const MOST_TOLD = 3

function damaged({ file, line }: EmbeddedCertificate, project: ProjectFacts): Found {
  return serious(
    'ca-unreadable',
    `${placeOf(project, file, line)} holds no certificate that can be read: a device stops at it (-0x2180, -0x2780)`,
    `otad cert --export ${path.posix.dirname(file)}`
  )
}

function stale(
  { file, line, certificate, place }: EmbeddedCertificate,
  project: ProjectFacts,
  anchor: CertificateFact,
  facts: Facts
): Found {
  const { leaf } = facts.certificate
  const what = placeOf(project, file, line)
  const hint =
    place === 'source'
      ? `otad snippet arduino prints the text of ${anchor.file} to paste; build and flash it once`
      : `otad cert --export ${path.posix.dirname(file)}, build and flash it once`
  if (certificate !== null && certificate.fingerprint === leaf?.fingerprint)
    return serious(
      'leaf-embedded',
      `${what} is the certificate of the server, which is made anew every year; expected its CA, ${anchor.file}`,
      hint
    )
  return serious(
    'ca-stale',
    `${what} is ${certificate?.subject} (SHA-256 ${short(certificate?.fingerprint)}), which is not the CA of otad: expected ${anchor.subject} (SHA-256 ${short(anchor.fingerprint)})`,
    hint
  )
}

const short = (fingerprint = ''): string => `${fingerprint.slice(0, 11)}…`

function checkNone(project: ProjectFacts, facts: Facts, hasFiles: boolean): readonly Found[] {
  const { marks, options, missingCertificates } = project
  const asksUs = project.urls.some(({ text, form }) => form !== 'host' && parseFirmwareUrl(text)?.scheme === 'https')
  const trustsOtherwise = marks.usesBundle !== null || marks.skipsVerification !== null || usesBundle(options.values)
  const isCode = project.system === 'esp-idf' || project.system === 'platformio' || project.system === 'arduino'
  if (hasFiles || !isCode || !asksUs || trustsOtherwise || missingCertificates.length > 0 || marks.updates === null)
    return []
  if (facts.certificate.source === 'own' && facts.certificate.anchor === null) return []
  return [
    warning(
      'no-ca',
      `${placeOf(project, 'no certificate', null)} is embedded, and devices have to trust ${facts.certificate.anchor?.file ?? 'that of otad'}`,
      project.system === 'arduino' ? 'otad snippet arduino' : 'otad cert --export server_certs, and otad snippet idf'
    )
  ]
}

function unknownAnchor(project: ProjectFacts, { certificate, settings }: Facts): readonly Found[] {
  if (certificate.problem !== null || certificate.source === 'own') return []
  return [
    warning(
      'no-ca-here',
      `${placeOf(project, 'a certificate', null)} is embedded, and the home ${settings.home} has none yet: otad would make another one`,
      'name the home that it is from with --home DIR; else otad cert makes one, and otad cert --export DIR puts it into the project'
    )
  ]
}

function checkBuilt(project: ProjectFacts, anchor: CertificateFact): readonly Found[] {
  const built = project.certificates.filter(({ place }) => place === 'image')
  const [first] = built
  if (first === undefined || built.some(({ certificate }) => certificate?.fingerprint === anchor.fingerprint)) return []
  return [
    serious(
      'ca-not-built-in',
      `${placeOf(project, first.file, null)} was built with ${first.certificate?.subject} (SHA-256 ${short(first.certificate?.fingerprint)}), the project has the right one (SHA-256 ${short(anchor.fingerprint)})`,
      'build again (idf.py fullclean build), and flash it once'
    )
  ]
}

function usesBundle(values: ProjectFacts['options']['values']): boolean {
  return Object.entries(values).some(([name, value]) => /_USE_CERT_BUNDLE$/.test(name) && value === 'y')
}

/** A bundle of public roots does not know a CA of one's own, unless it is put into it. */
function checkBundle(project: ProjectFacts, { certificate }: Facts): readonly Found[] {
  const { values } = project.options
  const isUsed = usesBundle(values) || (project.marks.usesBundle !== null && project.certificates.length === 0)
  const custom = values.CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE
  if (!isUsed || custom === 'y' || project.system !== 'esp-idf') return []
  if (certificate.source === 'own' && certificate.anchor === null) return []
  const where = Object.keys(values).find(name => name.endsWith('_USE_CERT_BUNDLE')) ?? project.marks.usesBundle
  return [
    (custom === 'n' ? serious : warning)(
      'bundle-without-ca',
      `${placeOf(project, `${where}`, null)} trusts the bundle of public roots, and the CA of otad is not in it: a device says "No matching trusted root certificate found" (-0x3000)`,
      'set CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE=y and CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE_PATH="server_certs/ca_cert.pem", or do without the bundle'
    )
  ]
}

/** A home without certificates is one that otad has never started with. */
export function checkAnchor({ certificate, settings }: Facts): readonly Found[] {
  if (certificate.anchor !== null || certificate.problem !== null) return []
  if (certificate.source === 'own')
    return [
      note(
        'anchor-unknown',
        'your certificate does not come with its root: nobody can tell whether devices trust it',
        'name the root with --ca-file'
      )
    ]
  return [
    note(
      'no-ca-yet',
      `the home ${settings.home} has no certificates yet`,
      'otad cert makes them; otad serve does when it starts'
    )
  ]
}
