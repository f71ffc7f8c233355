import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { OperatorError, systemErrorCode } from '../errors.js'
import { CHIP_NAMES, type ChipName, isChipName } from '../image/chips.js'
import type { Kind } from '../image/kinds.js'
import type { SignatureDemand } from '../image/signature.js'
import { SPECIAL_KINDS } from '../image/special-kinds.js'
import { readTrustedKey, type TrustedKey } from '../image/trusted-key.js'
import type { ImageContext } from '../image/verdict.js'
import { nearestTo } from '../nearest.js'
import type { Settings } from './options.js'

export type ContextSettings = Pick<Settings, 'chip' | 'slotSize' | 'kinds' | 'signature' | 'signatureKeys'>

/**
 * The context to judge in that the settings ask for. Files of keys are meant from `cwd`.
 * @throws OperatorError for a chip or a kind that does not exist, and for a key that cannot be read
 */
export async function readContext(settings: ContextSettings, cwd: string): Promise<ImageContext> {
  const { chip, slotSize, kinds } = settings
  const signature = await readDemand(settings, cwd)
  return {
    ...(chip === '' ? {} : { chip: readChip(chip) }),
    ...(slotSize === 0 ? {} : { slotSize }),
    ...(kinds.length === 0 ? {} : { kinds: kinds.map(readKind) }),
    ...(signature.policy === 'off' ? {} : { signature })
  }
}

/** ESP-IDF's name of a chip, also as people write it: `ESP32-S3`. */
function readChip(word: string): ChipName {
  const name = word.toLowerCase().replaceAll('-', '')
  if (isChipName(name)) return name
  throw unknownWord('--chip', 'chip', word, name, CHIP_NAMES)
}

function readKind(word: string): Kind {
  const kind = SPECIAL_KINDS.find(known => known === word)
  if (kind !== undefined) return kind
  throw unknownWord('--kinds', 'kind that can be served', word, word, SPECIAL_KINDS)
}

function unknownWord(flag: string, what: string, word: string, name: string, known: readonly string[]): OperatorError {
  const nearest = nearestTo(name, known)
  const hint = nearest === undefined ? `there are ${known.join(', ')}` : `did you mean ${nearest}?`
  return new OperatorError('OTAD_ERR_BAD_SETTING', `${flag}: there is no ${what} "${word}"`, hint)
}

async function readDemand({ signature, signatureKeys }: ContextSettings, cwd: string): Promise<SignatureDemand> {
  if (signature === 'off') return { policy: 'off', keys: [] }
  if (signatureKeys.length === 0)
    throw new OperatorError(
      'OTAD_ERR_BAD_SETTING',
      `signatures are asked for (${signature}), but no key is given to check them with`,
      'give public keys or key digests: --signature-keys signing_key.pub.pem'
    )
  return { policy: signature, keys: await Promise.all(signatureKeys.map(key => readKey(key, cwd))) }
}

/** A digest as it stands, or the key in a file. */
async function readKey(keyOrFile: string, cwd: string): Promise<TrustedKey> {
  const asDigest = /^[0-9a-f: ]{32,}$/i.test(keyOrFile) ? readTrustedKey(Buffer.from(keyOrFile)) : undefined
  const key = asDigest ?? readTrustedKey(await readKeyFile(path.resolve(cwd, keyOrFile)))
  if (key !== undefined) return key
  throw new OperatorError(
    'OTAD_ERR_KEY_UNREADABLE',
    `${keyOrFile} is neither a public key nor a key digest`,
    'espsecure extract-public-key writes the PEM file that belongs here; a private key never does'
  )
}

async function readKeyFile(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new OperatorError(
      'OTAD_ERR_KEY_UNREADABLE',
      `${file} cannot be read (${systemErrorCode(error) ?? String(error)})`,
      'give the path of a public key in PEM, or a key digest in hexadecimal',
      { cause: error }
    )
  }
}
