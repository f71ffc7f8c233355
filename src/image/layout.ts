/**
 * Every offset, size, magic number and limit of the ESP image and its neighbours, as data.
 * All integers in these formats are little-endian; offsets count from the start of the structure they belong to.
 * The C name stands beside each field, so that a search from the C header lands here.
 */

/** esp_image_header_t: ESP-IDF components/bootloader_support/include/esp_app_format.h. */
export const IMAGE_HEADER = {
  length: 24,
  magicByte: 0xe9, // ESP_IMAGE_HEADER_MAGIC
  magic: 0, // magic
  segmentCount: 1, // segment_count
  flashMode: 2, // spi_mode
  flashSpeedAndSize: 3, // spi_speed (low 4 bits), spi_size (high 4 bits)
  entryAddress: 4, // entry_addr
  wpPin: 8, // wp_pin
  spiPinDrive: 9, // spi_pin_drv[3]
  chipId: 12, // chip_id
  minChipRevisionLegacy: 14, // min_chip_rev
  minChipRevision: 15, // min_chip_rev_full
  maxChipRevision: 17, // max_chip_rev_full
  reserved: 19, // reserved[4]
  reservedLength: 4,
  hashAppended: 23 // hash_appended
} as const

/** WP pin number that means "not used": WP_PIN_DISABLED in esptool/bin_image.py. */
export const WP_PIN_UNUSED = 0xee

/** The highest spi_mode that has a name (SLOW_READ): esp_image_spi_mode_t. */
export const LAST_FLASH_MODE = 5

/** max_chip_rev_full and max_efuse_blk_rev_full values that mean "no upper limit". */
export const NO_REVISION_LIMIT: readonly number[] = [0, 0xffff]

/** esp_image_segment_header_t: ESP-IDF components/bootloader_support/include/esp_app_format.h. */
export const SEGMENT_HEADER = {
  length: 8,
  loadAddress: 0, // load_addr
  dataLength: 4 // data_len
} as const

/** ESP-IDF components/bootloader_support/src/esp_image_format.c, and what esp_https_ota reads before anything else. */
export const LIMITS = {
  segmentCount: 16, // ESP_IMAGE_MAX_SEGMENTS
  /** Below this load address nothing is loaded: such a segment is padding (`should_load`). */
  firstLoadedAddress: 0x10000000,
  /** Bytes that esp_https_ota reads first (DEFAULT_REQUEST_SIZE): a shorter body never becomes an update. */
  otaHeaderRead: 1024,
  /** Segment 0 has to hold an app descriptor: since June 2026 the bootloader asks for its length first. */
  firstSegmentLength: 256
} as const

/** The checksum byte ends a 16-byte block and is seeded: ESP_ROM_CHECKSUM_INITIAL in esp_image_format.c. */
export const CHECKSUM = { blockLength: 16, seed: 0xef } as const

/** Length of the appended SHA-256 ("simple hash"): HASH_LEN in esp_image_format.c. */
export const HASH_LENGTH = 32

/** esp_app_desc_t: ESP-IDF components/esp_app_format/include/esp_app_desc.h; it opens the first segment. */
export const APP_DESCRIPTOR = {
  length: 256,
  fileOffset: 32,
  magicWord: 0xabcd5432, // ESP_APP_DESC_MAGIC_WORD
  magic: 0, // magic_word
  secureVersion: 4, // secure_version
  version: 16, // version[32]
  versionLength: 32,
  projectName: 48, // project_name[32]
  projectNameLength: 32,
  time: 80, // time[16]
  timeLength: 16,
  date: 96, // date[16]
  dateLength: 16,
  idfVersion: 112, // idf_ver[32]
  idfVersionLength: 32,
  appElfSha256: 144, // app_elf_sha256[32]
  minEfuseBlockRevision: 176, // min_efuse_blk_rev_full
  maxEfuseBlockRevision: 178, // max_efuse_blk_rev_full
  mmuPageSizeLog2: 180, // mmu_page_size
  spiFlashMode: 181 // spi_flash_mode
} as const

