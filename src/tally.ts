import type { Report } from './log.js'
import type { FailedHandshake } from './server/connections.js'
import type { Download } from './server/downloads.js'
import { explainHandshake } from './server/handshake-causes.js'
import type { Counts } from './server/routes/metrics.js'

type Tallied = Omit<Counts, 'names' | 'activeTransfers'>

export interface Tally {
  /** Tells the log, and counts what is worth counting. */
  readonly report: Report
  readonly onDownload: (download: Download) => void
  readonly onFailedHandshake: (failed: FailedHandshake) => void
  readonly counts: () => Tallied
}

/** Stands between what happens and the log, and keeps count for /metrics. */
export function createTally(report: Report): Tally {
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
    onDownload: ({ device, release, outcome, sent, ranges, durationMs, cause }) => {
      const { name, digest, size } = release
      const fields = { device, name, digest, size, durationMs: Math.round(durationMs), ranges }
      counts.firmwareBytes += sent
      if (outcome === 'complete') {
        counts.downloadsComplete++
        report('download.complete', fields)
      } else {
        counts.downloadsAborted++
        report('download.aborted', { ...fields, sent, cause })
      }
    },
    onFailedHandshake: ({ device, servername, code }) => {
      counts.handshakesFailed++
      report('handshake.failed', { device, servername, code, cause: explainHandshake(code) })
    },
    counts: () => counts
  }
}
