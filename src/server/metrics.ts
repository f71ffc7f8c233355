import { X509Certificate } from 'node:crypto'
import { Counter, Gauge, type Histogram, type MetricValueWithName, Registry } from 'prom-client'
import { VERDICTS } from '../devices/device-facts.js'
import type { DurationCounts } from './durations.js'
import type { Measured } from './routes/metrics.js'

/** A value with its labels. */
type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

/** A number that is told to Prometheus. */
type Metric = {
  /** With its unit, as https://prometheus.io/docs/practices/naming has it. */
  readonly name: string
  readonly help: string
} & (
  | { readonly type: 'gauge' | 'counter'; readonly read: (measured: Measured) => number | readonly Sample[] }
  | { readonly type: 'histogram'; readonly read: (measured: Measured) => DurationCounts }
)

/** What `/metrics` tells of otad. Each label has one of a few values that are known beforehand: no name, device or version of an image. */
export const METRICS: readonly Metric[] = [
  {
    name: 'otad_build_info',
    type: 'gauge',
    help: 'Always 1; the version of otad that runs.',
    read: m => [[{ version: m.version }, 1]]
  },
  { name: 'otad_names', type: 'gauge', help: 'Names with a current release.', read: m => m.names },
  {
    name: 'otad_releases',
    type: 'gauge',
    help: 'Releases that are kept, current and earlier ones.',
    read: m => m.releases
  },
  {
    name: 'otad_devices',
    type: 'gauge',
    help: 'Devices that have ever come, by what happened to them last.',
    read: m =>
      byLabel(
        'state',
        [...VERDICTS].map(verdict => [verdict, m.deviceVerdicts.get(verdict) ?? 0])
      )
  },
  {
    name: 'otad_transfers_active',
    type: 'gauge',
    help: 'Firmware bodies being sent now.',
    read: m => m.activeTransfers
  },
  {
    name: 'otad_event_listeners',
    type: 'gauge',
    help: 'Pages and programs that listen to /events now.',
    read: m => m.eventListeners
  },
  {
    name: 'otad_downloads_total',
    type: 'counter',
    help: 'Downloads of firmware by how they ended; one in many ranges is one.',
    read: m => byLabel('outcome', Object.entries(m.downloads))
  },
  {
    name: 'otad_download_duration_seconds',
    type: 'histogram',
    help: 'Duration of downloads that were handed over whole, from the first byte to the last.',
    read: m => m.downloadDurations
  },
  {
    name: 'otad_firmware_sent_bytes_total',
    type: 'counter',
    help: 'Bytes of firmware handed to the operating system.',
    read: m => m.firmwareBytes
  },
  {
    name: 'otad_releases_published_total',
    type: 'counter',
    help: 'Releases published.',
    read: m => m.releasesPublished
  },
  {
    name: 'otad_publish_delay_seconds',
    type: 'histogram',
    help: 'From the last change of a file until it was read whole, to be judged and served at once.',
    read: m => m.publishDelays
  },
  {
    name: 'otad_candidates_rejected_total',
    type: 'counter',
    help: 'Files that were refused, by the first reason.',
    read: m => byLabel('reason', m.candidatesRejected)
  },
  {
    name: 'otad_tls_sessions_total',
    type: 'counter',
    help: 'TLS sessions that were opened: from the start, or as the continuation of an earlier one.',
    read: m => byLabel('kind', Object.entries(m.sessions))
  },
  {
    name: 'otad_handshakes_failed_total',
    type: 'counter',
    help: 'TLS handshakes that failed, by cause.',
    read: m => byLabel('cause', m.handshakesFailed)
  },
  {
    name: 'otad_devices_looping_total',
    type: 'counter',
    help: 'Times that a device was found to download the same release again and again.',
    read: m => m.devicesLooping
  },
  {
    name: 'otad_devices_rolled_back_total',
    type: 'counter',
    help: 'Times that a device was found to run its old firmware again.',
    read: m => m.devicesRolledBack
  },
  {
    name: 'otad_certificate_expiry_timestamp_seconds',
    type: 'gauge',
    help: 'When a certificate ends, in seconds since 1970.',
    read: m => byLabel('certificate', endsOf(m.certificates))
  }
]

/** Counts and measures are kept where things happen, from the start on; the registry reads them when it is asked. */
export function createRegistry(measured: () => Measured): Registry {
  const registry = new Registry()
  for (const metric of METRICS) register(metric, registry, measured)
  return registry
}

function register(metric: Metric, registry: Registry, measured: () => Measured): void {
  const { name, help } = metric
  const registers = [registry]
  if (metric.type === 'histogram') {
    const { read } = metric
    const get = async () => ({ name, help, type: 'histogram', values: writeBuckets(name, read(measured())) })
    // Its own histograms count what they observe; ours were counted before the library was there. Of a metric the registry needs no more than this.
    registry.registerMetric({ name, get } as unknown as Histogram)
    return
  }
  const samples = (): readonly Sample[] => {
    const read = metric.read(measured())
    return typeof read === 'number' ? [[{}, read]] : read
  }
  const labelNames = [...LABELS]
  if (metric.type === 'gauge')
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset()
        for (const [labels, value] of samples()) this.set(labels, value)
      }
    })
  else
    new Counter({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset()
        for (const [labels, value] of samples()) this.inc(labels, value)
      }
    })
}

/** The labels that there are. */
const LABELS = ['version', 'state', 'outcome', 'reason', 'kind', 'cause', 'certificate'] as const

/** The buckets of a histogram; each counts what is in the smaller ones too. */
function writeBuckets(name: string, { bounds, counts, sumSeconds }: DurationCounts): MetricValueWithName<string>[] {
  const values: MetricValueWithName<string>[] = []
  let count = 0
  for (const [index, le] of [...bounds, '+Inf'].entries()) {
    count += counts[index] ?? 0
    values.push({ metricName: `${name}_bucket`, labels: { le }, value: count })
  }
  values.push({ metricName: `${name}_sum`, labels: {}, value: sumSeconds })
  values.push({ metricName: `${name}_count`, labels: {}, value: count })
  return values
}

/** Label values have no hyphens, whatever the code calls them. */
function byLabel(label: string, counts: Iterable<readonly [string, number]>): readonly Sample[] {
  return [...counts].map(([value, count]) => [{ [label]: value.replaceAll('-', '_') }, count])
}

function endsOf(certificates: Measured['certificates']): readonly (readonly [string, number])[] {
  return Object.entries(certificates).flatMap(([name, pem]) => (pem === undefined ? [] : [[name, endOf(pem)] as const]))
}

function endOf(pem: string): number {
  return Date.parse(new X509Certificate(pem).validTo) / 1000
}