/** log2 of an MMU page size that the bootloader believes: 8 KiB to 256 KiB. Anything else counts as not said. */
export const MMU_PAGE_LOG2 = { lowest: 13, highest: 18 } as const

/** esp_bootloader_desc_t: ESP-IDF components/esp_bootloader_format/include/esp_bootloader_desc.h. */
export const BOOTLOADER_DESCRIPTOR = {
  length: 80,
  fileOffset: 32,
  magicByte: 0x50, // ESP_BOOTLOADER_DESC_MAGIC_BYTE
  magic: 0, // magic_byte
  reserved: 1, // reserved[2]
  reservedLength: 2,
  secureVersion: 3, // secure_version
  version: 4, // version
  idfVersion: 8, // idf_ver[32]
  idfVersionLength: 32,
  dateTime: 40, // date_time[24]
  dateTimeLength: 24,
  reserved2: 64, // reserved2[16]
  reserved2Length: 16
} as const

/** esp_partition_info_t: ESP-IDF components/bootloader_support/include/esp_flash_partitions.h. */
export const PARTITION_ENTRY = {
  length: 32,
  magicWord: 0x50aa, // ESP_PARTITION_MAGIC
  md5MagicWord: 0xebeb, // ESP_PARTITION_MAGIC_MD5
  magic: 0, // magic
  type: 2, // type
  subtype: 3, // subtype
  offset: 4, // pos.offset
  size: 8, // pos.size
  label: 12, // label[16]
  labelLength: 16,
  flags: 28, // flags
  md5: 16 // ESP_PARTITION_MD5_OFFSET
} as const

/** A whole partition table: ESP_PARTITION_TABLE_MAX_LEN, CONFIG_PARTITION_TABLE_OFFSET as it comes, and its type numbers. */
export const PARTITION_TABLE = {
  length: 0xc00,
  flashOffset: 0x8000,
  appType: 0, // PART_TYPE_APP
  otaSubtype: 0x10, // PART_SUBTYPE_OTA_FLAG
  otaSubtypeMask: 0x0f // PART_SUBTYPE_OTA_MASK
} as const

/** The text that every ESP-IDF bootloader prints first, and the part of the file to look for it in. */
export const BOOTLOADER_BANNER = { text: '2nd stage bootloader', searched: 0x10000, shortestFile: 0x1000 } as const

/** Flash is erased in sectors, and app partitions start at multiples of 64 KiB. */
export const FLASH = { sectorLength: 0x1000, appAlignment: 0x10000, erasedByte: 0xff } as const

/** Where esp_ota_begin would write on a board with the default two-slot table: `ota_0` behind a 1 MiB factory app. */
export const UPDATE_SLOT_OFFSET = 0x110000

/** ESP8266 images: esptool/bin_image.py (ESP8266ROMFirmwareImage, ESP8266V2FirmwareImage, ESP8266V3FirmwareImage). */
export const ESP8266_IMAGE = {
  headerLength: 8,
  v2MagicByte: 0xea,
  v2SegmentCount: 4,
  crcLength: 4,
  /** The first load address; in a header of the ESP32 family these bytes are pins and their drives. */
  firstLoadAddress: 8,
  shortestRecognised: 12
} as const

/** What a v1 signature looks like behind an image: esp_secure_boot_sig_block_t of esp_secure_boot.h, version 0, 64 bytes r and s. */
export const SIGNATURE_V1 = { length: 68, version: 0, signature: 4, longestTrailer: 128 } as const

/** A public key of Secure Boot v1 as espsecure extracts it: X and Y of P-256, 32 bytes each, big-endian. */
export const RAW_P256_KEY_LENGTH = 64

