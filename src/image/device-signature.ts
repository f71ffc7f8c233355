import { type BlockScheme, CHIPS, type ChipName, type SecureBootScheme } from './chips.js'
import { address, atOtaEnd, type DeviceLine } from './device-lines.js'
import { HASH_FAILED } from './device-seal.js'
import { onErasedFlash } from './erased-flash.js'
import { CURVE_SCHEMES } from './key-fields.js'
import { SIGNATURE_V1 } from './layout.js'
import type { Seal } from './seal.js'
import type { SignatureReport } from './signature.js'
import type { TrustedKey } from './trusted-key.js'

/** A signature that the project refuses, behind an image whose end is known. */
export interface RefusedSignature {
  readonly report: SignatureReport
  readonly seal: Seal
  readonly chip: ChipName
  readonly keys: readonly TrustedKey[]
}

/**
 * What a device that demands a signature says of one that it refuses, at the end of the update: verify_secure_boot_signature of
 * esp_image_format.c, and ota_util.c of the SmartThings SDK. Other libraries have words of their own, which are not foretold.
 */
export function signatureLines(bytes: Uint8Array, refused: RefusedSignature): readonly DeviceLine[] {
  switch (refused.report.scheme) {
    case null:
    case 'secure-boot-v1':
    case 'secure-boot-v2':
      return secureBootLines(bytes, refused)
    case 'smartthings':
      return ['_pk_verify is failed ', 'Signature verified NOK'].map(bare)
    case 'esp32fota':
    case 'arduino':
      return []
  }
}

function secureBootLines(bytes: Uint8Array, { report, seal, chip, keys }: RefusedSignature): readonly DeviceLine[] {
  const schemes = CHIPS[chip].secureBoot
  if (schemes.length === 0) return []
  const first = isV1Expected(schemes, keys) ? versionLine(bytes, seal) : schemeLine(report, schemes, keys)
  return [...first, atOtaEnd('Secure boot signature verification failed'), ...hashLines(seal)]
}

/** An ESP32 checks either version; a key that only v1 takes decides, and without one v2 is what current projects use. */
function isV1Expected(schemes: readonly SecureBootScheme[], keys: readonly TrustedKey[]): boolean {
  return schemes.includes('v1') && keys.some(({ publicKey }) => curveOf(publicKey) === 'prime256v1')
}

/** Where there is no signature, what a device reads in its place is rarely 0. */
function versionLine(bytes: Uint8Array, { imageLength }: Seal): DeviceLine[] {
  const version = onErasedFlash(bytes).wordAt(imageLength)
  if (version === SIGNATURE_V1.version) return []
  const text = `image has invalid signature version field ${address(version)} (image without a signature?)`
  return [{ ...atOtaEnd(text), tag: 'secure_boot_v1' }]
}

/**
 * One scheme is built into a device: that of the project's keys, or the only one that its chip has. The device says so of blocks
 * of another family, and of ECDSA blocks of another curve.
 */
function schemeLine(
  { blocks }: SignatureReport,
  schemes: readonly SecureBootScheme[],
  keys: readonly TrustedKey[]
): DeviceLine[] {
  const ofKeys = keys.flatMap(({ publicKey }) => schemeOf(publicKey) ?? [])
  const built = new Set(ofKeys.length > 0 ? ofKeys : schemes.filter(scheme => scheme !== 'v1'))
  const [expected] = built
  if (expected === undefined || built.size > 1) return []
  const stranger = blocks.find(
    ({ scheme, verdict }) => scheme !== null && scheme !== expected && verdict !== 'damaged' && verdict !== 'unused'
  )?.scheme
  if (stranger === undefined || stranger === null) return []
  const text =
    familyOf(stranger) === familyOf(expected)
      ? `ECDSA curve mismatch: actual (curve_id ${CURVE_IDS[stranger]}), expected (curve_id ${CURVE_IDS[expected]})`
      : `${familyOf(expected)} signing scheme selected but signature block generated for ${familyOf(stranger)} scheme`
  return [{ ...atOtaEnd(text), tag: 'secure_boot_v2' }]
}

const CURVE_IDS: Readonly<Record<BlockScheme, number>> = {
  rsa3072: 0,
  'ecdsa-p192': 1,
  'ecdsa-p256': 2,
  'ecdsa-p384': 3
}

function schemeOf(key: TrustedKey['publicKey']): BlockScheme | undefined {
  return key?.asymmetricKeyType === 'rsa' ? 'rsa3072' : CURVE_SCHEMES[curveOf(key) ?? '']
}

/** esp_secure_boot_get_scheme_name of esp_secure_boot.h. */
function familyOf(scheme: BlockScheme): 'RSA' | 'ECDSA' {
  return scheme === 'rsa3072' ? 'RSA' : 'ECDSA'
}

/** A refused signature makes the device ask whether the image is damaged too. */
function hashLines({ hash }: Seal): readonly DeviceLine[] {
  if (hash === undefined) return []
  if (hash.calculated === hash.found) return [{ ...atOtaEnd('image valid, signature bad'), level: 'W' }]
  return [atOtaEnd(HASH_FAILED), { ...atOtaEnd('image corrupted on flash'), level: 'W' }]
}

function curveOf(key: TrustedKey['publicKey']): string | undefined {
  return key?.asymmetricKeyDetails?.namedCurve
}

function bare(text: string): DeviceLine {
  return { stage: 'ota-end', level: 'E', tag: '', text }
}
