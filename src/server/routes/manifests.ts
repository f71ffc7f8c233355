import { Readable } from 'node:stream'
import type { FastifyPluginAsync } from 'fastify'
import type { Catalog } from '../../releases/catalog.js'
import { manifestOfAll } from '../../releases/manifest.js'
import { ORIGIN_MARK, originOf } from '../origin.js'

/** No body goes out in one write above this length (performance.md 4.3). */
const PIECE = 64 * 1024

/** `/manifest.json`: every name, with its current and earlier releases and why its newest file is refused. */
const routes: FastifyPluginAsync = async fastify => {
  const written = new WeakMap<Catalog, string>()
  const manifestText = (catalog: Catalog): string => {
    const known = written.get(catalog)
    if (known !== undefined) return known
    const text = JSON.stringify(manifestOfAll(catalog.entries, ORIGIN_MARK))
    written.set(catalog, text)
    return text
  }
  fastify.route({
    method: ['GET', 'HEAD'],
    url: '/manifest.json',
    handler: (request, reply) => {
      const origin = originOf(request)
      const body = Buffer.from(manifestText(fastify.currentCatalog()).replaceAll(ORIGIN_MARK, () => origin))
      reply.type('application/json').header('cache-control', 'no-cache').header('content-length', body.length)
      return reply.send(body.length <= PIECE ? body : inPieces(body))
    }
  })
}
export default routes

function inPieces(body: Buffer): Readable {
  return Readable.from(
    (function* () {
      for (let offset = 0; offset < body.length; offset += PIECE) yield body.subarray(offset, offset + PIECE)
    })(),
    { objectMode: false, highWaterMark: PIECE }
  )
}
