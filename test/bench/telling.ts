/**
 * What telling costs: the share of a core that the daemon spends on three open pages while it knows 2,000 devices and sends 200 of them
 * firmware. It is measured with the pages and without them, in turns, and the difference is theirs. `npm run bench:telling`.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import type { DeviceRecord } from '../../src/devices/device-record.js'
import { writeDeviceLines } from '../../src/devices/ledger-journal.js'
import { anImage } from '../support/image-builder.js'
import { connectTo, createContext, openConnection, type Target } from './connection.js'
import { clearAwayAtExit, end, makeFolder } from './leftovers.js'
import { readCpuMs } from './process-tree.js'
import { waitUntilServed } from './readiness.js'
import { launch } from './running.js'
import { alignColumns } from './table.js'

const DEVICES = 2000
const DOWNLOADS = 200
const LISTENERS = 3
/** Devices that look for an update, a second. */
const LOOKS_PER_SECOND = 20
const SECONDS = 10
const ROUNDS = 5
/** Share of a core. */
const BAR = 0.02
const NAME = 'app.bin'
/** At 10 KB/s, 200 downloads of this are under way longer than all rounds take. */
const IMAGE = anImage({ length: 12_000_000, seed: 1 })
const SIP = { length: 2_500, everyMs: 250 }
const DAEMON = resolve('dist/cli/main.js')

process.exitCode = await main()

async function main(): Promise<number> {
  if (!existsSync('/proc/self/stat') || !existsSync(DAEMON)) {
    console.error(`the bench reads CPU from /proc, and runs ${DAEMON}: it needs Linux and npm run build`)
    return 2
  }
  clearAwayAtExit()
  const { id, target, stop } = await startDaemon()
  const readers = await startReaders(target)
  const visits = await startVisits(target)
  // Until all buffers on the way are full, and what Node compiles is compiled.
  await measure(id)
  const without: number[] = []
  const pages: number[] = []
  let told = 0
  for (let round = 0; round < ROUNDS; round++) {
    without.push(await measure(id))
    const listeners = await Promise.all(Array.from({ length: LISTENERS }, () => startListening(target)))
    await elapse(2000)
    const before = sum(listeners.map(({ length }) => length()))
    pages.push(await measure(id))
    told += sum(listeners.map(({ length }) => length())) - before
    for (const listener of listeners) listener.stop()
    await elapse(500)
  }
  const live = readers.filter(({ destroyed }) => !destroyed).length
  visits.stop()
  for (const reader of readers) reader.destroy()
  await stop()
  return report({ without, pages, told, live, failed: visits.failed() })
}

interface Measured {
  readonly without: readonly number[]
  readonly pages: readonly number[]
  /** Bytes that the listeners were told while they were measured. */
  readonly told: number
  readonly live: number
  readonly failed: number
}

function report({ without, pages, told, live, failed }: Measured): number {
  const share = (value: number): string => `${(value * 100).toFixed(2)} %`
  const differences = pages.map((value, round) => value - (without[round] ?? 0))
  const rows = pages.map((value, round) => [
    `round ${round + 1}`,
    share(without[round] ?? 0),
    share(value),
    share(differences[round] ?? 0)
  ])
  const telling = median(differences)
  const medians = ['median', share(median(without)), share(median(pages)), share(telling)]
  console.log(alignColumns([['', 'no page', `${LISTENERS} pages`, 'telling'], ...rows, medians], new Set([0])))
  const kibPerSecond = told / 1024 / (LISTENERS * SECONDS * ROUNDS)
  console.log(
    `\nShares of a core over ${SECONDS} s each; ${DEVICES} devices known, ${live} downloads, ${LOOKS_PER_SECOND} looks a second.` +
      `\nA page was told ${kibPerSecond.toFixed(1)} KiB a second. A tick of /proc is ${share(0.01 / SECONDS)} here.`
  )
  if (live < DOWNLOADS || failed > 0) {
    console.log(`FAILED, so nothing above counts: ${DOWNLOADS - live} downloads and ${failed} looks`)
    return 1
  }
  console.log(`telling ${share(telling)}, bar ${share(BAR)}: ${telling < BAR ? 'pass' : 'OVER'}`)
  return telling < BAR ? 0 : 1
}

/** The share of a core that a process uses. */
async function measure(id: number): Promise<number> {
  const [cpuMs, startedAt] = [readCpuMs(id), performance.now()]
  await elapse(SECONDS * 1000)
  return (readCpuMs(id) - cpuMs) / (performance.now() - startedAt)
}

