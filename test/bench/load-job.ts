import type { Protocol } from './connection.js'

/** What the load process is told to do. It runs apart from the bench, so that the bench can sample while it works. */
export type LoadJob = RequestsJob | ArrivalsJob | HandshakesJob

interface AnyJob {
  readonly port: number
  /** File of the CA certificate that the server's certificate comes from. */
  readonly ca: string
  readonly protocol: Protocol
  readonly seconds: number
}

interface DownloadJob extends AnyJob {
  readonly path: string
  /** File with the bytes that the server has to send. */
  readonly image: string
}

/** As many requests as go through in the time. */
export interface RequestsJob extends DownloadJob {
  readonly kind: 'requests'
  /** Whole files, or ranges of this length that walk through the file as a device does. */
  readonly rangeLength: number | 'whole'
  /** `kept`: one connection for each lane; `new`: one for each request; `resumed`: the same with a session to resume. */
  readonly connection: 'kept' | 'new' | 'resumed'
  readonly lanes: number
}

/** New devices that come at a fixed pace, each with a connection of its own, whatever the server's answers take. */
export interface ArrivalsJob extends DownloadJob {
  readonly kind: 'arrivals'
  readonly rangeLength: number
  readonly perSecond: number
}

/** As many connections as go through in the time, each with its handshake and its orderly end and nothing between. */
export interface HandshakesJob extends AnyJob {
  readonly kind: 'handshakes'
  /** `full`: no ticket is offered; `resumed`: each connection offers the same ticket, and has to be taken back with it. */
  readonly session: 'full' | 'resumed'
  readonly lanes: number
}

export interface LoadReport {
  /** Of a handshakes job: the handshakes. */
  readonly answered: number
  readonly bodyLength: number
  readonly wrong: number
  readonly failed: number
  /** The first few failures in words. */
  readonly failures: readonly string[]
  /** From the start of the connection to the first byte of the body; of arrivals only. */
  readonly firstByteMs: readonly number[]
  readonly negotiated: string
}

/** prepare → ready → go → report, for one job after the other. */
export type ToLoad = { readonly type: 'prepare'; readonly job: LoadJob } | { readonly type: 'go' }
export type FromLoad = { readonly type: 'ready' } | { readonly type: 'report'; readonly report: LoadReport }
