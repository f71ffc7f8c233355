import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ArtifactReader } from '../../releases/artifact-store.js'
import type { Release } from '../../releases/release.js'
import type { Downloads } from '../downloads.js'
import { answerFirmware, type Freshness } from '../firmware-answer.js'
import type { Pump } from '../pump.js'

/** How the bytes of an artifact are had: touches no disk by itself. */
export type ReadArtifact = (digest: string, size: number) => ArtifactReader

export interface FirmwareSenderOptions {
  readonly pump: Pump
  readonly downloads: Downloads
  readonly readArtifact: ReadArtifact
}

declare module 'fastify' {
  interface FastifyReply {
    /** Answers a GET or HEAD with this release: preconditions, range, bytes. The reply is out of Fastify's hands then. */
    sendFirmware(release: Release, freshness: Freshness): FastifyReply
  }
}

/**
 * Sends firmware past Fastify's own reply: names of the head in canonical case, bytes in pieces as the device takes them,
 * and one note of how it ended.
 */
export default fp<FirmwareSenderOptions>(
  async (fastify, { pump, downloads, readArtifact }) => {
    fastify.decorateReply('sendFirmware', function (this: FastifyReply, release: Release, freshness: Freshness) {
      const { request } = this
      const answer = answerFirmware(request, release, freshness, Date.now())
      this.hijack()
      const response = this.raw
      response.writeHead(answer.status, answer.head as string[])
      if (request.method === 'HEAD' || answer.end === answer.start) {
        if (request.method === 'HEAD') response.end()
        else response.end(answer.text)
        return this
      }
      const source = readArtifact(release.digest, release.size)
      const startedAt = performance.now()
      // 'close' comes exactly once, whoever hangs up.
      response.once('close', () => {
        source.close()
        const wasCut = !response.writableFinished
        downloads.note({
          device: addressOf(request),
          userAgent: request.headers['user-agent'] ?? '',
          release,
          isRange: answer.status === 206,
          start: answer.start,
          end: wasCut ? progress.taken : answer.end,
          wasCut,
          durationMs: performance.now() - startedAt
        })
      })
      const progress = pump.send({ response, source, start: answer.start, end: answer.end })
      return this
    })
  },
  { name: 'otad-firmware-sender', fastify: '5.x' }
)

/** The address of the other end; an IPv4 one is not written as IPv6. */
export function addressOf(request: FastifyRequest): string {
  return (request.socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '')
}
