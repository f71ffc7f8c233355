import path from 'node:path'
import { systemErrorCode } from './errors.js'
import type { Report } from './events.js'
import type { ArtifactStore } from './releases/artifact-store.js'
import { type Catalog, type Change, type IsHeld, releasesOf } from './releases/catalog.js'
import { Committer } from './releases/committer.js'
import { createPruning, type Pruning } from './releases/pruning.js'
import { artifactsOf, type DerivedArtifact, type Release } from './releases/release.js'
import { Restoration } from './releases/restoration.js'
import { openState, type State } from './releases/state.js'
import { Pins } from './runs/pins.js'
import { RunsFile } from './runs/runs-file.js'

export interface CatalogKeeperOptions {
  /** `state/` of the home. */
  readonly folder: string
  readonly keepReleases: number
  readonly cacheBytes: number
  readonly isWatched: (release: Release) => boolean
  readonly report: Report
}

/** The bytes of artifacts, by their digests. */
export type ArtifactBytes = ReadonlyMap<string, Buffer>

/** How often releases are let go that a run has held until now. */
const TRIM_EVERY_MS = 60_000
/** How long the releases of a name without a file are kept for going back. */
const FORGET_AFTER_MS = 30 * 24 * 60 * 60_000

/**
 * Keeps the catalog with everything that decides which releases it has: the state folder, the runs and pins that hold earlier ones, the committer,
 * and the pruning of what nobody needs. The catalog in here is the one thing of the house that changes while it runs.
 */
export class CatalogKeeper {
  readonly store: ArtifactStore
  readonly runs: RunsFile
  readonly pins: Pins
  /** An artifact is not what it was: its release is not served until somebody has looked at the file of this name again. */
  onDamaged: (name: string) => void = () => {}
  readonly #options: CatalogKeeperOptions
  readonly #state: State
  readonly #committer: Committer
  readonly #restoration: Restoration
  readonly #pruning: Pruning
  readonly #trimming: NodeJS.Timeout
  /** Digests whose artifacts are kept already, and whose releases are not in the catalog yet. */
  readonly #pending = new Set<string>()
  #catalog: Catalog
  #isRestoring = true

  /** @throws OperatorError when the state folder cannot be used, or another process uses it */
  static async open(options: CatalogKeeperOptions): Promise<CatalogKeeper> {
    const { folder, report } = options
    const opened: { runs?: RunsFile; pins?: Pins } = {}
    const state = await openState({
      ...options,
      openHolds: async () => {
        opened.runs = await RunsFile.open({
          file: path.join(folder, 'runs.jsonl'),
          now: steadyClock(),
          onFailure: code => report('runs.failed', { reason: `state/runs.jsonl cannot be written (${code})` })
        })
        opened.pins = await Pins.open(path.join(folder, 'pins.json'), {
          onDamaged: () => report('catalog.repaired', { file: 'pins.json', reason: 'it was damaged and is set aside' })
        })
        return isHeldBy(opened.runs, opened.pins)
      }
    })
    const { runs, pins } = opened
    if (runs === undefined || pins === undefined) throw new Error('the state was opened without its runs and pins')
    if (state.damagedLines > 0)
      report('catalog.repaired', { file: 'catalog.jsonl', reason: `${state.damagedLines} damaged lines were left out` })
    return new CatalogKeeper(options, state, runs, pins)
  }

