import { setTimeout as sleep } from 'node:timers/promises'
import { quantile } from './figures.js'
import { KIB, MIB } from './images.js'
import { type Memory, readCpuMs, readMemory } from './process-tree.js'
import { type Server, type ServerKind, startServer } from './servers.js'
import { startSlowReaders } from './slow-readers.js'
import { complainOf, type Setting, type Workload } from './workload.js'

const BYTES_PER_SECOND = 20_000
/** Readers slower than this share of their pace were held up by the machine or by the server. */
const PACE_LEAST = 0.85
const SAMPLE_MS = 250
const IDLE_MS = 1000
const SETTLE_MS = 2000
const ARRIVALS_PER_SECOND = 25

/** What slow devices cost in memory and CPU, and how long a new device waits beside them. */
export const readerWorkloads: readonly Workload[] = [readers(500), readers(2000)]

function readers(count: number): Workload {
  const name = `readers-${count}`
  return {
    name,
    on: 'own',
    long: true,
    servers: ['otad', 'nginx', 'nginx-4k'],
    measure: (setting, kind) => measureReaders(setting, kind, name, count)
  }
}

/** With a server of its own each time, since no server gives back all the memory that it once took. */
async function measureReaders(setting: Setting, kind: ServerKind, name: string, count: number): Promise<void> {
  const server = await startServer(setting.startOptions(kind), [setting.images.small, setting.images.large])
  try {
    await sleep(IDLE_MS)
    const idle = readMemory(server.id)
    const sampler = startSampler(server.id)
    try {
      await measureWith(setting, server, name, count)
    } finally {
      sampler.stop()
    }
    setting.figures.record(`${name}-memory`, kind, [(sampler.peak.pss - idle.pss) / count / KIB])
    setting.figures.record(`${name}-rss`, kind, [sampler.peak.rss / MIB])
  } finally {
    await server.stop()
  }
}

async function measureWith(setting: Setting, server: Server, name: string, count: number): Promise<void> {
  const where = `${name} ${server.kind}`
  const cpuSeconds = setting.quick ? 3 : 10
  const arrivalSeconds = setting.quick ? 2 : 6
  const image = setting.images.large
  const served = { port: server.port, ca: server.ca, path: `/${image.name}`, image: image.file }
  const slow = startSlowReaders({ ...served, count, bytesPerSecond: BYTES_PER_SECOND, secondsMax: 150 })
  const connected = await slow.connected()
  if (connected < count) setting.complain(`${where}: ${connected} of ${count} readers connected`)

  // While they connect, the kernel's buffers fill: only after that the pace is the readers'.
  await sleep(SETTLE_MS)
  const cpuMs = await measureCpu(server.id, cpuSeconds)
  setting.figures.record(`${name}-cpu`, server.kind, [cpuMs / cpuSeconds])

  const { report } = await setting.load.run(
    {
      ...served,
      kind: 'arrivals',
      protocol: 'TLSv1.2',
      rangeLength: 64 * KIB,
      perSecond: ARRIVALS_PER_SECOND,
      seconds: arrivalSeconds
    },
    () => undefined
  )
  complainOf(setting, `${where}, new devices`, report)
  const p99 = quantile(report.firstByteMs, 0.99)
  setting.figures.record(`${name}-first`, server.kind, p99 === undefined ? [] : [p99])
  const seen = await slow.finish()
  complainOf(setting, where, seen)
  if (seen.bytesPerSecond < BYTES_PER_SECOND * PACE_LEAST) {
    const pace = (seen.bytesPerSecond / 1000).toFixed(1)
    console.log(`  ${where}: the readers only kept ${pace} kB/s each, so their CPU figure is too low`)
  }
}

async function measureCpu(id: number, seconds: number): Promise<number> {
  const before = readCpuMs(id)
  await sleep(seconds * 1000)
  return readCpuMs(id) - before
}

/** Looks at the memory of a tree of processes from time to time and keeps the greatest of each figure. */
function startSampler(id: number): { readonly peak: Memory; stop(): void } {
  let peak: Memory = { pss: 0, rss: 0 }
  const look = (): void => {
    const memory = readMemory(id)
    peak = { pss: Math.max(peak.pss, memory.pss), rss: Math.max(peak.rss, memory.rss) }
  }
  look()
  const timer = setInterval(look, SAMPLE_MS)
  return {
    get peak() {
      return peak
    },
    stop: () => clearInterval(timer)
  }
}