/** ets_secure_boot_signature_t: ESP-IDF components/bootloader_support/include/esp_secure_boot.h and espsecure. */
export const SIGNATURE_BLOCK = {
  length: 1216,
  perSector: 3, // SECURE_BOOT_NUM_BLOCKS at most
  magicByte: 0xe7, // ETS_SECURE_BOOT_V2_SIGNATURE_MAGIC
  magic: 0, // magic_byte
  version: 1, // version
  digestAlgorithm: 2, // sha_version, in ECDSA blocks
  digest: 4, // image_digest
  crc: 1196, // block_crc, over everything before it
  rsaVersion: 2,
  ecdsaVersion: 3,
  rsaKey: 36,
  rsaKeyEnd: 812,
  rsaSignature: 812, // signature
  rsaSignatureLength: 384,
  ecdsaCurve: 36,
  ecdsaKeyEnd: 101,
  ecdsaSignature: 101, // ecdsa.signature, r then s
  sha384: 1,
  p384Curve: 52,
  p384KeyEnd: 149,
  p384Signature: 149
} as const

/** Length of the salt of RSA-PSS, no other being accepted: espsecure and the ROM. */
export const PSS_SALT_LENGTH = 32

/** The public key inside an RSA block, in little-endian byte order like every large number of a block: ets_rsa_pubkey_t. */
export const RSA_KEY_FIELDS = {
  length: 776,
  modulus: 0, // n
  modulusLength: 384,
  exponent: 384, // e
  rSquared: 388, // rinv: 2^6144 mod n
  negativeInverse: 772 // mdash: -1/n mod 2^32
} as const

/** The public key inside an ECDSA block: the curve's number, X and Y one behind the other, zeros to the field's end. */
export const ECDSA_KEY_FIELDS = { curve: 0, point: 1, length: 65, p384Length: 97 } as const

/** How much of a key's SHA-256 the eFuses hold; the ESP32-C2 has room for half: ESP_SECURE_BOOT_KEY_DIGEST_LEN. */
export const KEY_DIGEST = { length: 32, halfLength: 16 } as const

