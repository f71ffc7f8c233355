import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Catalog, type NameEntry, releasesOf } from '../../releases/catalog.js'
import { pathOf } from '../../releases/path-of.js'
import { inForm, type Release } from '../../releases/release.js'
import { appsMeant, basePathOf, type DemoAddress, folderOfName, readDemoAddress } from '../../smartthings/addresses.js'
import { canBeSigned, signedFormOf, versionsOf } from '../../smartthings/signed-form.js'
import { writeVersionInfo } from '../../smartthings/version-info.js'
import { identify } from '../asker.js'
import { originOf } from '../origin.js'
import type { FirmwareSenderOptions } from '../plugins/firmware-sender.js'
import { nameIn } from '../request-target.js'
import { sendText } from '../text-answer.js'

/** Addresses that one sentence names at most. */
const MOST_NAMED = 5

const HOW_TO_SIGN =
  "otad cert --export DIR --smartthings makes a key for SmartThings' ota_demo, and otad signs with it from then on (--signing-key-file FILE takes yours)"

/**
 * What SmartThings' ota_demo asks for, in a folder of names and below `/<name>.smartthings/`: `version_info.json` (`versioninfo.json`) and
 * `signed_<app>.bin`. A hook, since what it answers to is the end of paths, in front of the names, of which a real one always wins.
 */
export default fp<Pick<FirmwareSenderOptions, 'pinnedFor'>>(
  async (fastify, { pinnedFor }) => {
    const namesIn = new WeakMap<Catalog, ReadonlyMap<string, readonly string[]>>()
    const namesOfFolder = (folder: string): readonly string[] => {
      const catalog = fastify.currentCatalog()
      const known = namesIn.get(catalog) ?? byFolder(catalog)
      namesIn.set(catalog, known)
      return known.get(folder) ?? []
    }

    const answer = (request: FastifyRequest, reply: FastifyReply, address: DemoAddress): FastifyReply | undefined => {
      const catalog = fastify.currentCatalog()
      if (address.is === 'info-of-folder') {
        const apps = appsOf(catalog, namesOfFolder(address.folder))
        const [only, ...more] = apps
        if (only === undefined || more.length > 0) return sendText(reply, 404, whyNoInfo(request, catalog, apps))
        return sendInfo(reply, only)
      }
      const entry = catalog.entry(address.name)
      if (entry?.current === undefined) return undefined
      if (signedFormOf(entry.current) === undefined) return sendText(reply, 404, whyUnsigned(entry.current))
      return address.is === 'info' ? sendInfo(reply, entry) : sendSigned(request, reply, entry, entry.current)
    }

    /** Of the generations of a name those that are signed: a device gets one of them, as of any name. */
    const sendSigned = (request: FastifyRequest, reply: FastifyReply, entry: NameEntry, current: Release) => {
      const pinned = pinnedFor(identify(request).ids, entry.name)
      const chosen = releasesOf(entry).find(({ digest }) => digest === pinned)
      const signed = entry.earlier.flatMap(release => inSignedForm(release) ?? [])
      const newest = (chosen && inSignedForm(chosen)) ?? inSignedForm(current) ?? current
      return reply.sendFirmware({ ...entry, current: inSignedForm(current), earlier: signed }, newest)
    }

    fastify.addHook('preHandler', (request, reply, done) => {
      const path = nameIn(request.raw.url ?? '')
      const address = path === undefined ? undefined : readDemoAddress(path)
      if (path === undefined || address === undefined) return done()
      const concerned = address.is === 'info-of-folder' ? namesOfFolder(address.folder) : [address.name]
      const restoring = [path, ...concerned]
        .map(name => fastify.restored(name))
        .filter(promise => promise !== undefined)
      Promise.all(restoring)
        .then(() => isName(fastify.currentCatalog(), path) || answer(request, reply, address) === undefined)
        .then(goesOn => {
          if (goesOn) done()
        }, done)
    })
  },
  { name: 'otad-smartthings', fastify: '5.x', dependencies: ['otad-catalog', 'otad-firmware-sender'] }
)

const isName = (catalog: Catalog, path: string): boolean => catalog.entry(path) !== undefined

function inSignedForm(release: Release): Release | undefined {
  const form = signedFormOf(release)
  return form && inForm(release, form)
}

function byFolder(catalog: Catalog): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>()
  for (const { name } of catalog.entries) {
    const folder = folderOfName(name)
    const known = names.get(folder)
    if (known === undefined) names.set(folder, [name])
    else known.push(name)
  }
  return names
}

/** The apps among these names that the demo could be given, if they are signed. */
function appsOf(catalog: Catalog, names: readonly string[]): readonly NameEntry[] {
  const apps = names.flatMap(name => catalog.entry(name) ?? []).filter(({ current }) => current && canBeSigned(current))
  const meant = new Set(appsMeant(apps.map(({ name }) => name)))
  return apps.filter(({ name }) => meant.has(name))
}

function sendInfo(reply: FastifyReply, { current, earlier }: NameEntry): FastifyReply {
  const form = current && signedFormOf(current)
  if (current === undefined || form === undefined) return sendText(reply, 404, whyUnsigned(current))
  const { version: latest, movingOn } = form
  if (latest === '')
    return sendText(
      reply,
      404,
      `${current.name} says no version: ota_demo goes by firmwareVersion in device_info.json, or by PROJECT_VER where there is none`
    )
  const info = writeVersionInfo({ latest, movingOn: [...versionsOf(earlier), ...movingOn] })
  return reply.type('application/json').header('cache-control', 'no-cache').send(info)
}

function whyUnsigned(release: Release | undefined): string {
  if (release !== undefined && !canBeSigned(release)) return `${release.name} is no app for ota_demo (${release.kind})`
  return `${release?.name ?? 'it'} is not signed: ${HOW_TO_SIGN}`
}

/** Why a folder has no version_info.json of its own, and where there is one. */
function whyNoInfo(request: FastifyRequest, catalog: Catalog, apps: readonly NameEntry[]): string {
  const origin = originOf(request)
  if (apps.length > 0) {
    const bases = listed(apps.map(({ name }) => `${origin}${basePathOf(name)}`))
    return `several apps are served here; CONFIG_OTA_SERVER_URL for one of them is ${bases}`
  }
  const folders = new Set<string>()
  for (const { name, current } of catalog.entries)
    if (current !== undefined && canBeSigned(current)) folders.add(folderOfName(name))
  if (folders.size === 0) return 'no app is served here yet: otad has not accepted any'
  const elsewhere = listed([...folders].map(folder => `${origin}${folder === '' ? '/' : pathOf(folder)}`))
  return `no app is served here; CONFIG_OTA_SERVER_URL for those that are is ${elsewhere}`
}

function listed(urls: readonly string[]): string {
  const named = urls.slice(0, MOST_NAMED).join(' or ')
  return urls.length > MOST_NAMED ? `${named} or another (/manifest.json lists the names)` : named
}
