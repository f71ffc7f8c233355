import { artifactPathOf } from '../releases/manifest.js'
import { pathOf } from '../releases/path-of.js'
import { whyNotAnApp, whyNoVersion } from './app-only.js'
import { type Dialect, json } from './dialect.js'
import { semverOf } from './semver.js'

/** CONFIG_MAX_URL_LEN and CONFIG_MAX_FILENAME_LEN of esp_ghota (Kconfig): buffers, of which the last byte is a NUL. */
const URL_BUFFER = 128
const NAME_BUFFER = 64

/**
 * esp_ghota (src/esp_ghota.c, lwjson_callback): what it reads of the answer of GitHub about the latest release. It copies names and URLs into
 * buffers without looking at their length.
 */
export const ghota: Dialect = {
  client: 'esp_ghota',
  suffix: '.ghota.json',
  write: (release, { origin }) => {
    const { name, digest } = release
    const whyNot = whyNotAnApp(release) ?? whyNoVersion(release)
    if (whyNot !== undefined) return { whyNot }
    const version = semverOf(release.version)
    if (version === undefined)
      return { whyNot: `esp_ghota compares versions as 1.4.2, and that of ${name} is ${release.version}` }
    const file = name.split('/').at(-1) ?? ''
    const urls = [`${origin}${artifactPathOf(digest)}`, `${origin}${pathOf(name)}`]
    const url = urls.find(({ length }) => length < URL_BUFFER)
    if (url === undefined || Buffer.byteLength(file) >= NAME_BUFFER)
      return { whyNot: `esp_ghota has room for a URL of ${URL_BUFFER - 1} bytes, and that of ${name} is longer` }
    return json({ tag_name: version, name: version, assets: [{ name: file, url }] })
  }
}

/** The names that may be meant where the latest release of a repository is asked for; its organisation may be anything, or a folder. */
export function namesOfRepository(path: string): readonly string[] {
  const [, repository = '', inFolder = ''] = /^repos\/([^/]+\/(.+))\/releases\/latest$/s.exec(path) ?? []
  return repository === '' ? [] : [`${repository}.bin`, `${inFolder}.bin`]
}
