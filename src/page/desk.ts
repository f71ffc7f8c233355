import type { DeskEvents, DeskFacts, DeskName } from '../desk/desk-facts.js'
import type { DeviceFacts, LiveDownload } from '../devices/device-facts.js'

/** What the page knows: all that it was told, as of the last event. Never changed in place; what did not change stays the same value. */
export interface Desk {
  readonly general: Omit<DeskFacts, 'names' | 'devices'>
  readonly names: ReadonlyMap<string, DeskName>
  readonly devices: ReadonlyMap<string, DeviceFacts>
  /** Downloads under way, by device. */
  readonly live: ReadonlyMap<string, readonly LiveDownload[]>
}

export type DeskEvent = {
  readonly [Kind in keyof DeskEvents]: { readonly is: Kind; readonly data: DeskEvents[Kind] }
}[keyof DeskEvents]

/** What is known after an event. Whatever comes before the first `desk` says nothing yet. */
export function afterEvent(desk: Desk | undefined, event: DeskEvent): Desk | undefined {
  if (event.is === 'desk') return deskOf(event.data)
  if (desk === undefined) return undefined
  switch (event.is) {
    case 'names':
      return { ...desk, names: changed(desk.names, event.data, ({ name }) => name) }
    case 'devices': {
      const gone = event.data.gone.map(id => [id, []] as const)
      const told = event.data.changed.map(({ id, downloads }) => [id, downloads] as const)
      return {
        ...desk,
        devices: changed(desk.devices, event.data, ({ id }) => id),
        live: downloading([...desk.live, ...gone, ...told], desk.live)
      }
    }
    case 'downloads':
      return { ...desk, live: downloading(byDevice(event.data), desk.live) }
  }
}

function deskOf({ names, devices, ...general }: DeskFacts): Desk {
  return {
    general,
    names: new Map(names.map(name => [name.name, name])),
    devices: new Map(devices.map(device => [device.id, device])),
    live: downloading(devices.map(({ id, downloads }) => [id, downloads]))
  }
}

function changed<Thing>(
  known: ReadonlyMap<string, Thing>,
  change: { readonly changed: readonly Thing[]; readonly gone: readonly string[] },
  keyOf: (thing: Thing) => string
): ReadonlyMap<string, Thing> {
  const all = new Map(known)
  for (const key of change.gone) all.delete(key)
  for (const thing of change.changed) all.set(keyOf(thing), thing)
  return all
}

function byDevice(downloads: readonly LiveDownload[]): ReadonlyMap<string, readonly LiveDownload[]> {
  const all = new Map<string, LiveDownload[]>()
  for (const download of downloads) {
    const ofDevice = all.get(download.device) ?? []
    all.set(download.device, ofDevice)
    ofDevice.push(download)
  }
  return all
}

/**
 * The last word on each device counts. A device whose downloads stand as they stood keeps the list it had, so that
 * nothing is drawn again.
 */
function downloading(
  told: Iterable<readonly [device: string, downloads: readonly LiveDownload[]]>,
  before: Desk['live'] = new Map()
): Desk['live'] {
  const all = new Map<string, readonly LiveDownload[]>()
  for (const [device, downloads] of told) {
    const known = before.get(device)
    if (downloads.length === 0) all.delete(device)
    else all.set(device, known !== undefined && areSame(known, downloads) ? known : downloads)
  }
  return all
}

function areSame(some: readonly LiveDownload[], others: readonly LiveDownload[]): boolean {
  return (
    some.length === others.length &&
    some.every((one, index) => {
      const other = others[index]
      return (
        other !== undefined &&
        one.id === other.id &&
        one.reached === other.reached &&
        one.rate === other.rate &&
        one.secondsLeft === other.secondsLeft &&
        one.isStalled === other.isStalled
      )
    })
  )
}
