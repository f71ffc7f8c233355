import type { Rule } from '../rule.js'
import { cutImage, notAnImage, wrongChip } from './image-meanings.js'

/** What the device says of the image itself: image-format.md 3, clients.md 18, src/image/device-*.ts and older-lines.ts. */
export const IMAGE_RULES: readonly Rule[] = [
  {
    // Erased flash behind a body that ended early: clients.md 2, thread 1; image-format.md 3.5.
    code: 'image-cut',
    step: 'image',
    rank: 'root',
    patterns: [/invalid segment length 0x?ffffffff/i, /Checksum failed\. Calculated 0x[0-9a-f]{1,2} read 0xff\b/i],
    says: (_match, seen) => cutImage(seen)
  },
  {
    code: 'image-damaged',
    step: 'image',
    rank: 'root',
    patterns: [
      /invalid segment length/i,
      /segment count \d{1,3} exceeds max/i,
      /unaligned segment length/i,
      /load address 0x[0-9a-f]{1,8}, doesn't match data/i,
      /doesn't match data/i,
      /Checksum failed\. Calculated/i,
      /Image hash failed/i,
      /image corrupted on flash/i,
      /image offset has wrapped/i
    ],
    says: {
      title: 'the image in the slot is damaged',
      cause:
        'The bytes that the device wrote are not those of a good image: the file is broken, was replaced while it was downloaded in ranges (two builds in one slot), or was altered on the way (openssl s_server on Windows drops each CR and stops at 0x1A).',
      next: 'Judge the file: otad check FILE. If it is good, serve it with otad, which never mixes two builds, and start the update again.'
    }
  },
  {
    code: 'not-an-image',
    step: 'image',
    rank: 'root',
    patterns: [
      /OTA image has invalid magic byte \(expected 0xE9, saw 0x([0-9a-f]{1,2})/i,
      /OTA image has invalid magic byte/i,
      /Magic header does not start with 0xE9/i,
      /Verify Bin Header Failed/i,
      /Wrong Magic Byte|Magic byte (?:is wrong|mismatch)|Magic bytes mismatch/i,
      /HTTP_UE_BIN_VERIFY_HEADER_FAILED|UPDATE_ERROR_MAGIC_BYTE|OTA_RESPONSE_ERROR_MAGIC/,
      /invalid magic byte/i
    ],
    unless: /nothing flashed here|image at 0x/i,
    says: match => notAnImage(match[1])
  },
  {
    code: 'nothing-in-slot',
    step: 'image',
    rank: 'general',
    patterns: [/image at 0x[0-9a-f]{1,8} has invalid magic byte/i, /nothing flashed here/i],
    says: {
      title: 'there is no image in the slot',
      cause:
        'Its first byte is not 0xE9: nothing was written there, or what was written is no app. The bootloader says so too of a slot that was never used.',
      next: 'See whether the update wrote anything above this line. If it did, judge the file: otad check FILE.'
    }
  },
  {
    code: 'wrong-chip',
    step: 'image',
    rank: 'root',
    patterns: [/mismatch chip id,? expected (\d{1,5}), found (\d{1,5})/i, /mismatch chip id/i],
    says: match => wrongChip(match[1], match[2])
  },
  {
    code: 'chip-revision',
    step: 'image',
    rank: 'root',
    patterns: [
      /chip revision check failed\. Required (>=|<=) (v\d{1,3}\.\d{1,3}), found (v\d{1,3}\.\d{1,3})/i,
      /chip revision check failed/i,
      /Image requires chip rev (>=|<=) (v\d{1,3}\.\d{1,3}), but chip is (v\d{1,3}\.\d{1,3})/i,
      /Image requires chip rev/i,
      /can't run on lower chip revision/i,
      /This chip is revision v?[\d.]{1,8} but the application is configured for/i
    ],
    says: match => ({
      title: 'the image is for another revision of the chip',
      cause:
        match[2] === undefined
          ? 'The project asks for a chip revision that this chip does not have.'
          : `The project asks for revision ${match[1] === '<=' ? 'at most ' : ''}${match[2]}${match[1] === '<=' ? '' : ' or newer'}, and the chip is ${match[3]}.`,
      next: 'Lower the minimum revision (CONFIG_ESP32…_REV_MIN in menuconfig, Hardware Settings > Chip revision), build, and update again.'
    })
  },
  {
    code: 'efuse-revision',
    step: 'image',
    rank: 'root',
    patterns: [/Image requires efuse blk rev/i, /efuse blk(?:ock)? rev(?:ision)? check failed/i],
    says: {
      title: 'the image is for another revision of the eFuse block',
      cause: 'The project asks for a block revision of eFuses that this chip does not have.',
      next: 'Change CONFIG_ESP_EFUSE_BLOCK_REV_MIN_FULL in menuconfig, build, and update again.'
    }
  },
  {
    code: 'no-descriptor',
    step: 'image',
    rank: 'root',
    patterns: [
      /Incorrect (?:app|bootloader) descriptor magic/i,
      /Failed to fetch app description header/i,
      /too short for app description/i
    ],
    says: {
      title: 'the file is not an app of ESP-IDF',
      cause:
        'It has no app descriptor: a bootloader, a merged image for the factory, a partition table, or a file that is not firmware.',
      next: 'Serve the app, build/<project>.bin. otad check FILE says what a file is.'
    }
  },
  {
    code: 'flash-mode',
    step: 'image',
    rank: 'root',
    patterns: [
      /SPI flash mode mismatch/i,
      /ESP_ERR_OTA_SPI_MODE_MISMATCH/,
      /HTTP_UE_BIN_FOR_WRONG_FLASH/,
      /does not fit (?:SPI )?Flash size/i,
      /new bin not fits SPI Flash/i,
      /Flash config wrong|OTA_RESPONSE_ERROR_WRONG_\w{3,7}_FLASH_CONFIG/i
    ],
    says: {
      title: 'the image is built for another flash',
      cause: 'Flash mode or flash size in its header is not that of the device.',
      next: 'Build with the flash mode and size of the board (menuconfig > Serial flasher config, or the board menu of Arduino).'
    }
  },
  {
    code: 'wrong-project',
    step: 'image',
    rank: 'root',
    patterns: [
      /OTA Image built for Project: [^\n]{1,80} Expected/i,
      /project name[^\n]{0,60}(?:mismatch|does not match)/i,
      /doesn't match (?:current firmware|type)/i
    ],
    says: {
      title: 'the image is of another project',
      cause: 'The device compares the name of the project, or its type in the manifest, with its own.',
      next: 'Serve the build of the same project, or change the name in the firmware or manifest.'
    }
  },
  {
    // https_delta_ota of idf-extra-components: the patch says which app it is made against.
    code: 'wrong-patch',
    step: 'image',
    rank: 'root',
    patterns: [
      /SHA-?256 of current firmware differs/i,
      /Invalid patch for current firmware/i,
      /Invalid magic word in patch/i
    ],
    says: {
      title: 'the patch is for another firmware than the one that runs',
      cause:
        'A patch of esp_delta_ota fits the one app that it was made against, and its header has the SHA-256 of that app.',
      next: 'Make the patch against the very build that the device runs (esp_delta_ota_patch_gen.py), or serve the whole image to a client that takes one.'
    }
  },
  {
    code: 'signature',
    step: 'image',
    rank: 'root',
    patterns: [
      /Secure boot (?:V\d )?(?:signature )?verification failed/i,
      /image has invalid signature version field/i,
      /Signature verified NOK/i,
      /_pk_verify is failed/i,
      /Signature (?:check|verification) failed/i,
      /No signature block generated|signing scheme selected but signature block/i,
      /invalid signature header|Invalid footer|invalid sig (?:data|len)|Invalid signature len|Malformed signature/i,
      /UPDATE_ERROR_SIGN\b/,
      /image valid, signature bad/i,
      /ECDSA curve mismatch/i
    ],
    unless: /X509|ssl_|_ssl|esp-tls|crt-bundle/i,
    says: (_match, { client }) => ({
      title: 'the signature of the image is missing or wrong',
      cause: 'The firmware on the device demands a signature, and the file has none, or one of another key.',
      next:
        client === 'smartthings'
          ? 'Serve signed_ota_demo.bin, signed with the private key whose public half is main/public_key.pem of the firmware; otad makes the signed file from the build (docs/smartthings.md).'
          : 'Sign the image with the key that the device trusts (idf.py secure-sign-data, bin_signing.py), and serve the signed file. otad check FILE --signature required --key KEY tells before the device does.'
    })
  },
  {
    code: 'secure-version',
    step: 'image',
    rank: 'root',
    patterns: [
      /security version is less than eFuse programmed/i,
      /ESP_ERR_OTA_SMALL_SEC_VER/,
      /secure_version[^\n]{0,40}(?:lower|less)/i
    ],
    says: {
      title: 'the secure version of the image is lower than the one burnt into the chip',
      cause:
        'Anti-rollback is on: eFuses only count up, and an app with a lower secure version never runs on this chip again.',
      next: 'Raise CONFIG_BOOTLOADER_APP_SECURE_VERSION to at least that of the chip, build, and update again.'
    }
  },
  {
    code: 'image-invalid',
    step: 'image',
    rank: 'general',
    patterns: [
      /New image failed verification/i,
      /ESP_ERR_OTA_VALIDATE_FAILED/,
      /ESP_ERR_IMAGE_INVALID/,
      /Image validation failed/i,
      /Image is invalid/i,
      /UPDATE_ERROR_(?:ACTIVATE|READ)\b|OTA_RESPONSE_ERROR_UPDATE_END/,
      /Could Not Activate The Firmware/i
    ],
    says: {
      title: 'the image in the slot did not pass the check',
      cause:
        'It is cut, damaged, for another chip, or lacks a signature that the device demands. A line of esp_image above it would say which.',
      next: 'Judge the file: otad check FILE --chip CHIP. If it is good, the bytes changed on the way: serve it with otad and start again.'
    }
  }
]
