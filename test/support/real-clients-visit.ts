/** What the clients of test/support/real-clients.ts have in common: where they are sent, and what they answer. */
import { isIP } from 'node:net'

export type TlsVersion = '1.2' | '1.3'

/** Where a client goes, and the one CA and the one TLS version that it has. */
export interface Visit {
  /** As it stands in the URL, without brackets. */
  readonly host: string
  /** What is dialled for it: the host itself where that is an address of this machine. */
  readonly address: string
  readonly port: number
  /** Begins with a slash. */
  readonly target: string
  readonly caFile: string
  readonly tls: TlsVersion
}

/** What came of a visit: a body over this TLS version, or the client's own words for not going on. */
export type Fetched =
  | { readonly refusal: null; readonly tls: string; readonly body: Buffer }
  | { readonly refusal: string }

export interface RealClient {
  readonly name: string
  readonly versions: readonly TlsVersion[]
  /** Whether it sends an address as SNI, which RFC 6066 forbids and mbedTLS does. */
  readonly asksForAddresses: boolean
  /** How it says that the certificate is of a CA it does not know, and of a server of another name. */
  readonly refusals: { readonly otherCa: RegExp; readonly otherName: RegExp }
  /** What to install where it cannot run. */
  readonly missing: string | undefined
  readonly fetch: (visit: Visit) => Promise<Fetched>
}

/** The URL of a visit. */
export function urlOf({ host, port, target }: Visit): string {
  return `https://${bracketed(host)}:${port}${target}`
}

/** A host as it stands before a colon and a port. */
export function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host
}
