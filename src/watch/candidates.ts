import path from 'node:path'

/**
 * Which paths in a watched folder may be firmware, and what they are called in a URL.
 * Names decide here, and nothing else; what is in a file is the judge's business.
 */

/** Folders of a build tree that hold no firmware, but thousands of other files. */
const BARREN_FOLDERS: ReadonlySet<string> = new Set(['esp-idf', 'CMakeFiles', 'node_modules', 'managed_components'])

/**
 * Longest name in its URL form, in bytes: the request line of a device has to fit its transmit buffer of 512,
 * and the manifest of a release its 2048 (clients.md 5.1, R35).
 */
const LONGEST_NAME = 200

/** Whether a file of this name may be firmware: ends in `.bin`, packed (`.bin.gz`) or not, and is no dot file. */
export function isCandidateFile(fileName: string): boolean {
  return (fileName.endsWith('.bin') || isPackedFile(fileName)) && !fileName.startsWith('.')
}

/** Whether a path is that of a packed image, as Tasmota builds it for devices with little room (clients.md 11). */
export function isPackedFile(path: string): boolean {
  return path.endsWith('.bin.gz')
}

/** Whether to look into a folder of this name. */
export function isWorthEntering(folderName: string): boolean {
  return !folderName.startsWith('.') && !BARREN_FOLDERS.has(folderName)
}

/** The name of a candidate: its path relative to the watched folder, slashes forward whatever the platform's, behind the folder's label if it has one. */
export function nameOf(relativePath: string, label: string | undefined): string {
  const slashed = relativePath.split(path.sep).join('/')
  return label === undefined ? slashed : `${label}/${slashed}`
}

/** An address of otad's own, which a name must not hide behind or stand before. */
const OWN_ADDRESS = /^artifacts\/[0-9a-f]{64}\.bin$/

/** Why no device could ask for this name, as the end of a sentence that begins with it; undefined when one could. */
export function whyUnaskable(name: string): string | undefined {
  if (/\p{Surrogate}/u.test(name)) return 'has a name that is not Unicode'
  if (OWN_ADDRESS.test(name)) return 'has a name that is an address of otad itself'
  const length = name.split('/').map(encodeURIComponent).join('/').length
  return length > LONGEST_NAME
    ? `has a name too long for a device to ask for (${length} of ${LONGEST_NAME} bytes)`
    : undefined
}

/** Whether a file name is that of a private key that has no business in a build folder. */
export function looksLikeKeyFile(fileName: string): boolean {
  return /\.(pem|key)$/i.test(fileName)
}
