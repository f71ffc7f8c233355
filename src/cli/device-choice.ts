import type { DeviceFacts } from '../devices/device-facts.js'
import { normalDevice } from '../devices/normal-device.js'

/**
 * The devices that a person means by a MAC, an address, a fingerprint or a label, in whatever spelling, in the order in which they are given. An
 * address may have been that of others before.
 */
export function chooseDevices<D extends DeviceFacts>(devices: readonly D[], asked: string): readonly D[] {
  const known = normalDevice(asked) ?? asked
  return devices.filter(
    ({ id, mac, address, label }) => id === known || mac === known || address === known || label === asked
  )
}
