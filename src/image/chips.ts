/** Addresses from the first up to, but not including, the second. */
export type AddressRange = readonly [low: number, high: number]

/** What a block of Secure Boot v2 is signed with; the key lies in the block. */
export type BlockScheme = 'rsa3072' | 'ecdsa-p192' | 'ecdsa-p256' | 'ecdsa-p384'

/** A form of Secure Boot: `v1` is ECDSA P-256 right behind the image, the others are blocks of v2. */
export type SecureBootScheme = 'v1' | BlockScheme

/** The numbers of one chip that decide whether an image can run on it. */
export interface Chip {
  /** As Espressif writes it: "ESP32-S3". */
  readonly label: string
  /** chip_id of the image header (esp_chip_id_t); the ESP8266 has none. */
  readonly id: number | null
  /** Address ranges reached through the flash cache: SOC_DROM_*, SOC_IROM_*, SOC_EXTRAM_* of soc.h. */
  readonly mapped: Readonly<Record<string, AddressRange>>
  /** Set where the mapped range ends this many MMU pages above its start, whatever the page size is. */
  readonly mappedPageCount?: number
  /** Address ranges that a segment can be copied to: internal RAM, RTC RAM, SPM of soc.h. */
  readonly ram: Readonly<Record<string, AddressRange>>
  /** MMU page sizes in bytes, smallest first; more than one means that the project chooses (SOC_MMU_PAGE_SIZE_CONFIGURABLE). */
  readonly pageSizes: readonly number[]
  /** A segment has to be shorter than this: FLASH_24_BIT or FLASH_32_BIT. */
  readonly flashLimit: number
  /** Flash offset of the bootloader: CONFIG_BOOTLOADER_OFFSET_IN_FLASH. */
  readonly bootloaderOffset: number
  /** From here up RAM belongs to the bootloader while it loads an app: bootloader.ld.in of each chip, and its builds differ. */
  readonly bootloaderRamStart?: number
  /** The same where the image is built for chip revisions below 3.0 (ESP32-P4). */
  readonly bootloaderRamStartBelowRevision3?: number
  /** What to add to a data address of shared RAM to get its instruction address, where the two views differ. */
  readonly iramAboveDram?: number
  /** Flash clock by the header's spi_speed nibble, as esptool names it. */
  readonly flashSpeeds: Readonly<Record<number, string>>
  /** The forms of Secure Boot that the chip can check: soc_caps.h (SOC_SECURE_BOOT_*); v2 with RSA on an ESP32 from revision 3.0 on. */
  readonly secureBoot: readonly SecureBootScheme[]
  /** How many blocks of a Secure Boot v2 signature the chip looks at: SOC_EFUSE_SECURE_BOOT_KEY_DIGESTS. */
  readonly signatureBlocks: 1 | 3
  /** Known to esptool only, without an ESP-IDF target: its ranges may still move. */
  readonly provisional?: true
}

const KIB = 1024
/** Chips with 24-bit flash addresses take segments below 16 MiB (SIXTEEN_MB in esp_image_format.c). */
const FLASH_24_BIT = 0x1000000
/** Chips with a 32-bit flash cache (SOC_SPI_MEM_SUPPORT_CACHE_32BIT_ADDR_MAP, ESP-IDF 5.5) go up to 4 GiB less one byte. */
const FLASH_32_BIT = 0xffffffff

const UP_TO_80M = { 0: '40m', 1: '26m', 2: '20m', 15: '80m' }
const UP_TO_80M_WITHOUT_26M = { 0: '40m', 2: '20m', 15: '80m' }
const UP_TO_60M = { 0: '30m', 1: '20m', 2: '15m', 15: '60m' }
const UP_TO_48M = { 0: '24m', 1: '16m', 2: '12m', 15: '48m' }
const C6_SPEEDS = { 0: '80m', 2: '20m' }

/**
 * Every chip of the family with its memory map: ESP-IDF components/soc/<chip>/include/soc/soc.h, soc_caps.h and
 * components/bootloader/subproject/main/ld/<chip>; esptool/targets for the ESP32-E22 and the ESP8266.
 */
