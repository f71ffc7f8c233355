import type { BlockScheme } from './chips.js'

/** One segment as it is reported: names and numbers of esp_image_segment_header_t, and what a device does with it. */
export interface SegmentFields {
  readonly addr: number
  readonly len: number
  /** First byte of the segment's data in the file. */
  readonly offset: number
  /** Where the chip is not known, what is no padding counts as loaded. */
  readonly use: 'map' | 'load' | 'pad'
}

/** The app descriptor as it is reported; see AppDescriptor for what each field means. */
export interface AppDescriptorFields {
  readonly secureVersion: number
  readonly version: string
  readonly projectName: string
  readonly time: string
  readonly date: string
  readonly idfVersion: string
  readonly appElfSha256: string
  readonly minEfuseBlkRevFull: number
  readonly maxEfuseBlkRevFull: number
  readonly mmuPageSizeLog2: number
  readonly spiFlashMode: number
}

/** The bootloader descriptor as it is reported. */
export interface BootloaderDescriptorFields {
  readonly secureVersion: number
  readonly version: number
  readonly idfVersion: string
  readonly dateTime: string
}

/** One block of a Secure Boot v2 signature sector; nothing here says that the signature is right. */
export interface SignatureBlockFields {
  readonly index: number
  readonly version: number
  readonly crcValid: boolean
  /** Null where version or curve are not known. */
  readonly scheme: BlockScheme | null
  readonly digestValid: boolean
  /** SHA-256 of the public key's fields, as eFuses hold it; null where the scheme is not known. */
  readonly keyDigest: string | null
}

/** What follows an image, as it is reported. */
export interface TrailerFields {
  /** How many bytes follow the image. */
  readonly trailing?: number
  /** Set when all of them are 0xFF. */
  readonly padding?: 'ff'
  readonly signatureV1?: { readonly at: number; readonly version: number }
  readonly signatureV2At?: number
  readonly signatureV2?: readonly SignatureBlockFields[]
  readonly smartthings?: { readonly at: number; readonly signatureBytes: number }
  readonly arduino?: { readonly at: number; readonly signatureBytes: number }
}

/** Everything that was read of an image of the ESP32 family, as far as the bytes went. Revisions are major × 100 + minor. */
export interface EspImageFields extends TrailerFields {
  readonly segmentCount: number
  readonly flashMode: number
  readonly flashFreq: number
  readonly flashSize: number
  readonly entry: number
  readonly wpPin: number
  readonly chipId: number
  readonly minRev: number
  readonly minRevFull: number
  readonly maxRevFull: number
  readonly hashFlag: number
  readonly appDesc?: AppDescriptorFields
  readonly bootDesc?: BootloaderDescriptorFields
  /** Bytes; null where the chip is not known. */
  readonly mmuPageSize: number | null
  readonly segments: readonly SegmentFields[]
  /** Length of header, segments, checksum block and hash. */
  readonly imageLength?: number
  readonly checksum?: number
  readonly checksumCalc?: number
  readonly sha256?: string
  readonly sha256Calc?: string
}

/** Everything that was read of an ESP8266 image, as far as the bytes went. */
export interface Esp8266Fields {
  readonly appDesc?: never
  /** How many segments are loaded to RAM or mapped, the flash part of version 2 left out. */
  readonly segments: number
  readonly entry: number
  /** Length of the flash part of version 2. */
  readonly irom?: number
  /** Length up to the checksum; SHA-256 or CRC-32 come behind it. */
  readonly imageLength?: number
  readonly checksum?: number
  readonly checksumCalc?: number
  readonly sha256Valid?: boolean
  readonly crc32Valid?: boolean
}

/** What was read of a partition table. */
export interface PartitionTableFields {
  readonly appDesc?: never
  /** How many partitions there are. */
  readonly entries: number
  /** Whether the MD5 entry matches; null where there is none. */
  readonly md5: boolean | null
  readonly valid: boolean
}

/** What was read of a file around firmware that stays unseen: encrypted, packed, a patch, or for another boot loader. */
export interface EnvelopeFields {
  readonly appDesc?: never
  /** The version that the file states; MCUboot's with its build number behind a plus. */
  readonly version?: string
  /** Length of what is inside, as the file states it. */
  readonly payloadLength?: number
  /** The appended SHA-256 of the firmware that a patch is for, hexadecimal. */
  readonly baseSha256?: string
}

/** The facts of a file that could be parsed. `appDesc` can be asked for without knowing which of them it is. */
export type ImageFields = EspImageFields | Esp8266Fields | PartitionTableFields | EnvelopeFields
