import { type TSchema, Type } from 'typebox'
import { CHIP_NAMES } from '../../src/image/chips.js'
import type { Problem } from '../../src/image/problem.js'

/**
 * The shape of what `otad check --json` prints for one file, as a JSON schema (draft 2020-12). It lives with the tests, since no
 * room of the program may load the schema library; nothing that the judge says may be outside of it.
 */

const closed = { additionalProperties: false }
const Count = Type.Integer({ minimum: 0 })
const Length = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Word = Type.Integer({ minimum: 0, maximum: 0xffffffff })
const Byte = Type.Integer({ minimum: 0, maximum: 0xff })
const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Digest = Type.String({ pattern: '^([0-9a-f]{2}){0,255}$' })
/** At most one field of a descriptor, or a version that a wrapper states in at most 255 bytes, without control characters. */
const Text = Type.String({ maxLength: 255, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$' })
const either = (...words: readonly string[]) => Type.Union(words.map(word => Type.Literal(word)))
const orNull = (schema: TSchema) => Type.Union([schema, Type.Null()])

const Chip = either(...CHIP_NAMES)
const Kind = Type.String({ pattern: '^[a-z0-9-]+$' })
const BlockScheme = either('rsa3072', 'ecdsa-p192', 'ecdsa-p256', 'ecdsa-p384')
const BlockVerdict = either(
  'unused',
  'damaged',
  'unknown-version',
  'other-content',
  'unfit',
  'wrong',
  'untrusted',
  'verified'
)
const SignatureScheme = either('secure-boot-v1', 'secure-boot-v2', 'smartthings', 'esp32fota', 'arduino')

/** The facts beside each code. The compiler asks for a line here when a problem is added. */
const PROBLEM_FACTS: Record<Problem['code'], Record<string, TSchema>> = {
  'empty-file': {},
  'not-an-esp-image': { kind: Kind, firstByte: Byte },
  'truncated-header': { fileLength: Length, headerLength: Length },
  'shorter-than-1024': { fileLength: Length },
  'unknown-chip-id': { chipId: Word },
  'chip-mismatch': { found: Chip, expected: Chip },
  'revision-range-empty': { of: Type.Optional(Type.Literal('efuse-block')), minRevision: Count, maxRevision: Count },
  'hash-flag-invalid': { flag: Byte },
  'no-segments': {},
  'mmu-page-size-unsupported': { chip: Chip, log2: Byte },
  'too-many-segments': { count: Byte },
  'segment-length-invalid': { index: Count, length: Word, limit: Word },
  'truncated-segment-header': { index: Count, fileLength: Length },
  'truncated-segment-data': { index: Count, length: Word, available: Length },
  'segment-misaligned': { index: Count, loadAddress: Word, offset: Length, pageSize: Length },
  'segment-bad-load-address': { chip: Chip, index: Count, loadAddress: Word, length: Word, count: Count },
  'segments-overlap': { index: Count, otherIndex: Count, address: Word },
  'truncated-checksum': { wholeLength: Length, fileLength: Length },
  'truncated-hash': { wholeLength: Length, fileLength: Length },
  'checksum-mismatch': { calculated: Byte, found: Byte },
  'hash-mismatch': { calculated: Sha256, found: Sha256 },
  'crc32-mismatch': { calculated: Word, found: Word },
  'too-large-for-partition': { length: Length, slotSize: Length },
  'entry-outside-memory': { chip: Chip, entryAddress: Word },
  'hash-flag-cleared': {},
  'signature-invalid': { block: Count, reason: either('crc', 'digest', 'version') },
  'signature-length-unexpected': { length: Length, expected: Length },
  'signature-missing': {},
  'signature-untrusted': { keyDigests: Type.Array(Sha256, { minItems: 1, maxItems: 3 }) },
  'signature-not-verified': { scheme: SignatureScheme, block: orNull(BlockVerdict) },
  'is-bootloader': {},
  'is-ram-app': {},
  'is-merged-flash': {},
  'segment0-too-short': { length: Word },
  'app-desc-missing': { chip: Chip },
  'bad-second-header': { offset: Length, found: orNull(Byte) },
  'envelope-damaged': { kind: Kind, part: either('header', 'header-crc', 'digest') },
  'envelope-length-mismatch': { kind: Kind, stated: Type.Number({ minimum: 0 }), found: Length },
  'payload-digest-mismatch': { kind: Kind, calculated: Digest, found: Digest },
  'payload-not-an-app': { kind: Kind, found: Kind },
  'partition-table-invalid': { md5: orNull(Type.Boolean()) },
  'nvs-page-damaged': { index: Count, count: Count },
  'warn:no-hash': {},
  'warn:no-app-desc': {},
  'warn:reserved-header-bytes': {},
  'warn:flash-mode-unknown': { mode: Byte },
  'warn:segment-in-bootloader-ram': { index: Count, loadAddress: Word },
  'warn:trailing-data': { length: Length },
  'warn:v2-first-header-count': { count: Byte }
}

const ProblemSchema = Type.Union(
  Object.entries(PROBLEM_FACTS).map(([code, facts]) => Type.Object({ code: Type.Literal(code), ...facts }, closed))
)

const Stage = either('https-ota', 'ota-write', 'ota-end', 'boot')
const DeviceLineSchema = Type.Object(
  {
    stage: Stage,
    level: either('E', 'W', 'I'),
    tag: Type.String({ maxLength: 32 }),
    text: Type.String({ maxLength: 200 }),
    likely: Type.Optional(Type.Literal(true))
  },
  closed
)
const OlderLineSchema = Type.Object(
  { idf: Type.String(), stage: Stage, tag: Type.String(), text: orNull(Type.String({ maxLength: 200 })) },
  closed
)

const AppDescriptorSchema = Type.Object(
  {
    secureVersion: Word,
    version: Text,
    projectName: Text,
    time: Text,
    date: Text,
    idfVersion: Text,
    appElfSha256: Sha256,
    minEfuseBlkRevFull: Count,
    maxEfuseBlkRevFull: Count,
    mmuPageSizeLog2: Byte,
    spiFlashMode: Byte
  },
  closed
)

const BootloaderDescriptorSchema = Type.Object(
  { secureVersion: Byte, version: Word, idfVersion: Text, dateTime: Text },
  closed
)

const SegmentSchema = Type.Object({ addr: Word, len: Word, offset: Length, use: either('map', 'load', 'pad') }, closed)

const BlockFieldsSchema = Type.Object(
  {
    index: Count,
    version: Byte,
    crcValid: Type.Boolean(),
    scheme: orNull(BlockScheme),
    digestValid: Type.Boolean(),
    keyDigest: orNull(Sha256)
  },
  closed
)

const SignaturePlace = Type.Object({ at: Length, signatureBytes: Length }, closed)

const EspImageFieldsSchema = Type.Object(
  {
    segmentCount: Byte,
    flashMode: Byte,
    flashFreq: Byte,
    flashSize: Byte,
    entry: Word,
    wpPin: Byte,
    chipId: Count,
    minRev: Byte,
    minRevFull: Count,
    maxRevFull: Count,
    hashFlag: Byte,
    appDesc: Type.Optional(AppDescriptorSchema),
    bootDesc: Type.Optional(BootloaderDescriptorSchema),
    mmuPageSize: orNull(Length),
    segments: Type.Array(SegmentSchema, { maxItems: 16 }),
    imageLength: Type.Optional(Length),
    checksum: Type.Optional(Byte),
    checksumCalc: Type.Optional(Byte),
    sha256: Type.Optional(Sha256),
    sha256Calc: Type.Optional(Sha256),
    trailing: Type.Optional(Length),
    padding: Type.Optional(Type.Literal('ff')),
    signatureV1: Type.Optional(Type.Object({ at: Length, version: Word }, closed)),
    signatureV2At: Type.Optional(Length),
    signatureV2: Type.Optional(Type.Array(BlockFieldsSchema, { maxItems: 3 })),
    smartthings: Type.Optional(SignaturePlace),
    arduino: Type.Optional(SignaturePlace)
  },
  closed
)

const Esp8266FieldsSchema = Type.Object(
  {
    segments: Byte,
    entry: Word,
    irom: Type.Optional(Word),
    imageLength: Type.Optional(Length),
    checksum: Type.Optional(Byte),
    checksumCalc: Type.Optional(Byte),
    sha256Valid: Type.Optional(Type.Boolean()),
    crc32Valid: Type.Optional(Type.Boolean())
  },
  closed
)

const PartitionTableFieldsSchema = Type.Object(
  { entries: Count, md5: orNull(Type.Boolean()), valid: Type.Boolean() },
  closed
)

const EnvelopeFieldsSchema = Type.Object(
  { version: Type.Optional(Text), payloadLength: Type.Optional(Word), baseSha256: Type.Optional(Sha256) },
  closed
)

const SignatureReportSchema = Type.Object(
  {
    scheme: orNull(SignatureScheme),
    verdict: either('verified', 'untrusted', 'not-verified', 'no-signature'),
    key: orNull(Count),
    blocks: Type.Array(
      Type.Object(
        { index: Count, verdict: BlockVerdict, scheme: orNull(BlockScheme), keyDigest: orNull(Sha256) },
        closed
      ),
      { maxItems: 3 }
    )
  },
  closed
)

/** One element of the array that `otad check --json` prints. */
export const VerdictSchema = Type.Object(
  {
    file: Type.String(),
    kind: Kind,
    chip: orNull(Chip),
    verdict: either('accept', 'reject', 'other-family'),
    problems: Type.Array(ProblemSchema, { maxItems: 64 }),
    device: Type.Array(DeviceLineSchema, { maxItems: 4 }),
    olderDevice: Type.Optional(Type.Array(OlderLineSchema)),
    fields: orNull(
      Type.Union([EspImageFieldsSchema, Esp8266FieldsSchema, PartitionTableFieldsSchema, EnvelopeFieldsSchema])
    ),
    signature: orNull(SignatureReportSchema)
  },
  closed
)