const TABLE = {
  esp32: {
    label: 'ESP32',
    id: 0,
    mapped: { drom: [0x3f400000, 0x3f800000], irom: [0x400d0000, 0x40400000] },
    ram: {
      dram: [0x3ffae000, 0x40000000],
      iram: [0x40080000, 0x400aa000],
      rtcIram: [0x400c0000, 0x400c2000],
      rtcDram: [0x3ff80000, 0x3ff82000],
      rtcData: [0x50000000, 0x50002000]
    },
    pageSizes: [64 * KIB],
    flashLimit: FLASH_24_BIT,
    bootloaderOffset: 0x1000,
    bootloaderRamStart: 0x3fff0000,
    flashSpeeds: UP_TO_80M,
    secureBoot: ['v1', 'rsa3072'],
    signatureBlocks: 1
  },
  esp32s2: {
    label: 'ESP32-S2',
    id: 2,
    mapped: { drom: [0x3f000000, 0x3ff80000], irom: [0x40080000, 0x40800000] },
    ram: {
      dram: [0x3ffb0000, 0x40000000],
      iram: [0x40020000, 0x40070000],
      rtcIram: [0x40070000, 0x40072000],
      rtcDram: [0x3ff9e000, 0x3ffa0000],
      rtcData: [0x50000000, 0x50002000]
    },
    pageSizes: [64 * KIB],
    flashLimit: FLASH_24_BIT,
    bootloaderOffset: 0x1000,
    bootloaderRamStart: 0x4004e000,
    iramAboveDram: 0x70000,
    flashSpeeds: UP_TO_80M,
    secureBoot: ['rsa3072'],
    signatureBlocks: 3
  },
  esp32s3: {
    label: 'ESP32-S3',
    id: 9,
    mapped: { drom: [0x3c000000, 0x3e000000], irom: [0x42000000, 0x44000000] },
    ram: {
      dram: [0x3fc88000, 0x3fd00000],
      iram: [0x40370000, 0x403e0000],
      rtcIram: [0x600fe000, 0x60100000],
      rtcDram: [0x600fe000, 0x60100000],
      rtcData: [0x50000000, 0x50002000]
    },
    pageSizes: [64 * KIB],
    flashLimit: FLASH_32_BIT,
    bootloaderOffset: 0x0,
    bootloaderRamStart: 0x403cb700,
    iramAboveDram: 0x6f0000,
    flashSpeeds: UP_TO_80M,
    secureBoot: ['rsa3072'],
    signatureBlocks: 3
  },
  esp32c2: {
    label: 'ESP32-C2',
    id: 12,
    mapped: { drom: [0x3c000000, 0x3c400000], irom: [0x42000000, 0x42400000] },
    ram: { dram: [0x3fca0000, 0x3fce0000], iram: [0x4037c000, 0x403c0000] },
    pageSizes: [16 * KIB, 32 * KIB, 64 * KIB],
    flashLimit: FLASH_24_BIT,
    bootloaderOffset: 0x0,
    bootloaderRamStart: 0x403aeb70,
    iramAboveDram: 0x6e0000,
    flashSpeeds: UP_TO_60M,
    secureBoot: ['ecdsa-p192', 'ecdsa-p256'],
    signatureBlocks: 1
  },
  esp32c3: {
    label: 'ESP32-C3',
    id: 5,
    mapped: { drom: [0x3c000000, 0x3c800000], irom: [0x42000000, 0x42800000] },
    ram: {
      dram: [0x3fc80000, 0x3fce0000],
      iram: [0x4037c000, 0x403e0000],
      rtcIram: [0x50000000, 0x50002000],
      rtcDram: [0x50000000, 0x50002000]
    },
    pageSizes: [64 * KIB],
    flashLimit: FLASH_24_BIT,
    bootloaderOffset: 0x0,
    bootloaderRamStart: 0x403ce710,
    iramAboveDram: 0x700000,
    flashSpeeds: UP_TO_80M,
    secureBoot: ['rsa3072'],
    signatureBlocks: 3
  },
  esp32c5: {
    label: 'ESP32-C5',
    id: 23,
    mapped: { drom: [0x42000000, 0x44000000], irom: [0x42000000, 0x44000000] },
    ram: {
      dram: [0x40800000, 0x40860000],
      iram: [0x40800000, 0x40860000],
      rtcIram: [0x50000000, 0x50004000],
      rtcDram: [0x50000000, 0x50004000]
    },
    pageSizes: [64 * KIB],
    flashLimit: FLASH_32_BIT,
    bootloaderOffset: 0x2000,
    bootloaderRamStart: 0x4084e5a0,
    flashSpeeds: UP_TO_80M_WITHOUT_26M,
    secureBoot: ['rsa3072', 'ecdsa-p256', 'ecdsa-p384'],
    signatureBlocks: 3
  },
  esp32c6: {
    label: 'ESP32-C6',
    id: 13,
    mapped: { drom: [0x42000000, 0x43000000], irom: [0x42000000, 0x43000000] },
    ram: {
      dram: [0x40800000, 0x40880000],
      iram: [0x40800000, 0x40880000],
      rtcIram: [0x50000000, 0x50004000],
      rtcDram: [0x50000000, 0x50004000]
    },
    pageSizes: [8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB],
    flashLimit: FLASH_24_BIT,
    bootloaderOffset: 0x0,
    bootloaderRamStart: 0x4086e610,
    mappedPageCount: 256,
    flashSpeeds: C6_SPEEDS,
    secureBoot: ['rsa3072', 'ecdsa-p192', 'ecdsa-p256'],
    signatureBlocks: 3
  },
  esp32c61: {
    label: 'ESP32-C61',
    id: 20,
    mapped: { drom: [0x42000000, 0x44000000], irom: [0x42000000, 0x44000000] },
    ram: { dram: [0x40800000, 0x40850000], iram: [0x40800000, 0x40850000] },
    pageSizes: [8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB],
    flashLimit: FLASH_32_BIT,
    bootloaderOffset: 0x0,
    bootloaderRamStart: 0x4083e670,
    flashSpeeds: UP_TO_80M_WITHOUT_26M,
    secureBoot: ['ecdsa-p192', 'ecdsa-p256'],
    signatureBlocks: 3
  },
  esp32h2: {
    label: 'ESP32-H2',
    id: 16,
    mapped: { drom: [0x42000000, 0x43000000], irom: [0x42000000, 0x43000000] },
    ram: {
      dram: [0x40800000, 0x40850000],
      iram: [0x40800000, 0x40850000],
      rtcIram: [0x50000000, 0x50001000],
      rtcDram: [0x50000000, 0x50001000]
    },
    pageSizes: [8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB],
    flashLimit: FLASH_24_BIT,
    bootloaderOffset: 0x0,
    bootloaderRamStart: 0x4083efd0,
    mappedPageCount: 256,
    flashSpeeds: UP_TO_48M,
    secureBoot: ['rsa3072', 'ecdsa-p192', 'ecdsa-p256'],
    signatureBlocks: 3
  },
  esp32h21: {
    label: 'ESP32-H21',
    id: 25,
    mapped: { drom: [0x42000000, 0x43000000], irom: [0x42000000, 0x43000000] },
    ram: {
      dram: [0x40800000, 0x40850000],
      iram: [0x40800000, 0x40850000],
      rtcIram: [0x50000000, 0x50001000],
      rtcDram: [0x50000000, 0x50001000]
    },
    pageSizes: [8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB],
    flashLimit: FLASH_24_BIT,
    bootloaderOffset: 0x0,
    bootloaderRamStart: 0x4083ba78,
    flashSpeeds: UP_TO_48M,
    secureBoot: ['rsa3072'],
    signatureBlocks: 3
  },
  esp32h4: {
    label: 'ESP32-H4',
    id: 28,
    mapped: { drom: [0x42000000, 0x44000000], irom: [0x42000000, 0x44000000] },
    ram: { dram: [0x40810000, 0x40860000], iram: [0x40810000, 0x40860000] },
    pageSizes: [8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB],
    flashLimit: FLASH_32_BIT,
    bootloaderOffset: 0x2000,
    bootloaderRamStart: 0x4084f350,
    flashSpeeds: UP_TO_48M,
    secureBoot: [],
    signatureBlocks: 3
  },
  esp32p4: {
    label: 'ESP32-P4',
    id: 18,
    mapped: { drom: [0x40000000, 0x44000000], irom: [0x40000000, 0x44000000], extram: [0x48000000, 0x4c000000] },
    ram: {
      dram: [0x4ff00000, 0x4ffc0000],
      iram: [0x4ff00000, 0x4ffc0000],
      rtcIram: [0x50108000, 0x50110000],
      rtcDram: [0x50108000, 0x50110000],
      spm: [0x30100000, 0x30102000]
    },
    pageSizes: [64 * KIB],
    flashLimit: FLASH_32_BIT,
    bootloaderOffset: 0x2000,
    bootloaderRamStart: 0x4ffadfc0,
    bootloaderRamStartBelowRevision3: 0x4ff2bbd0,
    flashSpeeds: UP_TO_80M,
    secureBoot: ['rsa3072', 'ecdsa-p256', 'ecdsa-p384'],
    signatureBlocks: 3
  },
  esp32s31: {
    label: 'ESP32-S31',
    id: 32,
    mapped: { drom: [0x40000000, 0x44000000], irom: [0x40000000, 0x44000000], extram: [0x50000000, 0x54000000] },
    ram: {
      dram: [0x2f000000, 0x2f080000],
      iram: [0x2f000000, 0x2f080000],
      rtcIram: [0x2e000000, 0x2e008000],
      rtcDram: [0x2e000000, 0x2e008000]
    },
    pageSizes: [16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB, 256 * KIB],
    flashLimit: FLASH_32_BIT,
    bootloaderOffset: 0x2000,
    bootloaderRamStart: 0x2f06cfb0,
    flashSpeeds: UP_TO_80M_WITHOUT_26M,
    secureBoot: ['rsa3072'],
    signatureBlocks: 3
  },
  esp32e22: {
    label: 'ESP32-E22',
    id: 31,
    mapped: { drom: [0x3c000000, 0x40000000], irom: [0x3c000000, 0x40000000] },
    ram: {
      dram: [0x31000000, 0x31200000],
      iram: [0x30fe0000, 0x31200000],
      rtcIram: [0xc0000000, 0xc0008000],
      rtcDram: [0xc0000000, 0xc0008000]
    },
    pageSizes: [64 * KIB],
    flashLimit: FLASH_24_BIT,
    bootloaderOffset: 0x0,
    flashSpeeds: UP_TO_80M,
    secureBoot: [],
    signatureBlocks: 3,
    provisional: true
  },
  esp8266: {
    label: 'ESP8266',
    id: null,
    mapped: { irom: [0x40200000, 0x40300000] },
    ram: { dram: [0x3ffe8000, 0x40000000], iram: [0x40100000, 0x40110000] },
    pageSizes: [],
    flashLimit: FLASH_24_BIT,
    bootloaderOffset: 0x0,
    flashSpeeds: UP_TO_80M,
    secureBoot: [],
    signatureBlocks: 3
  }
} as const satisfies Record<string, Chip>

