/** Everything that a file in a build folder may turn out to be. */
export type Kind =
  | 'app'
  | 'app-without-descriptor'
  | 'bootloader'
  | 'ram-app'
  | 'merged-flash'
  | 'esp-image'
  | 'esp8266-v1'
  | 'esp8266-v2'
  | 'esp8266-v3'
  | 'empty'
  | 'erased'
  | 'zeros'
  | 'partition-table'
  | 'otadata'
  | 'nvs'
  | 'spiffs'
  | 'littlefs'
  | 'fat'
  | 'phy-init'
  | 'signed-data'
  | 'elf'
  | 'intel-hex'
  | 'uf2'
  | 'dfu'
  | 'zip'
  | 'gzip'
  | 'zlib'
  | 'xz'
  | 'matter-ota'
  | 'mcuboot'
  | 'esp-encrypted-img'
  | 'esp-delta-ota'
  | 'esp-bootloader-plus'
  | 'signature-prefixed-app'
  | 'html'
  | 'json'
  | 'unknown'

/** The file that a build means to be served, for sentences that point from a wrong file to the right one. */
const THE_APP = 'the app that an update needs is build/<project>.bin'

/** One sentence for people: what the file is and, where it is the wrong one, which file to take instead. */
export function describeKind(kind: Kind): string {
  switch (kind) {
    case 'app':
      return 'an app image'
    case 'app-without-descriptor':
      return 'an app image without an app descriptor, so that it does not tell its project or version'
    case 'bootloader':
      return `a bootloader; ${THE_APP}`
    case 'ram-app':
      return `a program that runs from RAM only and cannot be an update; ${THE_APP}`
    case 'merged-flash':
      return `a whole flash with bootloader and partition table (merge-bin); ${THE_APP}`
    case 'esp-image':
      return 'an ESP image, too broken to tell what it holds'
    case 'esp8266-v1':
      return 'an ESP8266 image of version 1 (RAM part, or the app of an older SDK)'
    case 'esp8266-v2':
      return 'an ESP8266 image of version 2 (for the boot loader of the non-OS SDK)'
    case 'esp8266-v3':
      return 'an ESP8266 image of version 3 (ESP8266_RTOS_SDK)'
    case 'empty':
      return 'an empty file'
    case 'erased':
      return 'nothing but 0xFF: erased flash, as in ota_data_initial.bin'
    case 'zeros':
      return 'nothing but zeros: a file that was given its length and never its contents'
    case 'partition-table':
      return `a partition table; ${THE_APP}`
    case 'otadata':
      return `the OTA data partition, which says what slot boots; ${THE_APP}`
    case 'nvs':
      return 'an NVS partition (settings)'
    case 'spiffs':
      return 'a SPIFFS file system'
    case 'littlefs':
      return 'a littlefs file system'
    case 'fat':
      return 'a FAT file system'
    case 'phy-init':
      return 'radio calibration data (phy_init)'
    case 'signed-data':
      return 'a signed data partition'
    case 'elf':
      return `an ELF file, from which the image is made; ${THE_APP}`
    case 'intel-hex':
      return `an Intel HEX file; ${THE_APP}`
    case 'uf2':
      return `a UF2 file for copying over USB; ${THE_APP}`
    case 'dfu':
      return `a DFU archive for flashing over USB; ${THE_APP}`
    case 'zip':
      return `a ZIP archive; ${THE_APP}`
    case 'gzip':
      return 'a gzip-compressed file, which esp_https_ota does not unpack; serve what is in it'
    case 'zlib':
      return 'a zlib-compressed file, which esp_https_ota does not unpack; serve what is in it'
    case 'xz':
      return 'an xz-compressed file, which esp_https_ota does not unpack; serve what is in it'
    case 'matter-ota':
      return `a Matter OTA file; ${THE_APP}`
    case 'mcuboot':
      return 'an image for MCUboot, not for the ESP-IDF bootloader'
    case 'esp-encrypted-img':
      return 'an encrypted image (esp_encrypted_img), whose content cannot be checked'
    case 'esp-delta-ota':
      return 'a patch (esp_delta_ota) for one certain firmware'
    case 'esp-bootloader-plus':
      return 'a compressed or delta image for esp-bootloader-plus'
    case 'signature-prefixed-app':
      return 'an app with a signature in front of it (esp32FOTA)'
    case 'html':
      return 'a web page, probably the error that a download answered with'
    case 'json':
      return 'a JSON text'
    case 'unknown':
      return 'no firmware format that is known here'
  }
}
