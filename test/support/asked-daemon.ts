import { createHash } from 'node:crypto'
import { chmod, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { type ControlOptions, serveControl } from '../../src/control/control-server.js'
import type { EventName, Events, Report } from '../../src/events.js'
import { createOperations, type Operations, type OperationsOptions } from '../../src/operations.js'
import type { Catalog, Change } from '../../src/releases/catalog.js'
import { numberOf } from '../../src/releases/catalog.js'
import { Committer } from '../../src/releases/committer.js'
import type { Release } from '../../src/releases/release.js'
import { openState } from '../../src/releases/state.js'
import { Pins } from '../../src/runs/pins.js'
import type { Health } from '../../src/server/app.js'
import { releaseWith } from './a-release.js'
import { temporaryFolder } from './daemon.js'

export interface AskedDaemonOptions {
  readonly keepReleases?: number
  /** Milliseconds since 1970, for releases that go back. */
  readonly now?: () => number
  /** What goes to the control server beside the operations. */
  readonly control?: Partial<Omit<ControlOptions, 'operations'>>
  /** The devices that have come; none when left out. */
  readonly devices?: OperationsOptions['devices']
}

/** What of a daemon can be asked: a state folder with its catalog, pins and socket, and nothing that watches or serves devices. */
export interface AskedDaemon {
  readonly home: string
  readonly stateFolder: string
  readonly operations: Operations
  readonly pins: Pins
  readonly reported: readonly (readonly [EventName, Events[EventName]])[]
  readonly bugs: readonly unknown[]
  catalog(): Catalog
  commit(change: Change): Promise<void>
  /** Publishes a build, whose bytes are told by its text. */
  publish(name: string, build: string, fields?: Partial<Release>): Promise<Release>
  /** How many connections are being served. */
  connections(): number
  say(status: Health['status']): void
  close(): Promise<void>
}

/** Opens one that ends with the test. */
export async function openAskedDaemon(options: AskedDaemonOptions = {}): Promise<AskedDaemon> {
  const { keepReleases = 10, now, control, devices = () => [] } = options
  const home = await temporaryFolder()
  const stateFolder = path.join(home, 'state')
  const reported: [EventName, Events[EventName]][] = []
  const bugs: unknown[] = []
  const report: Report = (event, fields) => reported.push([event, fields])
  const pins = await openPins(stateFolder)
  const isHeld = (name: string, digest: string): boolean => pins.holds(name, digest)
  const state = await openState({ folder: stateFolder, keepReleases, cacheBytes: 0, openHolds: async () => isHeld })
  let catalog = state.journaled
  let status: Health['status'] = 'serving'
  const committer = new Committer({
    file: state.catalogFile,
    keepReleases,
    isHeld,
    mayCompact: () => true,
    currentCatalog: () => catalog,
    replaceCatalog: next => {
      catalog = next
    }
  })
  const commit = (change: Change): Promise<void> => committer.commit(change)
  const operations = createOperations({
    currentCatalog: () => catalog,
    commit,
    pins,
    report,
    describeHealth: () => ({ status, version: '9.8.7', since: '2026-01-02T03:04:05.000Z', names: 0, serving: [] }),
    origin: () => 'https://192.168.1.8:8070',
    activeTransfers: () => 2,
    devices,
    isRestoring: () => status === 'starting',
    ...(now === undefined ? {} : { now })
  })
  let connections = 0
  state.serve(connection => {
    connections++
    connection.once('close', () => connections--)
    serveControl(connection, { operations, onBug: error => bugs.push(error), ...control })
  })
  const close = async (): Promise<void> => {
    await committer.idle()
    await state.close()
  }
  let closing: Promise<void> | undefined
  const closeOnce = (): Promise<void> => {
    closing ??= close()
    return closing
  }
  onTestFinished(closeOnce)
  return {
    home,
    stateFolder,
    operations,
    pins,
    reported,
    bugs,
    catalog: () => catalog,
    connections: () => connections,
    commit,
    publish: async (name, build, fields) => {
      const made = aRelease(name, build, { number: numberOf(catalog.entry(name), digestOf(build)), ...fields })
      await commit({ type: 'publish', release: made })
      return made
    },
    say: said => {
      status = said
    },
    close: closeOnce
  }
}

async function openPins(stateFolder: string): Promise<Pins> {
  await mkdir(stateFolder, { recursive: true })
  await chmod(stateFolder, 0o700)
  return Pins.open(path.join(stateFolder, 'pins.json'))
}

/** The digest of a build that is told by its text. */
export function digestOf(build: string): string {
  return createHash('sha256').update(build).digest('hex')
}

/** A release of a build that is told by its text. */
export function aRelease(name: string, build: string, fields: Partial<Release> = {}): Release {
  return releaseWith({ name, digest: digestOf(build), version: build, ...fields })
}
