import type { DeviceFacts } from './device-facts.js'
import { normalDevice } from './normal-device.js'

/** What a person may mean a device by. */
type Named = Pick<DeviceFacts, 'id' | 'mac' | 'address' | 'label'>

/** Whether a device is one that a person means by a MAC, an address, a fingerprint or a label, in whatever spelling. */
export function meantBy(asked: string): (device: Named) => boolean {
  const known = normalDevice(asked) ?? asked
  return ({ id, mac, address, label }) => id === known || mac === known || address === known || label === asked
}

/** The devices that are meant, in the order in which they are given: an address may have been that of others before. */
export function chooseDevices<D extends Named>(devices: readonly D[], asked: string): readonly D[] {
  return devices.filter(meantBy(asked))
}
