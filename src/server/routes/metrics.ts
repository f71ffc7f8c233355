import type { TLSSocket } from 'node:tls'
import type { FastifyPluginAsync } from 'fastify'
import type { Registry } from 'prom-client'
import type { VerdictKind } from '../../devices/device-facts.js'
import { releasesOf } from '../../releases/catalog.js'
import type { Download } from '../downloads.js'
import type { DurationCounts } from '../durations.js'

/** What has happened since the start, and what is going on. What labels are made of is a closed set each: nothing of it comes from outside. */
export interface Counts {
  readonly names: number
  readonly activeTransfers: number
  readonly downloads: Readonly<Record<Download['outcome'], number>>
  /** Of downloads that were handed over whole, from the first byte to the last. */
  readonly downloadDurations: DurationCounts
  /** Bytes of firmware handed to the operating system. */
  readonly firmwareBytes: number
  readonly releasesPublished: number
  /** From the last change of a file until its release was made. */
  readonly publishDelays: DurationCounts
  /** By the reasons of image/problem.ts. */
  readonly candidatesRejected: ReadonlyMap<string, number>
  /** By the causes of `handshakeCauseOf`. */
  readonly handshakesFailed: ReadonlyMap<string, number>
  /** Devices that are known, by what happened to them last. */
  readonly deviceVerdicts: ReadonlyMap<VerdictKind, number>
  readonly devicesLooping: number
  readonly devicesRolledBack: number
  /** Pages that are open, and others that listen to `/events`. */
  readonly eventListeners: number
  /** PEM of the certificates in use. */
  readonly certificates: { readonly ca: string | undefined; readonly leaf: string }
}

export interface MetricsOptions {
  readonly counts: () => Counts
  readonly version: string
}

/** TLS sessions that were opened, by whether they went on with an earlier one. */
export interface Sessions {
  full: number
  resumed: number
}

/** What is written at this moment. */
export interface Measured extends Counts {
  readonly version: string
  /** Releases that are kept, current and earlier ones. */
  readonly releases: number
  readonly sessions: Sessions
}

/** `/metrics`: Prometheus text. The library is loaded by the first who asks: a desk has no Prometheus. */
const routes: FastifyPluginAsync<MetricsOptions> = async (fastify, { counts, version }) => {
  const sessions: Sessions = { full: 0, resumed: 0 }
  fastify.server.on('secureConnection', (socket: TLSSocket) => {
    sessions[socket.isSessionReused() ? 'resumed' : 'full']++
  })
  const measure = (): Measured => ({
    ...counts(),
    version,
    releases: [...fastify.currentCatalog().entries].reduce((sum, entry) => sum + releasesOf(entry).length, 0),
    sessions
  })
  let measured: Measured
  let registries: Promise<readonly Registry[]> | undefined
  fastify.route({
    method: ['GET', 'HEAD'],
    url: '/metrics',
    handler: async (_request, reply) => {
      registries ??= loadRegistries(() => measured)
      const loaded = await registries
      measured = measure()
      const texts = await Promise.all(loaded.map(registry => registry.metrics()))
      return reply
        .type(loaded[0]?.contentType ?? 'text/plain')
        .header('cache-control', 'no-store')
        .send(texts.join('\n'))
    }
  })
}
export default routes

/** Those of otad, and those of the process. */
async function loadRegistries(measured: () => Measured): Promise<readonly Registry[]> {
  const [{ createRegistry }, { collectDefaultMetrics, Registry }] = await Promise.all([
    import('../metrics.js'),
    import('prom-client')
  ])
  const ofProcess = new Registry()
  collectDefaultMetrics({ register: ofProcess })
  return [createRegistry(measured), ofProcess]
}
