import type { Rule } from '../rule.js'

/** Before the device asks a server: its own network, and uploads that ask none. */
export const NETWORK_RULES: readonly Rule[] = [
  {
    code: 'no-wifi',
    step: 'network',
    rank: 'root',
    patterns: [
      /Not connected to network/i,
      /(?:WiFi Connect failed|connect to the AP fail|Failed to connect to (?:SSID|WiFi)|WiFi (?:connection )?(?:failed|not connected))/i,
      /Connection check requested but network not ready/i,
      /wifi:.{0,40}(?:NO_AP_FOUND|AUTH_FAIL|4WAY_HANDSHAKE_TIMEOUT)/i
    ],
    says: {
      title: 'the device has no network',
      cause: 'It is not connected to its access point, so that no server can be reached.',
      next: 'Check SSID and password in the firmware, the distance, and that the access point speaks 2.4 GHz.',
      not: 'The server has nothing to do with it: nothing was sent to it.'
    }
  },
  {
    // Wi-Fi that comes back harms nothing: it counts once something fails behind it.
    code: 'wifi-lost',
    step: 'network',
    rank: 'root',
    waits: true,
    patterns: [
      /wifi:state: run -> init/i,
      /resett? wifi status to disassoc/i,
      /\bdisconnected?,? (?:reason|due to)/i,
      /(?:WIFI|SYSTEM)_EVENT_STA_DISCONNECTED/,
      /Reason: \d{1,3} - [A-Z_]{4,40}/
    ],
    unless: /mqtt|ASSOC_LEAVE|\bBLE\b|\bGAP\b|websocket/i,
    says: {
      title: 'the device lost its Wi-Fi',
      cause:
        'It was disconnected from its access point, and what failed behind that line failed for want of a network.',
      next: 'Check the signal at the place of the device (RSSI), its power supply, and the access point; let the program wait for an address before it updates.',
      not: 'The server has nothing to do with it: nothing came through in either direction.'
    }
  },
  {
    // espota.py of Arduino: the PC connects to the device.
    code: 'push-upload',
    step: 'reach',
    rank: 'root',
    patterns: [
      /Error Uploading: /i,
      /\[ERROR\]: (?:No response from|No Answer|Host .{1,80} Not Found|Authentication Failed|Error response from device|Listen Failed)/i,
      /Authenticating\.\.\.FAIL/i
    ],
    says: {
      title: 'an upload from the PC to the device failed',
      cause:
        'These lines are of espota.py, with which the Arduino IDE and PlatformIO push a sketch into the device. The device closed the connection or did not answer; no server and no URL take part in it, otad neither.',
      next: 'Look at the serial log of the device for ArduinoOTA (password, free space, a running task that starves it), or let the device fetch its update: otad snippet prints the lines.',
      not: 'Not a problem of otad: it serves devices that fetch, and nobody asked it.'
    }
  }
]
