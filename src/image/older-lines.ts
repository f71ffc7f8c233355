import type { DeviceLine, OlderLine } from './device-lines.js'
import { type IdfRelease, isBefore } from './idf-release.js'

/*
 * How older releases of ESP-IDF word what the current one refuses: bootloader_common_loader.c, esp_https_ota.c and
 * esp_image_format.c of their branches.
 */

/** A line with the words of the release that built the image beside the current ones, where there are any. */
export function withOlder(line: DeviceLine, older: OlderLine | undefined): DeviceLine {
  return older === undefined ? line : { ...line, older }
}

/** Another chip's image. The download itself looks for the chip since 5.0; before 4.0 nobody does. */
export function olderChipMismatch(
  release: IdfRelease | undefined,
  expected: number,
  found: number
): OlderLine | undefined {
  if (release === undefined || !isBefore(release, 6, 1, -1)) return undefined
  if (isBefore(release, 4, 0)) return silent('before 4.0', 'boot_comm')
  if (isBefore(release, 5, 0)) {
    const text = `mismatch chip ID, expected ${expected}, found ${found}`
    return { idf: '4.0 to 4.4', stage: 'ota-end', tag: 'boot_comm', text }
  }
  const text = `Mismatch chip id, expected ${expected}, found ${found}`
  return { idf: '5.0 to 6.0', stage: 'https-ota', tag: 'esp_https_ota', text }
}

/** Revisions that the chip does not have. Only how the line begins: the chip's own revision stands in the middle of it. */
export function olderRevisionRefusal(release: IdfRelease | undefined): OlderLine | undefined {
  if (release === undefined || !isBefore(release, 5, 5)) return undefined
  const stage = isBefore(release, 5, 0) ? 'ota-end' : 'https-ota'
  const tag = 'boot_comm'
  if (isBefore(release, 4, 0)) return silent('before 4.0', tag)
  if (isBefore(release, 4, 3)) {
    return { idf: '4.0 to 4.2', stage, tag, text: "can't run on lower chip revision, expected " }
  }
  if (saysMinimumRevision(release)) {
    return { idf: '4.3.0 to 4.3.4, 4.4.0 to 4.4.4, 5.0.0', stage, tag, text: 'This chip is revision ' }
  }
  return { idf: '4.3.5, 4.4.5 and 5.0.1 up to 5.4', stage, tag, text: 'Image requires chip rev ' }
}

/** eFuse block revisions are compared since 5.4. */
export function olderEfuseRefusal(release: IdfRelease | undefined): OlderLine | undefined {
  return release !== undefined && isBefore(release, 5, 4) ? silent('before 5.4', 'boot_comm') : undefined
}

/** The length of segment 0 is asked for since June 2026, behind 6.0. */
export function olderShortSegment(release: IdfRelease | undefined): OlderLine | undefined {
  return release !== undefined && isBefore(release, 6, 1, -1) ? silent('up to 6.0', 'esp_image') : undefined
}

function saysMinimumRevision(release: IdfRelease): boolean {
  if (release.major === 5) return isBefore(release, 5, 0, 1)
  return release.minor === 3 ? isBefore(release, 4, 3, 5) : isBefore(release, 4, 4, 5)
}

function silent(idf: string, tag: string): OlderLine {
  return { idf, stage: 'ota-end', tag, text: null }
}
