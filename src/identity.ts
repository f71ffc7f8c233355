import { X509Certificate } from 'node:crypto'
import path from 'node:path'
import type { Pair } from './certs/issue.js'
import { CERTIFICATE_FILES, fingerprintOf, loadIdentity, namesIn, readPem } from './certs/keystore.js'
import { type CertificateNames, certificateNames, isCertifiable, namesOfHost, normalName } from './certs/names.js'
import type { Settings } from './config/options.js'
import { OperatorError } from './errors.js'
import type { Report } from './events.js'
import { byLikelihood, chooseAdvertisedAddress, readAddresses, readHostName } from './host.js'

/** Who the server is to those who connect. */
export interface Identity {
  /** A leaf under otad's own CA, one certificate that is its own anchor, or the operator's. */
  readonly source: 'ca' | 'self-signed' | 'own'
  /** What the server shows: the leaf, and what links it to a root that others keep. */
  readonly shown: Pair
  /** What devices embed; unknown where the operator's chain ends in a root that nobody gave. */
  readonly anchor: Anchor | undefined
  /** The CA that further leaves can be made under. */
  readonly ca: Pair | undefined
  /** Whose clients are let in to firmware, PEM; everybody's when undefined. */
  readonly clientCa: string | undefined
}

/** A certificate to embed in a device. */
export interface Anchor {
  readonly certificate: string
  readonly file: string
}

/** What an identity is made from; paths are absolute. */
export type IdentitySettings = Pick<
  Settings,
  | 'home'
  | 'host'
  | 'names'
  | 'advertise'
  | 'certMode'
  | 'keyType'
  | 'certFile'
  | 'keyFile'
  | 'keyPassphraseFile'
  | 'caFile'
  | 'clientCaFile'
>

/** The host that devices are told: the one asked for, else the one listened on, else this machine's on the LAN. */
export function advertisedHost({ advertise, host }: Pick<Settings, 'advertise' | 'host'>): string {
  if (advertise !== '') return certifiable(advertise, '--advertise')
  const isEverywhere = host === '::' || host === '0.0.0.0'
  return isEverywhere ? normalName(chooseAdvertisedAddress(readAddresses())) : normalName(host)
}

function certifiable(name: string, setting: string): string {
  if (isCertifiable(name)) return normalName(name)
  throw new OperatorError(
    'OTAD_ERR_BAD_SETTING',
    `${setting}: "${name}" is neither a host name nor an address`,
    'give the host alone, such as 192.168.1.8 or bench.local: no https://, no port'
  )
}

/**
 * Every name that the certificate has to be good for now: the advertised one, those asked for, and this machine's own, with addresses
 * that somebody has come by (a loopback address is on no interface).
 * @throws OperatorError for a name that is none
 */
export function wantedNames(settings: IdentitySettings, reached: readonly string[] = []): CertificateNames {
  const asked = settings.names.map(name => certifiable(name, '--names'))
  const addresses = byLikelihood(readAddresses()).map(({ address }) => address)
  const own = namesOfHost(readHostName(), [...reached, ...addresses])
  return certificateNames(advertisedHost(settings), [...asked, ...own.filter(isCertifiable)])
}

/**
 * As `wantedNames`, under the common name that the leaf has: a command beside a running daemon does not know which host that one was given,
 * and is not to have the leaf made anew for it.
 * @throws OperatorError as `wantedNames` does, and when the leaf cannot be read
 */
export async function keptNames(settings: IdentitySettings): Promise<CertificateNames> {
  const wanted = wantedNames(settings)
  const leaf = await readPem(path.join(settings.home, 'certs', CERTIFICATE_FILES.leafCertificate))
  if (leaf === undefined || settings.advertise !== '') return wanted
  try {
    const { commonName } = namesIn(leaf)
    return wanted.dnsNames.includes(commonName) ? { ...wanted, commonName } : wanted
  } catch {
    // Not a certificate: it is going to be made anew.
    return wanted
  }
}

/**
 * The certificate to embed alone: nothing is made anew beside a running daemon, only what is not there at all.
 * @throws OperatorError as `resolveIdentity` does
 */
export async function resolveAnchor(settings: IdentitySettings, report: Report): Promise<Anchor | undefined> {
  if (settings.certFile !== '') return (await ownIdentity(settings)).anchor
  const file = path.join(settings.home, 'certs', CERTIFICATE_FILES.caCertificate)
  const certificate = await readPem(file)
  if (certificate !== undefined) return { certificate, file }
  return (await keptIdentity(settings, wantedNames(settings), report)).anchor
}

