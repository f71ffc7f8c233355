import type { Events } from './events.js'
import type { Release } from './releases/release.js'
import { type ArduinoClient, type RunnableRelease, runs } from './server/arduino.js'
import type { Download } from './server/downloads.js'
import { shortDigest } from './words.js'

/** What is found about a device when one more of its downloads has ended; each is found once for a device and a release. */
export interface Findings {
  readonly looping?: Events['device.looping']
  readonly rolledback?: Events['device.rolledback']
  readonly full?: Events['device.full']
}

/** So many whole downloads of one release within so much time are a loop: a device that updates restarts, and needs none for hours then. */
const TIMES = 3
const WITHIN_MS = 10 * 60_000
/** Devices and names that are followed at the same time; above that the one is forgotten that was seen longest ago. */
const MOST = 10_000

/** By hand, or for many devices: downloading again is what these are for. */
const PEOPLE = /^(curl|wget|mozilla|httpie|python|go-http-client|node|postman)/i

/** One device and one name. */
interface Followed {
  /** Digest of a release that it has no room for. */
  fullFor?: string
  got?: Received
}

/** The release that a device has received whole. */
interface Received {
  readonly release: RunnableRelease & Pick<Release, 'version'>
  /** What it told of itself before. */
  readonly before: ArduinoClient | undefined
  /** When the last of its downloads began and ended, in milliseconds. */
  transfers: readonly { readonly from: number; readonly to: number }[]
  /** Two downloads at the same time: there is more than one device behind the address. */
  isSeveral: boolean
  isToldLooping: boolean
  isToldBack: boolean
}

/**
 * Follows what devices download and what they run when they come back: one that downloads the same release again and again, and one that has
 * received a release and runs what it ran before. Only what a device tells can be known; `complete` means handed over, not written.
 */
export class Loops {
  readonly #followed = new Map<string, Followed>()

  /** Takes note of a download that has ended now, in milliseconds of a clock that never goes back. */
  note(download: Download, now: number): Findings {
    const { recipient, release } = download
    if (PEOPLE.test(recipient.userAgent)) return {}
    const key = `${recipient.client}\n${release.name}`
    const followed = this.#followed.get(key) ?? {}
    const rolledback = findReturn(followed, download)
    const full = findFull(followed, download)
    const looping = download.outcome === 'complete' ? findLoop(followed, download, now) : undefined
    if (followed.got !== undefined || followed.fullFor !== undefined) this.#keep(key, followed)
    return { ...(looping && { looping }), ...(rolledback && { rolledback }), ...(full && { full }) }
  }

  #keep(key: string, followed: Followed): void {
    // Deleted and set again, so that the first of the map is the one that was seen longest ago.
    this.#followed.delete(key)
    this.#followed.set(key, followed)
    for (const oldest of this.#followed.keys()) {
      if (this.#followed.size <= MOST) return
      this.#followed.delete(oldest)
    }
  }
}

function findFull(followed: Followed, { outcome, recipient, release, client }: Download): Findings['full'] {
  if (outcome !== 'no-room' || followed.fullFor === release.digest) return undefined
  followed.fullFor = release.digest
  return { device: recipient.label, name: release.name, size: release.size, free: client?.freeSpace ?? 0 }
}

function findLoop(followed: Followed, download: Download, now: number): Findings['looping'] {
  const { release, recipient, client, sent, durationMs } = download
  // One that resumed has received the rest of what it had: that is no download from the start.
  if (sent !== release.size) return undefined
  if (followed.got?.release.digest !== release.digest) followed.got = received(release, client)
  const { got } = followed
  const transfer = { from: now - durationMs, to: now }
  if (!recipient.isSure && got.transfers.some(({ to }) => to > transfer.from)) got.isSeveral = true
  got.transfers = [...got.transfers.filter(({ to }) => now - to <= WITHIN_MS), transfer].slice(-TIMES)
  if (got.isToldLooping || got.isSeveral || got.transfers.length < TIMES) return undefined
  got.isToldLooping = true
  const { name, version } = release
  return { device: recipient.label, name, version, times: TIMES, reason: reasonOfLoop(download, got) }
}

