import { deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { Kind } from '../../src/image/kinds.js'
import { explainProblem } from '../../src/image/problem.js'
import { isServable } from '../../src/image/servable.js'
import { SPECIAL_KINDS } from '../../src/image/special-kinds.js'
import { readTrustedKey, type TrustedKey } from '../../src/image/trusted-key.js'
import type { ImageContext } from '../../src/image/verdict.js'
import { verifyImage } from '../../src/image/verify.js'
import {
  aBootloader,
  aMergedImage,
  anImage,
  aPartitionTable,
  filled,
  truncatedTo,
  withByteFlipped,
  withBytes,
  withTrailer
} from '../support/image-builder.js'
import {
  aBootloaderPlusImage,
  aDeltaPatch,
  aMatterOta,
  anEncryptedImage,
  anMcubootImage,
  anNvsPartition
} from '../support/image-builder-envelopes.js'
import { aSigningKey, signedV2 } from '../support/image-builder-signatures.js'
import { isThere, readCorpusFile } from './corpus-files.js'

const app = anImage({ length: 1200 })
const prefixed = Buffer.concat([filled(256, 4), app])
const rsa = aSigningKey('rsa3072')
const signedData = signedV2(filled(0x1000, 11), [rsa])
const starting = (bytes: readonly number[] | string) =>
  withBytes(filled(4096, 3), 0, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)

const judge = (bytes: Uint8Array, kind: Kind, context: ImageContext = {}) =>
  verifyImage(bytes, { ...context, kinds: [kind] })
const codes = (...question: Parameters<typeof judge>) => judge(...question).problems.map(({ code }) => code)

const sound: readonly (readonly [Kind, Uint8Array])[] = [
  ['bootloader', aBootloader({ chip: 'esp32c3' })],
  ['bootloader', aBootloader({ descriptor: false })],
  ['partition-table', aPartitionTable()],
  ['partition-table', aPartitionTable({ md5: false })],
  ['nvs', anNvsPartition()],
  ['spiffs', withBytes(Buffer.alloc(4096, 0xff), 252, [0x28, 0x04])],
  ['littlefs', withBytes(filled(8192, 1), 8, Buffer.from('littlefs'))],
  ['fat', withBytes(starting([0xeb, 0x3c, 0x90]), 510, [0x55, 0xaa])],
  ['phy-init', starting('PHYINIT\0')],
  ['signed-data', signedData],
  ['gzip', gzipSync(app)],
  ['zlib', deflateSync(app)],
  ['xz', starting([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
  ['esp-encrypted-img', anEncryptedImage()],
  ['esp-delta-ota', aDeltaPatch(filled(32, 1))],
  ['esp-bootloader-plus', aBootloaderPlusImage(1)],
  ['esp-bootloader-plus', aBootloaderPlusImage(2)],
  ['matter-ota', aMatterOta(app)],
  ['mcuboot', anMcubootImage()],
  ['mcuboot', anMcubootImage({ protectedTlv: true })],
  ['signature-prefixed-app', prefixed]
]

describe('a file of a kind that the project asks for', () => {
  it.each(sound)('is accepted and served: %s', (kind, bytes) => {
    const context: ImageContext = { kinds: ['app', kind] }
    const verdict = verifyImage(bytes, context)
    expect(verdict).toMatchObject({ verdict: 'accept', kind, problems: [], device: [], signature: null })
    expect(isServable(verdict, context)).toBe(true)
  })

  it.each(sound)('is refused as ever where the project does not ask: %s', (kind, bytes) => {
    const others = SPECIAL_KINDS.filter(other => other !== kind)
    const verdict = verifyImage(bytes, { kinds: others })
    expect(verdict).toEqual(verifyImage(bytes))
    expect(verdict.verdict).toBe('reject')
    expect(isServable(verdict, { kinds: others })).toBe(false)
  })

  it('is an ESP8266 image also beside another chip', () => {
    const context: ImageContext = { chip: 'esp32', kinds: ['esp8266-v3'] }
    const verdict = verifyImage(anImage({ chip: 'esp8266', length: 1200 }), context)
    expect(verdict).toMatchObject({ verdict: 'other-family', kind: 'esp8266-v3', problems: [] })
    expect(isServable(verdict, context)).toBe(true)
    expect(isServable(verdict, { chip: 'esp32' })).toBe(false)
  })

  it('is never a whole flash, a web page or another file that no device writes', () => {
    const kinds: readonly Kind[] = ['merged-flash', 'ram-app', 'html', 'unknown', 'empty', 'erased', 'otadata']
    for (const bytes of [aMergedImage({ chip: 'esp32c3' }), Buffer.from('<html>'), filled(3000, 1), Buffer.alloc(0)]) {
      const verdict = verifyImage(bytes, { kinds })
      expect(verdict.verdict).toBe('reject')
      expect(isServable(verdict, { kinds })).toBe(false)
    }
  })

  it('is whole by its own word where a digest in it says so', () => {
    const selfContained = sound.filter(([kind, bytes]) => judge(bytes, kind).selfContained).map(([kind]) => kind)
    expect([...new Set(selfContained)]).toEqual([
      'bootloader',
      'esp-bootloader-plus',
      'matter-ota',
      'mcuboot',
      'signature-prefixed-app'
    ])
  })
})

describe('a file of such a kind that is damaged is refused:', () => {
  const broken: readonly (readonly [string, Kind, Uint8Array, string])[] = [
    ['a bootloader whose data changed', 'bootloader', withByteFlipped(aBootloader(), 3000), 'checksum-mismatch'],
    [
      'a partition table with another entry',
      'partition-table',
      withByteFlipped(aPartitionTable(), 40),
      'partition-table-invalid'
    ],
    [
      'a partition table without an end',
      'partition-table',
      truncatedTo(aPartitionTable(), 64),
      'partition-table-invalid'
    ],
    ['an NVS page with another sequence number', 'nvs', withByteFlipped(anNvsPartition(), 0x1004), 'nvs-page-damaged'],
    ['data under a signature', 'signed-data', withByteFlipped(signedData, 9), 'signature-invalid'],
    [
      'a header of esp-bootloader-plus',
      'esp-bootloader-plus',
      withByteFlipped(aBootloaderPlusImage(), 9),
      'envelope-damaged'
    ],
    [
      'what esp-bootloader-plus would unpack',
      'esp-bootloader-plus',
      withByteFlipped(aBootloaderPlusImage(), 900),
      'payload-digest-mismatch'
    ],
    [
      'a version of that header nobody knows',
      'esp-bootloader-plus',
      withBytes(aBootloaderPlusImage(), 4, [3]),
      'envelope-damaged'
    ],
    [
      'a cut file for esp-bootloader-plus',
      'esp-bootloader-plus',
      truncatedTo(aBootloaderPlusImage(), -1),
      'envelope-length-mismatch'
    ],
    ['a cut encrypted image', 'esp-encrypted-img', truncatedTo(anEncryptedImage(), -1), 'envelope-length-mismatch'],
    [
      'an encrypted image that ends in its header',
      'esp-encrypted-img',
      truncatedTo(anEncryptedImage(), 511),
      'envelope-damaged'
    ],
    [
      'a patch without its header',
      'esp-delta-ota',
      withByteFlipped(aDeltaPatch(filled(32, 1)), 50),
      'envelope-damaged'
    ],
    ['a cut Matter file', 'matter-ota', truncatedTo(aMatterOta(app), -1), 'envelope-length-mismatch'],
    [
      'a Matter file with another payload',
      'matter-ota',
      withByteFlipped(aMatterOta(app), -40 + aMatterOta(app).length),
      'payload-digest-mismatch'
    ],
    [
      'a Matter file with a digest of no known type',
      'matter-ota',
      withBytes(aMatterOta(app), 16 + 22 + 4, [99]),
      'envelope-damaged'
    ],
    ['a Matter header that is no TLV', 'matter-ota', withBytes(aMatterOta(app), 16, [0]), 'envelope-damaged'],
    ['a Matter file around a web page', 'matter-ota', aMatterOta(Buffer.from('<html>')), 'payload-not-an-app'],
    ['a Matter file around another', 'matter-ota', aMatterOta(aMatterOta(app)), 'payload-not-an-app'],
    ['a Matter file around a bootloader', 'matter-ota', aMatterOta(aBootloader()), 'is-bootloader'],
    ['a cut image for MCUboot', 'mcuboot', truncatedTo(anMcubootImage(), 600), 'envelope-length-mismatch'],
    [
      'an image for MCUboot without a load header',
      'mcuboot',
      withByteFlipped(anMcubootImage(), 0x20),
      'envelope-damaged'
    ],
    [
      'an image for MCUboot with other code',
      'mcuboot',
      withByteFlipped(anMcubootImage(), 900),
      'payload-digest-mismatch'
    ],
    ['an image for MCUboot without a digest', 'mcuboot', truncatedTo(anMcubootImage(), -34), 'envelope-damaged'],
    ['an app behind a signature', 'signature-prefixed-app', withByteFlipped(prefixed, 256 + 700), 'hash-mismatch']
  ]
  it.each(broken)('%s', (_name, kind, bytes, code) => {
    const verdict = judge(bytes, kind)
    expect(verdict.verdict).toBe('reject')
    expect(verdict.problems.map(problem => problem.code)).toContain(code)
    for (const problem of verdict.problems) expect(explainProblem(problem)).not.toMatch(/undefined|NaN|^$/)
    expect(isServable(verdict, { kinds: [kind] })).toBe(false)
  })
})

describe('the image inside', () => {
  it('answers for chip, slot and fields', () => {
    const verdict = judge(aMatterOta(anImage({ chip: 'esp32c3', length: 1200, version: '7.1' })), 'matter-ota')
    expect(verdict).toMatchObject({ chip: 'esp32c3', fields: { appDesc: { version: '7.1' } } })
    expect(codes(aMatterOta(app), 'matter-ota', { chip: 'esp32c3' })).toEqual(['chip-mismatch'])
    expect(codes(prefixed, 'signature-prefixed-app', { slotSize: 1100 })).toEqual(['too-large-for-partition'])
    expect(judge(prefixed, 'signature-prefixed-app', { chip: 'esp32c3' }).device[0]?.text).toMatch(/^mismatch chip ID/)
  })

  it('may be encrypted where the project asks for that too', () => {
    const context: ImageContext = { kinds: ['matter-ota', 'esp-encrypted-img'] }
    expect(verifyImage(aMatterOta(anEncryptedImage()), context)).toMatchObject({
      verdict: 'accept',
      chip: null,
      fields: { payloadLength: 2000 }
    })
    expect(codes(aMatterOta(anEncryptedImage()), 'matter-ota')).toEqual(['payload-not-an-app'])
    const tooLarge = verifyImage(aMatterOta(anEncryptedImage(2000)), { ...context, slotSize: 1999 })
    expect(tooLarge.problems).toEqual([{ code: 'too-large-for-partition', length: 2000, slotSize: 1999 }])
  })

  it('of an encrypted file has to fit the slot once it is plain', () => {
    expect(codes(anEncryptedImage(2000), 'esp-encrypted-img', { slotSize: 2000 })).toEqual([])
    expect(codes(anEncryptedImage(2000), 'esp-encrypted-img', { slotSize: 1999 })).toEqual(['too-large-for-partition'])
    expect(codes(anMcubootImage(), 'mcuboot', { slotSize: 2000 })).toEqual(['too-large-for-partition'])
  })

  it('that a patch makes is not known, only the firmware that it is for', () => {
    const base = filled(32, 77)
    expect(judge(aDeltaPatch(base), 'esp-delta-ota').fields).toMatchObject({
      baseSha256: Buffer.from(base).toString('hex')
    })
  })
})

describe('a bootloader that the project serves', () => {
  it('has to be for its chip, and goes to no slot', () => {
    const bootloader = aBootloader({ chip: 'esp32c3' })
    expect(codes(bootloader, 'bootloader', { chip: 'esp32' })).toEqual(['chip-mismatch'])
    expect(codes(bootloader, 'bootloader', { slotSize: 1024 })).toEqual([])
  })
})

describe('a project that demands signatures', () => {
  const keys = [readTrustedKey(rsa.pem) as TrustedKey]
  const signature = { policy: 'required', keys } as const
  const context: ImageContext = { chip: 'esp32c3', signature }

  it('finds them in the image inside, and in the last sector of a data partition', () => {
    const image = anImage({ chip: 'esp32c3', length: 1200 })
    expect(judge(aMatterOta(signedV2(image, [rsa])), 'matter-ota', context)).toMatchObject({
      verdict: 'accept',
      signature: { scheme: 'secure-boot-v2', verdict: 'verified' }
    })
    expect(codes(aMatterOta(image), 'matter-ota', context)).toEqual(['signature-missing'])
    expect(judge(signedData, 'signed-data', context)).toMatchObject({ verdict: 'accept' })
    expect(codes(signedV2(filled(0x1000, 11), [aSigningKey('rsa3072')]), 'signed-data', context)).toEqual([
      'signature-untrusted'
    ])
  })

  it('takes nothing in which nobody can find one', () => {
    for (const [kind, bytes] of sound) {
      if (kind === 'signed-data' || kind === 'signature-prefixed-app') continue
      expect(codes(bytes, kind, { signature }), kind).toEqual(['signature-missing'])
      expect(codes(bytes, kind, { signature: { policy: 'if-present', keys } }), kind).toEqual([])
    }
  })
})

describe.skipIf(!isThere)('real files of special kinds', () => {
  const real: readonly (readonly [Kind, string])[] = [
    ['bootloader', 'espflash/esp32c61-bootloader.bin'],
    ['bootloader', 'esp-serial-flasher/bootloader-esp32p4-b.bin'],
    ['partition-table', 'esp-idf/partitions.bin'],
    ['partition-table', 'made/partition-table.bin'],
    ['nvs', 'esp-idf/nvs_partition.bin'],
    ['phy-init', 'esp-idf/phy_multiple_init_data.bin'],
    ['signed-data', 'esp-idf/signed_storage.bin'],
    ['esp-encrypted-img', 'idf-extra-components/image.bin'],
    ['esp-bootloader-plus', 'made/app.bin.xz.packed'],
    ['matter-ota', 'made/app-matter.ota'],
    ['signature-prefixed-app', 'made/signed-esp32fota-esp32.img'],
    ['esp8266-v2', 'esp8266-rtos-sdk/4096_user1.bin']
  ]
  it.each(real)('are accepted: %s, %s', (kind, file) => {
    const context: ImageContext = { kinds: [kind] }
    const verdict = verifyImage(readCorpusFile(file), context)
    expect(verdict.problems).toEqual([])
    expect(isServable(verdict, context)).toBe(true)
  })

  it('are refused with one byte more or less', () => {
    const matter = readCorpusFile('made/app-matter.ota')
    expect(codes(withTrailer(matter, [0]), 'matter-ota')).toContain('envelope-length-mismatch')
    expect(codes(truncatedTo(matter, -1), 'matter-ota')).toContain('envelope-length-mismatch')
  })
})
