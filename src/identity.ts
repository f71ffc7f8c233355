import { X509Certificate } from 'node:crypto'
import path from 'node:path'
import { CERTIFICATE_FILES, fingerprintOf, type Identity, loadIdentity, namesIn } from './certs/keystore.js'
import { certificateNames, isCertifiable, namesOfHost, normalName } from './certs/names.js'
import type { Settings } from './config/options.js'
import { OperatorError } from './errors.js'
import { chooseAdvertisedAddress, readAddresses, readHostName } from './host.js'
import type { Report } from './log.js'

/** The host that devices are told: the one asked for, else the one listened on, else this machine's on the LAN. */
export function advertisedHost({ advertise, host }: Settings): string {
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
 * The identity in `certs/` of the home, good for every name and address of this machine and those that were asked for.
 * What is missing is made, and told.
 * @throws OperatorError for a name that is none, and for everything that keeps `certs/` from being used
 */
export async function loadCertificates(settings: Settings, report: Report): Promise<Identity> {
  const own = namesOfHost(
    readHostName(),
    readAddresses().map(({ address }) => address)
  )
  const asked = settings.names.map(name => certifiable(name, '--names'))
  const folder = path.join(settings.home, 'certs')
  const identity = await loadIdentity({
    folder,
    keyType: settings.keyType,
    names: certificateNames(advertisedHost(settings), [...asked, ...own.filter(isCertifiable)]),
    now: new Date(),
    tellReadableKey: (file, mode) => report('key.readable', { file, mode })
  })
  if (identity.made.includes('ca'))
    report('certificate.created', {
      file: path.join(folder, CERTIFICATE_FILES.caCertificate),
      fingerprint: fingerprintOf(identity.ca.certificate),
      validUntil: endOf(identity.ca.certificate)
    })
  if (identity.leafReason !== undefined)
    report('certificate.issued', {
      names: namesIn(identity.leaf.certificate).dnsNames,
      validUntil: endOf(identity.leaf.certificate),
      reason: identity.leafReason
    })
  return identity
}

/** When a certificate ends, in ISO 8601. */
function endOf(certificate: string): string {
  return new Date(new X509Certificate(certificate).validTo).toISOString()
}
