import { artifactPathOf } from '../releases/manifest.js'
import type { Release } from '../releases/release.js'
import { shortDigest } from '../words.js'
import { whyNotAnApp } from './app-only.js'
import { chipFamilyOf } from './chip-family.js'
import { type Dialect, type DialectFacts, json } from './dialect.js'

/**
 * ESP Web Tools (src/const.ts, src/flash.ts): everything that a new device needs, each at its offset in decimal digits. Paths are resolved
 * against the address of the manifest by the browser. Where the project does not give bootloader and partition table there is the app alone,
 * for a device that has both already.
 */
export const webTools: Dialect = {
  client: 'ESP Web Tools',
  suffix: '.webtools.json',
  write: (release, facts) => {
    const { name, project, version, digest } = release
    const whyNot = whyNotAnApp(release)
    if (whyNot !== undefined) return { whyNot }
    const chipFamily = chipFamilyOf(release)
    if (chipFamily === undefined) return { whyNot: `${name} does not name its chip, which ESP Web Tools asks for` }
    const app = { path: artifactPathOf(digest), offset: appOffsetOf(release) }
    const parts = [...partsOf(release, facts), app].sort((a, b) => a.offset - b.offset)
    return json({
      name: project === '' ? name : project,
      version: version === '' ? shortDigest(digest) : version,
      builds: [{ chipFamily, parts }]
    })
  }
}

interface Part {
  readonly path: string
  readonly offset: number
}

/** All of them or none: a bootloader without its table starts nothing. */
function partsOf({ flash }: Release, { hasPart }: DialectFacts): readonly Part[] {
  const parts = flash?.parts ?? []
  if (!parts.every(({ digest }) => hasPart(digest))) return []
  return parts.map(({ digest, offset }) => ({ path: artifactPathOf(digest), offset }))
}

/** Where the app lies in every partition table that comes with ESP-IDF and Arduino. */
const USUAL_APP_OFFSET = 0x10000

/** The image of an ESP8266 has its own loader in front. */
function appOffsetOf({ flash, kind }: Release): number {
  return flash?.appOffset ?? (kind.startsWith('esp8266') ? 0 : USUAL_APP_OFFSET)
}
