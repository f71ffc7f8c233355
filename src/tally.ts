import type { Confirmed, Failure } from './device-keeper.js'
import type { Events, Report } from './events.js'
import { type Findings, Loops } from './loops.js'
import { Repeats } from './repeats.js'
import type { Download } from './server/downloads.js'
import { Durations } from './server/durations.js'
import {
  explainHandshake,
  type FailedHandshake,
  handshakeCauseOf,
  type ShownCertificate
} from './server/handshake-causes.js'
import type { RefusedClient } from './server/plugins/client-certificates.js'
import type { SentBack } from './server/plugins/firmware-sender.js'
import type { FailedAuth } from './server/refusals.js'
import type { Counts } from './server/routes/metrics.js'

type Tallied = Omit<Counts, 'names' | 'activeTransfers' | 'eventListeners' | 'certificates' | 'deviceVerdicts'>

/** Upper bounds in seconds: a build on this machine is served within 0.1, and a large image takes a slow device minutes. */
const DOWNLOAD_SECONDS = [0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640]
const PUBLISH_SECONDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** A file that was there before otad has waited for nobody. */
const LONGEST_DELAY_MS = 60_000

export interface Tally {
  /** Tells the log, and counts what is worth counting. */
  readonly report: Report
  readonly onDownload: (download: Download) => void
  readonly onFailedHandshake: (failed: FailedHandshake) => void
  readonly onRefusedClient: (refused: RefusedClient) => void
  readonly onSentBack: (sentBack: SentBack) => void
  readonly onAuthFailed: (failed: FailedAuth) => void
  /** A device says what it runs; one that does so all the time is counted. */
  readonly onConfirmed: (confirmed: Confirmed) => void
  readonly onRolledBack: (rolledBack: NonNullable<Findings['rolledback']>) => void
  readonly counts: () => Tallied
  /** Tells what was counted and not told yet. */
  readonly close: () => void
}

export interface TallyOptions {
  readonly report: Report
  /** What was shown to one who asked for this name. */
  readonly shownTo: (servername: string | undefined) => ShownCertificate
  /** Each of them, those included that the log only counts. */
  readonly onFindings: (findings: Findings, download: Download) => void
  readonly onHandshakeExplained: (failure: Failure) => void
  readonly onNotAllowed: (failure: Failure) => void
}

/** Stands between what happens and the log, and keeps count for /metrics. */
export function createTally({ report, shownTo, ...options }: TallyOptions): Tally {
  const repeats = new Repeats()
  const loops = new Loops()
  const downloads = { complete: 0, aborted: 0, unchanged: 0, 'no-room': 0 }
  const downloadDurations = new Durations(DOWNLOAD_SECONDS)
  const publishDelays = new Durations(PUBLISH_SECONDS)
  const candidatesRejected = new Map<string, number>()
  const handshakesFailed = new Map<string, number>()
  const counts = { firmwareBytes: 0, releasesPublished: 0, devicesLooping: 0, devicesRolledBack: 0 }
  const tell: Report = (event, fields) => {
    if (event === 'release.published') {
      counts.releasesPublished++
      const { settleMs } = fields as Events['release.published']
      if (settleMs < LONGEST_DELAY_MS) publishDelays.note(settleMs)
    }
    if (event === 'candidate.rejected') countOne(candidatesRejected, (fields as Events['candidate.rejected']).reason)
    if (event === 'device.looping') counts.devicesLooping++
    if (event === 'device.rolledback') counts.devicesRolledBack++
    report(event, fields)
  }
  return {
    report: tell,
    onDownload: download => {
      const { device, release, outcome, sent, ranges, durationMs, cause } = download
      const { name, digest, size } = release
      const fields = { device, name, digest, size, durationMs: Math.round(durationMs), ranges }
      counts.firmwareBytes += sent
      downloads[outcome]++
      switch (outcome) {
        case 'complete':
          downloadDurations.note(durationMs)
          report('download.complete', fields)
          break
        case 'aborted':
          report('download.aborted', { ...fields, sent, cause })
          break
        case 'unchanged':
        case 'no-room':
          break
      }
      const findings = loops.note(download, performance.now())
      reportFindings(tell, findings)
      options.onFindings(findings, download)
    },
    onFailedHandshake: failed => {
      countOne(handshakesFailed, handshakeCauseOf(failed.code))
      const { device, servername, code } = failed
      const { cause, fix } = explainHandshake(failed, shownTo(servername), new Date())
      options.onHandshakeExplained({ device, code, cause, fix })
      repeats.note(`${device}\n${servername}\n${cause}`, count =>
        report('handshake.failed', { device, servername, code, cause, fix, count })
      )
    },
    onRefusedClient: ({ device, code, cause }) => {
      const fix = 'Give it a certificate and key that the client CA signed'
      options.onNotAllowed({ device, cause, fix })
      repeats.note(`${device}\n${code}`, count => report('client.refused', { device, code, cause, fix, count }))
    },
    onSentBack: ({ device, release: { name }, reason }) => {
      repeats.note(`${device}\n${name}\n${reason}`, count =>
        report('download.refused', { device, name, reason, count })
      )
    },
    onAuthFailed: ({ device, reason }) => {
      options.onNotAllowed({ device, cause: reason, fix: 'give it the credentials that otad was given (--auth-file)' })
      repeats.note(`${device}\n${reason}`, count => report('auth.failed', { device, reason, count }))
    },
    onConfirmed: confirmed => {
      const { device, name, digest } = confirmed
      repeats.note(`${device}\n${name}\nruns ${digest}`, count => report('device.running', { ...confirmed, count }))
    },
    onRolledBack: rolledBack => tell('device.rolledback', rolledBack),
    close: () => repeats.close(),
    counts: () => ({
      ...counts,
      downloads,
      downloadDurations,
      publishDelays,
      candidatesRejected,
      handshakesFailed
    })
  }
}

function countOne(counts: Map<string, number>, of: string): void {
  counts.set(of, (counts.get(of) ?? 0) + 1)
}

function reportFindings(report: Report, { looping, rolledback, full }: Findings): void {
  if (rolledback !== undefined) report('device.rolledback', rolledback)
  if (looping !== undefined) report('device.looping', looping)
  if (full !== undefined) report('device.full', full)
}