/** A chip as ESP-IDF's target names spell it: "esp32s3". */
export type ChipName = keyof typeof TABLE

/** Every chip by its name. */
export const CHIPS: Readonly<Record<ChipName, Chip>> = TABLE

/** The names of all chips, the oldest first. */
export const CHIP_NAMES = Object.keys(TABLE) as readonly ChipName[]

/** Whether a word is the name of a chip, spelled as ESP-IDF spells its targets. */
export function isChipName(word: string): word is ChipName {
  return Object.hasOwn(TABLE, word)
}

/** The chip whose image headers carry this id, if there is one. All 16 bits count: esptool's look at the low byte is not enough. */
export function chipWithId(id: number): ChipName | undefined {
  return CHIP_NAMES.find(name => CHIPS[name].id === id)
}

/** Ids of preproduction chips that old files still carry: esp_chip_id_t in the ESP-IDF releases of their time. */
const RETIRED_CHIPS: Readonly<Record<number, string>> = {
  4: 'ESP32-S3 beta 2',
  6: 'ESP32-S3 beta 3',
  7: 'ESP32-C6 beta',
  10: 'ESP32-H2 beta 1',
  14: 'ESP32-H2 beta 2, for a while published as ESP32-H4',
  17: 'ESP32-C5 beta 3'
}

/** What an id meant before the chip was withdrawn, if it ever meant anything. */
export function retiredChipWithId(id: number): string | undefined {
  return RETIRED_CHIPS[id]
}
