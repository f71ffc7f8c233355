import { type Attempt, evidenceOf, type Hit, meaningOf } from './attempt.js'
import { evidenceAround, findingsBeside } from './beside.js'
import { decodeNumbers } from './decode.js'
import type { Evidence, Finding, Meaning, Noticed, Outcome, Step } from './explanation.js'
import type { Installed } from './installed.js'
import type { LogLine } from './log-line.js'
import type { LogStory } from './log-story.js'
import { loadedOffset } from './marks.js'
import { NEW_FIRMWARE_CRASHES, OLD_SLOT_STARTED, oldVersionRuns } from './rules/boot.js'

/** How a log ended, and why. */
export interface Told {
  readonly outcome: Outcome
  readonly step: Step | null
  readonly code: string | null
  readonly title: string
  readonly cause: string | null
  readonly next: string | null
  readonly not?: string | null
  readonly evidence: readonly Evidence[]
  readonly findings?: readonly Finding[]
  readonly decisive?: LogLine | undefined
}

/** The last attempt counts, and of one that the log does not bring to an end the one before. */
export function tell(story: LogStory, lines: number): Told {
  const { installed, lastFailed, lastUnchanged, lastUnfinished, lastStray } = story
  const noticed = story.notebook.facts
  const failedAt = lastFailed?.first ?? 0
  const installedAt = installed?.at.line.number ?? 0
  const unchangedAt = lastUnchanged?.first ?? 0
  if (installed !== null && installedAt > failedAt) {
    // A new firmware that looks again finds nothing newer: that is no other outcome.
    if (installed.undone === null) return tellSuccess(installed, noticed)
    if (installedAt > unchangedAt) return tellUndone(installed, installed.undone, noticed)
  }
  if (lastUnchanged !== null && unchangedAt > failedAt) return tellAttempt('unchanged', lastUnchanged, noticed)
  if (lastFailed !== null) return tellAttempt('failed', lastFailed, noticed)
  if (lastUnfinished !== null) return tellUnfinished(lastUnfinished, noticed)
  if (lastStray !== null)
    return story.hasOtherFailed && isConnection(lastStray)
      ? tellOther(lastStray, noticed)
      : tellAttempt('failed', lastStray, noticed)
  return tellUnknown(story, lines)
}

/** Whether what failed is a connection: where the log has another program with connections of its own, it is mostly that one's. */
function isConnection({ root }: Attempt): boolean {
  return root !== undefined && root.rule.step !== 'boot' && root.rule.step !== 'network'
}

/** A log of MQTT or the like: what failed is known, and no word of it is about an update. */
function tellOther(attempt: Attempt, noticed: Noticed): Told {
  const { title, evidence, decisive } = tellAttempt('failed', attempt, noticed)
  return {
    outcome: 'unknown',
    step: null,
    code: null,
    title: 'no line of this log is about an update',
    cause: `Another connection of the program failed: ${title}. The log has an error of MQTT or WebSocket, and no word of an update.`,
    next: 'Log while the device updates, from the line that says that it begins.',
    evidence,
    decisive
  }
}

function tellAttempt(outcome: Outcome, attempt: Attempt, noticed: Noticed): Told {
  const root = attempt.root as Hit
  const meaning = meaningOf(root, noticed)
  return {
    outcome,
    step: root.rule.step,
    code: root.rule.code,
    title: meaning.title,
    cause: meaning.cause,
    next: meaning.next,
    not: meaning.not ?? null,
    evidence: evidenceAround(root, attempt.hits),
    findings: findingsBeside(root, attempt.hits, noticed),
    decisive: root.line
  }
}

function tellSuccess(installed: Installed, noticed: Noticed): Told {
  const { at, started, confirmed, ran } = installed
  const { line, hits } = at
  const { partition } = at.noticed
  const slot = partition === null ? '' : ` (${partition})`
  const cause = [
    at.isInferred
      ? `The device wrote the image, checked it${slot}, and restarted.`
      : `The image was written and checked, and its slot${slot} is the one to start from.`,
    ...(started === null ? [] : [`The bootloader started it (line ${started.number}).`]),
    ...(started === null && confirmed === null && ran !== null ? [`Version ${ran} ran after the restart.`] : []),
    ...(confirmed === null ? [] : [`It works by its own word (line ${confirmed.number}).`])
  ]
  const isSeen = started !== null || confirmed !== null || ran !== null
  return {
    outcome: 'succeeded',
    step: null,
    code: null,
    title: `the update${versionsOf(installed)} succeeded`,
    cause: cause.join(' '),
    next: isSeen ? null : 'The log ends before the new firmware has started: its first start shows whether it stays.',
    evidence: [line, started, confirmed]
      .filter(shown => shown !== null)
      .filter((shown, index, all) => all.indexOf(shown) === index)
      .map(shown => evidenceOf(shown)),
    findings: findingsBeside(
      null,
      hits.filter(({ rule }) => rule.rank === 'notice'),
      noticed
    ),
    decisive: line
  }
}

