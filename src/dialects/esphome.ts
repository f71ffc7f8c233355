import { artifactPathOf } from '../releases/manifest.js'
import { shortDigest } from '../words.js'
import { whyNotAnApp, whyNoVersion } from './app-only.js'
import { chipFamilyOf } from './chip-family.js'
import { type Dialect, json } from './dialect.js'

/**
 * ESPHome's update.http_request (components/http_request/update/http_request_update.cpp). Any other version than its own is an update. A path that
 * begins with a slash goes behind the origin, port and all; one with `http` anywhere in it would be taken for a URL, and a digest has no h.
 */
export const esphome: Dialect = {
  client: 'ESPHome',
  suffix: '.esphome.json',
  write: release => {
    const { name, project, version, digest, md5 } = release
    const whyNot = whyNotAnApp(release) ?? whyNoVersion(release)
    if (whyNot !== undefined) return { whyNot }
    const chipFamily = chipFamilyOf(release)
    if (chipFamily === undefined) return { whyNot: `${name} does not name its chip, which ESPHome asks for` }
    const ota = { path: artifactPathOf(digest), md5, summary: `build ${shortDigest(digest)}` }
    return json({ name: project === '' ? name : project, version, builds: [{ chipFamily, ota }] })
  }
}
