import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { nearestTo } from '../../nearest.js'
import type { Catalog } from '../../releases/catalog.js'
import { writeManifest } from '../../releases/manifest.js'
import { SIDECAR_SUFFIXES, sidecarOf } from '../../releases/sidecar.js'
import { originOf } from '../origin.js'
import { nameIn } from '../request-target.js'
import { sendText } from '../text-answer.js'

/** `/<name>`: current firmware. `/<name>.json`: its manifest. `/<name>.md5`, `.sha256`, `.sha512`: its sidecars. */
const routes: FastifyPluginAsync = async fastify => {
  fastify.route({
    method: ['GET', 'HEAD'],
    url: '/*',
    handler: (request, reply) => {
      const name = nameIn(request.raw.url ?? '')
      if (name === undefined) return sendText(reply, 404, 'there is no such address here')
      const answer = (): FastifyReply => {
        const catalog = fastify.currentCatalog()
        const entry = catalog.entry(name)
        if (entry?.current !== undefined) return reply.sendFirmware(entry, entry.current)
        return sendDocument(catalog, name, request, reply) ?? sendText(reply, 404, whyNot(catalog, name))
      }
      const restoring = fastify.restored(name) ?? fastify.restored(withoutSuffix(name))
      return restoring === undefined ? answer() : restoring.then(answer)
    }
  })
}
export default routes

/** The manifest or sidecar of a release, when the name is that of a release with such a suffix. */
function sendDocument(
  catalog: Catalog,
  name: string,
  request: FastifyRequest,
  reply: FastifyReply
): FastifyReply | undefined {
  const release = catalog.entry(withoutSuffix(name))?.current
  if (release === undefined) return undefined
  const suffix = name.slice(name.lastIndexOf('.'))
  reply.header('cache-control', 'no-cache')
  if (suffix === '.json') return reply.type('application/json').send(writeManifest(release, originOf(request)))
  const sidecar = SIDECAR_SUFFIXES.find(known => known === suffix)
  return sidecar && reply.type('text/plain; charset=utf-8').send(sidecarOf(release, sidecar))
}

function withoutSuffix(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')))
}

/** What else there is that somebody may have meant. */
const OWN_ADDRESSES = ['ca_cert.pem', 'manifest.json', 'health', 'metrics']

function* addresses(catalog: Catalog): Iterable<string> {
  yield* OWN_ADDRESSES
  yield* catalog.servedNames()
}

/** Why there is no firmware under a name, and what there is. */
function whyNot(catalog: Catalog, name: string): string {
  const refusal = catalog.entry(name)?.refusal
  if (refusal !== undefined) return `no valid image: ${refusal.sentence}`
  if (catalog.entry(`${name}.bin`)?.current !== undefined)
    return `no firmware of this name; did you mean /${name}.bin ?`
  const nearest = nearestTo(name, addresses(catalog))
  if (nearest !== undefined) return `no firmware of this name; did you mean /${nearest} ?`
  const [only, ...more] = firstNames(catalog)
  if (only === undefined) return 'no firmware here yet: otad has not accepted any image'
  return more.length === 0
    ? `no firmware of this name; there is /${only}`
    : 'no firmware of this name; /manifest.json lists what there is'
}

function firstNames(catalog: Catalog): string[] {
  const names: string[] = []
  for (const name of catalog.servedNames()) if (names.push(name) === 2) break
  return names
}
