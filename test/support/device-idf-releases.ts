/** A generation of ESP-IDF as far as a server can tell them apart (clients.md 5.3, real-client.md 3 and 6). */
export type IdfRelease = '3.x' | '4.4' | '5.3' | '5.5' | '6.0'

export interface IdfManners {
  readonly portInHost: boolean
  readonly emptyContentLength: boolean
  /** Before v4.3 the body of any status goes to flash. */
  readonly checksStatus: boolean
  /** Bytes of the body that have to come before the first one is written. */
  readonly headerLength: number
  readonly checksChip: boolean
  /** What it prints when the connection ends inside a body; null takes that for the end of the image. */
  readonly shortBody: string | null
  /** 304, 416 with a fallback, and resumption came together. */
  readonly knowsNotModified: boolean
  /** A relative Location is refused, for it does not start with `https://`. */
  readonly absoluteRedirectsOnly: boolean
  /** A 200 to `bytes=F-` is refused instead of appended. */
  readonly requires206: boolean
  /** Ranges share one connection, without a second try when the server dropped it. */
  readonly persistentConnection: boolean
  /** Asks for `bytes=0-0` when HEAD does not give 200. */
  readonly headFallback: boolean
}

const V3 = {
  portInHost: false,
  emptyContentLength: true,
  checksStatus: false,
  headerLength: 0,
  checksChip: false,
  shortBody: null,
  knowsNotModified: false,
  absoluteRedirectsOnly: false,
  requires206: false,
  persistentConnection: false,
  headFallback: false
} satisfies IdfManners

const V44 = {
  ...V3,
  portInHost: true,
  checksStatus: true,
  headerLength: 289,
  checksChip: true,
  shortBody: 'esp_https_ota: data read -1, errno 128'
} satisfies IdfManners

const V53 = {
  ...V44,
  headerLength: 1024,
  shortBody: 'esp_https_ota: Connection closed before complete data was received!'
} satisfies IdfManners

const V55 = {
  ...V53,
  emptyContentLength: false,
  knowsNotModified: true,
  absoluteRedirectsOnly: true,
  requires206: true,
  persistentConnection: true
} satisfies IdfManners

/** The manners of each release; '3.x' is v3.2 and '5.5' is v5.5.5, the extremes of their lines. */
export const IDF: Readonly<Record<IdfRelease, IdfManners>> = {
  '3.x': V3,
  '4.4': V44,
  '5.3': V53,
  '5.5': V55,
  '6.0': { ...V55, absoluteRedirectsOnly: false, headFallback: true }
}