function received({ version, digest, md5, appendedSha256 }: Release, before: ArduinoClient | undefined): Received {
  const release = { version, digest, md5, appendedSha256 }
  return { release, before, transfers: [], isSeveral: false, isToldLooping: false, isToldBack: false }
}

/** What a device that loops is most likely to have wrong, by what it tells. */
function reasonOfLoop({ recipient, client }: Download, { before, release }: Received): string {
  if (client === undefined)
    return `it tells no version: it updates whenever it starts, or compares with a version of its own that no build changes (PROJECT_VER, FIRMWARE_VERSION), or the bootloader goes back because the new image never calls esp_ota_mark_app_valid_cancel_rollback()${doubt(recipient)}`
  if (client.mode === 'spiffs')
    return `a file system tells nothing of itself: remember what was installed, and call updateSpiffs() only for another one${doubt(recipient)}`
  const runsNow = describeDigest(client)
  if (runsNow !== undefined)
    return runsSame(client, before)
      ? `it comes back each time with the firmware that it had before (${runsNow}): the new one does not boot, is not confirmed, or is refused at the end${doubt(recipient)}`
      : `what it tells to run (${runsNow}) is never the image that it was sent: one that is signed or packed has another digest on the device, so only a version passed to update() can stop it${doubt(recipient)}`
  if (client.version !== undefined)
    return `it tells version ${client.version} each time, and the image is ${release.version || 'one without a version'}: its own version does not change with the build (PROJECT_VER, FIRMWARE_VERSION), or it goes back to its old firmware${doubt(recipient)}`
  return `it tells neither version nor digest of what it runs: it updates whenever it starts${doubt(recipient)}`
}

function doubt({ isSure }: Download['recipient']): string {
  return isSure ? '' : '. It is known by its address alone, so that it may be several devices'
}

/** Whether a device that has received a release asks with what it ran before it. */
function findReturn({ got }: Followed, { release, recipient, client }: Download): Findings['rolledback'] {
  if (got === undefined || got.isToldBack || client?.mode !== 'sketch' || !isBack(client, got)) return undefined
  got.isToldBack = true
  const running = client.version ?? describeDigest(client) ?? ''
  const reason = `the bootloader went back because the new firmware was not confirmed (esp_ota_mark_app_valid_cancel_rollback) or did not boot, the image was refused at the end, it has not restarted yet, or somebody flashed the old one${hintOfVersion(client)}`
  return { device: recipient.label, name: release.name, version: got.release.version, running, reason }
}

/** Digests tell for certain; a version alone is taken at its word, unless the release has none to compare. */
function isBack(client: ArduinoClient, { before, release }: Received): boolean {
  if (before === undefined) return false
  const runsIt = runs(client, release)
  if (runsIt !== undefined) return !runsIt && runsSame(client, before)
  return (
    client.version !== undefined &&
    client.version === before.version &&
    release.version !== '' &&
    client.version !== release.version
  )
}

function hintOfVersion(client: ArduinoClient): string {
  return describeDigest(client) === undefined ? ', or the version that it tells is not changed by a build' : ''
}

function runsSame(client: ArduinoClient, before: ArduinoClient | undefined): boolean {
  if (client.sketchMd5 !== undefined) return client.sketchMd5 === before?.sketchMd5
  return client.sketchSha256 !== undefined && client.sketchSha256 === before?.sketchSha256
}

/** `MD5 4c1d9e02`, by which a person finds the build. */
function describeDigest({ sketchMd5, sketchSha256 }: ArduinoClient): string | undefined {
  if (sketchMd5 !== undefined) return `MD5 ${shortDigest(sketchMd5)}`
  return sketchSha256 === undefined ? undefined : `SHA-256 ${shortDigest(sketchSha256)}`
}
