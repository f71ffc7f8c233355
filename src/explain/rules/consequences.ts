import type { Rule } from '../rule.js'
import { addressHint } from './address-hints.js'

/** Lines that repeat what failed above them. They explain only a log that has nothing better. */
export const CONSEQUENCE_RULES: readonly Rule[] = [
  {
    code: 'no-connection',
    step: 'reach',
    rank: 'echo',
    patterns: [
      /ESP_ERR_HTTP_CONNECT\b/,
      /Failed to open (?:a )?new connection/i,
      /Failed to open HTTP/i,
      /HTTP_CLIENT: Connection failed/i,
      /Connection failed, sock < 0/i,
      /\bconnect failed\b/i,
      /HTTP_EVENT_ERROR/
    ],
    says: (_match, seen) => ({
      title: 'no connection to the server came about; most likely nobody answers at that address',
      cause: `The log has no line that says why; the lines of esp-tls above this one would tell. The likeliest: ${seen.host === null ? 'the URL' : seen.host} leads to no server that the device can reach (another machine, a firewall, another network). A certificate that the device refuses ends so too.`,
      next: 'Look at the log of otad: a device that it does not name never reached it, and then address, firewall or network are wrong; of one that came as far as TLS it says what was wrong.',
      ...addressHint(seen)
    })
  },
  {
    code: 'not-established',
    step: 'http',
    rank: 'echo',
    patterns: [
      /Failed to establish HTTP connection/i,
      /Failed to initiali[sz]e HTTP connection/i,
      /ESP HTTPS OTA Begin failed/i
    ],
    says: {
      title: 'the exchange with the server did not come about',
      cause:
        'Connection, TLS or the answer of the server failed, and the log does not have the line that says which. An http:// URL to an HTTPS port ends so without another line.',
      next: 'Log with level Info or higher, check that the URL begins with https://, and look at the log of otad for this device.'
    }
  },
  {
    code: 'update-failed',
    step: 'http',
    rank: 'echo',
    patterns: [
      /Firmware Upgrades? Fail/i,
      /ESP_HTTPS_OTA upgrade failed/i,
      /(?:OTA|update|upgrade)[\w ]{0,24}(?:failed|FAILD)\b/i,
      /HTTP_UPDATE_FAIL/,
      /HTTP update fatal error/i,
      /esp_ota_(?:end|set_boot_partition) failed/i,
      /"Upgrade":"Failed/,
      /An Update Error Occurred/i,
      /HTTPS_OTA_FAIL|OTA_ERROR\b/
    ],
    unless: /resumption|\bs?ntp\b|\btime\b|mqtt|display|sensor/i,
    ends: true,
    says: {
      title: 'the update failed',
      cause: 'The log says that it failed, and has no line that says why.',
      next: 'Log with level Info or higher (menuconfig > Log output; Core Debug Level of Arduino), and look at the log of otad for this device.'
    }
  }
]
