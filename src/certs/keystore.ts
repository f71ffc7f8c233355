import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmod, mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import path from 'node:path'
import { createFileAtomically, removeUnfinished, writeFileAtomically } from '../atomic-file.js'
import { OperatorError, systemErrorCode } from '../errors.js'
import { isDeviceKey } from './device-key.js'
import type { KeyType, Pair } from './issue.js'
import { type CertificateNames, missingNames, normalName } from './names.js'

/** The four files of `certs/`. Only the first is for others: devices embed it. */
export const CERTIFICATE_FILES = {
  caCertificate: 'ca_cert.pem',
  caKey: 'ca_key.pem',
  leafCertificate: 'server_cert.pem',
  leafKey: 'server_key.pem'
} as const

/** Leaves are made anew, and ends are warned of, this long before (product.md 6). */
export const RENEW_BEFORE_MS = 30 * 24 * 60 * 60 * 1000

/** Another process may be writing its first certificates at this moment; nothing takes this long. */
const MINUTE_MS = 60_000

/** The CA of a folder and the server's leaf under it. */
export interface KeptIdentity {
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
export async function loadIdentity(options: KeystoreOptions): Promise<KeptIdentity> {
  const { folder } = options
  await makeFolder(folder)
  const { pair: ca, isNew } = await loadCa(options)
  const { pair: leaf, reason } = await loadLeaf(options, ca)
  await tellReadableKeys(options)
  return {
    ca,
    leaf,
    made: [...(isNew ? ['ca' as const] : []), ...(reason === undefined ? [] : ['leaf' as const])],
    leafReason: reason
  }
}

/**
 * Makes the leaf anew though the old one would do. Its key stays, so that key and certificate match at every moment.
 * @throws OperatorError as `loadIdentity` does
 */
export async function renewLeaf(options: KeystoreOptions): Promise<KeptIdentity> {
  const kept = await loadIdentity(options)
  if (kept.made.includes('leaf')) return kept
  const { createIssuer } = await import('./issue.js')
  const certificate = await (await createIssuer(kept.ca)).issueLeaf(kept.leaf.key, options.names, options.now)
  await writePem(path.join(options.folder, CERTIFICATE_FILES.leafCertificate), certificate, 0o644)
  return { ...kept, leaf: { ...kept.leaf, certificate }, made: ['leaf'], leafReason: 'it was asked for' }
}

/**
 * Moves all certificates and keys of the folder aside, under names with the fingerprint of the CA in them, and makes new ones:
 * every device that embeds the old CA is locked out. Returns the files that were moved.
 * @param load what makes the new ones
 * @throws OperatorError as `load` does
 */
export async function replaceCa(
  options: KeystoreOptions,
  load: (options: KeystoreOptions) => Promise<unknown> = loadIdentity
): Promise<readonly string[]> {
  const { folder } = options
  await makeFolder(folder)
  const ca = await readPem(path.join(folder, CERTIFICATE_FILES.caCertificate))
  const mark = ca === undefined ? 'none' : markOf(ca)
  const moved: string[] = []
  // Certificates first: a key without its certificate matches nothing wrongly when this is interrupted.
  const { caCertificate, caKey, leafCertificate, leafKey } = CERTIFICATE_FILES
  for (const file of [leafCertificate, caCertificate, caKey, leafKey]) {
    const aside = await freeName(path.join(folder, `${path.basename(file, '.pem')}-${mark}`))
    if (await moveAside(path.join(folder, file), aside)) moved.push(aside)
  }
  await load(options)
  return moved
}

function markOf(certificate: string): string {
  try {
    return fingerprintOf(certificate).replaceAll(':', '').slice(0, 8).toLowerCase()
  } catch {
    return 'unreadable'
  }
}

/** A name that nothing has yet: what was moved away before is never written over. */
async function freeName(start: string): Promise<string> {
  for (let number = 1; ; number++) {
    const file = number === 1 ? `${start}.pem` : `${start}-${number}.pem`
    if ((await stat(file).catch(() => undefined)) === undefined) return file
  }
}

async function moveAside(file: string, aside: string): Promise<boolean> {
  try {
    await rename(file, aside)
    return true
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false
    throw notWritable(file, error)
  }
}

async function tellReadableKeys({ folder, tellReadableKey }: KeystoreOptions): Promise<void> {
  for (const key of [CERTIFICATE_FILES.caKey, CERTIFICATE_FILES.leafKey])
    await tellIfReadable(path.join(folder, key), tellReadableKey)
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
  const ownKey = key ?? (await createPem(keyFile, await makeKey(keyType), 0o600))
  checkDeviceKey(readKey(ownKey, keyFile), keyFile)
  const made = await issueCa(ownKey, now)
  const kept = await createPem(certificateFile, made, 0o644)
  return { pair: { key: ownKey, certificate: kept }, isNew: kept === made }
}

/** Writes a file that is not there yet, and gives what is in it: another process may have been quicker, and then its file counts. */
async function createPem(file: string, text: string, mode: number): Promise<string> {
  try {
    const isOurs = await createFileAtomically(file, text, mode)
    if (mode === 0o600) await chmod(path.dirname(file), 0o700).catch(() => {})
    if (isOurs) return text
  } catch (error) {
    throw notWritable(file, error)
  }
  return (await readPem(file)) ?? text
}

function checkDeviceKey(key: ReturnType<typeof createPrivateKey>, keyFile: string): void {
  if (isDeviceKey(key)) return
  throw new OperatorError(
    'OTAD_ERR_BAD_CERTIFICATE',
    `${keyFile} is a key that devices cannot verify signatures of`,
    'use RSA with 2048 bits or more, or P-256 (also P-384, P-521)'
  )
}

async function loadLeaf(options: KeystoreOptions, ca: Pair): Promise<{ pair: Pair; reason: string | undefined }> {
  const certificateFile = path.join(options.folder, CERTIFICATE_FILES.leafCertificate)
  const keyFile = path.join(options.folder, CERTIFICATE_FILES.leafKey)
  const certificate = await readPem(certificateFile)
  const key = await readPem(keyFile)
  const reason = whyNewLeaf(certificate, key, ca, options)
  if (reason === undefined && certificate !== undefined && key !== undefined)
    return { pair: { certificate, key }, reason }
  const { makeKey, createIssuer } = await import('./issue.js')
  const usableKey = key !== undefined && isUsableKey(key) ? key : undefined
  const leafKey = usableKey ?? (await makeKey(options.keyType))
  const certificateOfKey = await (await createIssuer(ca)).issueLeaf(leafKey, options.names, options.now)
  const pair = { key: leafKey, certificate: certificateOfKey }
  if (usableKey === undefined) {
    // A certificate beside a key that is not its own is what no moment may show.
    await rm(certificateFile, { force: true })
    await writePem(keyFile, pair.key, 0o600)
  }
  await writePem(certificateFile, pair.certificate, 0o644)
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
    // A leaf cannot outlive its CA: one that ends with it would be no better when made anew.
    const isLast = Date.parse(leaf.validTo) >= Date.parse(root.validTo)
    if (Date.parse(leaf.validTo) - now.getTime() < RENEW_BEFORE_MS && !isLast) return 'it was about to end'
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
  const privateKey = readKey(key, keyFile)
  if (!parsed.checkPrivateKey(privateKey))
    throw new OperatorError(
      'OTAD_ERR_KEY_MISMATCH',
      `${keyFile} is not the key of ${certificateFile}`,
      'put back the file that belongs there: devices trust the certificate'
    )
  if (!parsed.ca)
    throw new OperatorError(
      'OTAD_ERR_BAD_CERTIFICATE',
      `${certificateFile} is not the certificate of a CA (CA:TRUE): devices would trust nothing under it`,
      '--cert-mode self-signed serves a certificate that is its own anchor; or move both files away to have a CA made'
    )
  checkDeviceKey(privateKey, keyFile)
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
    return isDeviceKey(createPrivateKey(key))
  } catch {
    return false
  }
}

/**
 * Text of a PEM file; undefined when there is none.
 * @throws OperatorError when it cannot be read
 */
export async function readPem(file: string): Promise<string | undefined> {
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

/** Makes the folder of certificates, closed to others, and clears what a killed process left half written there. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    // Closed to others from the beginning; writePem() closes one that was there before.
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await removeUnfinished(folder, MINUTE_MS)
  } catch (error) {
    throw notWritable(folder, error)
  }
}

/** Writes a PEM file whole or not at all; beside a private key the folder is closed to others. @throws OperatorError when it cannot be written */
export async function writePem(file: string, text: string, mode: number): Promise<void> {
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

/** Tells of a key file that others than its owner may read. */
export async function tellIfReadable(file: string, tell: KeystoreOptions['tellReadableKey']): Promise<void> {
  if (process.platform === 'win32') return
  const { mode } = await stat(file)
  if ((mode & 0o077) !== 0) tell(file, (mode & 0o777).toString(8))
}
