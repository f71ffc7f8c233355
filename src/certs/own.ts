import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { OperatorError } from '../errors.js'
import type { Pair } from './issue.js'
import { readPem } from './keystore.js'

/** The operator's own files; paths, empty where not given. */
export interface OwnFiles {
  readonly certFile: string
  readonly keyFile: string
  readonly keyPassphraseFile: string
  readonly caFile: string
}

/** The operator's own certificate, checked. */
export interface OwnIdentity {
  /** Leaf first, then what links it to its root; the root itself is left out: devices have it. */
  readonly shown: Pair
  /** The certificate to embed, PEM; undefined when nobody said and the chain does not hold it. */
  readonly anchor: string | undefined
}

const PEM_CERTIFICATE =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]+-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g

/**
 * Reads the operator's own certificate chain and key, and finds out whether devices could work with them.
 * Dates and names are not judged here: an expired certificate is better than none at all where devices have no clock.
 * @throws OperatorError for what cannot be read, is no certificate or key, does not belong together, or is of no use to a device
 */
export async function loadOwnIdentity(files: OwnFiles): Promise<OwnIdentity> {
  const { certFile, keyFile, caFile } = files
  const chain = await readChain(certFile)
  const [leaf] = chain
  const key = await readKey(files)
  if (leaf === undefined || !leaf.checkPrivateKey(key))
    throw new OperatorError(
      'OTAD_ERR_KEY_MISMATCH',
      `${keyFile || certFile} is not the key of ${certFile}`,
      "give the key that the certificate was made for; the server's certificate comes first in its file"
    )
  const links = chain.slice(1).filter(certificate => !isSelfIssued(certificate))
  checkOrder([leaf, ...links], certFile)
  await checkForDevices(leaf, links, certFile)
  const last = links.at(-1) ?? leaf
  const root = isSelfIssued(leaf) ? leaf : chain.find(found => isSelfIssued(found) && isIssuedBy(last, found))
  return {
    shown: {
      certificate: [leaf, ...links].map(String).join(''),
      key: key.export({ type: 'pkcs8', format: 'pem' }).toString()
    },
    anchor: caFile === '' ? root?.toString() : await readAnchor(caFile, [leaf, ...links])
  }
}

/** @throws OperatorError for the first that a device would refuse, whatever it trusts */
async function checkForDevices(leaf: X509Certificate, links: readonly X509Certificate[], file: string): Promise<void> {
  const { deviceComplaint } = await import('./device-certificate.js')
  const refuse = (certificate: X509Certificate, complaint: string | undefined): void => {
    if (complaint === undefined) return
    throw new OperatorError(
      'OTAD_ERR_BAD_CERTIFICATE',
      `${file}: ${nameOf(certificate)} ${complaint}`,
      'have one made that devices take, or leave --cert-file away: otad makes one'
    )
  }
  refuse(leaf, deviceComplaint(leaf, 'server'))
  for (const link of links) refuse(link, deviceComplaint(link, 'issuer'))
}

/**
 * The certificates whose clients are let in.
 * @throws OperatorError when the file cannot be read or holds none
 */
export async function readClientCa(file: string): Promise<string> {
  return (await readChain(file)).map(String).join('')
}

async function readChain(file: string): Promise<readonly X509Certificate[]> {
  const text = await readExisting(file)
  try {
    const found = (text.match(PEM_CERTIFICATE) ?? []).map(pem => new X509Certificate(pem))
    if (found.length > 0) return found
  } catch (error) {
    throw badCertificate(file, 'holds a certificate that cannot be read', error)
  }
  throw badCertificate(file, 'holds no certificate in PEM form')
}

function badCertificate(file: string, complaint: string, cause?: unknown): OperatorError {
  return new OperatorError(
    'OTAD_ERR_BAD_CERTIFICATE',
    `${file} ${complaint}`,
    'PEM begins with -----BEGIN CERTIFICATE-----; openssl x509 -inform der -in FILE makes it from DER',
    { cause }
  )
}

async function readExisting(file: string): Promise<string> {
  const text = await readPem(file)
  if (text !== undefined) return text
  throw new OperatorError('OTAD_ERR_NO_SUCH_FILE', `${file} is not there`, 'check the path in the settings')
}

async function readKey({ certFile, keyFile, keyPassphraseFile }: OwnFiles): Promise<KeyObject> {
  const file = keyFile === '' ? certFile : keyFile
  const key = await readExisting(file)
  const passphrase =
    keyPassphraseFile === '' ? undefined : (await readExisting(keyPassphraseFile)).replace(/\r?\n$/, '')
  try {
    return createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase }) })
  } catch (error) {
    throw unreadableKey(file, key, passphrase !== undefined, keyPassphraseFile, error)
  }
}

function unreadableKey(
  file: string,
  key: string,
  hasPassphrase: boolean,
  passphraseFile: string,
  cause: unknown
): OperatorError {
  const isEncrypted = /ENCRYPTED/.test(key)
  if (isEncrypted && hasPassphrase)
    return new OperatorError(
      'OTAD_ERR_KEY_UNREADABLE',
      `the passphrase in ${passphraseFile} does not open ${file}`,
      'the file holds the passphrase alone, on its first line',
      { cause }
    )
  if (isEncrypted)
    return new OperatorError(
      'OTAD_ERR_KEY_UNREADABLE',
      `${file} is encrypted`,
      'put its passphrase into a file that only you can read: --key-passphrase-file FILE',
      { cause }
    )
  return new OperatorError(
    'OTAD_ERR_KEY_UNREADABLE',
    `${file} holds no private key in PEM form`,
    'give the key with --key-file, or have it in one file with the certificate',
    { cause }
  )
}

/** Each certificate has to be issued by the one behind it: devices do not sort them (RFC 5246, 7.4.2). */
function checkOrder(chain: readonly X509Certificate[], file: string): void {
  chain.forEach((certificate, index) => {
    const issuer = chain[index + 1]
    if (issuer === undefined || isIssuedBy(certificate, issuer)) return
    throw new OperatorError(
      'OTAD_ERR_BAD_CERTIFICATE',
      `${file}: ${nameOf(certificate)} is not issued by ${nameOf(issuer)}, which follows it`,
      "the server's certificate comes first, then the one that issued it, and so on; the root is not needed"
    )
  })
}

async function readAnchor(file: string, chain: readonly X509Certificate[]): Promise<string> {
  const anchors = await readChain(file)
  const { deviceComplaint } = await import('./device-certificate.js')
  const last = chain.at(-1)
  // A leaf that is its own anchor has to be self-issued: a leaf of a CA that is pinned is refused (clients.md 15.4).
  const fits = (anchor: X509Certificate): boolean => {
    if (last === undefined) return false
    if (anchor.fingerprint256 === last.fingerprint256) return isSelfIssued(anchor) || chain.length > 1
    return isIssuedBy(last, anchor) && deviceComplaint(anchor, 'issuer') === undefined
  }
  const anchor = anchors.find(fits)
  if (anchor !== undefined) return anchor.toString()
  throw new OperatorError(
    'OTAD_ERR_BAD_CERTIFICATE',
    `${file} did not issue ${last === undefined ? 'the certificate' : nameOf(last)}, or is no CA: a device that embeds it would refuse this server`,
    'give the root of the chain in --cert-file, or add the certificates in between to --cert-file'
  )
}

/** By name and signature: OpenSSL's own check wants the right to issue, which a server's self-signed certificate need not have. */
const isSelfIssued = (certificate: X509Certificate): boolean =>
  certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey)

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

const nameOf = ({ subject }: X509Certificate): string =>
  subject.replaceAll('\n', ', ') || 'a certificate without a name'
