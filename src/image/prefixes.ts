import { bytesAreAt } from './filling.js'
import type { Kind } from './kinds.js'
import { PREFIXES, ZLIB_HEADER } from './layout.js'
import { readText, textIsAt } from './text.js'

const MAGICS: readonly (readonly [Kind, string | readonly number[]])[] = [
  ['partition-table', PREFIXES.partitionTable],
  ['phy-init', PREFIXES.phyInit],
  ['elf', PREFIXES.elf],
  ['uf2', PREFIXES.uf2],
  ['dfu', PREFIXES.dfu],
  ['zip', PREFIXES.zip],
  ['gzip', PREFIXES.gzip],
  ['xz', PREFIXES.xz],
  ['matter-ota', PREFIXES.matterOta],
  ['mcuboot', PREFIXES.mcuboot],
  ['esp-encrypted-img', PREFIXES.espEncryptedImg],
  ['esp-delta-ota', PREFIXES.espDeltaOta],
  ['esp-bootloader-plus', PREFIXES.espBootloaderPlus]
]

/** What the first bytes of a file say that it is; undefined where they say nothing. */
export function kindByPrefix(bytes: Uint8Array): Kind | undefined {
  const magic = MAGICS.find(([, prefix]) =>
    typeof prefix === 'string' ? textIsAt(bytes, 0, prefix) : bytesAreAt(bytes, 0, prefix)
  )
  return magic?.[0] ?? (isZlib(bytes) ? 'zlib' : kindOfText(bytes))
}

function isZlib(bytes: Uint8Array): boolean {
  const [first = 0, second = 0] = bytes
  return bytes.length > 2 && first === ZLIB_HEADER.firstByte && (first * 256 + second) % ZLIB_HEADER.checkModulus === 0
}

/** Enough of a text to tell what it is. */
const OPENING_LENGTH = 256

function kindOfText(bytes: Uint8Array): Kind | undefined {
  const opening = readText(bytes, 0, OPENING_LENGTH).trimStart()
  if (/^:[0-9A-F]{10,}/i.test(opening)) return 'intel-hex'
  if (/^<(!doctype html|html|head|body|!--|\?xml)/i.test(opening)) return 'html'
  if (/^(\{\s*("|\})|\[\s*(["{[\]\d]|true|false|null))/.test(opening) && !opening.includes('\ufffd')) return 'json'
  return undefined
}
