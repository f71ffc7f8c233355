/** A server that says what the page is to show: the page as it is shipped, and events of any kind and number. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { ReleaseFacts } from '../../src/answers.js'
import type { DeskEvents, DeskFacts, DeskName } from '../../src/desk/desk-facts.js'
import type { DeviceEvent, DeviceFacts, LiveDownload } from '../../src/devices/device-facts.js'
import { PAGE_HEADERS } from '../../src/server/routes/page.js'

const PAGE = fileURLToPath(new URL('../../dist/page/', import.meta.url))

const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript'],
  '/page.css': ['page.css', 'text/css'],
  '/icon.svg': ['icon.svg', 'image/svg+xml']
}

export interface DeskFeed {
  readonly url: string
  /** Tells everybody who listens. */
  tell<Kind extends keyof DeskEvents>(kind: Kind, data: DeskEvents[Kind]): void
  /** How many pages listen. */
  listeners(): number
  /** Ends what they listen to. */
  hangUp(): void
}

/** Tells `facts` to each page that connects. It goes with the test. */
export async function startDeskFeed(facts: DeskFacts, history: readonly DeviceEvent[] = []): Promise<DeskFeed> {
  const listeners = new Set<ServerResponse>()
  const write = (response: ServerResponse, kind: string, data: unknown): void =>
    void response.write(`event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`)
  const server = createServer(async ({ url = '/' }, response) => {
    const [file, type] = FILES[url] ?? []
    if (file !== undefined && type !== undefined)
      response.writeHead(200, { ...PAGE_HEADERS, 'content-type': type }).end(await readFile(`${PAGE}${file}`))
    else if (url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      write(response, 'desk', facts)
      listeners.add(response)
      response.once('close', () => listeners.delete(response))
    } else if (url === '/ca_cert.pem') response.end('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
    else if (url.startsWith('/devices/')) response.end(JSON.stringify({ ...facts.devices[0], history }))
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    tell(kind, data) {
      for (const response of listeners) write(response, kind, data)
    },
    listeners: () => listeners.size,
    hangUp() {
      for (const response of listeners) response.end()
    }
  }
}

export const ORIGIN = 'https://192.168.1.8:8070'
export const THEN = '2026-11-20T12:00:00.000Z'

export function deskFacts(facts: Partial<DeskFacts> = {}): DeskFacts {
  return {
    status: 'serving',
    version: '1.0.0',
    since: THEN,
    origin: ORIGIN,
    isLoopbackOnly: false,
    certificate: { fingerprint: Array(32).fill('3F').join(':'), validUntil: '2046-11-20T00:00:00.000Z' },
    names: [],
    devices: [],
    otherDevices: 0,
    ...facts
  }
}

export function releaseFacts(facts: Partial<ReleaseFacts> = {}): ReleaseFacts {
  return {
    name: 'hello_world.bin',
    number: 1,
    version: '1.4.2',
    project: 'hello_world',
    kind: 'app',
    chip: 'esp32',
    digest: '4c1d9e02'.repeat(8),
    size: 862_208,
    slotSize: null,
    publishedAt: THEN,
    warnings: [],
    ...facts
  }
}

export function deskName(name: string, facts: Partial<DeskName> = {}): DeskName {
  const url = `${ORIGIN}/${name.split('/').map(encodeURIComponent).join('/')}`
  return { name, url, current: releaseFacts({ name }), refusal: null, rollback: null, ...facts }
}

export function deviceFacts(id: string, facts: Partial<DeviceFacts> = {}): DeviceFacts {
  return {
    id,
    identity: 'address',
    label: null,
    address: id,
    mac: null,
    vendor: null,
    client: 'ESP-IDF',
    userAgent: 'ESP32 HTTP Client/1.0',
    sdk: null,
    chip: 'esp32',
    firstSeen: THEN,
    lastSeen: THEN,
    asked: null,
    running: null,
    verdict: null,
    downloads: [],
    ...facts
  }
}

export function deviceEvent(is: DeviceEvent['is'], sentence: string, facts: Partial<DeviceEvent> = {}): DeviceEvent {
  return { at: THEN, is, sentence, fix: null, name: null, digest: null, count: 1, ...facts }
}

export function liveDownload(id: number, device: string, facts: Partial<LiveDownload> = {}): LiveDownload {
  return {
    id,
    device,
    name: 'hello_world.bin',
    digest: '4c1d9e02'.repeat(8),
    version: '1.4.2',
    size: 862_208,
    from: 0,
    reached: 0,
    rate: 120_000,
    secondsLeft: 7,
    startedAt: THEN,
    isStalled: false,
    ...facts
  }
}