/** ` from version 1.0.0 to 1.0.1`, as far as the log tells. */
function versionsOf({ at, ran }: Installed): string {
  const { runningVersion: from, newVersion } = at.noticed
  const to = newVersion ?? ran
  if (to === null) return ''
  return from === null || from === to ? ` to version ${to}` : ` from version ${from} to ${to}`
}

/** Codes of a program that stops by itself. */
const CRASHES: ReadonlySet<string> = new Set(['crash', 'watchdog'])

function tellUndone({ at: { line }, ran }: Installed, undone: Hit | LogLine, noticed: Noticed): Told {
  const at = 'rule' in undone ? undone.line : undone
  const told = !('rule' in undone)
    ? loadedOffset(undone.text) === undefined
      ? oldVersionRuns(ran ?? '')
      : OLD_SLOT_STARTED
    : CRASHES.has(undone.rule.code)
      ? NEW_FIRMWARE_CRASHES
      : { code: undone.rule.code, ...meaningOf(undone, noticed) }
  return {
    outcome: 'failed',
    step: 'boot',
    code: told.code,
    title: told.title,
    cause: told.cause,
    next: told.next,
    not: told.not ?? null,
    evidence: [evidenceOf(line), evidenceOf(at, 'rule' in undone ? undone.decoded : [])],
    decisive: at
  }
}

function tellUnfinished(attempt: Attempt, noticed: Noticed): Told {
  const { root } = attempt
  const meaning: Meaning | undefined = root === undefined ? undefined : meaningOf(root, noticed)
  const stands = attempt.isReceived
    ? {
        cause:
          'The device took the end of the body for the end of the file, and had not checked the image when the log ends.',
        next: 'Log on until the device says how it ended: the check of the image comes next, and says whether all bytes came.'
      }
    : attempt.isDownloading
      ? {
          cause:
            'The device was writing when the log ends. Where it stands still for good, the server keeps the connection open and sends nothing more: openssl s_server does that with ESP-IDF 3.3 to 5.3, which wait for ever.',
          next: 'Wait for the end and log again. If it hangs, use a server that says the length of the file and closes what it cannot go on with, as otad does.'
        }
      : {
          cause: 'The device had begun and had not received the file yet.',
          next: 'Log on until the device says how it ended: a connection that nobody answers takes up to 20 s to fail.'
        }
  return {
    outcome: 'unfinished',
    step: root?.rule.step ?? (attempt.isDownloading ? 'download' : 'reach'),
    code: root?.rule.code ?? null,
    title: meaning?.title ?? 'the log ends before the update does',
    cause: meaning?.cause ?? stands.cause,
    next: meaning?.next ?? stands.next,
    not: meaning?.not ?? null,
    evidence: root === undefined ? [] : [evidenceOf(root.line, root.decoded)],
    findings: root === undefined ? [] : findingsBeside(root, attempt.hits, noticed),
    decisive: root?.line
  }
}

function tellUnknown({ lastErrors, lastLines, notebook }: LogStory, lines: number): Told {
  const shown = lastErrors.length > 0 ? lastErrors : lastLines
  return {
    outcome: 'unknown',
    step: null,
    code: null,
    title: lines === 0 ? 'the log is empty' : 'no step of an update that is known here failed or succeeded in this log',
    cause:
      lines === 0
        ? null
        : lastErrors.length > 0
          ? 'Its errors are none that otad knows the cause of. Here are the last ones.'
          : 'It has no error that otad knows, and no line that says that an update began. Here are its last lines.',
    next: 'Log from the start of the device to the end of the update, with level Info or higher (menuconfig > Log output; Core Debug Level of Arduino).',
    evidence: shown.map(line => evidenceOf(line, decodeNumbers(line.text, notebook.idf)))
  }
}
