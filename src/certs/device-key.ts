import type { KeyObject } from 'node:crypto'

/** By their names in OpenSSL; these are the curves that mbedTLS of every ESP-IDF release verifies (clients.md 15.2). */
const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }

/** The NIST name of the curve of an EC key; undefined for other keys, and for curves that devices do not know. */
export function curveOf(key: KeyObject): string | undefined {
  return key.asymmetricKeyType === 'ec' ? CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''] : undefined
}

/** Whether a device can verify what such a key signs: RSA from 2048 bits, or ECDSA on a NIST curve (clients.md 15.4). */
export function isDeviceKey(key: KeyObject): boolean {
  if (key.asymmetricKeyType === 'rsa') return (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048
  return curveOf(key) !== undefined
}

/** `ed25519`, `ec secp256k1`, `rsa 1024`. */
export function describeKey({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string {
  return [type, details?.namedCurve ?? details?.modulusLength].filter(Boolean).join(' ')
}
