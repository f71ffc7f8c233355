import { constants, verify } from 'node:crypto'
import { type BlockScheme, CHIPS, type ChipName } from './chips.js'
import type { SignatureBlockFields } from './fields.js'
import { eachReversed, publicKeyIn, reversed } from './key-fields.js'
import { PSS_SALT_LENGTH, SIGNATURE_BLOCK } from './layout.js'
import { isRight } from './openssl.js'
import type { BlockVerdict, SignatureBlockReport, SignatureReport } from './signature.js'
import { BLOCK_LAYOUTS } from './signature-sector.js'
import { type TrustedKey, trustedKeyWithDigest } from './trusted-key.js'

/** What is known beside the bytes of the sector: where it is, what was read of it, and who asks. */
export interface SignedSector {
  readonly sector: number
  readonly blocks: readonly SignatureBlockFields[]
  /** Null where the chip is not known: then no scheme is held against it. */
  readonly chip: ChipName | null
  readonly keys: readonly TrustedKey[]
}

/**
 * Checks the blocks of a Secure Boot v2 signature as a device does (secure_boot_v2/secure_boot_signatures_app.c): those without
 * magic or with a wrong CRC are skipped, and one block that is right by a trusted key is enough. An app that checks its updates
 * without Secure Boot in hardware looks at the first block only, which no file can tell.
 */
export function verifySector(bytes: Uint8Array, { sector, blocks, chip, keys }: SignedSector): SignatureReport {
  const content = bytes.subarray(0, sector)
  const reports = blocks.map(fields => {
    const start = sector + fields.index * SIGNATURE_BLOCK.length
    const block = bytes.subarray(start, start + SIGNATURE_BLOCK.length)
    return reportOf(fields, blockVerdict({ content, block, fields, chip, keys }))
  })
  const winner = reports.find(({ verdict }) => verdict === 'verified')
  return {
    scheme: 'secure-boot-v2',
    verdict: winner
      ? 'verified'
      : reports.some(({ verdict }) => verdict === 'untrusted')
        ? 'untrusted'
        : 'not-verified',
    key: trustedKeyWithDigest(keys, winner?.keyDigest ?? '') ?? null,
    blocks: reports
  }
}

interface BlockInQuestion {
  readonly content: Uint8Array
  readonly block: Uint8Array
  readonly fields: SignatureBlockFields
  readonly chip: ChipName | null
  readonly keys: readonly TrustedKey[]
}

function blockVerdict({ content, block, fields, chip, keys }: BlockInQuestion): BlockVerdict {
  const { index, crcValid, scheme, digestValid, keyDigest } = fields
  if (chip !== null && index >= CHIPS[chip].signatureBlocks) return 'unused'
  if (!crcValid) return 'damaged'
  if (scheme === null || keyDigest === null) return 'unknown-version'
  if (!digestValid) return 'other-content'
  if (chip !== null && !CHIPS[chip].secureBoot.includes(scheme)) return 'unfit'
  if (!isSignedByOwnKey(content, block, scheme)) return 'wrong'
  return trustedKeyWithDigest(keys, keyDigest) === undefined ? 'untrusted' : 'verified'
}

/** Whether the signature in a block is right by the key in the same block, which says nothing of whose key it is. */
function isSignedByOwnKey(content: Uint8Array, block: Uint8Array, scheme: BlockScheme): boolean {
  const { digest, keyStart, keyEnd, signatureStart, numberLength } = BLOCK_LAYOUTS[scheme]
  const key = publicKeyIn(block.subarray(keyStart, keyEnd), scheme)
  if (key === undefined) return false
  if (scheme === 'rsa3072') {
    const signature = reversed(block.subarray(signatureStart, signatureStart + numberLength))
    const padding = constants.RSA_PKCS1_PSS_PADDING
    return isRight(() => verify(digest, content, { key, padding, saltLength: PSS_SALT_LENGTH }, signature))
  }
  const signature = eachReversed(block.subarray(signatureStart, signatureStart + 2 * numberLength), numberLength)
  return isRight(() => verify(digest, content, { key, dsaEncoding: 'ieee-p1363' }, signature))
}

function reportOf({ index, scheme, keyDigest }: SignatureBlockFields, verdict: BlockVerdict): SignatureBlockReport {
  return { index, verdict, scheme, keyDigest }
}
