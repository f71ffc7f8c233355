/** The device reads into 2048 bytes and gives up at the last of them: OTA_VERSION_INFO_BUF_SIZE in ota_util.c. */
const LONGEST_BODY = 2047
/** Days until the device looks again; a text, since a number makes the demo read through a null pointer. */
const POLLING_DAYS = '1'

/** What version_info.json tells. */
export interface VersionInfo {
  readonly latest: string
  /** Versions whose devices are offered the latest one, the one that matters most first. */
  readonly movingOn: Iterable<string>
}

/** version_info.json, short enough for the device. */
export function writeVersionInfo(info: VersionInfo): string {
  return write(info.latest, versionsThatFit(info))
}

/**
 * As many of the versions that move on as the device has room for, each once; those that do not fit are left out from the end. The latest is
 * never among them: a device that runs it would be offered it for ever.
 */
export function versionsThatFit({ latest, movingOn }: VersionInfo): readonly string[] {
  const chosen = new Set<string>()
  let left = LONGEST_BODY - Buffer.byteLength(write(latest, []))
  for (const version of movingOn) {
    if (version === '' || version === latest || chosen.has(version)) continue
    // With the comma that stands before all but the first: one byte more than need be is no loss.
    left -= Buffer.byteLength(JSON.stringify(version)) + 1
    if (left < 0) break
    chosen.add(version)
  }
  return [...chosen]
}

function write(latest: string, upgrade: readonly string[]): string {
  return JSON.stringify({ versioninfo: { latest, upgrade, polling: POLLING_DAYS } })
}