/** Relative paths of the settings as the person at `cwd` meant them. */
export function resolveIdentitySettings(settings: Settings, cwd: string): IdentitySettings {
  const resolve = (file: string): string => (file === '' ? '' : path.resolve(cwd, file))
  const { certFile, keyFile, keyPassphraseFile, caFile, clientCaFile } = settings
  if (certFile === '' && (keyFile !== '' || caFile !== '' || keyPassphraseFile !== ''))
    throw new OperatorError(
      'OTAD_ERR_BAD_SETTING',
      `${keyFile !== '' ? '--key-file' : caFile !== '' ? '--ca-file' : '--key-passphrase-file'} is given without --cert-file`,
      'give your own certificate with --cert-file, or leave all of them away to have one made'
    )
  return {
    ...settings,
    certFile: resolve(certFile),
    keyFile: resolve(keyFile),
    keyPassphraseFile: resolve(keyPassphraseFile),
    caFile: resolve(caFile),
    clientCaFile: resolve(clientCaFile)
  }
}

/** The files that an identity is made from: when one of them is replaced, it is time to load it again. */
export function identityFiles(settings: IdentitySettings): readonly string[] {
  const { home, certFile, keyFile, keyPassphraseFile, caFile, clientCaFile } = settings
  const own = [certFile, keyFile, keyPassphraseFile, caFile]
  const kept = Object.values(CERTIFICATE_FILES).map(file => path.join(home, 'certs', file))
  return [...(certFile === '' ? kept : own), clientCaFile].filter(file => file !== '')
}

/**
 * The identity that the settings ask for, good for these names. What is missing in `certs/` of the home is made, and told.
 * @throws OperatorError for everything that keeps it from being used
 */
export async function resolveIdentity(
  settings: IdentitySettings,
  names: CertificateNames,
  report: Report
): Promise<Identity> {
  const clientCa = settings.clientCaFile === '' ? undefined : await readClients(settings.clientCaFile)
  if (settings.certFile !== '') return { ...(await ownIdentity(settings)), clientCa }
  return { ...(await keptIdentity(settings, names, report)), clientCa }
}

type Made = Omit<Identity, 'clientCa'>

/** What only some starts need is loaded by those. */
async function readClients(file: string): Promise<string> {
  const { readClientCa } = await import('./certs/own.js')
  return readClientCa(file)
}

async function ownIdentity(settings: IdentitySettings): Promise<Made> {
  const { loadOwnIdentity } = await import('./certs/own.js')
  const { shown, anchor } = await loadOwnIdentity(settings)
  const file = settings.caFile || settings.certFile
  return {
    source: 'own',
    shown,
    anchor: anchor === undefined ? undefined : { certificate: anchor, file },
    ca: undefined
  }
}

async function keptIdentity(settings: IdentitySettings, names: CertificateNames, report: Report): Promise<Made> {
  const folder = path.join(settings.home, 'certs')
  const file = path.join(folder, CERTIFICATE_FILES.caCertificate)
  const options = keystoreOptions(settings, names, report)
  if (settings.certMode === 'self-signed') {
    const { loadSelfSigned } = await import('./certs/self-signed.js')
    const { pair, isNew } = await loadSelfSigned(options)
    if (isNew) reportCreated(file, pair.certificate, report)
    return { source: 'self-signed', shown: pair, anchor: { certificate: pair.certificate, file }, ca: undefined }
  }
  const kept = await loadIdentity(options)
  if (kept.made.includes('ca')) reportCreated(file, kept.ca.certificate, report)
  if (kept.leafReason !== undefined) reportIssued(kept.leaf.certificate, kept.leafReason, report)
  return { source: 'ca', shown: kept.leaf, anchor: { certificate: kept.ca.certificate, file }, ca: kept.ca }
}

/** What the keystore of a home is opened with. */
export function keystoreOptions(
  { home, keyType }: Pick<Settings, 'home' | 'keyType'>,
  names: CertificateNames,
  report: Report
): Parameters<typeof loadIdentity>[0] {
  return {
    folder: path.join(home, 'certs'),
    keyType,
    names,
    now: new Date(),
    tellReadableKey: (file, mode) => report('key.readable', { file, mode })
  }
}

function reportCreated(file: string, certificate: string, report: Report): void {
  report('certificate.created', { file, fingerprint: fingerprintOf(certificate), validUntil: endOf(certificate) })
}

function reportIssued(certificate: string, reason: string, report: Report): void {
  report('certificate.issued', { names: namesIn(certificate).dnsNames, validUntil: endOf(certificate), reason })
}

/** When a certificate ends, in ISO 8601. */
function endOf(certificate: string): string {
  return new Date(new X509Certificate(certificate).validTo).toISOString()
}
