import type { Meaning } from '../explanation.js'
import type { Rule } from '../rule.js'

/** Starting the new firmware: image-format.md 3.3; app_update (rollback); the panic handler of esp_system. */
export const BOOT_RULES: readonly Rule[] = [
  {
    code: 'rolled-back',
    step: 'boot',
    rank: 'root',
    patterns: [
      /Diagnostics failed! Start rollback/i,
      /Rollback to previously worked partition/i,
      /OTA rollback detected/i,
      /esp_ota_mark_app_invalid_rollback/i,
      /rollback_and_reboot/i,
      /Firmware has been rolled back|Rolled back (?:from|to) partition/i
    ],
    says: {
      title: 'the new firmware was rolled back',
      cause:
        'It was installed and started, and then failed its own check or restarted before it called esp_ota_mark_app_valid_cancel_rollback: the bootloader went back to the old one.',
      next: 'Look at what the new firmware printed on its first start, for a crash or a failed check; mark it valid once it works.',
      not: 'The download and the server were right: the image was whole.'
    }
  },
  {
    code: 'invalid-before',
    step: 'boot',
    rank: 'root',
    patterns: [
      /New version is the same as invalid version/i,
      /has been rolled back to the previous version|firmware .{0,40} was not successfully loaded/i
    ],
    says: {
      title: 'this version was rolled back before, and the device does not take it again',
      cause: 'The device remembers the version that did not start, and refuses the same version string.',
      next: 'Mend the firmware, give it a new PROJECT_VER, and build again.'
    }
  },
  {
    code: 'slot-not-bootable',
    step: 'boot',
    rank: 'general',
    patterns: [
      /OTA app partition slot \d{1,2} is not bootable/i,
      /No bootable app partitions/i,
      /No bootable test partition/i
    ],
    says: {
      title: 'the bootloader cannot start what is in the slot',
      cause:
        'The image did not pass the check of the bootloader, which repeats that of the update and then looks at where the segments are to be loaded.',
      next: 'The line of esp_image above it says why. Judge the file: otad check FILE.'
    }
  },
  {
    code: 'bad-load-address',
    step: 'boot',
    rank: 'root',
    patterns: [/Segment \d{1,2} 0x[0-9a-f]{1,8}-0x[0-9a-f]{1,8} invalid: ([a-z ]{1,60})/i],
    says: match => ({
      title: 'a segment of the image cannot be loaded',
      cause: `The bootloader refuses it: ${match[1]?.trim()}. The image is for another chip or memory layout, or needs a newer bootloader than the one that was flashed.`,
      next: 'Build for this chip. Where the image is right, flash the bootloader of the same ESP-IDF by wire once.'
    })
  },
  {
    code: 'brownout',
    step: 'boot',
    rank: 'root',
    patterns: [/Brownout detector was triggered/i, /BROWN_?OUT_R(?:ST|ESET)/],
    says: {
      title: 'the supply voltage broke down',
      cause:
        'Wi-Fi and flash together draw up to 500 mA in peaks, and the supply, the cable or the USB port does not give them.',
      next: 'Use a better supply and a shorter cable, and a capacitor of 100 µF or more near the module.'
    }
  },
  {
    code: 'watchdog',
    step: 'boot',
    rank: 'general',
    patterns: [
      /Task watchdog got triggered/i,
      /Interrupt wdt timeout/i,
      /rst:0x[0-9a-f]{1,2} \((?:TG[01]_?WDT|RTC_?WDT_(?:SYS|CPU))\w{0,20}/i,
      /wdt reset/i,
      /Soft WDT reset/i
    ],
    says: {
      title: 'a watchdog reset the device',
      cause: 'A task did not give way for too long: erasing a large slot at once, or a loop that never waits.',
      next: 'Let bulk_flash_erase off, feed the watchdog while it downloads, or raise CONFIG_ESP_TASK_WDT_TIMEOUT_S.'
    }
  },
  {
    code: 'crash',
    step: 'boot',
    rank: 'general',
    patterns: [
      /Guru Meditation Error/i,
      /abort\(\) was called at PC/i,
      /assert(?:ion)? (?:failed|"[^"]{1,80}" failed)/i,
      /stack overflow in task|Stack smashing protect failure|Stack canary watchpoint/i,
      /ESP_ERROR_CHECK failed: esp_err_t 0x/i,
      /CORRUPT HEAP|Exception \(\d{1,2}\):/i
    ],
    says: {
      title: 'the firmware crashed',
      cause: 'The program stopped with an error of its own, which the lines below it locate.',
      next: 'Decode the backtrace with the ELF file of this very build (idf.py monitor does), and mend the cause. A task that does TLS needs 8 KiB of stack.'
    }
  }
]

/** Says of a crash behind a finished update what it then means. */
export const NEW_FIRMWARE_CRASHES = {
  code: 'new-firmware-crashes',
  step: 'boot',
  title: 'the update was installed, and the new firmware crashes',
  cause:
    'The image came whole and was started; it stopped with an error of its own. With rollback on, the bootloader goes back to the old one.',
  next: 'Decode the backtrace with the ELF file of this very build, and mend the cause.',
  not: 'The download and the server were right: the image was whole.'
} as const

/** The bootloader starts another slot than the one that was just written. */
export const OLD_SLOT_STARTED = {
  code: 'old-slot-started',
  step: 'boot',
  title: 'the update was installed, and then the device started the old firmware again',
  cause:
    'The bootloader took the other slot: the new image did not pass its check, or the new firmware restarted before it marked itself valid and was rolled back.',
  next: 'Look at what the new firmware printed on its first start; call esp_ota_mark_app_valid_cancel_rollback once it works.',
  not: 'The download and the server were right: the image passed the check at the end of the update.'
} as const

/** The version that ran before the update runs after it, and no line tells its slot. */
export function oldVersionRuns(version: string): Meaning & { readonly code: string } {
  return {
    code: 'old-version-runs',
    title: 'the update was installed, and then the old version ran again',
    cause: `The firmware that started says version ${version}, as before the update: the new one was rolled back or did not pass the check of the bootloader, or it carries the old version number.`,
    next: 'Look at what the bootloader and the new firmware print behind the restart, and give each build a version of its own (PROJECT_VER).',
    not: OLD_SLOT_STARTED.not
  }
}
