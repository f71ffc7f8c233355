import {
  describeNames,
  describeReleases,
  factsOf,
  factsOfPin,
  factsOfRollback,
  type NameReleases,
  type PinFacts,
  type ReleaseFacts,
  type RolledBack,
  type Status,
  type Unpinned
} from './answers.js'
import type { DeviceHistory } from './devices/device-facts.js'
import { normalDevice } from './devices/normal-device.js'
import { OperatorError, systemErrorCode } from './errors.js'
import type { Report } from './events.js'
import { type Catalog, type Change, type NameEntry, releasesOf } from './releases/catalog.js'
import {
  buildBefore,
  chooseOfAll,
  chooseRelease,
  currentOf,
  describeRelease,
  entryNamed,
  withoutSlash
} from './releases/choose-release.js'
import type { Release } from './releases/release.js'
import type { Pins } from './runs/pins.js'
import type { Health } from './server/app.js'
import { shortDigest } from './words.js'

/** What a person can ask of a running daemon. Each one throws an OperatorError for what cannot be done; nothing has changed then. */
export interface Operations {
  status(): Promise<Status>
  /** @param name all names when left out */
  releases(name?: string): Promise<readonly NameReleases[]>
  /** @param release the build before the current one when left out */
  rollback(name: string, release: string | undefined, hold: boolean): Promise<RolledBack>
  /** @param release as `NAME@RELEASE`, or without NAME where it is clear which one is meant */
  pin(device: string, release: string): Promise<PinFacts>
  /**
   * @param what a name that is rolled back, or a device
   * @param name keeps to one of a device's pins
   */
  unpin(what: string, name?: string): Promise<Unpinned>
  /**
   * The devices, the one that was seen last first; histories are empty where they are not asked for.
   * @param device its id in any spelling, its label or its address; every device when left out
   */
  devices(history: boolean, device?: string): Promise<readonly DeviceHistory[]>
  /** Resolves when nothing of this is being done any more. */
  idle(): Promise<void>
}