  private constructor(options: CatalogKeeperOptions, state: State, runs: RunsFile, pins: Pins) {
    const { keepReleases, isWatched, report } = options
    this.#options = options
    this.#state = state
    this.store = state.store
    this.runs = runs
    this.pins = pins
    const isHeld = isHeldBy(runs, pins)
    const { journaled } = state
    this.#catalog = journaled.after(
      [...journaled.entries].map(({ name }) => ({ type: 'doubt', name })),
      keepReleases,
      isHeld
    )
    this.#committer = new Committer({
      file: state.catalogFile,
      keepReleases,
      isHeld,
      currentCatalog: () => this.#catalog,
      replaceCatalog: next => {
        this.#catalog = next
      },
      mayCompact: () => !this.#isRestoring
    })
    this.#restoration = new Restoration({
      journaled,
      store: this.store,
      isWatched,
      isHeld,
      commit: change => this.#committer.commit(change),
      tellDamage: ({ name, digest }, reason) => {
        report('artifact.damaged', { name, digest, reason })
        this.onDamaged(name)
      }
    })
    this.store.onDamaged = (digest, how) => void this.#lose(digest, how)
    this.#pruning = createPruning(
      this.store,
      digest =>
        this.#pending.has(digest) || this.#catalog.byDigest(digest) !== undefined || this.#restoration.isUnread(digest)
    )
    this.#trimming = setInterval(() => void this.#trim(), TRIM_EVERY_MS).unref()
  }

  get catalog(): Catalog {
    return this.#catalog
  }

  /** The catalog as the last process left it. */
  get journaled(): Catalog {
    return this.#state.journaled
  }

  /** What listens in the state folder takes questions from now on. */
  serve: State['serve'] = handle => this.#state.serve(handle)

  /** Looks at the artifacts of the last run, in the background. Resolves when current releases have been looked at. */
  restore(): Promise<void> {
    return this.#restoration.begin()
  }

  /** Looks at the earlier ones; what nobody needs is removed from then on. */
  async restoreRest(): Promise<void> {
    // As long as some have not been looked at, nobody can say which artifacts are not needed.
    if (!(await this.#restoration.rest())) return
    this.#isRestoring = false
    this.#pruning.begin()
  }

  /** Whether releases are still missing that have not been looked at. */
  get isRestoring(): boolean {
    return this.#isRestoring
  }

  /** Resolves when a name, or an artifact, may be asked about; undefined where there is nothing to wait for. */
  restored(name: string): Promise<void> | undefined {
    return this.#restoration.of(name)
  }

  restoredArtifact(digest: string): Promise<void> | undefined {
    return this.#restoration.ofArtifact(digest)
  }

  /**
   * Resolves when the change survives a crash and every new request sees it.
   * @throws the system error of the disk; the catalog is then as it was
   */
  async commit(change: Change): Promise<void> {
    await this.#committer.commit(change)
  }

  /**
   * Keeps an image, with the bytes of its other forms by their digests, and publishes it.
   * @throws the system error of the disk; the catalog is then as it was
   */
  async publish(release: Release, bytes: Buffer, forms: ArtifactBytes = new Map()): Promise<void> {
    await this.#keep(new Map([...forms, [release.digest, bytes]]), { type: 'publish', release })
  }

  /**
   * Keeps other forms of a release that is kept, in the place of those that it had.
   * @throws the system error of the disk; the catalog is then as it was
   */
  async derive({ name, digest }: Release, derived: readonly DerivedArtifact[], forms: ArtifactBytes): Promise<void> {
    await this.#keep(forms, { type: 'derive', name, digest, derived })
  }

  async #keep(artifacts: ArtifactBytes, change: Change): Promise<void> {
    for (const digest of artifacts.keys()) this.#pending.add(digest)
    try {
      await Promise.all([...artifacts].map(([digest, bytes]) => this.store.keep(digest, bytes)))
      await this.#committer.commit(change)
    } finally {
      for (const digest of artifacts.keys()) this.#pending.delete(digest)
    }
    this.#pruning.soon()
  }

  /** Loads the newest releases into memory, as many as fit: they are what devices ask for. */
  async warm(): Promise<void> {
    const current = [...this.#catalog.entries].flatMap(entry => entry.current ?? [])
    let room = this.#options.cacheBytes
    for (const { digest, size } of current.sort((a, b) => b.publishedAt - a.publishedAt)) {
      room -= size
      if (room < 0) return
      await this.store.warm(digest, size)
    }
  }

  /** Reads and removes nothing more; what is being committed still is. */
  async stop(): Promise<void> {
    clearInterval(this.#trimming)
    this.#pruning.end()
    await this.#restoration.close()
    await this.#committer.idle()
  }

  /** Lets another process have the folder. Call it when nobody downloads any more. */
  async close(): Promise<void> {
    // Whoever asks through the socket may have changed something since.
    await this.#committer.idle()
    await this.runs.close()
    await this.#state.close()
  }

  /** Takes an artifact out of service that is not what it was; everything else of its names stays. */
  async #lose(digest: string, how: string): Promise<void> {
    const { report } = this.#options
    const names = [...this.#catalog.entries].filter(entry => releasesOf(entry).flatMap(artifactsOf).includes(digest))
    for (const { name } of names) report('artifact.damaged', { name, digest, reason: how })
    await Promise.all(names.map(({ name }) => this.#tryCommit({ type: 'lose', name, digest, at: Date.now() })))
    for (const { name } of names) this.onDamaged(name)
  }

  /** For what is done again by itself, or found again at the next start, when the disk does not have it now. */
  async #tryCommit(change: Change): Promise<void> {
    try {
      await this.#committer.commit(change)
    } catch (error) {
      if (systemErrorCode(error) === undefined) this.#options.report('bug', { err: error })
    }
  }

  /** Lets go of what was kept for somebody who has come to the end, and of names whose files have been away for long. */
  async #trim(): Promise<void> {
    const { keepReleases } = this.#options
    const before = Date.now() - FORGET_AFTER_MS
    const changes = [...this.#catalog.entries].flatMap(({ name, current, earlier, withdrawnAt = before }): Change[] => {
      if (current === undefined && earlier.length > 0 && withdrawnAt < before) return [{ type: 'forget', name }]
      return earlier.length > keepReleases ? [{ type: 'trim', name }] : []
    })
    await Promise.all(changes.map(change => this.#tryCommit(change)))
    if (changes.length > 0) this.#pruning.soon()
  }
}

function isHeldBy(runs: RunsFile, pins: Pins): IsHeld {
  return (name, digest) => (pins.holds(name, digest) ? 'pinned' : runs.table.isHeld(name, digest))
}

/** Milliseconds since 1970 by the clock of the start: setting the clock while otad runs ends no run. */
function steadyClock(): () => number {
  const startedAt = Date.now() - performance.now()
  return () => startedAt + performance.now()
}
