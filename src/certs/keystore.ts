import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmod, mkdir, readFile, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import path from 'node:path'
import { removeUnfinished, writeFileAtomically } from '../atomic-file.js'
import { OperatorError, systemErrorCode } from '../errors.js'
import type { KeyType, Pair } from './issue.js'
import { type CertificateNames, missingNames, normalName } from './names.js'

/** The four files of `certs/`. Only the first is for others: devices embed it. */
export const CERTIFICATE_FILES = {
  caCertificate: 'ca_cert.pem',
  caKey: 'ca_key.pem',
  leafCertificate: 'server_cert.pem',
  leafKey: 'server_key.pem'
} as const

const RENEW_BEFORE_MS = 30 * 24 * 60 * 60 * 1000

/** Who the server is, ready to serve with. */
export interface Identity {
  readonly ca: Pair
  readonly leaf: Pair
  /** What had to be made for it, in words; empty when everything was there. */
  readonly made: readonly ('ca' | 'leaf')[]
  readonly leafReason: string | undefined
}

export interface KeystoreOptions {
  /** `certs/` of the home. */
  readonly folder: string
  readonly keyType: KeyType
  readonly names: CertificateNames
  readonly now: Date
  readonly tellReadableKey: (file: string, mode: string) => void
}

/**
 * The identity kept in a folder; what is missing is made. A CA is made once and never again by itself, since every device that embeds it
 * would be locked out; a leaf can be made again at any time. Each file is written whole or not at all and a key always before its
 * certificate, so that a process killed at any moment leaves no pair that does not match.
 * @throws OperatorError when the folder cannot be written, or the CA there cannot be used
 */
export async function loadIdentity(options: KeystoreOptions): Promise<Identity> {
  const { folder } = options
  await makeFolder(folder)
  const { pair: ca, isNew } = await loadCa(options)
  const { pair: leaf, reason } = await loadLeaf(options, ca)
  for (const key of [CERTIFICATE_FILES.caKey, CERTIFICATE_FILES.leafKey])
    await tellIfReadable(options, path.join(folder, key))
  return {
    ca,
    leaf,
    made: [...(isNew ? ['ca' as const] : []), ...(reason === undefined ? [] : ['leaf' as const])],
    leafReason: reason
  }
}

/** SHA-256 of a certificate, as colon-separated hexadecimal: what `openssl x509 -fingerprint -sha256` prints. */
export function fingerprintOf(certificate: string): string {
  return new X509Certificate(certificate).fingerprint256
}

/** The names in a certificate's SAN, as the clients read them. */
export function namesIn(certificate: string): CertificateNames {
  const parsed = new X509Certificate(certificate)
  const entries = (parsed.subjectAltName ?? '').split(', ')
  const valuesOf = (prefix: string): string[] =>
    entries.filter(entry => entry.startsWith(prefix)).map(entry => normalName(entry.slice(prefix.length)))
  return {
    commonName: /^CN=(.*)$/m.exec(parsed.subject)?.[1] ?? '',
    dnsNames: valuesOf('DNS:'),
    ipAddresses: valuesOf('IP Address:').filter(address => isIP(address) !== 0)
  }
}

async function loadCa({ folder, keyType, now }: KeystoreOptions): Promise<{ pair: Pair; isNew: boolean }> {
  const certificateFile = path.join(folder, CERTIFICATE_FILES.caCertificate)
  const keyFile = path.join(folder, CERTIFICATE_FILES.caKey)
  const certificate = await readPem(certificateFile)
  const key = await readPem(keyFile)
  if (certificate !== undefined && key === undefined)
    throw new OperatorError(
      'OTAD_ERR_KEY_MISSING',
      `${keyFile} is missing, but devices may already trust ${certificateFile}`,
      `put the key back; or move ${CERTIFICATE_FILES.caCertificate} away too: then a new CA is made, and every device has to be flashed with it`
    )
  if (certificate !== undefined && key !== undefined) {
    checkPair({ certificate, key }, certificateFile, keyFile)
    return { pair: { certificate, key }, isNew: false }
  }
  const { makeKey, issueCa } = await import('./issue.js')
  if (key !== undefined) readKey(key, keyFile)
  const newKey = key ?? (await makeKey(keyType))
  const pair = { key: newKey, certificate: await issueCa(newKey, now) }
  if (key === undefined) await write(keyFile, pair.key, 0o600)
  await write(certificateFile, pair.certificate, 0o644)
  return { pair, isNew: true }
}

