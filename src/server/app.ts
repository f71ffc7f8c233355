import type { Server } from 'node:https'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import fastify, { type FastifyHttpsOptions, type FastifyInstance } from 'fastify'
import { DeviceResponse } from './device-response.js'
import { type Download, Downloads } from './downloads.js'
import { LiveDownloads } from './live-downloads.js'
import { answerMalformed } from './malformed.js'
import auth, { type AuthOptions } from './plugins/auth.js'
import catalogPlugin, { type CatalogOptions } from './plugins/catalog.js'
import clientCertificates, { type RefusedClient } from './plugins/client-certificates.js'
import cors, { type CorsOptions } from './plugins/cors.js'
import errors, { answerUnroutable } from './plugins/errors.js'
import firmwareSender, { type FirmwareSenderOptions, type ReadArtifact } from './plugins/firmware-sender.js'
import requests from './plugins/requests.js'
import { Pump } from './pump.js'
import { originForm } from './request-target.js'
import artifacts from './routes/artifacts.js'
import caCertificate from './routes/ca-certificate.js'
import devices, { type DevicesOptions } from './routes/devices.js'
import events, { type Listen } from './routes/events.js'
import health, { type Health } from './routes/health.js'
import manifests from './routes/manifests.js'
import metrics, { type Counts } from './routes/metrics.js'
import names, { type NamesOptions } from './routes/names.js'
import openapi from './routes/openapi.js'
import page from './routes/page.js'
import smartthings from './routes/smartthings.js'

export type { Health } from './routes/health.js'
export type { Counts } from './routes/metrics.js'

/** What the server needs of the rest of the house. Functions where the answer changes while it runs. */
export interface AppOptions
  extends CatalogOptions,
    DevicesOptions,
    Pick<FirmwareSenderOptions, 'runs' | 'pinnedFor' | 'onSentBack' | 'onBegun' | 'onVisit'> {
  readonly listen: Listen
  readonly readArtifact: ReadArtifact
  readonly hasPart: NamesOptions['hasPart']
  /** Origins of the web pages that may read what is here for devices. */
  readonly cors: CorsOptions['cors']
  readonly health: () => Health
  readonly counts: () => Counts
  /** PEM of the certificate that devices embed; undefined when only the operator knows it. */
  readonly caCertificate: () => string | undefined
  /** Whether firmware is for those alone who show a certificate of the client CA. */
  readonly needsClientCertificate: boolean
  readonly onRefusedClient: (refused: RefusedClient) => void
  /** Whom firmware is for; undefined where it is for everybody. */
  readonly authCredentials: AuthOptions['authCredentials'] | undefined
  readonly onAuthFailed: AuthOptions['onAuthFailed']
  readonly onDownload: (download: Download) => void
  /** A range broke off, of a download that may go on. */
  readonly onBrokenRange: (download: Download) => void
  readonly onBug: (error: unknown) => void
  /** Options of `node:https`, TLS ones included. */
  readonly https: FastifyHttpsOptions<Server>['https']
}

export interface App {
  readonly fastify: FastifyInstance<Server>
  readonly pump: Pump
  readonly downloads: Downloads
  readonly live: LiveDownloads
}

/** A request head must be whole after this long. */
const HEAD_TIMEOUT_MS = 10_000
/** Devices that ask range by range pause in between to erase flash (clients.md R13). */
const KEEP_ALIVE_MS = 125_000
/** A handshake must be through after this long, from its first byte on, and its first byte there. */
export const HANDSHAKE_TIMEOUT_MS = 10_000
/** Connections whose time is over are looked for this often. */
export const TIMEOUT_CHECK_MS = 2_000

/** The page as it was built, beside the program, whether that runs from its sources or built. */
const PAGE_FOLDER = path.join(fileURLToPath(new URL('../..', import.meta.url)), 'dist', 'page')

/** The root plugin: plugins, then routes, by name and in order. Never listens. */
export async function createApp(options: AppOptions): Promise<App> {
  const instance = fastify({
    https: {
      ...options.https,
      ServerResponse: DeviceResponse,
      // HTTP/1.0 has no Host, and the 400 of Node has no length: plugins/requests.ts decides.
      requireHostHeader: false,
      headersTimeout: HEAD_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      noDelay: true
    },
    requestTimeout: 2 * HEAD_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    logger: false,
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 4096 },
    clientErrorHandler: answerMalformed,
    frameworkErrors: answerUnroutable,
    rewriteUrl: request => originForm(request.url ?? '/')
  }) as unknown as FastifyInstance<Server>

  // The head decides every answer, so that nobody has to send a body first.
  instance.server.on('checkContinue', (request, response) => instance.server.emit('request', request, response))

  const pump = new Pump()
  const downloads = new Downloads(options.onDownload, options.onBrokenRange)
  const live = new LiveDownloads()

  await instance.register(errors, { onBug: options.onBug })
  await instance.register(cors, options)
  await instance.register(requests)
  await instance.register(catalogPlugin, options)
  await instance.register(firmwareSender, { ...options, pump, downloads, live })
  await instance.register(fastifyStatic, { root: PAGE_FOLDER, serve: false })

  await instance.register(health, { health: options.health })
  const { version } = options.health()
  await instance.register(metrics, { counts: options.counts, version })
  await instance.register(openapi, { version })
  await instance.register(caCertificate, { caCertificate: options.caCertificate })
  await instance.register(page)
  const { authCredentials, onAuthFailed } = options
  await instance.register(async forPeople => {
    if (options.needsClientCertificate) await forPeople.register(clientCertificates, options)
    if (authCredentials !== undefined) await forPeople.register(auth, { authCredentials, onAuthFailed })
    await forPeople.register(events, options)
    await forPeople.register(devices, options)
  })
  await instance.register(async forDevices => {
    if (options.needsClientCertificate) await forDevices.register(clientCertificates, options)
    if (authCredentials !== undefined) await forDevices.register(auth, { authCredentials, onAuthFailed })
    await forDevices.register(smartthings, options)
    await forDevices.register(manifests)
    await forDevices.register(artifacts, options)
    await forDevices.register(names, options)
  })
  return { fastify: instance, pump, downloads, live }
}
