import type { DeviceFacts } from './device-facts.js'

const MINUTE_MS = 60_000

/**
 * Devices that download first, then those seen last. By the minute, and within one by what they are called: rows that change places at every
 * request cannot be read, or hit.
 */
export function inOrder<D extends DeviceFacts>(
  devices: Iterable<D>,
  isDownloading: (device: D) => boolean
): readonly D[] {
  return [...devices]
    .map(device => ({
      device,
      live: isDownloading(device) ? 0 : 1,
      minute: Math.floor(Date.parse(device.lastSeen) / MINUTE_MS),
      called: calledOf(device)
    }))
    .sort((a, b) => a.live - b.live || b.minute - a.minute || (a.called < b.called ? -1 : a.called > b.called ? 1 : 0))
    .map(({ device }) => device)
}

/** What a device is called: the name that its owner gave it, else what it is known by. */
export function calledOf({ label, id }: Pick<DeviceFacts, 'label' | 'id'>): string {
  return label ?? id
}
