import { artifactPathOf } from '../releases/manifest.js'
import { whyNotAnApp, whyNoVersion } from './app-only.js'
import { type Dialect, json } from './dialect.js'

/**
 * ESP32-OTA-Pull (src/ESP32OTAPull.h, CheckForOTAUpdate): board, device and configuration that are left out match every device. The version is
 * text and compared as text, so that 1.10 comes before 1.9; one that is left out would be installed at every start.
 */
export const otaPull: Dialect = {
  client: 'ESP32-OTA-Pull',
  suffix: '.otapull.json',
  write: (release, { origin }) => {
    const whyNot = whyNotAnApp(release) ?? whyNoVersion(release)
    if (whyNot !== undefined) return { whyNot }
    return json({ Configurations: [{ Version: release.version, URL: `${origin}${artifactPathOf(release.digest)}` }] })
  }
}
