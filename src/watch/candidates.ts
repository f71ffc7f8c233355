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

/** Whether a file of this name may be firmware: ends in `.bin`, and is no dot file. */
export function isCandidateFile(fileName: string): boolean {
  return fileName.endsWith('.bin') && !fileName.startsWith('.')
}

/** Whether to look into a folder of this name. */
export function isWorthEntering(folderName: string): boolean {
  return !folderName.startsWith('.') && !BARREN_FOLDERS.has(folderName)
}

/** The name of a candidate: its path relative to the watched folder, slashes forward, behind the folder's label if it has one. */
export function nameOf(relativePath: string, label: string | undefined): string {
  const slashed = relativePath.replaceAll('\\', '/')
  return label === undefined ? slashed : `${label}/${slashed}`
}

/** Whether a device could ask for this name at all. */
export function isAskable(name: string): boolean {
  return !/\p{Surrogate}/u.test(name) && name.split('/').map(encodeURIComponent).join('/').length <= LONGEST_NAME
}

/** Whether a file name is that of a private key that has no business in a build folder. */
export function looksLikeKeyFile(fileName: string): boolean {
  return /\.(pem|key)$/i.test(fileName)
}
