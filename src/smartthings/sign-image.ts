import { constants, type KeyObject, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import { writeFooter } from './footer.js'

const signInBackground = promisify(
  (content: Uint8Array, key: KeyObject, done: (error: Error | null, signature: Buffer) => void) =>
    sign('sha256', content, { key, padding: constants.RSA_PKCS1_PADDING }, done)
)

/**
 * The image with the footer of firmware_sign.py (doc/ota_demo.md of st-device-sdk-c-ref) behind it, whatever the image ends with. The script
 * signs the SHA-256 of the image as if that were the message, so that the signature is over SHA-256(SHA-256(image)).
 * @param sha256 of the image, which whoever publishes it knows already
 * @param key RSA with 2048 bits
 */
export async function signImage(image: Uint8Array, sha256: Uint8Array, key: KeyObject): Promise<Buffer> {
  return Buffer.concat([image, writeFooter(await signInBackground(sha256, key))])
}

/** Whether a signature verifies as `_check_firmware_validation` of ota_util.c does it. */
export function isSignedBy(publicKey: KeyObject, sha256: Uint8Array, signature: Uint8Array): boolean {
  return verify('sha256', sha256, { key: publicKey, padding: constants.RSA_PKCS1_PADDING }, signature)
}
