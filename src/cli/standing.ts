import type { ReleaseFacts, Status } from '../answers.js'
import { chooseDevices } from '../devices/device-choice.js'
import type { DeviceEvent, DeviceHistory, VerdictKind } from '../devices/device-facts.js'
import { normalDevice } from '../devices/normal-device.js'

/** What is waited for. */
export interface Wanted {
  readonly name: string
  /** As it was typed. */
  readonly device: string
}

/** How far a device is on its way to the release that it would get. */
export type Standing =
  /** There is no release of that name that it could get. */
  | { readonly is: 'unserved'; readonly release: null; readonly device: DeviceHistory | null }
  | { readonly is: 'unseen'; readonly release: ReleaseFacts; readonly device: null }
  /** It has something else, as far as anybody knows. */
  | { readonly is: 'behind'; readonly release: ReleaseFacts; readonly device: DeviceHistory }
  /** It was handed all of it, and has not said that it runs. */
  | { readonly is: 'received'; readonly release: ReleaseFacts; readonly device: DeviceHistory }
  /** It says that it runs it. */
  | { readonly is: 'runs'; readonly release: ReleaseFacts; readonly device: DeviceHistory }

/** It has come to what was waited for. */
export type Arrived = Extract<Standing, { readonly is: 'received' | 'runs' }>
/** It has not said so yet. */
export type Unsaid = Exclude<Standing, { readonly is: 'runs' }>

/**
 * How far the device is that a person means; where several have had its address, the one that was seen last.
 * @param devices the one that was seen last first
 */
export function standingOf(
  status: Status,
  devices: readonly DeviceHistory[],
  { name, device: asked }: Wanted
): Standing {
  const current = status.names.find(known => known.name === name)?.current ?? null
  const [device] = chooseDevices(devices, asked)
  if (device !== undefined) return standingOfOne(status, current, name, device)
  const release = releaseFor(status, current, name, [normalDevice(asked) ?? asked])
  return release === null ? { is: 'unserved', release, device: null } : { is: 'unseen', release, device: null }
}

function standingOfOne(status: Status, current: ReleaseFacts | null, name: string, device: DeviceHistory): Standing {
  const release = releaseFor(status, current, name, idsOf(device))
  if (release === null) return { is: 'unserved', release, device }
  const { running } = device
  const isIt = running?.name === name && running.digest === release.digest
  if (isIt && running.source !== 'believed') return { is: 'runs', release, device }
  return { is: isIt || wasHanded(device, release) ? 'received' : 'behind', release, device }
}

/** What the server knows it by, the surest first: a MAC from the table of neighbours is known to no pin. */
function idsOf({ id, identity, mac, address }: DeviceHistory): readonly string[] {
  return [id, identity === 'certificate' ? mac : null, address].filter(known => known !== null)
}

/** The release that a device would get: the one that it is pinned to, as long as that is kept, else the current one. */
function releaseFor(
  { pins }: Status,
  current: ReleaseFacts | null,
  name: string,
  ids: readonly string[]
): ReleaseFacts | null {
  if (current === null) return null
  const pin = ids.map(id => pins.find(one => one.name === name && one.device === id)).find(one => one !== undefined)
  return pin?.release ?? current
}

/** What says which build a device has. */
const TELLING: ReadonlySet<VerdictKind> = new Set<VerdictKind>(['complete', 'up-to-date', 'running', 'rolled-back'])

/** Whether it was handed a release whole, and nothing says that it has gone back since. */
function wasHanded({ verdict, history }: DeviceHistory, { name, digest }: ReleaseFacts): boolean {
  const events: readonly DeviceEvent[] = verdict === null ? history : [verdict, ...history]
  const telling = events.find(event => event.name === name && TELLING.has(event.is))
  return telling !== undefined && telling.is !== 'rolled-back' && telling.digest === digest
}
