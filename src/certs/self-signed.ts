import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import path from 'node:path'
import { OperatorError } from '../errors.js'
import { isDeviceKey } from './device-key.js'
import type { KeyType, Pair } from './issue.js'
import { CERTIFICATE_FILES, type KeystoreOptions, makeFolder, readPem, tellIfReadable, writePem } from './keystore.js'
import type { CertificateNames } from './names.js'

const DAY_MS = 24 * 60 * 60 * 1000
/** The certificate is what devices embed: when it ends, or changes, each of them has to be flashed. */
const YEARS = 20

/**
 * The one certificate of `certMode: self-signed`: the server shows what devices embed, as ESP-IDF's README makes it with openssl. A pair that
 * is there is taken as it is; it is never made anew by itself, since that locks out every device.
 * @throws OperatorError when half of the pair is missing, the halves do not match, or the folder cannot be written
 */
export async function loadSelfSigned(options: KeystoreOptions): Promise<{ pair: Pair; isNew: boolean }> {
  const { folder, keyType, names, now, tellReadableKey } = options
  const certificateFile = path.join(folder, CERTIFICATE_FILES.caCertificate)
  const keyFile = path.join(folder, CERTIFICATE_FILES.caKey)
  await makeFolder(folder)
  const certificate = await readPem(certificateFile)
  const key = await readPem(keyFile)
  if (certificate !== undefined) {
    const pair = { certificate, key: await checkPair(certificate, key, certificateFile, keyFile) }
    await tellIfReadable(keyFile, tellReadableKey)
    return { pair, isNew: false }
  }
  // A key without its certificate is what a process leaves that was killed in between: it is taken, never written over.
  const pair = await makeSelfSigned(keyType, names, now, key)
  if (key === undefined) await writePem(keyFile, pair.key, 0o600)
  await writePem(certificateFile, pair.certificate, 0o644)
  return { pair, isNew: true }
}

async function checkPair(
  certificate: string,
  key: string | undefined,
  certificateFile: string,
  keyFile: string
): Promise<string> {
  if (key === undefined)
    throw new OperatorError(
      'OTAD_ERR_KEY_MISSING',
      `${keyFile} is missing, but devices may already trust ${certificateFile}`,
      'put the key back; or move the certificate away too: then a new pair is made, and every device has to be flashed with it'
    )
  const parsed = parse(certificate, certificateFile)
  if (!isKeyOf(parsed, key))
    throw new OperatorError(
      'OTAD_ERR_KEY_MISMATCH',
      `${keyFile} is not the key of ${certificateFile}`,
      'put back the file that belongs there: devices trust the certificate'
    )
  const { deviceComplaint } = await import('./device-certificate.js')
  const complaint =
    parsed.subject === parsed.issuer
      ? deviceComplaint(parsed, 'server')
      : 'is of a CA: a device that embeds it refuses it'
  if (complaint !== undefined && !/^CN=otad root /m.test(parsed.subject))
    throw new OperatorError(
      'OTAD_ERR_BAD_CERTIFICATE',
      `${certificateFile} ${complaint}`,
      'put the right file back, or move it and its key away to have new ones made'
    )
  if (/^CN=otad root /m.test(parsed.subject))
    throw new OperatorError(
      'OTAD_ERR_BAD_CERTIFICATE',
      `${certificateFile} is the CA of --cert-mode ca, no certificate to show to devices`,
      'leave --cert-mode away; or move both files away: then a self-signed pair is made, and every device has to be flashed with it'
    )
  return key
}

function parse(certificate: string, file: string): X509Certificate {
  try {
    return new X509Certificate(certificate)
  } catch (error) {
    throw new OperatorError(
      'OTAD_ERR_BAD_CERTIFICATE',
      `${file} is not a certificate in PEM form`,
      'put the right file back, or move it and its key away to have new ones made',
      { cause: error }
    )
  }
}

function isKeyOf(certificate: X509Certificate, key: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}

async function makeSelfSigned(
  wantedType: KeyType,
  names: CertificateNames,
  now: Date,
  key: string | undefined
): Promise<Pair> {
  const keyPair = key === undefined ? undefined : readKeyPair(key)
  const keyType = keyPair?.keyType ?? wantedType
  const { generate } = await import('selfsigned')
  const notAfterDate = new Date(now)
  notAfterDate.setUTCFullYear(notAfterDate.getUTCFullYear() + YEARS)
  const made = await generate([{ name: 'commonName', value: names.commonName.slice(0, 64) }], {
    keyType,
    ...(keyPair === undefined ? {} : { keyPair }),
    ...(keyType === 'rsa' ? { keySize: 2048 } : { curve: 'P-256' }),
    // Said aloud: the default of selfsigned is SHA-1, which no device takes (libraries.md 2).
    algorithm: 'sha256',
    notBeforeDate: new Date(now.getTime() - 2 * DAY_MS),
    notAfterDate,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: keyType === 'rsa', critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          ...names.dnsNames.map(value => ({ type: 2 as const, value })),
          ...names.ipAddresses.map(ip => ({ type: 7 as const, ip }))
        ]
      }
    ]
  })
  return { certificate: lines(made.cert), key: key ?? lines(made.private) }
}

/** @throws OperatorError when it is no key that a certificate for devices can be made of */
function readKeyPair(key: string): { keyType: KeyType; privateKey: string; publicKey: string } {
  let privateKey: KeyObject | undefined
  try {
    privateKey = createPrivateKey(key)
  } catch {
    // Said below, as for a key of the wrong kind.
  }
  if (privateKey === undefined || !isDeviceKey(privateKey))
    throw new OperatorError(
      'OTAD_ERR_KEY_UNREADABLE',
      `${CERTIFICATE_FILES.caKey} is there without its certificate, and is no key that devices can use`,
      'put the certificate back, or move the key away: then a new pair is made'
    )
  return {
    keyType: privateKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ec',
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString()
  }
}

const lines = (pem: string): string => `${pem.replaceAll('\r\n', '\n').trimEnd()}\n`
