/**
 * The whole product without hardware, in under a minute: a temporary home, an image made on the spot, a build that arrives slowly,
 * device stand-ins that download it in three ways, a broken build that is refused, and what is known of each device. `npm run demo`.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { get as httpGet } from 'node:http'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { arduinoHttpUpdate } from '../../src/probe/device-arduino.js'
import { oneShot } from '../../src/probe/device-idf.js'
import { partial } from '../../src/probe/device-idf-partial.js'
import { anImage, truncatedTo } from '../support/image-builder.js'

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const IMAGE_LENGTH = 900 * 1024

const home = await mkdtemp(path.join(tmpdir(), 'otad-demo-'))
const firmware = path.join(home, 'firmware')
const app = path.join(firmware, 'hello_world.bin')

const say = (sentence: string): void => console.log(`\n\u25b8 ${sentence}`)

async function findPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function statusOf(
  url: string,
  ca: string,
  { method = 'HEAD', localAddress }: { readonly method?: string; readonly localAddress?: string } = {}
): Promise<number> {
  const head = request(url, { method, ca, agent: false, ...(localAddress && { localAddress }) }).end()
  return new Promise(resolve => {
    head.on('response', answer => resolve(answer.statusCode ?? 0)).on('error', () => resolve(0))
  })
}

/** Resolves when the daemon answers with this status. */
async function untilStatus(url: string, ca: () => Promise<string>, status: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const text = await ca().catch(() => undefined)
    if (text !== undefined && (await statusOf(url, text)) === status) return
    await pause(50)
  }
  throw new Error(`${url} did not answer ${status}`)
}

async function show(): Promise<void> {
  const port = await findPort()
  const origin = `https://127.0.0.1:${port}`
  const ca = (): Promise<string> => readFile(path.join(home, 'certs', 'ca_cert.pem'), 'utf8')

  say('otad starts on an empty folder. No openssl, no questions.')
  const daemon = spawn(
    process.execPath,
    [PROGRAM, 'serve', '--home', home, '--host', '127.0.0.1', '--port', String(port), '--log-format', 'pretty'],
    { stdio: 'inherit', cwd: home }
  )
  try {
    await demonstrate(origin, ca)
  } finally {
    daemon.kill('SIGTERM')
    await once(daemon, 'exit')
  }
}

async function demonstrate(origin: string, ca: () => Promise<string>): Promise<void> {
  await mkdir(firmware)
  await untilStatus(`${origin}/health`, ca, 200)

  say('A build arrives in pieces, as a linker writes it. Nothing is served before it is whole.')
  const first = anImage({ project: 'hello_world', version: '1.0.0', length: IMAGE_LENGTH, seed: 1 })
  const slice = Math.ceil(first.length / 6)
  for (let offset = 0; offset < first.length; offset += slice) {
    await appendFile(app, first.subarray(offset, offset + slice))
    await pause(120)
  }
  await untilStatus(`${origin}/hello_world.bin`, ca, 200)

  /** Each at an address of its own, where this machine has so many. */
  const deviceAt = (last: number) => ({
    ca: authority,
    url: `${origin}/hello_world.bin`,
    localAddress: process.platform === 'linux' ? `127.0.0.${last}` : '127.0.0.1'
  })
  const authority = await ca()
  const [kitchen, garage, porch] = [deviceAt(21), deviceAt(22), deviceAt(23)]
  const tell = (how: string, run: { outcome: string; slot: Buffer }, image: Buffer): void =>
    console.log(`  ${how}: ${run.outcome}, ${run.slot.equals(image) ? 'byte for byte the build' : 'NOT the build'}`)

  say('Three devices download it, each in its own way.')
  tell('esp_https_ota, in one go            ', await oneShot(kitchen), first)
  tell('esp_https_ota, in ranges of 64 KiB  ', await partial(garage, { maxHttpRequestSize: 65536 }), first)
  tell('Arduino HTTPUpdate, HTTP/1.0        ', await arduinoHttpUpdate(porch), first)

  say(
    'The next build is cut short, as a download by `openssl s_server -WWW` on Windows would be. Devices keep the good one.'
  )
  await writeFile(
    app,
    truncatedTo(anImage({ project: 'hello_world', version: '1.0.1', length: IMAGE_LENGTH, seed: 2 }), 40_000)
  )
  await pause(900)
  tell('esp_https_ota, in one go            ', await oneShot(porch), first)

  say('The build is repaired, by a rename over, and served a few milliseconds later.')
  const second = anImage({ project: 'hello_world', version: '1.0.1', length: IMAGE_LENGTH, seed: 2 })
  await writeFile(`${app}.new`, second)
  await rename(`${app}.new`, app)
  await pause(200)
  tell('esp_https_ota, in one go            ', await oneShot(kitchen), second)

  say('It starts the new build, finds it good, and says so with one GET.')
  const running = createHash('sha256').update(second).digest('hex')
  await statusOf(`${kitchen.url}/ok?sha=${running}`, authority, { method: 'GET', localAddress: kitchen.localAddress })

  say('A device whose URL says http:// is told apart from one that is offline.')
  await new Promise<void>(resolve =>
    httpGet(garage.url.replace('https', 'http'), { localAddress: garage.localAddress }, () => resolve()).on(
      'error',
      () => resolve()
    )
  )
  await pause(200)
  say('What does each of them run, and what happened to it last? `otad devices`; the page at / shows the same, live.')
  const devices = spawn(process.execPath, [PROGRAM, 'devices', '--home', home], { stdio: 'inherit' })
  await once(devices, 'exit')

  say('Done. otad stops, and the temporary home goes.')
}

try {
  await show()
} finally {
  await rm(home, { recursive: true, force: true, maxRetries: 5 })
}
