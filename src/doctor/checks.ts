import { checkAnchor, checkCertificates } from './checks/certificates.js'
import { checkDevices } from './checks/devices.js'
import { checkImages } from './checks/images.js'
import { checkClock, checkFirewall, checkInside, checkNetwork } from './checks/machine.js'
import { checkPort, checkSince } from './checks/port.js'
import { checkReading } from './checks/reading.js'
import { checkServed, checkWatched } from './checks/served.js'
import { checkProjectSettings, checkRollback } from './checks/settings.js'
import { checkTables } from './checks/tables.js'
import { checkTrust } from './checks/trust.js'
import { checkUrls } from './checks/urls.js'
import { expectedUrl, isReachable } from './expected.js'
import type { Facts } from './facts.js'
import { type Finding, type Found, inOrder, verdictOf } from './finding.js'

/**
 * Every check, what keeps devices from updating most often first: an address that is another machine's, then a machine that cannot be reached, then
 * trust, then the build (the ranking of what people suffered from that otad was designed by). Before them stands what the others cannot be judged
 * without: a network, and an otad that watches the project. A firewall stands before the port that nobody reaches because of it.
 */
const CHECKS: readonly ((facts: Facts) => readonly Found[])[] = [
  checkNetwork,
  checkWatched,
  checkUrls,
  checkFirewall,
  checkPort,
  checkInside,
  checkTrust,
  checkClock,
  checkCertificates,
  checkImages,
  checkTables,
  checkServed,
  checkProjectSettings,
  checkRollback,
  checkDevices,
  checkSince,
  checkReading,
  checkAnchor
]

/** What the doctor says: the findings in the order in which to look at them, and all of it in one sentence. */
export interface Diagnosis {
  readonly findings: readonly Finding[]
  readonly verdict: string
}

/** Facts in, findings out: nothing else is looked at. */
export function diagnose(facts: Facts): Diagnosis {
  const findings = inOrder(
    CHECKS.flatMap((check, index) => check(facts).map(found => ({ ...found, likelihood: index + 1 })))
  )
  const [project] = facts.projects
  const isKnown = facts.projects.length === 1 && project !== undefined && isReachable(facts)
  const url = isKnown ? expectedUrl(project, facts) : undefined
  const isWhole = facts.projects.every(({ unread, leftOut }) => unread.length + leftOut.length === 0)
  return { findings, verdict: verdictOf(findings, { url, isWhole }) }
}
