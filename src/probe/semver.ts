/** h2non/semver.c, as far as esp32FOTA and esp_ghota use it: what it parses, and which of two it takes for newer. */
export interface Semver {
  readonly numbers: readonly [major: number, minor: number, patch: number]
  readonly prerelease: string | undefined
}

/** semver_parse; undefined where it returns -1. */
export function parseSemver(text: string): Semver | undefined {
  if (text.length > 255 || !/^[0-9A-Za-z.+-]*$/.test(text)) return undefined
  const [withoutMetadata = ''] = text.split('+', 1)
  const dash = withoutMetadata.indexOf('-')
  const bare = dash < 0 ? withoutMetadata : withoutMetadata.slice(0, dash)
  const slices = bare.split('.').filter(slice => slice !== '')
  // A fourth number is read and thrown away.
  if (slices.slice(0, 4).some(slice => !/^\d+$/.test(slice))) return undefined
  const [major = 0, minor = 0, patch = 0] = slices.map(Number)
  return { numbers: [major, minor, patch], prerelease: dash < 0 ? undefined : withoutMetadata.slice(dash + 1) }
}

/** semver_compare_version: numbers alone. */
export function compareNumbers(x: Semver, y: Semver): number {
  for (const index of [0, 1, 2] as const) {
    const difference = Math.sign(x.numbers[index] - y.numbers[index])
    if (difference !== 0) return difference
  }
  return 0
}

/** semver_compare: a release is above what comes before it; of two of those the library is told apart no further here. */
export function compareSemver(x: Semver, y: Semver): number {
  const ofNumbers = compareNumbers(x, y)
  if (ofNumbers !== 0 || x.prerelease === y.prerelease) return ofNumbers
  if (x.prerelease === undefined) return 1
  return y.prerelease === undefined ? -1 : 0
}
