/**
 * What a TLS handshake costs otad beside nginx and openssl s_server, measured on loopback: server CPU for each, with
 * every key type and protocol, full and resumed; and how long the TLS library of an old device takes for one.
 * `npm run bench:tls -- --help` tells the options. Nothing is downloaded: bench.ts measures that.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { createChoiceNotes } from './choices.js'
import { createFigures } from './figures.js'
import { clearAwayAtExit, makeFolder } from './leftovers.js'
import { type LoadProcess, startLoad } from './load-process.js'
import { readCpuMs } from './process-tree.js'
import { waitUntilShaking } from './readiness.js'
import {
  hasNginx,
  hasOpenssl,
  type KeyType,
  launchServer,
  makeCertificates,
  type Server,
  type ServerKind
} from './servers.js'
import { formatNumber } from './table.js'
import { type Cores, chooseCores, pinTree } from './tls-cores.js'
import { type Device, prepareDevice } from './tls-device.js'
import { type Options, readOptions, usage } from './tls-options.js'
import { type DeviceRow, deviceRows, type HandshakeRow, handshakeRows } from './tls-rows.js'
import { formatDevice, formatHandshakes } from './tls-table.js'

const LANES = 4
/** Handshakes of the C client in one measurement, for each second of --seconds: about as many as it gets done. */
const DEVICE_HANDSHAKES_PER_SECOND = { full: 20, resumed: 1000 }

process.exitCode = await main()

async function main(): Promise<number> {
  let options: Options | 'help'
  try {
    options = readOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    return 2
  }
  if (options === 'help') {
    console.log(`${usage}\n\nROWS\n  ${[...handshakeRows, ...deviceRows].map(({ id }) => id).join(' ')}`)
    return 0
  }
  const unfit = findHindrance(options)
  if (unfit !== undefined) {
    console.error(unfit)
    return 2
  }
  clearAwayAtExit()
  return run(options)
}

function findHindrance(options: Options): string | undefined {
  if (!existsSync('/proc/self/stat')) return 'the bench reads CPU from /proc: it needs Linux'
  if (!existsSync(options.daemon)) return `${options.daemon} is not there: npm run build makes it`
  if (choose([...handshakeRows, ...deviceRows], options).length === 0)
    return `no row is named ${options.only.join(' or ')}`
  return undefined
}

function choose<Row extends { readonly id: string }>(rows: readonly Row[], { only }: Options): readonly Row[] {
  return rows.filter(({ id }) => only.length === 0 || only.some(wanted => id.startsWith(wanted)))
}

/** What the measurements work with. */
interface Bench {
  readonly options: Options
  readonly kinds: readonly ServerKind[]
  readonly figures: ReturnType<typeof createFigures>
  readonly load: LoadProcess
  readonly device: Device | undefined
  server(key: KeyType, kind: ServerKind): Server
  readonly noteChoice: ReturnType<typeof createChoiceNotes>
  complain(complaint: string): void
}

async function run(options: Options): Promise<number> {
  const complaints: string[] = []
  const kinds = findServers()
  const cores = chooseCores()
  if (cores === undefined)
    console.log('one core only, or no taskset: servers and clients run wherever the system puts them')
  const rows = choose(handshakeRows, options)
  const wantsDevice = choose(deviceRows, options).length > 0
  const device = wantsDevice ? await prepareDevice(cores) : undefined
  if (wantsDevice && device === undefined)
    console.log('no C compiler or no mbedTLS 2.28 (libmbedtls-dev): no old device')
  const ofDevice = device === undefined ? [] : choose(deviceRows, options)

  const load = startLoad()
  if (cores !== undefined) pinTree(load.id, cores.load)
  const keys = [...new Set([...rows, ...ofDevice].map(({ key }) => key))]
  const servers = await startServers({ options, kinds, keys, cores })
  const bench: Bench = {
    options,
    kinds,
    figures: createFigures(),
    load,
    device,
    server: (key, kind) => servers.get(`${key} ${kind}`) as Server,
    noteChoice: createChoiceNotes(),
    complain: complaint => {
      complaints.push(complaint)
      console.error(`  ${complaint}`)
    }
  }
  await measureRounds(bench, rows, ofDevice)
  for (const server of servers.values()) await server.stop()
  await load.end()

  report(bench, rows, ofDevice)
  if (complaints.length > 0) console.log(`\nFAILED, so nothing above counts:\n${complaints.join('\n')}`)
  return complaints.length > 0 ? 1 : 0
}

function findServers(): readonly ServerKind[] {
  const kinds: ServerKind[] = ['otad']
  if (hasNginx()) kinds.push('nginx')
  else console.log('nginx is not installed: no ratio to it')
  if (hasOpenssl()) kinds.push('s_server')
  else console.log('openssl is not installed: no s_server')
  return kinds
}

interface Lineup {
  readonly options: Options
  readonly kinds: readonly ServerKind[]
  readonly keys: readonly KeyType[]
  readonly cores: Cores | undefined
}