/** Footer of the SmartThings ota_demo: firmware_sign.py and ota_util.c of st-device-sdk-c-ref. */
export const SMARTTHINGS_FOOTER = {
  opening: [0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  closing: [0x00, 0x00, 0xff, 0xff, 0xff, 0xff],
  /** The only signature length that the device accepts (RSA-2048). */
  signatureLength: 256,
  otherSignatureLengths: [128, 384, 512]
} as const

/** Signature that arduino-esp32 puts behind an image, zero-filled: tools/bin_signing.py. */
export const ARDUINO_SIGNATURE = {
  length: 512,
  rsaLengths: [256, 384, 512],
  derSequence: 0x30,
  derHeaderLength: 2,
  /** So many zeros in a row are the filling, and no end of an RSA signature. */
  surelyNotZero: 8
} as const

/** Magic bytes at the very start of files that are no ESP images. */
export const PREFIXES = {
  partitionTable: [0xaa, 0x50],
  phyInit: 'PHYINIT\0',
  elf: [0x7f, 0x45, 0x4c, 0x46],
  uf2: 'UF2\n',
  dfu: '070701', // cpio, as ESP-IDF's mkdfu.py packs it
  zip: 'PK\u0003\u0004',
  gzip: [0x1f, 0x8b],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  matterOta: [0x1e, 0xf1, 0xee, 0x1b],
  mcuboot: [0x3d, 0xb8, 0xf3, 0x96],
  espEncryptedImg: [0xcf, 0xb6, 0x88, 0x07],
  espDeltaOta: [0x10, 0xde, 0xcd, 0xfc],
  espBootloaderPlus: 'ESP\0'
} as const

/** zlib's two header bytes: RFC 1950, deflate with a 32 KiB window. */
export const ZLIB_HEADER = { firstByte: 0x78, checkModulus: 31 } as const

/** esp_ota_select_entry_t, one in each of two sectors: ESP-IDF components/bootloader_support/include/esp_flash_partitions.h. */
export const OTA_DATA = { sectors: 2, sequence: 0, label: 4, labelLength: 20, crc: 28, entryLength: 32 } as const

/** The header of an NVS page: ESP-IDF components/nvs_flash/src/nvs_page.hpp. */
export const NVS_PAGE = {
  length: 0x1000,
  headerLength: 32,
  state: 0,
  states: [0xfffffffe, 0xfffffffc, 0xfffffff8, 0xfffffff0],
  version: 8,
  versions: [0xfe, 0xff],
  crc: 28,
  crcStart: 4
} as const

/** SPIFFS with ESP-IDF's settings: the magic closes the object lookup page of each block (spiffs_nucleus.h). */
export const SPIFFS = { blockLength: 0x1000, magicOffset: 252, magicWord: 0x0429 } as const

/** littlefs names itself in its superblock, of which there are two. */
export const LITTLEFS = { magic: 'littlefs', offsets: [8, 0x1008] } as const

/** A FAT boot sector: a jump at its start, a mark at its end. */
export const FAT = { jumps: [0xeb, 0xe9], markOffset: 510, mark: [0x55, 0xaa] } as const

/** Lengths that the signature in front of an app can have: esp32FOTA's signature_len. */
export const PREFIXED_SIGNATURE_LENGTHS: readonly number[] = [512, 384, 256]

/** Matter OTA file, a TLV of the Matter specification inside: connectedhomeip src/lib/core/OTAImageHeader.h. */
export const MATTER_OTA = {
  totalLength: 4,
  headerLength: 12,
  header: 16,
  versionTag: 3, // kSoftwareVersionString
  versionLength: 64, // at most
  payloadLengthTag: 4, // kPayloadSize
  digestTypeTag: 8, // kImageDigestType
  digestTag: 9 // kImageDigest
} as const

/** Matter TLV, as far as an OTA header needs it: connectedhomeip src/lib/core/TLVTypes.h and TLVTags.h. */
export const MATTER_TLV = {
  typeMask: 0x1f,
  tagMask: 0xe0,
  contextTag: 0x20,
  firstUnsigned: 0x04, // 1, 2, 4 and 8 bytes
  firstUtf8: 0x0c, // with a length of 1, 2, 4 and 8 bytes
  firstOctets: 0x10,
  structure: 0x15,
  end: 0x18
} as const

/** image_header, image_tlv_info and image_tlv of mcuboot boot/bootutil/include/bootutil/image.h. */
export const MCUBOOT_IMAGE = {
  headerLength: 32,
  headerSize: 8, // ih_hdr_size
  protectedSize: 10, // ih_protect_tlv_size
  imageSize: 12, // ih_img_size
  version: 20, // ih_ver: major, minor, u16 revision, u32 build
  tlvMagic: 0x6907, // IMAGE_TLV_INFO_MAGIC
  tlvInfoLength: 4,
  tlvHeaderLength: 4,
  /** Which hash algorithm a TLV type stands for, and its length: IMAGE_TLV_SHA256, _SHA384, _SHA512. */
  digests: { 16: ['sha256', 32], 17: ['sha384', 48], 18: ['sha512', 64] } as Readonly<
    Record<number, readonly [algorithm: string, length: number]>
  >,
  loadHeaderMagic: 0xace637d3 // esp_load_header of boot/espressif
} as const

/** Pre-encrypted image: idf-extra-components esp_encrypted_img/src/esp_encrypted_img.c, RSA and ECIES alike. */
export const ENCRYPTED_IMAGE = { headerLength: 512, plainLength: 404 } as const

/** Patch header: idf-extra-components esp_delta_ota/examples (esp_delta_ota_patch_gen.py). */
export const DELTA_PATCH = { headerLength: 64, baseDigest: 4 } as const

/** Header in front of a compressed or delta image: bootloader_custom_ota.h of esp-bootloader-plus. */
export const BOOTLOADER_PLUS = {
  version: 4,
  softwareVersion: 8,
  softwareVersionLength: 32,
  payloadLength: 40,
  md5: 44,
  md5Length: 16,
  /** Where the header's own CRC-32 stands in each version of it; the payload follows at once. */
  headerCrc: { 1: 76, 2: 84 } as Readonly<Record<number, number>>
} as const
