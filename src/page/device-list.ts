import type { DeviceFacts } from '../devices/device-facts.js'
import type { Desk } from './desk.js'

/** Devices in which every word of what was typed occurs somewhere. */
export function matching(devices: readonly DeviceFacts[], typed: string): readonly DeviceFacts[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return devices
  return devices.filter(device => {
    const text = textOf(device)
    return words.every(word => text.includes(word))
  })
}

/** The same device is the same value as long as nothing happens to it: its text is put together once. */
const texts = new WeakMap<DeviceFacts, string>()

function textOf(device: DeviceFacts): string {
  const known = texts.get(device)
  if (known !== undefined) return known
  const { label, id, address, mac, vendor, client, userAgent, chip, asked, running, verdict } = device
  const parts = [label, id, address, mac, vendor, client, userAgent, chip]
  const text = [...parts, asked?.name, asked?.version, running?.version, verdict?.is, verdict?.sentence]
    .filter(part => typeof part === 'string')
    .join('\n')
    .toLowerCase()
  texts.set(device, text)
  return text
}

/** A text that is another one as soon as other devices download. */
export function whoDownloads({ live }: Pick<Desk, 'live'>): string {
  return [...live.keys()].join('\n')
}
