import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import path from 'node:path'
import { promisify } from 'node:util'
import { createFileAtomically } from '../atomic-file.js'
import { makeFolder, readPem, tellIfReadable } from '../certs/keystore.js'
import { OperatorError, systemErrorCode } from '../errors.js'

/** The key that images for ota_demo are signed with; in `certs/` beside those of TLS, and of no use for them. */
const SIGNING_KEY_FILE = 'smartthings_key.pem'
/** The device looks for a signature of 256 bytes and no other: OTA_SIGNATURE_SIZE in ota_util.c. */
const KEY_BITS = 2048

export interface SigningKey {
  readonly file: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** SubjectPublicKeyInfo, PEM, as `openssl rsa -pubout` writes it: the `public_key.pem` that the demo embeds. */
  readonly publicPem: string
  /** SHA-256 of the public key, lower-case hexadecimal. */
  readonly id: string
}

export interface SigningKeyPlace {
  /** Holds `certs/`. */
  readonly home: string
  /** The operator's own key; empty where otad keeps one in `certs/`. */
  readonly signingKeyFile: string
  readonly tellReadableKey?: (file: string, mode: string) => void
}

/** Where the signing key is, or would be. */
export function signingKeyFileOf({ home, signingKeyFile }: SigningKeyPlace): string {
  return signingKeyFile === '' ? path.join(home, 'certs', SIGNING_KEY_FILE) : signingKeyFile
}

/**
 * The signing key; undefined where there is none yet.
 * @throws OperatorError when it cannot be read, is of no use for the device, or is the operator's and missing
 */
export async function loadSigningKey(place: SigningKeyPlace): Promise<SigningKey | undefined> {
  const file = signingKeyFileOf(place)
  const pem = await readPem(file)
  if (pem !== undefined) {
    if (place.tellReadableKey !== undefined) await tellIfReadable(file, place.tellReadableKey)
    return readSigningKey(pem, file)
  }
  if (place.signingKeyFile === '') return undefined
  throw new OperatorError(
    'OTAD_ERR_NO_SUCH_FILE',
    `--signing-key-file: there is no ${file}`,
    'name the root.key that firmware_sign.py signed with, or leave the setting away to have a key made'
  )
}

/**
 * The signing key, made where there is none. Of several processes that come at once, one makes it.
 * @throws OperatorError as `loadSigningKey` does, and when it cannot be written
 */
export async function makeSigningKey(place: SigningKeyPlace): Promise<SigningKey> {
  const known = await loadSigningKey(place)
  if (known !== undefined) return known
  const file = signingKeyFileOf(place)
  await makeFolder(path.dirname(file))
  const pem = await generatePem()
  try {
    await createFileAtomically(file, pem, 0o600)
  } catch (error) {
    throw new OperatorError(
      'OTAD_ERR_CERTS_NOT_WRITABLE',
      `${file} cannot be written (${systemErrorCode(error) ?? String(error)})`,
      'make the folder writable, or give a key of your own with --signing-key-file FILE',
      { cause: error }
    )
  }
  // Another process may have been quicker, and then its key counts.
  return readSigningKey((await readPem(file)) ?? pem, file)
}

/** On a thread of its own: it takes a while, on a small machine for seconds. */
async function generatePem(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: KEY_BITS })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function readSigningKey(pem: string, file: string): SigningKey {
  const privateKey = readKey(pem, file)
  const { asymmetricKeyType: type, asymmetricKeyDetails: { modulusLength } = {} } = privateKey
  if (type !== 'rsa' || modulusLength !== KEY_BITS)
    throw new OperatorError(
      'OTAD_ERR_BAD_SETTING',
      `${file} is ${describeKey(type, modulusLength)}: ota_demo verifies signatures of RSA with ${KEY_BITS} bits and no others`,
      `openssl genrsa -out root.key ${KEY_BITS} makes one that it takes`
    )
  const publicKey = createPublicKey(privateKey)
  const id = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
  return { file, privateKey, publicKey, publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(), id }
}

function describeKey(type: string | undefined, modulusLength: number | undefined): string {
  return modulusLength === undefined ? `a key of type ${type}` : `${type?.toUpperCase()} with ${modulusLength} bits`
}

function readKey(pem: string, file: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (error) {
    throw new OperatorError(
      'OTAD_ERR_KEY_UNREADABLE',
      `${file} is not a private key in PEM form without a passphrase`,
      'put the right file there; openssl rsa -in root.key -out plain.key takes a passphrase away',
      { cause: error }
    )
  }
}
