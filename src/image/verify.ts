import { isEsp8266Image } from './esp8266.js'
import { judgeEsp8266Image } from './judge-esp8266.js'
import { judgeForeignFile } from './judge-foreign.js'
import { judgeImage } from './judge-image.js'
import { IMAGE_HEADER } from './layout.js'
import type { ImageContext, Verdict } from './verdict.js'

/**
 * Judges one whole file as the bootloader of its chip would, in the order in which a device checks: ESP-IDF
 * components/bootloader_support/src/esp_image_format.c. Says all that is wrong, not only the first thing, and what the device
 * would print. Any bytes are a legitimate question: nothing makes it throw, and it reads nothing but these bytes.
 * Signatures are checked where the context demands them; without, an accepted image is well-formed, whoever built it.
 */
export function verifyImage(bytes: Uint8Array, context: ImageContext = {}): Verdict {
  if (isEsp8266Image(bytes)) return judgeEsp8266Image(bytes, context)
  if (bytes[IMAGE_HEADER.magic] === IMAGE_HEADER.magicByte) return judgeImage(bytes, context)
  return judgeForeignFile(bytes, context)
}
