import { covers, isLocalName } from '../../certs/names.js'
import { isOwnHost } from '../expected.js'
import type { CertificateFact, Facts } from '../facts.js'
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
  if (anchor !== null) found.push(...checkDates(anchor, source === 'own' ? (isOther ? 'root' : 'own') : 'ca', facts))
  if (leaf !== null && isOther) found.push(...checkDates(leaf, source === 'own' ? 'own' : 'leaf', facts))
  found.push(...checkNames(facts))
  for (const { file, mode } of readableKeys)
    found.push(warning('key-readable', `others can read ${file} (mode ${mode} instead of 600)`, `chmod 600 ${file}`))
  return found
}

function checkDates(
  { file, validFrom, validTo }: CertificateFact,
  role: keyof typeof RENEWALS,
  { at, daemon, certificate }: Facts
): readonly Found[] {
  const left = Date.parse(validTo) - Date.parse(at)
  const isAnchor = role === 'ca' || role === 'root'
  const hint = RENEWALS[role]
  if (left < 0) {
    const code = isAnchor ? 'ca-expired' : 'certificate-expired'
    const isRenewed = role === 'leaf' && daemon === null && certificate.problem === null
    return [(isRenewed ? note : serious)(code, `${file} expired on ${day(validTo)}, and today is ${day(at)}`, hint)]
  }
  // What otad has made itself and is not valid yet speaks against the clock, and is told there.
  if (Date.parse(validFrom) > Date.parse(at) && role === 'own')
    return [serious('certificate-not-yet-valid', `${file} is valid from ${validFrom}, and it is ${at}`, hint)]
  if (left < SOON_MS && role !== 'leaf')
    return [warning(isAnchor ? 'ca-expiring' : 'certificate-expiring', `${file} expires on ${day(validTo)}`, hint)]
  return []
}

const RENEWALS = {
  ca: 'look at the clock first; otad cert --new-ca makes a new one, and every device has to be flashed with it',
  leaf: 'look at the clock first; otad serve renews it when it starts, otad cert --renew at once',
  root: 'look at the clock first; have a new root made and your certificate under it, and flash every device with it',
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
