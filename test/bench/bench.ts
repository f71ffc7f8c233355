/**
 * What otad costs beside nginx, measured on loopback: server CPU per unit of work, memory per slow reader, and times.
 * `npm run bench -- --help` tells the options. Every body byte is compared with the image that was built.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { createChoiceNotes } from './choices.js'
import { createFigures } from './figures.js'
import { MIB, writeImage } from './images.js'
import { clearAwayAtExit, makeFolder } from './leftovers.js'
import { startLoad } from './load-process.js'
import { publishWorkload } from './measure-publish.js'
import { readerWorkloads } from './measure-readers.js'
import { requestWorkloads } from './measure-requests.js'
import { startWorkload } from './measure-start.js'
import { type Options, readOptions, usage } from './options.js'
import { rows } from './rows.js'
import { hasNginx, makeCertificates, type Server, type ServerKind, startServer } from './servers.js'
import { hasPython } from './slow-readers.js'
import { formatNumber, formatTable, summarizeBars } from './table.js'
import type { Setting, Workload } from './workload.js'

const workloads: readonly Workload[] = [...requestWorkloads, ...readerWorkloads, startWorkload, publishWorkload]

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
    console.log(`${usage}\n\nWORKLOADS\n  ${workloads.map(({ name }) => name).join(' ')}`)
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
  if (!existsSync('/proc/self/smaps_rollup')) return 'the bench reads CPU and memory from /proc: it needs Linux'
  if (!existsSync(options.daemon)) return `${options.daemon} is not there: npm run build makes it`
  if (choose(options).length === 0) return `no workload is named ${options.only.join(' or ')}`
  return undefined
}

function choose({ only }: Options): readonly Workload[] {
  return workloads.filter(({ name }) => only.length === 0 || only.some(wanted => name.startsWith(wanted)))
}

async function run(options: Options): Promise<number> {
  const complaints: string[] = []
  const kinds: readonly ServerKind[] = hasNginx() ? ['otad', 'nginx', 'nginx-4k'] : ['otad']
  if (kinds.length === 1) console.log('nginx is not installed: absolute figures only')
  const python = hasPython()
  if (!python) console.log('python3 is not installed: no slow readers')
  const chosen = choose(options).filter(workload => python || !readerWorkloads.includes(workload))

  const folder = makeFolder()
  const daemon = resolve(options.daemon)
  const home = await makeCertificates(daemon)
  const servers = new Map<ServerKind, Server>()
  const setting: Setting = {
    seconds: options.seconds,
    quick: options.quick,
    figures: createFigures(),
    load: startLoad(),
    images: {
      small: writeImage(folder, 'small.bin', { length: MIB, seed: 1 }),
      large: writeImage(folder, 'large.bin', { length: 4 * MIB, seed: 2 })
    },
    running: kind => servers.get(kind) as Server,
    startOptions: (kind, own = folder) => ({ kind, daemon, home, folder: own }),
    noteChoice: createChoiceNotes(),
    complain: complaint => {
      complaints.push(complaint)
      console.error(`  ${complaint}`)
    }
  }

  const onRunning = chosen.filter(({ on }) => on === 'running')
  if (onRunning.length > 0) {
    const images = Object.values(setting.images)
    for (const kind of kinds) servers.set(kind, await startServer(setting.startOptions(kind), images))
    await measureRounds(setting, { workloads: onRunning, kinds, options })
    for (const server of servers.values()) await server.stop()
  }
  const onOwn = chosen.filter(({ on }) => on === 'own')
  await measureRounds(setting, { workloads: onOwn, kinds, options })
  await setting.load.end()

  console.log(`\n${formatTable(setting.figures)}\n\n${summarizeBars(setting.figures)}`)
  console.log('Figures are medians over the rounds; ratios are medians of round-by-round ratios; 15 % is noise.')
  if (complaints.length > 0) console.log(`\nFAILED, so nothing above counts:\n${complaints.join('\n')}`)
  return complaints.length > 0 ? 1 : 0
}

interface Plan {
  readonly workloads: readonly Workload[]
  readonly kinds: readonly ServerKind[]
  readonly options: Options
}

/** A B C, then C B A, so that what drifts on the machine during a run falls on all servers alike. */
async function measureRounds(setting: Setting, { workloads, kinds, options }: Plan): Promise<void> {
  for (let round = 0; round < options.rounds; round++) {
    const order = round % 2 === 0 ? kinds : kinds.toReversed()
    for (const workload of workloads) {
      if (workload.long && round >= options.readerRounds) continue
      for (const kind of order.filter(one => workload.servers.includes(one))) await workload.measure(setting, kind)
      console.log(`round ${round + 1}/${options.rounds}  ${describeSoFar(setting, workload, kinds)}`)
    }
  }
}

function describeSoFar({ figures }: Setting, workload: Workload, kinds: readonly ServerKind[]): string {
  const row = rows.find(({ id }) => id.startsWith(workload.name))
  if (row === undefined) return workload.name
  const values = kinds.map(kind => `${kind} ${formatNumber(figures.of(row.id).median(kind)) || '-'}`)
  return `${workload.name.padEnd(14)}${values.join('  ')}  ${row.unit} (median so far)`
}
