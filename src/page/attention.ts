import type { DeskName } from '../desk/desk-facts.js'
import { needsAPerson } from '../devices/attention.js'
import type { DeviceEvent, DeviceFacts } from '../devices/device-facts.js'
import type { Desk } from './desk.js'

/** Something that a person has to do something about. */
export type Matter =
  | { readonly is: 'loopback' }
  | { readonly is: 'refusal'; readonly name: DeskName }
  /** The same thing happened to each of them; the one it happened to last is the first. */
  | { readonly is: 'devices'; readonly verdict: DeviceEvent; readonly devices: readonly DeviceFacts[] }
  | { readonly is: 'certificate-ends'; readonly validUntil: string }

/** Time to flash devices by wire that only know a certificate that ends. */
const CERTIFICATE_WARNING_MS = 60 * 24 * 60 * 60 * 1000

/**
 * What needs a person: what keeps everybody from updating first, then builds, then devices, the newest first.
 * `now` in milliseconds since 1970.
 */
export function mattersOf({ general, names, devices }: Desk, now: number): readonly Matter[] {
  const { isLoopbackOnly, certificate } = general
  return [
    ...(isLoopbackOnly ? [{ is: 'loopback' } as const] : []),
    ...(certificate !== null && Date.parse(certificate.validUntil) - now < CERTIFICATE_WARNING_MS
      ? [{ is: 'certificate-ends', validUntil: certificate.validUntil } as const]
      : []),
    ...[...names.values()].filter(({ refusal }) => refusal !== null).map(name => ({ is: 'refusal', name }) as const),
    ...alike(devices.values())
  ]
}

/** One matter for all devices that the same thing happened to: after a change of the CA it is all of them. */
function alike(devices: Iterable<DeviceFacts>): readonly Matter[] {
  const matters = new Map<string, { verdict: DeviceEvent; devices: DeviceFacts[] }>()
  for (const device of devices) {
    const { verdict } = device
    if (verdict === null || !needsAPerson(device)) continue
    const key = [verdict.is, verdict.sentence, verdict.fix].join('\n')
    const matter = matters.get(key) ?? { verdict, devices: [] }
    matters.set(key, matter)
    matter.devices.push(device)
    if (verdict.at > matter.verdict.at) matter.verdict = verdict
  }
  for (const matter of matters.values()) matter.devices.sort((a, b) => byTime(a.verdict, b.verdict))
  return [...matters.values()]
    .sort((a, b) => byTime(a.verdict, b.verdict))
    .map(matter => ({ is: 'devices', ...matter }) as const)
}

/** The newest first. */
function byTime(a: DeviceEvent | null, b: DeviceEvent | null): number {
  return Date.parse(b?.at ?? '') - Date.parse(a?.at ?? '')
}