/** One of each kind for each key type, with the same certificates; they stay up through the rounds. */
async function startServers({ options, kinds, keys, cores }: Lineup): Promise<ReadonlyMap<string, Server>> {
  const daemon = resolve(options.daemon)
  const servers = new Map<string, Server>()
  for (const key of keys) {
    const home = await makeCertificates(daemon, key)
    for (const kind of kinds) {
      const server = await launchServer({ kind, daemon, home, folder: makeFolder() })
      await waitUntilShaking({ port: server.port, ca: server.ca, running: server.running, limitMs: 15_000 })
      if (cores !== undefined) pinTree(server.id, cores.servers)
      servers.set(`${key} ${kind}`, server)
    }
  }
  return servers
}

/**
 * A B C, then C B A, so that what drifts on the machine during a run falls on all servers alike. A round goes before
 * that is not taken down: Node compiles in its first 5,000 handshakes or so. Few or short rows do not get it that far.
 */
async function measureRounds(
  bench: Bench,
  rows: readonly HandshakeRow[],
  ofDevice: readonly DeviceRow[]
): Promise<void> {
  const { options, kinds, figures } = bench
  for (const row of rows) for (const kind of kinds) await measureHandshakes(bench, row, kind)
  console.log('warmed up')
  for (let round = 0; round < options.rounds; round++) {
    const order = round % 2 === 0 ? kinds : kinds.toReversed()
    const tell = (id: string, unit: string): void => {
      const values = kinds.map(kind => `${kind} ${formatNumber(figures.of(id).median(kind)) || '-'}`)
      console.log(`round ${round + 1}/${options.rounds}  ${id.padEnd(20)}${values.join('  ')}  ${unit} (median so far)`)
    }
    for (const row of rows) {
      for (const kind of order) figures.record(row.id, kind, await measureHandshakes(bench, row, kind))
      tell(row.id, 'CPU ms')
    }
    for (const row of ofDevice) {
      for (const kind of order) figures.record(row.id, kind, await measureDevice(bench, row, kind))
      tell(row.id, 'ms')
    }
  }
}

/** Server CPU for one handshake, in milliseconds; nothing when none came to its end. */
async function measureHandshakes(bench: Bench, row: HandshakeRow, kind: ServerKind): Promise<number[]> {
  const { id: process, port, ca } = bench.server(row.key, kind)
  const { protocol, session } = row
  const { before, after, report } = await bench.load.run(
    { kind: 'handshakes', port, ca, protocol, session, lanes: LANES, seconds: bench.options.seconds },
    () => readCpuMs(process)
  )
  if (report.failed > 0) bench.complain(`${row.id} ${kind}: ${report.failed} failed (${report.failures.join('; ')})`)
  if (report.negotiated !== '') bench.noteChoice(row.id, kind, report.negotiated)
  const cpuMs = after - before
  return report.answered > 0 && cpuMs > 0 ? [cpuMs / report.answered] : []
}

/** Time that one handshake takes the device, in milliseconds; nothing when one failed. */
async function measureDevice(bench: Bench, row: DeviceRow, kind: ServerKind): Promise<number[]> {
  const { port, ca } = bench.server(row.key, kind)
  const count = Math.ceil(DEVICE_HANDSHAKES_PER_SECOND[row.session] * bench.options.seconds)
  try {
    const shaken = await (bench.device as Device).shakeHands({ port, ca, session: row.session, count })
    bench.noteChoice(row.id, kind, shaken.negotiated)
    return [shaken.eachMs]
  } catch (error) {
    bench.complain(`${row.id} ${kind}: ${(error as Error).message}`)
    return []
  }
}

function report(bench: Bench, rows: readonly HandshakeRow[], ofDevice: readonly DeviceRow[]): void {
  const { kinds, figures } = bench
  if (rows.length > 0) {
    console.log('\nServer CPU for one handshake, and handshakes a second on one core by it (1000 / ms)')
    console.log(formatHandshakes(rows, kinds, figures))
  }
  if (ofDevice.length > 0) {
    console.log('\nTime for one handshake as the C client has it (mbedTLS 2.28 on this machine, not on a chip)')
    console.log(formatDevice(ofDevice, kinds, figures))
  }
  console.log(`\n${describe(bench, ofDevice.length > 0).join('\n')}`)
}

/** What one has to know to read the figures. */
function describe({ kinds, options }: Bench, withDevice: boolean): string[] {
  const { node, openssl } = process.versions
  const lines = [
    'Medians over the rounds; ratios are medians of round-by-round ratios, with the least and the greatest; 15 % is noise.',
    'A handshake is a connection, the handshake and an orderly end, without a request. Full: the client offers no ticket;',
    'in TLS 1.3 all servers send two all the same. All resume by ticket; none keeps a session cache.',
    `The daemon ran on Node ${node}, whose own OpenSSL is ${openssl}; the others have that of the system.`
  ]
  if (options.quick)
    lines.push('With --quick the daemon may not be warm yet: Node still compiles in its first 5,000 handshakes or so.')
  if (kinds.includes('s_server')) {
    lines.push(
      's_server takes one client at a time, and knows no range, no HEAD and no second request on a connection.'
    )
  }
  if (withDevice) {
    lines.push(
      'The C client offers its own list of ciphers and curves, so each choice of a server is part of its figure.',
      'It writes its last flight of a full handshake in pieces without TCP_NODELAY, as esp-tls does, so that it waits',
      'for the delayed acknowledgement of the kernel: some 40 ms of each full handshake, whatever the server.'
    )
  }
  return lines
}