async function loadLeaf(options: KeystoreOptions, ca: Pair): Promise<{ pair: Pair; reason: string | undefined }> {
  const certificateFile = path.join(options.folder, CERTIFICATE_FILES.leafCertificate)
  const keyFile = path.join(options.folder, CERTIFICATE_FILES.leafKey)
  const certificate = await readPem(certificateFile)
  const key = await readPem(keyFile)
  const reason = whyNewLeaf(certificate, key, ca, options)
  if (reason === undefined && certificate !== undefined && key !== undefined)
    return { pair: { certificate, key }, reason }
  const { makeKey, issueLeaf } = await import('./issue.js')
  const usableKey = key !== undefined && isUsableKey(key) ? key : undefined
  const leafKey = usableKey ?? (await makeKey(options.keyType))
  const pair = { key: leafKey, certificate: await issueLeaf(ca, leafKey, options.names, options.now) }
  if (usableKey === undefined) await write(keyFile, pair.key, 0o600)
  await write(certificateFile, pair.certificate, 0o644)
  return { pair, reason: reason ?? 'made' }
}

/** Why the leaf on disk will not do, or undefined when it will. */
function whyNewLeaf(
  certificate: string | undefined,
  key: string | undefined,
  ca: Pair,
  { names, now }: KeystoreOptions
): string | undefined {
  if (certificate === undefined || key === undefined) return 'there was none'
  try {
    const leaf = new X509Certificate(certificate)
    const root = new X509Certificate(ca.certificate)
    if (!leaf.checkPrivateKey(createPrivateKey(key))) return 'its key did not match'
    if (!leaf.checkIssued(root) || !leaf.verify(root.publicKey)) return 'it was of another CA'
    if (Date.parse(leaf.validTo) - now.getTime() < RENEW_BEFORE_MS) return 'it was about to end'
    if (Date.parse(leaf.validFrom) > now.getTime()) return 'it was not valid yet'
  } catch {
    return 'it could not be read'
  }
  const has = namesIn(certificate)
  const missing = missingNames(names, has)
  if (missing.length > 0) return `it lacked ${missing.join(', ')}`
  return has.commonName === names.commonName.slice(0, 64) ? undefined : `it was for ${has.commonName}`
}

function checkPair({ certificate, key }: Pair, certificateFile: string, keyFile: string): void {
  let parsed: X509Certificate
  try {
    parsed = new X509Certificate(certificate)
  } catch (error) {
    throw new OperatorError(
      'OTAD_ERR_BAD_CERTIFICATE',
      `${certificateFile} is not a certificate in PEM form`,
      `put the right file back, or move ${path.basename(certificateFile)} and ${path.basename(keyFile)} away to have a new CA made`,
      { cause: error }
    )
  }
  if (!parsed.checkPrivateKey(readKey(key, keyFile)))
    throw new OperatorError(
      'OTAD_ERR_KEY_MISMATCH',
      `${keyFile} is not the key of ${certificateFile}`,
      'put back the file that belongs there: devices trust the certificate'
    )
}

function readKey(key: string, keyFile: string): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey(key)
  } catch (error) {
    throw new OperatorError(
      'OTAD_ERR_KEY_UNREADABLE',
      `${keyFile} is not a private key in PEM form`,
      'put the right file back; otad keeps its key without a passphrase, readable by you alone',
      { cause: error }
    )
  }
}

function isUsableKey(key: string): boolean {
  try {
    createPrivateKey(key)
    return true
  } catch {
    return false
  }
}

async function readPem(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT') return undefined
    throw new OperatorError(
      'OTAD_ERR_KEY_UNREADABLE',
      `${file} cannot be read (${code ?? String(error)})`,
      'make it a file that the user otad runs as can read',
      { cause: error }
    )
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    // Closed to others from the beginning; write() closes one that was there before.
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await removeUnfinished(folder)
  } catch (error) {
    throw notWritable(folder, error)
  }
}

async function write(file: string, text: string, mode: number): Promise<void> {
  try {
    await writeFileAtomically(file, text, mode)
    if (mode === 0o600) await chmod(path.dirname(file), 0o700).catch(() => {})
  } catch (error) {
    throw notWritable(file, error)
  }
}

function notWritable(file: string, error: unknown): OperatorError {
  return new OperatorError(
    'OTAD_ERR_CERTS_NOT_WRITABLE',
    `${file} cannot be written (${systemErrorCode(error) ?? String(error)})`,
    'otad keeps its certificates there: make the folder writable, or give another one with --home DIR',
    { cause: error }
  )
}

async function tellIfReadable({ tellReadableKey }: KeystoreOptions, file: string): Promise<void> {
  if (process.platform === 'win32') return
  const { mode } = await stat(file)
  if ((mode & 0o077) !== 0) tellReadableKey(file, (mode & 0o777).toString(8))
}
