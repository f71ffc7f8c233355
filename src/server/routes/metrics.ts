import type { FastifyPluginAsync } from 'fastify'
import type { Registry } from 'prom-client'

/** What has happened since the start, and what is going on. */
export interface Counts {
  readonly names: number
  readonly activeTransfers: number
  readonly downloadsComplete: number
  readonly downloadsAborted: number
  /** Bytes of firmware handed to the operating system. */
  readonly firmwareBytes: number
  readonly releasesPublished: number
  readonly candidatesRejected: number
  readonly handshakesFailed: number
}

/** `/metrics`: Prometheus text. The library is loaded by the first who asks: a desk has no Prometheus. */
const routes: FastifyPluginAsync<{ counts: () => Counts }> = async (fastify, { counts }) => {
  let registry: Promise<Registry> | undefined
  fastify.route({
    method: ['GET', 'HEAD'],
    url: '/metrics',
    handler: async (_request, reply) => {
      registry ??= createRegistry(counts)
      const loaded = await registry
      return reply
        .type(loaded.contentType)
        .header('cache-control', 'no-store')
        .send(await loaded.metrics())
    }
  })
}
export default routes

async function createRegistry(counts: () => Counts): Promise<Registry> {
  const { default: client } = await import('prom-client')
  const registry = new client.Registry()
  client.collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const gauge = (name: string, help: string, read: (counts: Counts) => number): void => {
    new client.Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read(counts()))
      }
    })
  }
  const counter = (name: string, help: string, read: (counts: Counts) => number): void => {
    new client.Counter({
      name,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read(counts()))
      }
    })
  }
  gauge('otad_names', 'Names with a current release.', c => c.names)
  gauge('otad_transfers_active', 'Firmware bodies being sent now.', c => c.activeTransfers)
  counter('otad_downloads_complete_total', 'Firmware downloads handed over whole.', c => c.downloadsComplete)
  counter('otad_downloads_aborted_total', 'Firmware downloads that ended early.', c => c.downloadsAborted)
  counter('otad_firmware_sent_bytes_total', 'Bytes of firmware handed to the operating system.', c => c.firmwareBytes)
  counter('otad_releases_published_total', 'Releases published since the start.', c => c.releasesPublished)
  counter('otad_candidates_rejected_total', 'Files that were refused since the start.', c => c.candidatesRejected)
  counter('otad_handshakes_failed_total', 'TLS handshakes that failed.', c => c.handshakesFailed)
  return registry
}
