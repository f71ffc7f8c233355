import { artifactsOf, type Release } from '../releases/release.js'

/**
 * Boot confirmation: a device that has started a new image and found it good asks once for `/<name>/ok?sha=…`, behind
 * `esp_ota_mark_app_valid_cancel_rollback()`. Of all that a server sees of an update, this alone says that it runs.
 */

/** What a device says of the image that it runs. */
export interface Confirmation {
  /** The name that it was loaded from. */
  readonly name: string
  /**
   * The beginning of a SHA-256 of it, lower-case hexadecimal: of its file, of its ELF (`esp_app_get_elf_sha256()`), or the one that is appended to it
   * (`esp_partition_get_sha256()`). Undefined where it says none that could be one.
   */
  readonly sha: string | undefined
}

const SUFFIX = '/ok'
/** ESP-IDF prints nine digits of the ELF's digest unless it is told otherwise (CONFIG_APP_RETRIEVE_LEN_ELF_SHA). */
const SHA = /^[0-9a-f]{8,64}$/i

/** Reads a confirmation from the name and the query of an address; undefined for every other address. */
export function readConfirmation(path: string, url: string): Confirmation | undefined {
  if (!path.endsWith(SUFFIX)) return undefined
  const query = url.indexOf('?')
  const sha = query === -1 ? null : new URLSearchParams(url.slice(query + 1)).get('sha')
  return { name: path.slice(0, -SUFFIX.length), sha: sha !== null && SHA.test(sha) ? sha.toLowerCase() : undefined }
}

/** The release that a device runs whose image has this digest, of those of its name; the newest where several have. */
export function findConfirmed(releases: readonly Release[], sha: string): Release | undefined {
  return [...releases]
    .sort((a, b) => b.number - a.number)
    .find(release =>
      [...artifactsOf(release), release.elfSha256, release.appendedSha256].some(digest => digest?.startsWith(sha))
    )
}