export interface OperationsOptions {
  readonly currentCatalog: () => Catalog
  readonly commit: (change: Change) => Promise<void>
  readonly pins: Pins
  readonly report: Report
  readonly describeHealth: () => Health
  /** `https://host:port` as it stands in the banner. */
  readonly origin: () => string
  readonly activeTransfers: () => number
  readonly devices: (history: boolean, device?: string) => readonly DeviceHistory[]
  /** Whether releases of the last run are still being looked at. */
  readonly isRestoring: () => boolean
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** Dates in HTTP have whole seconds: a client that compares them notices a release that comes back only if it is a second newer. */
const NEXT_DATE_MS = 1_000

/** Wires what a person asks to the catalog and the pins. What changes them is done one behind the other. */
export function createOperations(options: OperationsOptions): Operations {
  const {
    currentCatalog,
    commit,
    pins,
    report,
    describeHealth,
    origin,
    activeTransfers,
    isRestoring,
    now = Date.now
  } = options

  /** The release with the time of this as its date, unless it is the current one anyway. */
  const renewed = (release: Release, current: Release): Release =>
    release.digest === current.digest
      ? release
      : Object.freeze({ ...release, publishedAt: Math.max(now(), current.publishedAt + NEXT_DATE_MS) })

  /** Ends a rollback or a hold: the newest build is served again, or the next one where the file is gone. */
  const letGo = async ({ name, current: before }: NameEntry): Promise<ReleaseFacts | null> => {
    await onDisk(commit({ type: 'unpin', name, at: Math.max(now(), (before?.publishedAt ?? 0) + NEXT_DATE_MS) }))
    const current = currentCatalog().entry(name)?.current
    report('release.released', { name, digest: current?.digest, version: current?.version })
    return current === undefined ? null : factsOf(current)
  }

  const goBack = async (entry: NameEntry, asked: Release, hold: boolean): Promise<RolledBack> => {
    const release = renewed(asked, currentOf(entry))
    await onDisk(commit({ type: 'rollback', release, hold }))
    const { name, digest, version } = release
    const after = currentCatalog().entry(name) ?? entry
    report('release.rolledback', { name, digest, version, from: after.rollback?.from ?? digest, hold })
    return { current: factsOf(release), setAside: factsOfRollback(after)?.setAside ?? null, hold }
  }

  const rollback: Operations['rollback'] = async (asked, wanted, hold) => {
    const entry = entryNamed(currentCatalog(), asked)
    const { name, rollback: before } = entry
    const current = currentOf(entry)
    const release = wanted === undefined ? buildBefore(entry) : chooseRelease(wanted, releasesOf(entry), name)
    if (release.digest === current.digest && hold === (before?.hold ?? false))
      throw new OperatorError(
        'OTAD_ERR_USAGE',
        `${describeRelease(current)} is the current release of ${name} already${hold ? ', and held' : ''}`,
        `otad releases ${name} lists the others`
      )
    if (hold || release.digest !== before?.from) return goBack(entry, release, hold)
    return { current: (await letGo(entry)) ?? factsOf(release), setAside: null, hold }
  }

  const unpinName = async (entry: NameEntry): Promise<Unpinned> => {
    const { name, rollback } = entry
    if (rollback === undefined)
      throw new OperatorError(
        'OTAD_ERR_USAGE',
        `${name} is neither rolled back nor held: there is nothing to let go of`,
        'otad status lists what is, and the devices that are pinned'
      )
    const newest = releasesOf(entry).find(({ digest }) => digest === rollback.from)
    if (entry.current === undefined || newest !== undefined) return { is: 'name', name, current: await letGo(entry) }
    throw new OperatorError(
      'OTAD_ERR_NO_SUCH_RELEASE',
      `the newest build of ${name} (${shortDigest(rollback.from)}) is not kept any more`,
      rollback.hold
        ? `otad rollback ${name} ${shortDigest(entry.current.digest)} lets builds to come in again`
        : 'build it again: the next build is served'
    )
  }

  const unpinDevice = async (device: string, asked: string | undefined): Promise<Unpinned> => {
    const name = asked === undefined ? undefined : withoutSlash(asked)
    const gone = await onDisk(pins.unpin(device, name))
    if (gone.length === 0)
      throw new OperatorError(
        'OTAD_ERR_USAGE',
        `${device} is not pinned${name === undefined ? '' : ` to a release of ${name}`}: there is nothing to let go of`,
        'otad status lists the devices that are pinned'
      )
    for (const { device, name, digest } of gone) report('device.unpinned', { device, name, digest })
    return { is: 'device', pins: gone.map(pin => factsOfPin(pin, currentCatalog())) }
  }

  const unpin: Operations['unpin'] = async (what, name) => {
    const device = normalDevice(what)
    if (device !== undefined && currentCatalog().entry(what) === undefined) return unpinDevice(device, name)
    const entry = entryNamed(currentCatalog(), what)
    if (name === undefined) return unpinName(entry)
    throw new OperatorError(
      'OTAD_ERR_USAGE',
      `${entry.name} is a name, and not a device that could be pinned to ${name}`,
      `otad unpin ${entry.name}`
    )
  }

  const pin: Operations['pin'] = async (asked, wanted) => {
    const device = normalDevice(asked)
    if (device === undefined)
      throw new OperatorError(
        'OTAD_ERR_USAGE',
        `"${asked}" is no device`,
        'a device is its MAC, the SHA-256 fingerprint of its certificate, or the address that the log names'
      )
    const catalog = currentCatalog()
    const { name, digest } = chooseOfAll(catalog, wanted)
    currentOf(entryNamed(catalog, name))
    await onDisk(pins.pin(device, name, digest))
    report('device.pinned', { device, name, digest })
    return factsOfPin({ device, name, digest, at: now() }, currentCatalog())
  }

  let last: Promise<unknown> = Promise.resolve()
  const oneBehindTheOther = <T>(act: () => Promise<T>): Promise<T> => {
    const done = last.then(act).catch(error => {
      throw isRestoring() ? becauseItStarts(error) : error
    })
    last = done.catch(() => {})
    return done
  }

  return {
    status: async () => {
      const { status, version, since } = describeHealth()
      const catalog = currentCatalog()
      return {
        status,
        version,
        since,
        origin: origin(),
        activeTransfers: activeTransfers(),
        names: describeNames(catalog),
        pins: pins.list.map(pin => factsOfPin(pin, catalog))
      }
    },
    releases: async name => {
      const catalog = currentCatalog()
      return describeReleases(name === undefined ? catalog.entries : [entryNamed(catalog, name)], pins.list)
    },
    rollback: (...asked) => oneBehindTheOther(() => rollback(...asked)),
    pin: (...asked) => oneBehindTheOther(() => pin(...asked)),
    unpin: (...asked) => oneBehindTheOther(() => unpin(...asked)),
    devices: async (history, device) => options.devices(history, device),
    idle: async () => void (await last)
  }
}

/** A change that the disk does not take is something that the operator can put right. */
async function onDisk<T>(changing: Promise<T>): Promise<T> {
  try {
    return await changing
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === undefined) throw error
    throw new OperatorError(
      'OTAD_ERR_STATE_NOT_WRITABLE',
      `state/ cannot be written (${code}): nothing has changed`,
      'make room or mend it, and ask again',
      { cause: error }
    )
  }
}

/** Releases of the last run are looked at one after the other: what is missing may come in a moment. */
function becauseItStarts(error: unknown): unknown {
  if (!(error instanceof OperatorError) || error.code !== 'OTAD_ERR_NO_SUCH_RELEASE') return error
  return new OperatorError(error.code, error.message, 'otad is just starting: try again in a moment', { cause: error })
}
