/** A release of ESP-IDF. A development version counts as what came before its release. */
export interface IdfRelease {
  readonly major: number
  readonly minor: number
  /** -1 in a development version such as v5.5-dev. */
  readonly patch: number
}

/** Reads the release out of a descriptor's idf_ver: "v5.2.2-dirty", "v6.0-dev-1002-gbfe5caf58f". Undefined for a commit's name. */
export function readIdfRelease(idfVersion: string | undefined): IdfRelease | undefined {
  const [whole, major, minor, patch] = /^v?(\d{1,2})\.(\d{1,2})(?:\.(\d{1,3}))?/.exec(idfVersion ?? '') ?? []
  if (whole === undefined) return undefined
  const isDevelopment = idfVersion?.startsWith('-dev', whole.length) === true
  return { major: Number(major), minor: Number(minor), patch: isDevelopment ? -1 : Number(patch ?? 0) }
}

/** Whether a release came before the one that these numbers name. */
export function isBefore({ major, minor, patch }: IdfRelease, ...[m, n, p = 0]: [number, number, number?]): boolean {
  if (major !== m) return major < m
  return minor === n ? patch < p : minor < n
}
