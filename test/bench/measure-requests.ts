import { KIB } from './images.js'
import type { LoadReport, RequestsJob } from './load-job.js'
import { readCpuMs } from './process-tree.js'
import type { ServerKind } from './servers.js'
import { complainOf, type Setting, type Workload } from './workload.js'

const GB = 1e9
/** Connections at once where that is not what the workload is about. */
const LANES = 4

type Shape = Pick<RequestsJob, 'protocol' | 'rangeLength' | 'connection' | 'lanes'> & { image: 'small' | 'large' }

/** Server CPU for one unit of work: the rate on the wall is the client's limit and not the server's. */
export const requestWorkloads: readonly Workload[] = [
  requests('bulk-1m', { image: 'small', protocol: 'TLSv1.2', rangeLength: 'whole', connection: 'kept', lanes: LANES }),
  requests('bulk-4m', { image: 'large', protocol: 'TLSv1.3', rangeLength: 'whole', connection: 'kept', lanes: LANES }),
  requests('range-64k', range(64 * KIB, 'kept', 1)),
  requests('range-4k', range(4 * KIB, 'kept', 1)),
  requests('range-new', range(64 * KIB, 'new', LANES)),
  requests('range-resumed', range(64 * KIB, 'resumed', LANES)),
  requests('handshake', range(KIB, 'new', LANES))
]

function range(rangeLength: number, connection: RequestsJob['connection'], lanes: number): Shape {
  return { image: 'small', protocol: 'TLSv1.2', rangeLength, connection, lanes }
}

function requests(name: string, shape: Shape): Workload {
  return {
    name,
    on: 'running',
    long: false,
    servers: ['otad', 'nginx', 'nginx-4k'],
    measure: (setting, kind) => measureRequests(setting, kind, name, shape)
  }
}

async function measureRequests(setting: Setting, kind: ServerKind, name: string, shape: Shape): Promise<void> {
  const server = setting.running(kind)
  const image = setting.images[shape.image]
  const { before, after, report } = await setting.load.run(
    {
      ...shape,
      kind: 'requests',
      port: shape.connection === 'resumed' ? server.resumedPort : server.port,
      ca: server.ca,
      path: `/${image.name}`,
      image: image.file,
      seconds: setting.seconds
    },
    () => readCpuMs(server.id)
  )
  complainOf(setting, `${name} ${kind}`, report)
  if (report.negotiated !== '') setting.noteChoice(name, kind, report.negotiated)
  record(setting, kind, name, after - before, report)
}

function record({ figures }: Setting, kind: ServerKind, name: string, cpuMs: number, report: LoadReport): void {
  // Nothing, rather than no round, where nothing was answered: ratios are taken between the same rounds of two servers.
  const answered = report.answered > 0 && cpuMs > 0
  const perUnit = name.startsWith('bulk') ? cpuMs / 1000 / (report.bodyLength / GB) : cpuMs / report.answered
  figures.record(name, kind, answered ? [perUnit] : [])
  if (name === 'handshake') figures.record('handshake-rate', kind, answered ? [1000 / perUnit] : [])
}
