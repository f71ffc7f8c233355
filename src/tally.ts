import type { Report } from './log.js'
import { type Findings, Loops } from './loops.js'
import { Repeats } from './repeats.js'
import type { Download } from './server/downloads.js'
import { explainHandshake, type FailedHandshake, type ShownCertificate } from './server/handshake-causes.js'
import type { RefusedClient } from './server/plugins/client-certificates.js'
import type { SentBack } from './server/plugins/firmware-sender.js'
import type { FailedAuth } from './server/refusals.js'
import type { Counts } from './server/routes/metrics.js'

type Tallied = Omit<Counts, 'names' | 'activeTransfers'>

export interface Tally {
  /** Tells the log, and counts what is worth counting. */
  readonly report: Report
  readonly onDownload: (download: Download) => void
  readonly onFailedHandshake: (failed: FailedHandshake) => void
  readonly onRefusedClient: (refused: RefusedClient) => void
  readonly onSentBack: (sentBack: SentBack) => void
  readonly onAuthFailed: (failed: FailedAuth) => void
  readonly counts: () => Tallied
  /** Tells what was counted and not told yet. */
  readonly close: () => void
}

export interface TallyOptions {
  readonly report: Report
  /** What was shown to one who asked for this name. */
  readonly shownTo: (servername: string | undefined) => ShownCertificate
}

/** Stands between what happens and the log, and keeps count for /metrics. */
export function createTally({ report, shownTo }: TallyOptions): Tally {
  const repeats = new Repeats()
  const loops = new Loops()
  const counts = {
    downloadsComplete: 0,
    downloadsAborted: 0,
    firmwareBytes: 0,
    releasesPublished: 0,
    candidatesRejected: 0,
    handshakesFailed: 0
  }
  return {
    report: (event, fields) => {
      if (event === 'release.published') counts.releasesPublished++
      if (event === 'candidate.rejected') counts.candidatesRejected++
      report(event, fields)
    },
    onDownload: download => {
      const { device, release, outcome, sent, ranges, durationMs, cause } = download
      const { name, digest, size } = release
      const fields = { device, name, digest, size, durationMs: Math.round(durationMs), ranges }
      counts.firmwareBytes += sent
      switch (outcome) {
        case 'complete':
          counts.downloadsComplete++
          report('download.complete', fields)
          break
        case 'aborted':
          counts.downloadsAborted++
          report('download.aborted', { ...fields, sent, cause })
          break
        case 'unchanged':
        case 'no-room':
          break
      }
      reportFindings(report, loops.note(download, performance.now()))
    },
    onFailedHandshake: failed => {
      counts.handshakesFailed++
      const { device, servername, code } = failed
      const { cause, fix } = explainHandshake(failed, shownTo(servername), new Date())
      repeats.note(`${device}\n${servername}\n${cause}`, count =>
        report('handshake.failed', { device, servername, code, cause, fix, count })
      )
    },
    onRefusedClient: ({ device, code, cause }) => {
      const fix = 'Give it a certificate and key that the client CA signed'
      repeats.note(`${device}\n${code}`, count => report('client.refused', { device, code, cause, fix, count }))
    },
    onSentBack: ({ device, release: { name }, reason }) => {
      repeats.note(`${device}\n${name}\n${reason}`, count =>
        report('download.refused', { device, name, reason, count })
      )
    },
    onAuthFailed: ({ device, reason }) => {
      repeats.note(`${device}\n${reason}`, count => report('auth.failed', { device, reason, count }))
    },
    close: () => repeats.close(),
    counts: () => counts
  }
}

function reportFindings(report: Report, { looping, rolledback, full }: Findings): void {
  if (rolledback !== undefined) report('device.rolledback', rolledback)
  if (looping !== undefined) report('device.looping', looping)
  if (full !== undefined) report('device.full', full)
}
