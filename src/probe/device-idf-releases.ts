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
  /** What esp_https_ota makes of a 401: its body is the image, it asks again for ever, ten times, or as long as there is something to add. */
  readonly on401: 'body' | 'for-ever' | 'ten-times' | 'while-supported'
  /** `algorithm="MD5"` in a Digest, and no default for one that the challenge leaves out. */
  readonly quotesAlgorithm: boolean
  /** The query of the URL is a part of what Digest signs. */
  readonly signsQuery: boolean
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
  on401: 'body',
  quotesAlgorithm: true,
  signsQuery: false,
  headFallback: false
} satisfies IdfManners

const V44 = {
  ...V3,
  portInHost: true,
  checksStatus: true,
  headerLength: 289,
  checksChip: true,
  on401: 'for-ever',
  shortBody: 'esp_https_ota: data read -1, errno 128'
} satisfies IdfManners

const V53 = {
  ...V44,
  headerLength: 1024,
  on401: 'ten-times',
  quotesAlgorithm: false,
  signsQuery: true,
  shortBody: 'esp_https_ota: Connection closed before complete data was received!'
} satisfies IdfManners

const V55 = {
  ...V53,
  emptyContentLength: false,
  on401: 'while-supported',
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
