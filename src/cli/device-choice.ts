import type { DeviceFacts } from '../devices/device-facts.js'
import { normalDevice } from '../runs/pins.js'

/**
 * The devices that a person means by a MAC, an address, a fingerprint or a label, in whatever spelling: the one that is known by just that
 * first, then those that have it besides.
 */
export function chooseDevices<D extends DeviceFacts>(devices: readonly D[], asked: string): readonly D[] {
  const id = normalDevice(asked) ?? asked
  const known = devices.filter(device => device.id === id || device.label === asked)
  const others = devices.filter(device => !known.includes(device) && (device.mac === id || device.address === id))
  return [...known, ...others]
}
