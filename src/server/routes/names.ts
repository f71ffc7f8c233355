import { crc32 } from 'node:zlib'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { DialectDocument, DialectFacts, NoDocument } from '../../dialects/dialect.js'
import { readDocumentAddress, writeDocument } from '../../dialects/dialects.js'
import { nearestTo } from '../../nearest.js'
import { type Catalog, releasesOf } from '../../releases/catalog.js'
import { writeManifest } from '../../releases/manifest.js'
import type { Release } from '../../releases/release.js'
import { SIDECAR_SUFFIXES, sidecarOf } from '../../releases/sidecar.js'
import { shortDigest } from '../../words.js'
import { identify } from '../asker.js'
import { type Confirmation, findConfirmed, readConfirmation } from '../boot-confirmation.js'
import { originOf } from '../origin.js'
import type { FirmwareSenderOptions } from '../plugins/firmware-sender.js'
import { checkPreconditions } from '../preconditions.js'
import { nameIn } from '../request-target.js'
import { sendText } from '../text-answer.js'
import { type Visit, visitorOf } from '../visit.js'

export interface NamesOptions extends Pick<DialectFacts, 'hasPart'>, Pick<FirmwareSenderOptions, 'pinnedFor'> {
  readonly onVisit: (visit: Visit) => void
}

/**
 * `/<name>/ok?sha=…`: a device says what it runs. `/<name>`: current firmware. `/<name>.json`: its manifest. `/<name>.md5`, `.sha256`, `.sha512`: its sidecars. `/<name>.esphome.json` and others:
 * its manifest in the language of one kind of client. All are of the release that the device would get.
 */
const routes: FastifyPluginAsync<NamesOptions> = async (fastify, { hasPart, pinnedFor, onVisit }) => {
  const releaseFor = (name: string, request: FastifyRequest): Release | undefined => {
    const entry = fastify.currentCatalog().entry(name)
    if (entry?.current === undefined) return undefined
    const pinned = pinnedFor(identify(request).ids, name)
    return releasesOf(entry).find(({ digest }) => digest === pinned) ?? entry.current
  }

  const sendFirmware = (name: string, reply: FastifyReply): FastifyReply | undefined => {
    const entry = fastify.currentCatalog().entry(name)
    return entry?.current === undefined ? undefined : reply.sendFirmware(entry, entry.current)
  }

  const sendAnythingElse = (name: string, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const asked = documentAt(name)
    const release = asked?.names.map(of => releaseFor(of, request)).find(found => found !== undefined)
    if (asked === undefined || release === undefined) {
      const catalog = fastify.currentCatalog()
      const meant = asked?.names.find(of => catalog.entry(of) !== undefined) ?? name
      const answer = whyNot(catalog, meant)
      onVisit({ ...visitorOf(request), is: 'not-found', name, answer })
      return sendText(reply, 404, answer)
    }
    onVisit({ ...visitorOf(request), is: 'document', name, release })
    const written = asked.write(release, { origin: originOf(request), hasPart })
    return 'whyNot' in written ? sendText(reply, 404, written.whyNot) : sendDocument(request, reply, release, written)
  }

  const confirm = ({ name, sha }: Confirmation, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const entry = fastify.currentCatalog().entry(name)
    if (entry === undefined) return sendText(reply, 404, whyNot(fastify.currentCatalog(), name))
    if (sha === undefined)
      return sendText(reply, 400, 'say what runs: /<name>/ok?sha= with eight or more digits of its SHA-256')
    const release = findConfirmed(releasesOf(entry), sha)
    if (request.method === 'GET') onVisit({ ...visitorOf(request), is: 'confirmed', name, release, answer: sha })
    return release === undefined
      ? sendText(reply, 404, `no release of ${name} that is kept has the digest ${sha}`)
      : sendText(
          reply,
          200,
          `runs ${[name, release.version].filter(Boolean).join(' ')} (${shortDigest(release.digest)})`
        )
  }

  fastify.route({
    method: ['GET', 'HEAD'],
    url: '/*',
    handler: (request, reply) => {
      const name = nameIn(request.raw.url ?? '')
      if (name === undefined) return sendText(reply, 404, 'there is no such address here')
      const confirmation = readConfirmation(name, request.raw.url ?? '')
      const answer = (): FastifyReply => {
        const sent = sendFirmware(name, reply)
        if (sent !== undefined) return sent
        return confirmation === undefined
          ? sendAnythingElse(name, request, reply)
          : confirm(confirmation, request, reply)
      }
      const restoring = [...namesIn(name), ...(confirmation === undefined ? [] : [confirmation.name])]
        .map(of => fastify.restored(of))
        .filter(waiting => waiting !== undefined)
      return restoring.length === 0 ? answer() : Promise.all(restoring).then(answer)
    }
  })
}
export default routes

/** A document about a release, by its address alone. */
interface AskedDocument {
  /** Of which names it may be, the likeliest first. */
  readonly names: readonly string[]
  readonly write: (release: Release, facts: DialectFacts) => DialectDocument | NoDocument
}

/** The names that a path may be about: itself, and those of which it may be a document. Only `.bin` files are firmware. */
function namesIn(path: string): readonly string[] {
  return path.endsWith('.bin') ? [path] : [path, ...(documentAt(path)?.names ?? [])]
}

function documentAt(path: string): AskedDocument | undefined {
  const address = readDocumentAddress(path)
  if (address !== undefined) {
    const { names, dialect } = address
    return { names, write: (release, facts) => writeDocument(dialect, release, facts) }
  }
  const end = path.lastIndexOf('.')
  const names = [path.slice(0, Math.max(0, end))]
  const suffix = path.slice(end)
  if (suffix === '.json')
    return {
      names,
      write: (release, { origin }) => ({ type: 'application/json', body: writeManifest(release, origin) })
    }
  const sidecar = SIDECAR_SUFFIXES.find(known => known === suffix)
  if (sidecar === undefined) return undefined
  return { names, write: release => ({ type: 'text/plain; charset=utf-8', body: sidecarOf(release, sidecar) }) }
}

/** A document changes with its release alone, but for the host in it, which is part of its address. */
function sendDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  { digest }: Release,
  { type, body }: DialectDocument
): FastifyReply {
  const etag = `"${digest.slice(0, 16)}-${crc32(body).toString(16)}"`
  reply.header('cache-control', 'no-cache').header('etag', etag)
  const asked = { 'if-none-match': request.headers['if-none-match'] }
  if (checkPreconditions(asked, { etag, lastModified: 0 }) === 304) return reply.code(304).send()
  return reply.type(type).send(body)
}

/** What else there is that somebody may have meant. */
const OWN_ADDRESSES = ['ca_cert.pem', 'manifest.json', 'devices.json', 'openapi.json', 'health', 'metrics', 'events']

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
