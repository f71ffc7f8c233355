import type { Rule } from '../rule.js'

/** The slot that the image is written to: clients.md 18, image-format.md 3.1 and 3.3. */
export const SLOT_RULES: readonly Rule[] = [
  {
    code: 'too-large',
    step: 'flash',
    rank: 'root',
    patterns: [
      /Image length (\d{1,10}) doesn't fit in partition length (\d{1,10})/i,
      /too large (\d{1,10}) > (\d{1,10})/i,
      /esp_ota_(?:write|begin|end) failed[^\n]{0,40}ESP_ERR_INVALID_SIZE/i,
      /ESP_ERR_INVALID_SIZE/,
      /Not Enough space/i,
      /FreeSketchSpace to low/i,
      /Too less space/i,
      /Bad Size Given/i,
      /HTTP_UE_TOO_LESS_SPACE|UPDATE_ERROR_(?:SPACE|SIZE)\b|OTA_RESPONSE_ERROR_ESP(?:32|8266)_NOT_ENOUGH_SPACE/,
      /partition size 0x[0-9a-f]{1,8} invalid/i
    ],
    says: match => ({
      title: 'the image does not fit the slot',
      cause:
        match[2] === undefined
          ? 'It is larger than the OTA slot of the device, or than its free space.'
          : `It is ${match[1]} bytes, and the slot has ${match[2]}.`,
      next: 'Make the image smaller (optimise for size, leave out what is not used), or the slots larger in partitions.csv; a new partition table has to be flashed by wire once. otad check FILE --slot-size BYTES tells before.'
    })
  },
  {
    code: 'no-slot',
    step: 'flash',
    rank: 'root',
    patterns: [
      /Passive OTA partition not found/i,
      /suitable Passive OTA partition could not be found/i,
      /esp_ota_begin failed[^\n]{0,12}ESP_ERR_NOT_FOUND/,
      /Partition Could Not be Found/i,
      /assert(?:ion)? [^\n]{0,120}update_partition != NULL/i,
      /esp_ota_get_next_update_partition failed/i,
      /UPDATE_ERROR_NO_PARTITION|OTA_RESPONSE_ERROR_NO_UPDATE_PARTITION/,
      /ESP_ERR_OTA_(?:PARTITION_CONFLICT|SELECT_INFO_INVALID)/,
      /not found otadata|otadata partition (?:is )?(?:not found|missing|invalid)/i
    ],
    says: {
      title: 'the device has no slot to update into',
      cause:
        'Its partition table has fewer than two OTA apps, or no otadata partition: the default "Single factory app" table.',
      next: 'Choose a table with two OTA slots (menuconfig > Partition Table > Factory app, two OTA definitions; the Partition Scheme of Arduino), and flash it by wire once.'
    }
  },
  {
    code: 'running-app-unconfirmed',
    step: 'flash',
    rank: 'root',
    patterns: [/ESP_ERR_OTA_ROLLBACK_INVALID_STATE/, /Running app has not confirmed state/i],
    says: {
      title: 'the running firmware has not been marked valid yet',
      cause:
        'With rollback on, a new app is on trial until it calls esp_ota_mark_app_valid_cancel_rollback, and no update may begin before.',
      next: 'Call esp_ota_mark_app_valid_cancel_rollback in the app once it works, then update.'
    }
  },
  {
    code: 'update-running',
    step: 'flash',
    rank: 'general',
    patterns: [/ESP_ERR_OTA_ALREADY_IN_PROGRESS/, /\bUpdate[rc]?\w{0,8}[^\n]{0,60}already running/i],
    says: {
      title: 'another update is under way on the device',
      cause: 'An earlier one was begun and never ended or aborted.',
      next: 'Call esp_https_ota_abort (Update.abort) when an attempt fails, or restart the device.'
    }
  },
  {
    code: 'flash-failed',
    step: 'flash',
    rank: 'root',
    patterns: [
      /Flash (?:Write|Erase|Read) Failed/i,
      /UPDATE_ERROR_(?:WRITE|ERASE)\b/,
      /OTA_RESPONSE_ERROR_(?:WRITING_FLASH|UPDATE_PREPARE)/,
      /ESP_ERR_FLASH_\w{1,24}|ESP_ERR_IMAGE_FLASH_FAIL/,
      /HTTPC_ERROR_STREAM_WRITE/,
      /spi_flash:[^\n]{0,40}(?:fail|timeout)/i
    ],
    says: {
      title: 'flash could not be written',
      cause:
        'The flash chip refused: a weak supply while it is erased, a wrong flash size or mode in the build, or flash that is worn out.',
      next: 'Check the power supply, and the flash size and mode of the build; then flash by wire to see whether it works at all.'
    }
  },
  {
    code: 'decryption',
    step: 'flash',
    rank: 'root',
    patterns: [
      /Decrypt(?:ion)? (?:callback failed|of image header failed|error)/i,
      /UPDATE_ERROR_DECRYPT/,
      /esp_encrypted_img: [^\n]{0,40}(?:Magic Verification failed|fail)/i,
      /Magic recovered from image did not match|magic header validation failed/i
    ],
    says: {
      title: 'the image cannot be decrypted',
      cause: 'The firmware expects an encrypted image, and this is none, or for another key.',
      next: 'Serve the file that esp_enc_img_gen.py made with the public half of the key in the device.'
    }
  },
  {
    code: 'write-failed',
    step: 'flash',
    rank: 'symptom',
    patterns: [
      /esp_ota_(?:write|begin|resume) failed/i,
      /Update\.(?:begin|writeStream|write) failed/i,
      /backend->(?:begin|write) error/i
    ],
    says: {
      title: 'the image could not be written to the slot',
      cause: 'The device says that writing failed, and not why.',
      next: 'Look at the number in the line; otad check FILE --slot-size BYTES tells whether the image fits.'
    }
  }
]