async function startDaemon(): Promise<{ id: number; target: Target; stop: () => Promise<void> }> {
  const [home, folder] = [makeFolder(), makeFolder()]
  const port = await findPort()
  writeFileSync(join(folder, NAME), IMAGE)
  mkdirSync(join(home, 'state'), { mode: 0o700 })
  writeFileSync(
    join(home, 'state', 'devices.jsonl'),
    Array.from({ length: DEVICES }, (_, index) => linesOf(index)).join('')
  )
  const args = ['serve', folder, '--home', home, '--host', '127.0.0.1', '--port', String(port), '--no-mdns']
  const running = launch(process.execPath, [DAEMON, ...args], home)
  const ca = join(home, 'certs', 'ca_cert.pem')
  await waitUntilServed({ port, path: `/${NAME}`, ca, running, limitMs: 30_000 })
  return {
    id: running.child.pid ?? 0,
    target: { port, context: createContext(readFileSync(ca), 'TLSv1.2') },
    stop: () => end(running.child)
  }
}

function macOf(index: number): string {
  return `24:6f:28:00:${[index >> 8, index & 255].map(byte => byte.toString(16).padStart(2, '0')).join(':')}`
}

/** A device that has been here for a while. */
function linesOf(index: number): string {
  const [id, now] = [macOf(index), Date.now()]
  const mark = { name: NAME, digest: createHash('sha256').update(IMAGE).digest('hex'), version: '1.0.0', at: now }
  const record: DeviceRecord = {
    id,
    identity: 'mac',
    address: `10.0.${index >> 8}.${index & 255}`,
    mac: id,
    client: 'Arduino HTTPUpdate',
    userAgent: 'ESP32-http-Update',
    sdk: 'v5.5.1',
    chip: 'esp32',
    firstSeen: now,
    lastSeen: now,
    asked: mark,
    running: { ...mark, source: 'told' },
    received: mark,
    events: ['cut', 'resumed', 'complete', 'up-to-date'].map(is => ({
      at: now,
      is: is as 'cut',
      sentence: 'what happened to it, in about as many words as it takes',
      fix: null,
      name: NAME,
      digest: mark.digest,
      count: 3
    }))
  }
  return writeDeviceLines(record)
}

/** Devices that download, each from an address of its own, at 10 KB/s. */
async function startReaders(target: Target): Promise<readonly TLSSocket[]> {
  const sockets: TLSSocket[] = []
  for (let index = 0; index < DOWNLOADS; index++) {
    const socket = connectTo({ ...target, localAddress: `127.0.1.${index + 1}` })
    await once(socket, 'secureConnect')
    socket.on('error', () => {}).pause()
    socket.write(requestOf(NAME, 'User-Agent: ESP32 HTTP Client/1.0\r\n'))
    sockets.push(socket)
  }
  const sip = setInterval(() => {
    for (const socket of sockets) socket.read(SIP.length)
  }, SIP.everyMs)
  sip.unref()
  return sockets
}

/** Devices that are up to date, one behind the other, over a connection that is kept. */
async function startVisits(target: Target): Promise<{ stop: () => void; failed: () => number }> {
  const connection = await openConnection({ ...target, localAddress: '127.0.2.1' })
  const md5 = createHash('md5').update(IMAGE).digest('hex')
  let [failed, index] = [0, 0]
  const visit = async (): Promise<void> => {
    const told = `x-ESP32-STA-MAC: ${macOf(index++ % DEVICES)}\r\nx-ESP32-mode: sketch\r\nx-ESP32-sketch-md5: ${md5}\r\n`
    const fields = `User-Agent: ESP32-http-Update\r\n${told}`
    const { status } = await connection.ask({ path: `/${NAME}`, fields }).catch(() => ({ status: 0 }))
    if (status !== 304) failed++
  }
  let last = Promise.resolve()
  const timer = setInterval(() => {
    last = last.then(visit)
  }, 1000 / LOOKS_PER_SECOND)
  return {
    stop: () => {
      clearInterval(timer)
      connection.close()
    },
    failed: () => failed
  }
}

/** An open page that reads whatever it is told. */
async function startListening(target: Target): Promise<{ length: () => number; stop: () => void }> {
  const socket = connectTo(target)
  await once(socket, 'secureConnect')
  let length = 0
  socket
    .on('error', () => {})
    .on('data', (piece: Buffer) => {
      length += piece.length
    })
  socket.write(requestOf('events'))
  return { length: () => length, stop: () => void socket.destroy() }
}

function requestOf(path: string, fields = ''): string {
  return `GET /${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${fields}\r\n`
}

async function findPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
