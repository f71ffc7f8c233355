/**
 * What otad tells of devices: plain JSON, for the page, the commands and whoever asks `/devices.json`. Times are ISO 8601, UTC; lengths are
 * bytes. Names, versions and user agents come from outside: they are as untrusted here as where they came from.
 */

/** What has happened to a device last, or goes on. */
export const VERDICTS = [
  /** A download is under way. */
  'downloading',
  /** It takes nothing for a while, and the connection stands. */
  'stalled',
  /** It was handed everything: only the device knows what it received. */
  'complete',
  /** The connection ended, or no further range was asked for, before the end. */
  'cut',
  /** It goes on where it was cut. */
  'resumed',
  /** It began again from the first byte after it had been cut, or sent back. */
  'restarted',
  /** It asked for more of a build that is not known any more, and was sent back to the first byte (416). */
  'sent-back',
  /** It runs the release that it would get. */
  'up-to-date',
  /** It said that it runs this release (`GET /<name>/ok?sha=…`, or the headers of HTTPUpdate). */
  'running',
  'looping',
  'rolled-back',
  /** It has no room for the image. */
  'no-room',
  /** It asked for something that is not served. */
  'not-found',
  /** It shows no credentials or certificate that are good. */
  'not-allowed',
  'handshake-failed',
  /** It connected, and never said a byte. */
  'silent',
  /** It asked for something else: a manifest, a page, a health check. */
  'seen'
] as const
export type VerdictKind = (typeof VERDICTS)[number]

/** One thing that happened to a device. */
export interface DeviceEvent {
  readonly at: string
  readonly is: VerdictKind
  /** What happened, as a person reads it: "cut at 61 % of 842 KiB after 2.9 s". No full stop. */
  readonly sentence: string
  /** What to do, where there is something; else null. */
  readonly fix: string | null
  readonly name: string | null
  readonly digest: string | null
  /** How often in a row. */
  readonly count: number
}

/** A release as far as a device is concerned. */
export interface DeviceRelease {
  readonly name: string
  /** SHA-256 of the artifact; null where it is none that otad knows. */
  readonly digest: string | null
  readonly version: string
  readonly at: string
}

export interface RunningRelease extends DeviceRelease {
  /**
   * `confirmed`: the device asked for `/<name>/ok?sha=…` with it. `told`: the headers of its update client said so.
   * `believed`: it has received it whole, came back later, and did not say otherwise.
   */
  readonly source: 'confirmed' | 'told' | 'believed'
}

/** A download under way. One in ranges is one download. */
export interface LiveDownload {
  /** Unique while the process lives. */
  readonly id: number
  /** `DeviceFacts.id`. */
  readonly device: string
  readonly name: string
  readonly digest: string
  readonly version: string
  readonly size: number
  /** The byte it began at: not 0 where it resumed. */
  readonly from: number
  /** Bytes of the image up to here have been accepted by the socket. */
  readonly reached: number
  /** Bytes per second, over the last seconds. */
  readonly rate: number
  /** At that rate; null where it stands still. */
  readonly secondsLeft: number | null
  readonly startedAt: string
  readonly isStalled: boolean
}

/** One device: the client certificate, else the MAC that it sends, else its address. */
export interface DeviceFacts {
  /** What commands take: its MAC, its address, or the SHA-256 fingerprint of its certificate. */
  readonly id: string
  readonly identity: 'certificate' | 'mac' | 'address'
  /** Given by the setting `deviceNames`; null where it has none. */
  readonly label: string | null
  /** Where it came from last. */
  readonly address: string
  /** As it sends it, or as this machine's neighbour table has it; null where neither tells. */
  readonly mac: string | null
  /** Who made its network chip, by the first half of the MAC. */
  readonly vendor: string | null
  /** The kind of update client, in words: "ESP-IDF", "Arduino HTTPUpdate", "ESPHome", "curl", "browser"; "unknown". */
  readonly client: string
  readonly userAgent: string
  /** Version of its SDK, where it tells one. */
  readonly sdk: string | null
  readonly chip: string | null
  readonly firstSeen: string
  readonly lastSeen: string
  /** The release that it was answered last. */
  readonly asked: DeviceRelease | null
  readonly running: RunningRelease | null
  /** The last thing that happened; null for one that has not done anything worth telling. */
  readonly verdict: DeviceEvent | null
  /** Downloads under way. */
  readonly downloads: readonly LiveDownload[]
}

/** A device with what happened to it, the newest first. */
export interface DeviceHistory extends DeviceFacts {
  readonly history: readonly DeviceEvent[]
}
