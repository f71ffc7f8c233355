import { constants, createHash, type KeyObject, verify } from 'node:crypto'
import type { ChipName } from './chips.js'
import type { TrailerFields } from './fields.js'
import { SIGNATURE_V1, SMARTTHINGS_FOOTER } from './layout.js'
import { isRight } from './openssl.js'
import { verifySector } from './secure-boot-v2.js'
import { NO_SIGNATURE, type SignatureReport, type SignatureScheme } from './signature.js'
import type { TrustedKey } from './trusted-key.js'

/** What was read behind an image, the chip that would check it, and the keys that count. */
export interface SignatureQuestion {
  readonly trailer: TrailerFields
  readonly chip: ChipName | null
  readonly keys: readonly TrustedKey[]
}

/** Checks the signature behind an image, of whichever form it is, with the project's keys. */
export function verifySignature(bytes: Uint8Array, { trailer, chip, keys }: SignatureQuestion): SignatureReport {
  const { signatureV2, signatureV2At, signatureV1, smartthings, arduino } = trailer
  if (signatureV2 !== undefined && signatureV2At !== undefined) {
    return verifySector(bytes, { sector: signatureV2At, blocks: signatureV2, chip, keys })
  }
  if (signatureV1 !== undefined) {
    const content = bytes.subarray(0, signatureV1.at)
    const signature = bytes.subarray(signatureV1.at + SIGNATURE_V1.signature, signatureV1.at + SIGNATURE_V1.length)
    return reportFor('secure-boot-v1', keys, key => isEcdsaOfP256(key, content, signature))
  }
  if (smartthings !== undefined) {
    const start = smartthings.at + SMARTTHINGS_FOOTER.opening.length
    const signature = bytes.subarray(start, start + smartthings.signatureBytes)
    // firmware_sign.py signs the SHA-256 of the firmware as if it were the message, so that it is hashed twice.
    const digest = createHash('sha256').update(bytes.subarray(0, smartthings.at)).digest()
    return reportFor('smartthings', keys, key => isPkcs1(key, digest, signature))
  }
  if (arduino !== undefined) {
    const content = bytes.subarray(0, arduino.at)
    const signature = bytes.subarray(arduino.at, arduino.at + arduino.signatureBytes)
    return reportFor('arduino', keys, key => isArduinoSignature(key, content, signature))
  }
  return NO_SIGNATURE
}

/** Checks the signature that esp32FOTA expects in front of an image: PKCS #1 v1.5 over all that follows it. */
export function verifyPrefix(bytes: Uint8Array, length: number, keys: readonly TrustedKey[]): SignatureReport {
  const signature = bytes.subarray(0, length)
  return reportFor('esp32fota', keys, key => isPkcs1(key, bytes.subarray(length), signature))
}

/** These forms carry no key, so that every key that the project has is tried. */
function reportFor(
  scheme: SignatureScheme,
  keys: readonly TrustedKey[],
  isSignedBy: (key: KeyObject) => boolean
): SignatureReport {
  const index = keys.findIndex(({ publicKey }) => publicKey !== null && isSignedBy(publicKey))
  const isVerified = index >= 0
  return { scheme, verdict: isVerified ? 'verified' : 'not-verified', key: isVerified ? index : null, blocks: [] }
}

function isEcdsaOfP256(key: KeyObject, content: Uint8Array, signature: Uint8Array): boolean {
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false
  return isRight(() => verify('sha256', content, { key, dsaEncoding: 'ieee-p1363' }, signature))
}

function isPkcs1(key: KeyObject, content: Uint8Array, signature: Uint8Array): boolean {
  if (key.asymmetricKeyType !== 'rsa') return false
  return isRight(() => verify('sha256', content, { key, padding: constants.RSA_PKCS1_PADDING }, signature))
}

/** bin_signing.py takes any of three hashes and does not write down which; RSA is PSS with the longest salt that fits. */
function isArduinoSignature(key: KeyObject, content: Uint8Array, signature: Uint8Array): boolean {
  const padding = constants.RSA_PKCS1_PSS_PADDING
  const saltLength = constants.RSA_PSS_SALTLEN_AUTO
  const asked = key.asymmetricKeyType === 'rsa' ? { key, padding, saltLength } : { key, dsaEncoding: 'der' as const }
  return ['sha256', 'sha384', 'sha512'].some(hash => isRight(() => verify(hash, content, asked, signature)))
}
