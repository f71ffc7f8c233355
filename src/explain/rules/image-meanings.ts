import { CHIPS, chipWithId } from '../../image/chips.js'
import type { Meaning } from '../explanation.js'
import type { Seen } from '../rule.js'
import { kindByFirstByte } from './first-byte.js'

/** A body that ended early. */
export function cutImage({ imageEnd, client }: Seen): Meaning {
  const where =
    imageEnd === null
      ? ''
      : ` The segments that are there end at byte ${imageEnd}, and what should follow was never written.`
  const server =
    client === 'smartthings'
      ? ''
      : ' openssl s_server on Windows does that since 1.1: it opens the file as text and stops at the first byte 0x1A (Ctrl-Z).'
  return {
    title: 'the file was cut: behind its last byte the slot is empty',
    cause: `The 0xff is erased flash: the body ended early, and without a Content-Length a device takes each end for the right one ("all data received").${where}${server}`,
    next: 'Serve the file with otad, which says the length and sends every byte as it is. If the file itself is short (otad check FILE), build again.',
    not: 'Not a certificate or Wi-Fi problem: the download ran, and its bytes are not whole. "Connection closed, all data received" is no proof.'
  }
}

/** Something else came, by its first byte if the device shows it. */
export function notAnImage(firstByte: string | undefined): Meaning {
  const what = firstByte === undefined ? undefined : kindByFirstByte(Number.parseInt(firstByte, 16))
  return {
    title: 'what came is no firmware image',
    cause:
      what === undefined
        ? 'An image begins with 0xE9, and this does not: an error page, another file of the build, or a compressed or encrypted one.'
        : `An image begins with 0xE9, and this with 0x${firstByte}: ${what}.`,
    next: 'Ask for the URL with curl and look at what comes. Serve build/<project>.bin: otad serves nothing else under that name, and no error with status 200.'
  }
}

/** The chip in the header is another one, or none at all. */
export function wrongChip(expected: string | undefined, found: string | undefined): Meaning {
  if (found === undefined)
    return {
      title: 'the image is for another chip',
      cause: 'The chip in its header is not the one that it was sent to.',
      next: 'Build for the chip of the board: idf.py set-target CHIP.'
    }
  const own = labelOf(Number(expected)) ?? `chip ${expected}`
  const other = labelOf(Number(found))
  if (other !== undefined)
    return {
      title: `the image is for ${other}, the device is ${own}`,
      cause: `The header of the image says chip ${found} (${other}), and this chip is ${expected} (${own}).`,
      next: `Build for ${own} (idf.py set-target), or give each kind of chip a URL of its own.`
    }
  if (found === '4')
    return {
      title: `the image is for another chip, perhaps a beta ESP32-S3; the device is ${own}`,
      cause: `Chip 4 was the ESP32-S3 while it was a beta (ESP-IDF 4.3 and before 4.4); today it is 9. This chip is ${expected} (${own}).`,
      next: `Build for ${own} with ESP-IDF 4.4 or newer (idf.py set-target), and update again.`
    }
  return {
    title: 'what came is no firmware image',
    cause: `Chip ${found} does not exist: bytes 12 and 13 of what came are ${bytesOf(Number(found))}. It is not an image, but a page with an error, a merged image for the factory, or another file.`,
    next: 'Ask for the URL with curl and look at what comes. Serve build/<project>.bin.',
    not: 'Not a wrong target: set-target does not help.'
  }
}

function labelOf(id: number): string | undefined {
  const chip = chipWithId(id)
  return chip === undefined ? undefined : CHIPS[chip].label
}

/** The two bytes of a chip id, little-endian, as letters where they are some. */
function bytesOf(id: number): string {
  if (id === 0xffff) return '0xFF, as in erased flash'
  const bytes = [id & 0xff, id >> 8]
  const isText = bytes.every(byte => byte >= 0x20 && byte < 0x7f)
  return isText
    ? `the letters "${String.fromCharCode(...bytes)}"`
    : bytes.map(byte => `0x${byte.toString(16).padStart(2, '0')}`).join(' ')
}
