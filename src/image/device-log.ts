import { downloadLine } from './device-download.js'
import type { DeviceLine, DeviceSituation } from './device-lines.js'
import { verificationLines } from './device-verification.js'

/**
 * What a device with current ESP-IDF prints when it is given this file as an update: the first thing that it trips over, if there
 * is one, and what it says of a signature in more than one line. The text is the one of its source; somebody who searches for a
 * line of a log finds it here.
 */
export function deviceLog(bytes: Uint8Array, situation: DeviceSituation): readonly DeviceLine[] {
  // Nothing arrives of an empty file, and an ESP8266 says nothing that could be foretold.
  if (bytes.length === 0 || situation.chip === 'esp8266') return []
  const line = downloadLine(bytes, situation)
  return line === undefined ? verificationLines(bytes, situation) : [line]
}
