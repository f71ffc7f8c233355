import { setTimeout as sleep } from 'node:timers/promises'
import { stampOf } from '../certs/file-stamp.js'
import { OperatorError, systemErrorCode } from '../errors.js'
import type { ArtifactReader } from '../releases/artifact-store.js'
import { type Catalog, type NameEntry, releasesOf } from '../releases/catalog.js'
import type { DerivedArtifact, Release } from '../releases/release.js'
import { bytesOf, canBeSigned, isSignedWith, makeSignedForm, type SignedForm, withSignedForm } from './signed-form.js'
import {
  loadSigningKey,
  makeSigningKey,
  type SigningKey,
  type SigningKeyPlace,
  signingKeyFileOf
} from './signing-key.js'

/** The port of the demo's own server, which stands in the URL in its code: who listens there expects it. */
export const DEMO_PORT = 4443

/** What the signing of releases that are there already goes through. */
export interface SignedReleases {
  readonly catalog: Catalog
  readonly store: { read(digest: string, size: number): ArtifactReader }
  derive(release: Release, derived: readonly DerivedArtifact[], forms: ReadonlyMap<string, Buffer>): Promise<void>
}

export interface SigningOptions extends SigningKeyPlace {
  /** Whether a key is to be made where there is none. */
  readonly isWanted: boolean
  readonly kept: SignedReleases
  /** The key was replaced by one that cannot be used: the one of before goes on being used. */
  readonly onUnusable: (error: OperatorError) => void
  /** A release could not be signed, and is not until the next start. */
  readonly onFailed: (release: Release, error: unknown) => void
}

const LOOK_EVERY_MS = 2_000

/**
 * Signs releases for ota_demo while there is a key to sign with: what is published, what was published before the key was there, and what has
 * lost its signed form. A key that comes while otad runs is taken within seconds.
 */
export class Signing {
  readonly #options: SigningOptions
  readonly #stopping = new AbortController()
  #key: SigningKey | undefined
  #stamp: string
  #looking: Promise<void> = Promise.resolve()
  /** What is signed afterwards is signed one behind the other. */
  #signing: Promise<void> = Promise.resolve()

  /** @throws OperatorError when there is a key that cannot be used, or one is wanted that cannot be made */
  static async open(options: SigningOptions): Promise<Signing> {
    const stamp = await stampOf([signingKeyFileOf(options)])
    const key = options.isWanted ? await makeSigningKey(options) : await loadSigningKey(options)
    return new Signing(options, key, stamp)
  }

  private constructor(options: SigningOptions, key: SigningKey | undefined, stamp: string) {
    this.#options = options
    this.#key = key
    this.#stamp = stamp
  }

  /** Signs what is not, now and whenever the key is another. Call it when every release has been looked at. */
  begin(): void {
    this.#signAll()
    this.#looking = this.#look()
  }

  /** The form for the demo of an image that is about to be published. `others` was published under its name before, the newest first. */
  formOf(release: Release, bytes: Buffer, others: readonly Release[]): Promise<SignedForm | undefined> {
    return makeSignedForm({ release, bytes, key: this.#key, others })
  }

  /** Signs what is not signed of a name, in the background. */
  sign(name: string): void {
    this.#signing = this.#signing.then(async () => {
      const entry = this.#options.kept.catalog.entry(name)
      if (entry !== undefined) await this.#signEntry(entry)
    })
  }

  /** Resolves when nothing is signed any more. */
  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#looking
    await this.#signing
  }

  #signAll(): void {
    if (this.#key !== undefined) for (const { name } of this.#options.kept.catalog.entries) this.sign(name)
  }

  async #signEntry(entry: NameEntry): Promise<void> {
    const releases = [...releasesOf(entry)].sort((a, b) => b.number - a.number)
    for (const release of releases) {
      const key = this.#key
      if (key === undefined || this.#stopping.signal.aborted) return
      if (!canBeSigned(release) || isSignedWith(release, key)) continue
      try {
        await this.#signRelease(release, key, releases)
      } catch (error) {
        this.#options.onFailed(release, error)
      }
    }
  }

  async #signRelease(release: Release, key: SigningKey, all: readonly Release[]): Promise<void> {
    const { kept } = this.#options
    const bytes = await readWhole(kept.store.read(release.digest, release.size))
    if (bytes === undefined) return
    // Its own too: what moved on to it by its old signature still does.
    const others = [...all.filter(other => other !== release), release]
    const form = await makeSignedForm({ release, bytes, key, others })
    if (form === undefined) return
    await kept.derive(release, withSignedForm(release, form).derived ?? [], bytesOf(form))
  }

  async #look(): Promise<void> {
    const { signal } = this.#stopping
    const file = signingKeyFileOf(this.#options)
    while (!signal.aborted) {
      await sleep(LOOK_EVERY_MS, undefined, { ref: false, signal }).catch(() => {})
      if (signal.aborted) return
      const stamp = await stampOf([file])
      if (stamp === this.#stamp) continue
      this.#stamp = stamp
      await this.#takeKey()
    }
  }

  /** A key that is taken away goes on being used until the next start: what is signed with it has to stay up to date. */
  async #takeKey(): Promise<void> {
    try {
      const key = await loadSigningKey(this.#options)
      if (key === undefined || key.id === this.#key?.id) return
      this.#key = key
      this.#signAll()
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.#options.onUnusable(error)
    }
  }
}

/** Undefined for an artifact that is not what it was: whoever keeps it says so himself. */
async function readWhole(reader: ArtifactReader): Promise<Buffer | undefined> {
  try {
    return reader.memory ?? (await reader.read(0, reader.size))
  } catch (error) {
    if (systemErrorCode(error) !== undefined) throw error
    return undefined
  } finally {
    reader.close()
  }
}
