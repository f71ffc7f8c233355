import { artifactPathOf } from '../releases/manifest.js'
import type { Release } from '../releases/release.js'
import { whyNotAnApp, whyNoVersion } from './app-only.js'
import { type Dialect, json } from './dialect.js'
import { semverOf } from './semver.js'

/**
 * esp32FOTA (src/esp32FOTA.cpp, checkJSONManifest): an entry counts when its `type` is that of the sketch and its `version` is newer by semver; a
 * version is a string, or a number where it is a whole one. There is an entry for each thing that the sketch may be called.
 */
export const esp32fota: Dialect = {
  client: 'esp32FOTA',
  suffix: '.esp32fota.json',
  write: (release, { origin }) => {
    // An app with its signature in front is one that this library alone understands.
    const notAnApp = release.kind === 'signature-prefixed-app' ? undefined : whyNotAnApp(release)
    const whyNot = notAnApp ?? whyNoVersion(release)
    if (whyNot !== undefined) return { whyNot }
    const version = semverOf(release.version)
    if (version === undefined)
      return { whyNot: `esp32FOTA compares versions as 1.4.2 and 7, and that of ${release.name} is ${release.version}` }
    const url = `${origin}${artifactPathOf(release.digest)}`
    return json(typesOf(release).map(type => ({ type, version: asNumber(version) ?? version, url })))
  }
}

/** The name of the file without its ending, and that of the project. */
function typesOf({ name, project }: Release): readonly string[] {
  const stem =
    name
      .split('/')
      .at(-1)
      ?.replace(/\.bin$/, '') ?? ''
  return [...new Set([stem, project].filter(type => type !== ''))]
}

/** `is<uint16_t>()` of ArduinoJson. */
const LARGEST_UINT16 = 0xffff

function asNumber(version: string): number | undefined {
  return /^\d+$/.test(version) && Number(version) <= LARGEST_UINT16 ? Number(version) : undefined
}
