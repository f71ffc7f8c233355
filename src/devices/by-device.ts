import type { LiveDownload } from './device-facts.js'

/** Downloads under way, by their devices. */
export function byDevice(live: readonly LiveDownload[]): ReadonlyMap<string, readonly LiveDownload[]> {
  const map = new Map<string, LiveDownload[]>()
  for (const download of live) {
    const others = map.get(download.device)
    if (others === undefined) map.set(download.device, [download])
    else others.push(download)
  }
  return map
}
