import path from 'node:path'
import { placeOf } from '../expected.js'
import type { CertificateFact, EmbeddedCertificate, Facts, ProjectFacts } from '../facts.js'
import { type Found, serious, warning } from '../finding.js'
import { parseFirmwareUrl } from '../firmware-url.js'

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

const usesBundle = (values: ProjectFacts['options']['values']): boolean => bundleSetting(values) !== undefined

function bundleSetting(values: ProjectFacts['options']['values']): string | undefined {
  return Object.keys(values).find(name => /_USE_CERT_BUNDLE$/.test(name) && values[name] === 'y')
}

/** A bundle of public roots does not know a CA of one's own, unless it is put into it. */
function checkBundle(project: ProjectFacts, { certificate }: Facts): readonly Found[] {
  const { options, marks, certificates, system, urls } = project
  const { values } = options
  const hasOther = certificates.some(({ place }) => place === 'embedded' || place === 'source')
  const isUsed = usesBundle(values) || (marks.usesBundle !== null && !hasOther)
  // Under PlatformIO it is the configuration of ESP-IDF that tells its framework from that of Arduino.
  const isEspIdf = system === 'esp-idf' || (system === 'platformio' && options.file !== null)
  if (!isUsed || values.CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE === 'y' || !isEspIdf) return []
  if (certificate.source === 'own' && certificate.anchor === null) return []
  const where = usesBundle(values) ? bundleSetting(values) : marks.usesBundle
  const asksUs = urls.some(({ text, form }) => form !== 'host' && parseFirmwareUrl(text)?.scheme === 'https')
  // A certificate of the operator's own may come from a root that the bundle has.
  const isSure = certificate.source !== 'own' && (asksUs || marks.updates !== null)
  return [
    (isSure ? serious : warning)(
      'bundle-without-ca',
      `${placeOf(project, `${where}`, null)} trusts the bundle of public roots, and the CA of otad is not in it: a device says "No matching trusted root certificate found" (-0x3000)`,
      'set CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE=y and CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE_PATH="server_certs/ca_cert.pem", or do without the bundle'
    )
  ]
}
